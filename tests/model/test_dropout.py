"""Dropout: what is left out, where, and by which keys; none of it without keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from helpers.models import random_model
from helpers.reference import CELLS, named, random_cell, reference_unroll

from gru_bench.model.dropout import drop, keep_mask, keys_at
from gru_bench.model.layers import layer_outputs
from gru_bench.recurrence.scan import Implementation, unroll

TIME, BATCH = 5, 3
KEYS = jax.random.split(jax.random.key(0), BATCH)
LENGTHS = jnp.array([5, 2, 4])
INPUTS = jax.random.normal(jax.random.key(1), (TIME, BATCH, 2))


def test_the_share_is_left_out_and_the_rest_makes_up_for_it():
    keys = jax.random.split(jax.random.key(0), 4)
    mask = np.asarray(keep_mask(keys, 0.3, (50, 4, 500), jnp.float32))
    np.testing.assert_array_equal(np.unique(mask), np.array([0, 1 / 0.7], np.float32))
    # Of 100,000 numbers, a standard error of the share of 0.0015.
    assert abs((mask == 0).mean() - 0.3) < 0.006
    assert np.abs((mask == 0).mean((0, 2)) - 0.3).max() < 0.012  # in every sequence


def test_a_sequence_is_masked_the_same_whatever_stands_beside_it():
    whole = keep_mask(KEYS, 0.5, (TIME, BATCH, 6), jnp.float32)
    alone = keep_mask(KEYS[1:2], 0.5, (TIME, 1, 6), jnp.float32)
    np.testing.assert_array_equal(whole[:, 1:2], alone)
    assert np.any(whole[:, 0] != whole[:, 1])
    assert np.any(whole[0] != whole[1])  # each step anew


@pytest.mark.parametrize("readout", ["last", "mean", "every"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_is_between_layers_and_before_the_head_is_masked(readout, bidirectional):
    options = {"layers": 2, "readout": readout, "bidirectional": bidirectional}
    model = random_model("gru", 2, 3, 4, dropout=0.4, **options)
    found = model(INPUTS, LENGTHS, KEYS)
    # The same model, its layers and its head put together here.
    first, second = model.layers
    x = layer_outputs(first, INPUTS, LENGTHS, Implementation.SCAN)
    x = layer_outputs(second, drop(x, keys_at(KEYS, 1), 0.4), LENGTHS, Implementation.SCAN)
    without = random_model("gru", 2, 3, 4, **options)
    without.hidden_states = lambda *_: x
    without.head = lambda read: model.head(drop(read, keys_at(KEYS, 2), 0.4))
    np.testing.assert_allclose(found, without(INPUTS, LENGTHS), rtol=1e-5)


def test_without_keys_nothing_is_left_out():
    options = {"hidden_size": 4, "layers": 2}
    graph = nnx.jit(lambda model, keys: model(INPUTS, LENGTHS, keys))
    with_dropout = random_model("lstm", dropout=0.9, **options)
    plain = random_model("lstm", **options)
    np.testing.assert_array_equal(graph(with_dropout, None), graph(plain, None))
    np.testing.assert_array_equal(graph(plain, KEYS), graph(plain, None))
    assert np.any(graph(with_dropout, KEYS) != graph(with_dropout, None))


# Of the state


@pytest.mark.parametrize("name", CELLS)
def test_what_a_cell_reads_of_its_state_is_masked_alike_at_all_steps(name, x64):
    """As if the rows of the recurrent weights were masked: Gal and Ghahramani 2016."""
    options = {"recurrent_dropout": 0.5, "recurrence": "plain"}
    model = random_model(name, 2, 1, 4, bidirectional=True, **options)
    x = jnp.asarray(INPUTS, jnp.float64)
    found = np.asarray(model.hidden_states(x, LENGTHS, KEYS))
    (layer,) = model.layers
    masks = np.stack(
        [keep_mask(keys_at(KEYS, 2 + place), 0.5, (BATCH, 4), x.dtype) for place in range(2)]
    )
    assert np.any(masks[0] != masks[1])
    for b, length in enumerate(LENGTHS):
        own, parts = np.asarray(x)[:length, b : b + 1], []
        for cell, mask, order in zip((layer.forward, layer.backward), masks, (1, -1), strict=True):
            p = named(name, cell)
            p |= {key: mask[b][:, None] * u for key, u in p.items() if key.startswith("U")}
            start = (np.zeros((1, 4)),) * cell.state_arrays
            parts.append(reference_unroll(name, p, own[::order], start)[0][::order, 0])
        np.testing.assert_allclose(found[:length, b], np.concatenate(parts, -1), rtol=1e-12)


@pytest.mark.parametrize("implementation", ["scan", "fused", "cudnn"])
def test_no_fast_way_takes_a_mask(implementation):
    cell = random_cell("lstm", 2, 4)
    state = cell.zero_state(BATCH, jnp.float32)
    with pytest.raises(ValueError, match="has neither a mask nor layer normalisation"):
        unroll(cell, INPUTS, state, Implementation(implementation), jnp.ones((BATCH, 4)))
