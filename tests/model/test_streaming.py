"""Streaming against the whole sequence, and what is kept and measured of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.models import random_model
from helpers.reference import CELLS

from gru_bench.model.streaming import start_stream, stream_bytes, stream_step

STEPS, BATCH = 9, 3


def outputs_of_stream(model, inputs):
    """Outputs after each step, by a Python loop over a compiled step."""
    step = jax.jit(stream_step)
    stream, outputs = start_stream(model, BATCH), []
    for x in inputs:
        structure = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), stream)
        stream, output = step(model, stream, x)
        assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), stream) == structure
        outputs.append(output)
    return np.stack(outputs)


def outputs_of_prefixes(model, inputs):
    """Outputs of the model for each beginning of the sequences."""
    apply = jax.jit(lambda model, length: model(inputs, jnp.full(BATCH, length)))
    return np.stack([apply(model, length) for length in range(1, STEPS + 1)])


@pytest.mark.parametrize("readout", ["last", "mean", "max", "every"])
@pytest.mark.parametrize("name", CELLS)
def test_a_stream_gives_what_the_whole_sequence_gives(name, readout):
    model = random_model(name, 2, 3, 5, readout=readout, layers=2)
    inputs = jax.random.normal(jax.random.key(0), (STEPS, BATCH, 2))
    found = outputs_of_stream(model, inputs)
    if readout == "every":
        expected = model(inputs, jnp.full(BATCH, STEPS))
    else:
        expected = outputs_of_prefixes(model, inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_stream_of_tokens():
    model = random_model("gru", 7, 3, 5, embedding_size=4)
    inputs = jax.random.randint(jax.random.key(0), (STEPS, BATCH), 0, 7)
    np.testing.assert_allclose(
        outputs_of_stream(model, inputs), outputs_of_prefixes(model, inputs), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("gru", {}, 5 * 4),
        ("gru_reset_after", {}, 5 * 4),
        ("rnn", {}, 5 * 4),
        ("lstm", {}, 2 * 5 * 4),
        ("lstm", {"layers": 3}, 3 * 2 * 5 * 4),
        ("gru", {"readout": "max"}, 2 * 5 * 4),
        ("gru", {"readout": "mean"}, 2 * 5 * 4 + 4),
    ],
)
def test_bytes_that_are_kept_of_a_sequence(name, options, expected):
    assert stream_bytes(random_model(name, hidden_size=5, **options), steps=9) == expected
