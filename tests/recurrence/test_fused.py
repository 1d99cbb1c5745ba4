"""The fused kernels, interpreted: equal to the scan in values and every gradient."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from helpers.plain_recurrence import assert_same, value_and_gradients
from helpers.reference import CELLS, random_cell, random_sequence
from jax.sharding import AbstractDevice, AbstractMesh, use_abstract_mesh

from gru_bench.cells.base import Cell
from gru_bench.cells.builtin import CELLS as CELL
from gru_bench.recurrence import fused
from gru_bench.recurrence.scan import Implementation, unroll
from gru_bench.recurrence.tiles import NotPointwise


def results(recurrence, cell, x, state):
    """All results, and the gradients of a random combination of them."""
    run = partial(unroll, implementation=Implementation(recurrence))
    return value_and_gradients(run, cell, x, state)


@pytest.mark.parametrize(
    ("name", "batch", "hidden_size"), [*((name, 3, 8) for name in CELLS), ("gru", 17, 16)]
)
def test_the_kernels_equal_the_scan(name, batch, hidden_size, x64):
    """At a padded size, and in two instances one of which is nearly empty."""
    cell = random_cell(name, 2, hidden_size)
    x, state = random_sequence(cell, 5, batch, 2)
    found = results("fused", cell, x, state)
    assert_same(found, results("scan", cell, x, state), rtol=1e-10, atol=1e-12)


def test_a_population_is_one_more_axis(x64):
    cell = random_cell("lstm", 2, 8)
    maps = tuple((weight, jnp.zeros(weight.shape[1])) for weight, _ in cell.recurrent_maps())
    x, state = random_sequence(cell, 4, 3, 2)

    def gradient(maps, x):
        def loss(maps, x):
            outputs, last = fused.run(type(cell), maps, x, state)
            return jnp.square(outputs).sum() + sum(array.sum() for array in last)

        return jax.value_and_grad(loss, (0, 1))(maps, x)

    x = cell.project(x)
    runs = [(maps, x), jax.tree.map(lambda leaf: 2 * leaf, (maps, x))]
    mapped = jax.jit(jax.vmap(gradient))(*jax.tree.map(lambda *a: jnp.stack(a), *runs))
    alone = jax.jit(gradient)
    for i, run in enumerate(runs):
        of_run = jax.tree.map(lambda leaf, i=i: leaf[i], mapped)
        assert_same(of_run, alone(*run), rtol=1e-11, atol=1e-13)


def test_bfloat16_stays_near_float32():
    cell = random_cell("lstm", 2, 8)
    x, state = random_sequence(cell, 5, 3, 2)
    (exact, _, _), (outputs, _) = results("fused", cell, x, state)
    half = jax.tree.map(lambda a: a.astype(jnp.bfloat16), (x, state))
    (found, _, _), (rounded, last) = results("fused", cell, *half)
    assert {rounded.dtype, *(array.dtype for array in last)} == {jnp.dtype(jnp.bfloat16)}
    np.testing.assert_allclose(rounded.astype(jnp.float32), outputs, atol=0.03)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True):
        assert one.dtype == jnp.float32
        assert jnp.linalg.norm(one - other) < 0.05 * jnp.linalg.norm(other)


class Harsh(Cell):
    """Cuts by slices, joins, has functions with gradients of their own, and no finite zero."""

    products = (1, 2)
    state_arrays = 2
    input_is_added = False

    def __init__(self, input_size, hidden_size, *, rngs):
        super().__init__(input_size, hidden_size, rngs=rngs)
        self.weight_ih = nnx.Param(self.weight_ih[:, : 2 * hidden_size])
        self.bias = nnx.Param(jnp.full(2 * hidden_size, 0.3))

    @staticmethod
    def gates(state, x, dot):
        h, m = state
        size = h.shape[-1]
        a = x[:, :size] + dot(0, h / (1 + jnp.square(m)))
        b = jnp.concatenate([x[..., size:], jnp.where(x > 0, x, 0.5)], axis=-1)
        b = b[:, : 2 * size] * jax.nn.sigmoid(dot(1, jax.nn.relu(a)))
        return {
            "a": jax.nn.elu(a),
            "b": b[:, :size],
            "c": jnp.tanh(b[:, size:] + 0.1 / x[:, size:]),
        }

    @staticmethod
    def next_state(state, gates):
        h, m = state
        return jnp.clip(h * gates["b"] + gates["c"], -2, 2), 0.5 * m + gates["a"]


def test_a_cell_that_a_user_wrote(x64):
    """Whose padding is full of infinities, of 0.1 / 0."""
    cell = Harsh(2, 8, rngs=nnx.Rngs(0))
    x, state = random_sequence(cell, 4, 3, 2)
    found = results("fused", cell, x, state)
    assert_same(found, results("scan", cell, x, state), rtol=1e-10, atol=1e-12)


def with_gates(gates):
    return type("Own", (Cell,), {"products": (1,), "gates": staticmethod(gates)})


@pytest.mark.parametrize(
    ("gates", "why"),
    [
        (lambda state, x, dot: dot(0, state[0]) - state[0].mean(-1, keepdims=True), "reduce_sum"),
        (lambda state, x, dot: jnp.cumsum(dot(0, state[0]), axis=-1), "cumsum"),
        (lambda state, x, dot: dot(0, state[0])[:, ::-1], "rev"),
        (lambda state, x, dot: dot(0, state[0]) + x[:, :1], "cuts blocks apart"),
        (lambda state, x, dot: dot(0, state[0]) + jnp.arange(16.0), "not .batch, hidden|iota"),
        (lambda state, x, dot: dot(0, state[0]) + np.ones(16), "no parameter"),
        (lambda state, x, dot: jax.nn.relu(jnp.concatenate([x, x], 1))[:, :16], "joined"),
    ],
)
def test_a_step_that_is_not_pointwise_is_refused(gates, why):
    cell = with_gates(lambda state, x, dot: {"n": gates(state, x, dot)})
    cell.next_state = staticmethod(lambda state, gates: (gates["n"],))
    # A user's step may stretch arrays to more axes unasked.
    with jax.numpy_rank_promotion("allow"), pytest.raises(NotPointwise, match=why):
        fused.require_tiles(cell, 1)


@pytest.mark.filterwarnings("ignore:The Pallas Triton backend is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("dtype", fused.DTYPES)
def test_the_kernels_are_lowered_for_a_gpu(name, dtype):
    """Without one: as far as Triton's own compiler."""
    cell = random_cell(name, 2, 20)
    x = cell.project(jnp.zeros((4, 50, 2), dtype))
    maps = jax.tree.map(lambda leaf: leaf.astype(dtype), cell.recurrent_maps())

    def gradient(maps, x):
        def loss(maps, x):
            state = cell.zero_state(x.shape[1], x.dtype)
            outputs, last = fused.run(type(cell), maps, x, state, interpret=False)
            return outputs.sum() + last[-1].sum()

        return jax.grad(loss, (0, 1))(maps, x)

    population = jax.tree.map(lambda leaf: jnp.stack([leaf] * 3), (maps, x))
    h100 = AbstractDevice(device_kind="NVIDIA H100", num_cores=132, platform="gpu")
    with use_abstract_mesh(AbstractMesh((), (), abstract_device=h100)):
        traced = jax.jit(jax.vmap(gradient)).trace(*population)
        program = traced.lower(lowering_platforms=("cuda",)).as_text()
    assert program.count("triton") >= 2  # forward and backward


def test_which_sizes_stay_on_the_chip():
    """227 KiB hold 3 blocks of 128 x 128 in float32 and 4 in half of it, and a few tiles."""
    sizes = {
        (name, dtype): max(n for n in (16, 32, 64, 128, 256) if fused.fits(CELL[name], n, dtype))
        for name in CELLS
        for dtype in fused.DTYPES
    }
    assert sizes == {
        ("gru", "float32"): 128,
        ("gru_reset_after", "float32"): 128,
        ("lstm", "float32"): 64,
        ("rnn", "float32"): 128,
        ("gru", "bfloat16"): 128,
        ("gru_reset_after", "bfloat16"): 128,
        ("lstm", "bfloat16"): 128,
        ("rnn", "bfloat16"): 256,
    }
    assert fused.fits(CELL["gru"], 65, "float32")
    assert not fused.fits(CELL["gru"], 129, "float32")
    assert not fused.fits(CELL["gru"], 16, "float64")
