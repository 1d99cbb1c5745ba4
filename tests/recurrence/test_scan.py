"""The loop over time: equal to a plain one, in values and in every gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from helpers.plain_recurrence import assert_same, python_unroll, value_and_gradients
from helpers.reference import CELLS, random_cell, random_sequence
from jax.tree_util import Partial

from gru_bench.model.model import Model, ModelConfig, make_cell
from gru_bench.recurrence import blocks, chunks, pointwise, scan
from gru_bench.recurrence.plain import plain_unroll
from gru_bench.recurrence.scan import Implementation, unroll

# Where each array comes from that a step leaves behind for the backward pass: an operation, or the
# state before it. Its outputs are not among them, and h stands for no array of its own.
KEPT = {
    "gru": ["mul", "logistic", "logistic", "tanh"],  # r * h is a left operand
    "gru_reset_after": ["logistic", "logistic", "split", "tanh"],  # the product inside r * (...)
    "lstm": ["c", "logistic", "logistic", "tanh", "logistic", "tanh"],
    "rnn": [],
}


@pytest.mark.parametrize("name", CELLS)
def test_a_step_keeps_what_the_backward_pass_reads_and_no_output_twice(name):
    cell = random_cell(name, 2, 4)
    x, state = random_sequence(cell, 1, 3, 2)
    step = pointwise.keeping_step(type(cell), cell.recurrent_maps())
    jaxpr = jax.make_jaxpr(step)(state, cell.project(x[0])).jaxpr
    origins = dict(zip(jaxpr.invars, [*["h", "c"][: len(state)], "projected"], strict=True))
    for eqn in jaxpr.eqns:
        # Autodiff rounds what it keeps to the precision that it has anyway.
        rounded = eqn.primitive.name == "reduce_precision"
        origin = origins[eqn.invars[0]] if rounded else eqn.primitive.name
        origins |= dict.fromkeys(eqn.outvars, origin)
    outputs = jaxpr.outvars[: len(state)]
    kept = jaxpr.outvars[len(state) :]
    assert [origins[variable] for variable in kept] == KEPT[name]
    assert {*kept}.isdisjoint({outputs[0], jaxpr.invars[0]})
    assert all(variable.aval.shape == (3, 4) for variable in kept)


def test_a_step_that_keeps_an_output_twice_is_refused():
    """The output before it, and a rounded copy of the one after it."""
    cell = random_cell("rnn", 2, 4)
    x, (h,) = random_sequence(cell, 1, 3, 2)

    def step(state, p):
        (h,) = state
        h_next = jnp.tanh(p + h)
        copy = jax.lax.reduce_precision(h_next, exponent_bits=8, mantissa_bits=23)
        return (h_next,), pointwise.Kept([None], Partial(lambda *_: None, [h, copy]))

    with pytest.raises(AssertionError, match="keeps 2 of its outputs a second time"):
        pointwise.kept_shapes(step, (h,), cell.project(x[0]))


def test_another_trace_of_a_step_that_keeps_other_arrays_is_refused(monkeypatch):
    """The arrays of the forward pass would be taken for others, and the gradient be wrong."""
    cell = random_cell("gru", 2, 4)
    x, state = random_sequence(cell, 3, 2, 2)

    def loss(x):
        outputs, _ = unroll(cell, x, state)
        monkeypatch.setattr(pointwise, "KEPT_RESULTS", {"tanh"})  # before the backward pass
        return outputs.sum()

    with pytest.raises(AssertionError, match="another trace keeps others"):
        jax.grad(loss)(x)


def two_layers(run):
    def run_two(cells, x, states):
        below, first = run(cells[0], x, states[0])
        outputs, second = run(cells[1], below, states[1])
        return outputs, (*first, *second)

    return run_two


@pytest.mark.parametrize(
    ("backend", "block", "chunk"),
    [
        pytest.param("cpu", blocks.CPU_BLOCK, chunks.CPU_CHUNK, marks=pytest.mark.optimised),
        ("cpu", 3, range(4, 5)),
        ("cpu", 3, range(3, 4)),
        ("gpu", blocks.CPU_BLOCK, chunks.CPU_CHUNK),
    ],
)
@pytest.mark.parametrize("name", CELLS)
def test_the_loop_equals_a_python_loop_and_its_gradient_that_of_a_plain_scan(
    name, backend, block, chunk, monkeypatch, x64
):
    """In one block and chunk; in blocks that divide neither the rows nor the columns, and in chunks
    that leave a step over or none; as an accelerator has it, run here.
    """
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    monkeypatch.setattr(blocks, "CPU_BLOCK", block)
    monkeypatch.setattr(chunks, "CPU_CHUNK", chunk)
    monkeypatch.setattr(chunks, "CPU_ROWS", 0)
    cell = random_cell(name, 2, 7)
    x, state = random_sequence(cell, 9, 3, 2)
    found = value_and_gradients(unroll, cell, x, state)
    plain = value_and_gradients(plain_unroll, cell, x, state)
    assert_same(found, plain, rtol=1e-10, atol=1e-12)
    assert_same(found[1], python_unroll(cell, x, state), rtol=1e-11, atol=1e-13)
    assert all(jnp.abs(gradient).max() > 0 for gradient in jax.tree.leaves(found[0]))


@pytest.mark.parametrize(("input_size", "in_steps"), [(2, True), (3, False)])
@pytest.mark.parametrize("name", CELLS)
def test_a_forward_pass_alone_projects_narrow_inputs_in_its_steps(
    name, input_size, in_steps, monkeypatch, x64
):
    before = []
    over_time = scan._over_time
    monkeypatch.setattr(
        scan, "_over_time", lambda *args, **kw: before.append(1) or over_time(*args, **kw)
    )
    monkeypatch.setattr(blocks, "CPU_BLOCK", 3)
    cell = random_cell(name, input_size, 8)
    x, state = random_sequence(cell, 9, 3, input_size)
    found = nnx.jit(unroll)(cell, x, state)
    assert_same(found, python_unroll(cell, x, state), rtol=1e-11, atol=1e-13)
    assert bool(before) != in_steps


@pytest.mark.parametrize(
    ("length", "batch", "first", "rest"),
    [
        (1, 32, 0, (1, 1)),
        (20, 32, 0, (1, 20)),
        (100, 32, 0, (5, 20)),
        (101, 32, 1, (5, 20)),
        (256, 32, 0, (16, 16)),
        (256, 1, 0, (1, 256)),
    ],
)
def test_chunks_cover_every_step_once_in_order(length, batch, first, rest):
    odd, others = chunks.chunks(length, batch)
    assert len(odd) == first
    assert others.shape == rest
    np.testing.assert_array_equal(np.concatenate([odd, np.ravel(others)]), np.arange(length))


@pytest.mark.parametrize("name", CELLS)
def test_layers_on_top_of_each_other(name, x64):
    cells = nnx.List([random_cell(name, 3, 4), random_cell(name, 4, 4, seed=5)])
    x, state = random_sequence(cells[0], 6, 2, 3)
    states = (state, random_sequence(cells[1], 6, 2, 4, seed=6)[1])
    found = value_and_gradients(two_layers(unroll), cells, x, states)
    plain = value_and_gradients(two_layers(plain_unroll), cells, x, states)
    assert_same(found, plain, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_only_some_results_may_be_differentiated(name, x64):
    """The last output alone, as a classifier reads it: other cotangents are zeros."""
    cell = random_cell(name, 2, 3)
    x, state = random_sequence(cell, 5, 2, 2)

    def last(run):
        return lambda cell, x, state: run(cell, x, state)[0][-1]

    found = value_and_gradients(last(unroll), cell, x, state)
    assert_same(
        found, value_and_gradients(last(plain_unroll), cell, x, state), rtol=1e-11, atol=1e-13
    )


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_compiled_or_not_is_the_same(name, x64):
    cell = random_cell(name, 2, 3)
    x, state = random_sequence(cell, 4, 2, 2)
    with jax.disable_jit():
        plain = unroll(cell, x, state)
    assert_same(nnx.jit(unroll)(cell, x, state), plain, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_mapped_over_runs_is_each_run_by_itself(name, x64):
    cells = [random_cell(name, 2, 3, seed) for seed in range(3)]
    graph = nnx.graphdef(cells[0])
    x, state = random_sequence(cells[0], 4, 2, 2)

    def gradient(parameters, x):
        def loss(parameters, x):
            return jnp.square(unroll(nnx.merge(graph, parameters), x, state)[0]).sum()

        return jax.grad(loss, (0, 1))(parameters, x)

    parameters = [nnx.state(cell) for cell in cells]
    xs = [(1 + i) * x for i in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *parameters)
    mapped = jax.jit(jax.vmap(gradient))(stacked, jnp.stack(xs))
    alone = jax.jit(gradient)
    for i in range(3):
        of_run = jax.tree.map(lambda leaf, i=i: leaf[i], mapped)
        assert_same(of_run, alone(parameters[i], xs[i]), rtol=1e-11, atol=1e-13)


@pytest.mark.optimised
@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_a_bfloat16_loop_stays_near_the_float32_one(name):
    config = ModelConfig(name, 6, 1, 16)
    cell = make_cell(config, 6, nnx.Rngs(0))
    x, state = random_sequence(cell, 20, 4, 6)
    exact = value_and_gradients(unroll, cell, x, state)
    half = jax.tree.map(lambda a: a.astype(jnp.bfloat16), (x, state))
    gradients, (outputs, last) = value_and_gradients(unroll, cell, *half)
    assert outputs.dtype == jnp.bfloat16
    assert all(a.dtype == jnp.bfloat16 for a in last)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(gradients[0]))
    np.testing.assert_allclose(outputs.astype(jnp.float32), exact[1][0], atol=0.15)
    assert np.abs(outputs.astype(jnp.float32) - exact[1][0]).mean() < 0.02
    for found, expected in zip(
        jax.tree.leaves(gradients[0]), jax.tree.leaves(exact[0][0]), strict=True
    ):
        assert jnp.linalg.norm(found - expected) < 0.1 * jnp.linalg.norm(expected)


@pytest.mark.parametrize("name", CELLS)
def test_no_output_depends_on_a_later_input_or_on_another_sequence(name):
    cell = random_cell(name, 2, 3)
    time, batch = 6, 3
    x, state = random_sequence(cell, time, batch, 2)
    # [time, batch] of the output, summed over units; then [time, batch, input] of the input.
    jacobian = jax.jit(jax.jacrev(lambda x: unroll(cell, x, state)[0].sum(-1)))(x)
    reaches = np.any(np.array(jacobian) != 0, axis=-1)
    expected = (
        np.tril(np.ones((time, time), bool))[:, None, :, None]
        & np.eye(batch, dtype=bool)[None, :, None, :]
    )
    np.testing.assert_array_equal(reaches, expected)


def test_an_unknown_implementation_is_refused_and_not_scanned():
    with pytest.raises(ValueError, match="auto"):
        Implementation("auto")
    config = ModelConfig("rnn", 2, 1, 3, recurrence="auto")
    model = nnx.eval_shape(lambda: Model(config, rngs=nnx.Rngs(0)))
    with pytest.raises(ValueError, match="auto"):
        jax.eval_shape(model, jnp.ones((4, 1, 2)), jnp.array([4]))
