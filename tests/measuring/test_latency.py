"""Latency: what is timed is the stream of a model, and of all models in the same rounds."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers.models import random_model

from gru_bench.measuring.latency import CALLS_A_TURN, Latency, Streaming, measure_latency
from gru_bench.model.streaming import start_stream, stream_step


@pytest.mark.parametrize("steps", [None, 3])
def test_a_call_takes_the_stream_on(steps):
    model = random_model("lstm")
    streaming = Streaming(model, steps, length=4)
    expected = start_stream(model)
    for _ in range(2):
        streaming()
        for _ in range(steps or 1):
            expected, _ = stream_step(model, expected, jnp.zeros((1, 2)))
    for found, wanted in zip(streaming.stream.states[0], expected.states[0], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_latency_is_measured_of_all_models_in_turn():
    models = {"gru": random_model("gru"), "tokens": random_model("gru", 7, embedding_size=2)}
    found = measure_latency(models, length=4, rounds=2, limit_s=0)
    assert list(found) == list(models)
    for latency in found.values():
        assert latency.in_program_us.shape == (2,)
        assert latency.call_us.shape == (2, CALLS_A_TURN)
        assert (latency.in_program_us > 0).all()
        assert (latency.call_us > 0).all()


def test_quantiles_of_single_calls():
    latency = Latency(np.ones(3), np.arange(101.0).reshape(1, 101))
    assert (latency.call_quantile_us(0.5), latency.call_quantile_us(0.99)) == (50, 99)
