"""cuDNN's LSTM, which JAX's own reference stands for here: the same weights in another order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from helpers.reference import random_cell, random_sequence
from jax.experimental import rnn

from gru_bench.cells.builtin import CELLS
from gru_bench.recurrence import cudnn
from gru_bench.recurrence.scan import Implementation, unroll


@pytest.fixture(autouse=True)
def cudnn_by_reference(monkeypatch):
    """`lstm_fwd` and `lstm_bwd`, with the signatures they have, in terms of `lstm_ref`."""

    def reference(lengths, *sizes):
        def lstm(x, h, c, weights):
            parts = rnn.unpack_lstm_weights(weights, *sizes[:3], sizes[4])  # type: ignore[call-arg]
            return rnn.lstm_ref(x, h, c, *parts, lengths, *sizes[:5])

        return lstm

    def forward(x, h, c, weights, lengths, *sizes):
        return reference(lengths, *sizes)(x, h, c, weights), (x, h, c, weights, lengths)

    def backward(*arguments):
        *sizes, (x, h, c, weights, lengths), cotangent = arguments
        _, vjp = jax.vjp(reference(lengths, *sizes), x, h, c, weights)
        return (*vjp(cotangent), jnp.zeros_like(lengths))

    monkeypatch.setattr(rnn, "lstm_fwd", forward)
    monkeypatch.setattr(rnn, "lstm_bwd", backward)


def test_it_equals_our_lstm_in_values_and_every_gradient_also_in_a_population(x64):
    cell = random_cell("lstm", 2, 4)
    graph, parameters = nnx.split(cell)
    x, state = random_sequence(cell, 5, 3, 2)

    def results(recurrence):
        def loss(parameters, x, state):
            implementation = Implementation(recurrence)
            outputs, last = unroll(nnx.merge(graph, parameters), x, state, implementation)
            leaves = [outputs, *last]
            random = np.random.default_rng(7)
            return sum((leaf * random.normal(size=leaf.shape)).sum() for leaf in leaves), leaves

        gradient = jax.grad(loss, (0, 1, 2), has_aux=True)
        run = (parameters, x, state)
        population = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), run)
        return jax.jit(lambda: (gradient(*run), jax.vmap(gradient)(*population)))()

    for one, other in zip(*map(jax.tree.leaves, (results("cudnn"), results("scan"))), strict=True):
        assert jnp.abs(other).max() > 0
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_it_is_for_the_lstm_in_float32():
    supported = [
        (name, dtype)
        for name, cell in CELLS.items()
        for dtype in ("float32", "bfloat16")
        if cudnn.supports(cell, dtype)
    ]
    assert supported == [("lstm", "float32")]
