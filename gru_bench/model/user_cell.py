"""Cells that users write: loaded, checked by running them once, and counted.

The checks find what would else fail deep inside a compiled program or, worse, would not fail: a
cell whose gradient is not the one of its equations, arrays that train but are not counted.
"""

import inspect
import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, PyTree

from gru_bench.cells.base import Cell, State
from gru_bench.cells.linear import LinearCell
from gru_bench.config.user_classes import BadClass, faults_as_user_errors, import_class
from gru_bench.recurrence.plain import plain_dot, plain_unroll
from gru_bench.recurrence.scan import Implementation, unroll

# Sizes at which a cell is checked, all different so that none can stand in for another.
TIME, BATCH, INPUT, HIDDEN = 5, 2, 3, 4
Unroll = Callable[[Cell, Array, State], tuple[Array, State]]
STATIC = ("gates", "next_state", "openness")
STATIC_OF_LINEAR = ("input_gates", "coefficients", *STATIC)
TOLERANCE = 0.01  # error of a gradient over its largest entry: room for rounding on accelerators


@cache
def load_cell(implementation: str) -> type[Cell]:
    """Returns the cell named `package.module:Class`, once it has passed its check.

    Args:
        implementation: The class and, as JSON after it, the options that it is made with, as
            `CustomCellConfig.implementation` has it.

    Raises:
        UserError: There is no such class, it is no cell, or the check fails.
    """
    reference, brace, rest = implementation.partition("{")
    found: type[Cell] = import_class("cell", reference)
    # A model may be in the making inside a program: the check is run all the same.
    with faults_as_user_errors("cell", reference), jax.ensure_compile_time_eval():
        if not issubclass(found, Cell):
            raise BadClass("it is not a subclass of gru_bench.cells.Cell")
        _check_static(found)
        if brace:
            found = _with_options(found, json.loads(brace + rest))
        _check_parameters(found)
        for dtype in (jnp.float32, jnp.bfloat16):
            _check_step(found, dtype)
        _check_gradient(found)
    return found


def _with_options(cell: type[Cell], options: dict[str, Any]) -> type[Cell]:
    """Returns a class of the same name whose objects are made with the options."""

    def __init__(self: Cell, *sizes: int, rngs: nnx.Rngs) -> None:  # noqa: N807
        cell.__init__(self, *sizes, rngs=rngs, **options)

    return type(cell.__name__, (cell,), {"__init__": __init__, "__module__": cell.__module__})


def layer_parameters(reference: str, input_size: int, hidden_size: int) -> int:
    """Returns how many parameters one layer has, counted in its tree."""
    return _count(_shapes(load_cell(reference), input_size, hidden_size))


def layer_flops(reference: str, input_size: int, hidden_size: int) -> int:
    """Returns the floating point operations of one forward step of one sequence, in one layer.

    A multiply-add of the products with the input and the recurrent weights counts two, a bias one a
    column; of the rest only what the class states in `pointwise` is known.
    """
    cell = _shapes(load_cell(reference), input_size, hidden_size)
    x = jax.ShapeDtypeStruct((1, input_size), jnp.float32)
    columns: int = nnx.eval_shape(lambda cell, x: cell.project(x), cell, x).shape[-1]
    maps = nnx.eval_shape(lambda cell: cell.recurrent_maps(), cell)
    recurrent: int = sum(2 * weight.size for weight, _ in maps)
    return columns * (2 * input_size + 1) + recurrent + cell.pointwise * hidden_size


def _shapes(cell: type[Cell], input_size: int, hidden_size: int) -> Cell:
    """Returns a layer whose arrays have shapes alone."""
    layer: Cell = nnx.eval_shape(lambda: cell(input_size, hidden_size, rngs=nnx.Rngs(0)))
    return layer


def _count(cell: Cell) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(cell, nnx.Param)))


def _check_static(cell: type[Cell]) -> None:
    """What the fast recurrence calls without a cell must not need one."""
    for name in STATIC_OF_LINEAR if issubclass(cell, LinearCell) else STATIC:
        if not isinstance(inspect.getattr_static(cell, name), staticmethod | classmethod):
            raise BadClass(f"{name} must be a @staticmethod, which takes no self")


def _check_parameters(cell: type[Cell]) -> None:
    small, large = (_shapes(cell, INPUT, size) for size in (HIDDEN, 2 * HIDDEN))
    if small.hidden_size != HIDDEN:
        raise BadClass(f"made with hidden_size={HIDDEN}, it has hidden_size={small.hidden_size}")
    if sum(leaf.size for leaf in jax.tree.leaves(nnx.state(small))) != _count(small):
        raise BadClass("it holds arrays that are no nnx.Param and would not be counted")
    if not 0 < _count(small) < _count(large):
        raise BadClass(
            f"it has {_count(small)} parameters with {HIDDEN} units and {_count(large)} with"
            f" {2 * HIDDEN}: they must become more"
        )


def _check_step(cell: type[Cell], dtype: Any) -> None:
    """One step must make a state of the shape and dtype that it came from."""
    calls: list[int] = []
    expected = [f"{jnp.dtype(dtype)}[{BATCH},{HIDDEN}]"] * cell.state_arrays

    def step(x: Array) -> tuple[State, dict[str, Array]]:
        layer = _random_layer(cell)
        layer.remember(jnp.zeros(HIDDEN))
        dot = plain_dot(layer, dtype)

        def noted(i: int, a: Array) -> Array:
            calls.append(i)
            return dot(i, a)

        state = layer.zero_state(BATCH, dtype)
        _require_state("zero_state", state, expected)
        gates = layer.gates(state, layer.project(x), noted)
        return layer.next_state(state, gates), layer.openness(gates)

    next_state, openness = jax.jit(step)(jnp.ones((BATCH, INPUT), dtype))
    _require_state("next_state", next_state, expected)
    products = list(range(len(cell.products)))
    if calls != products:
        raise BadClass(f"gates must take the products dot(i, ...) in the order {products}: {calls}")
    for name, gate in openness.items():
        if gate.shape != (BATCH, HIDDEN) or not bool(((gate >= 0) & (gate <= 1)).all()):
            raise BadClass(f"openness: {name} must be [batch, hidden], and from 0 to 1")


def _check_gradient(cell: type[Cell]) -> None:
    """The fast gradient of a sequence must be that of plain autodiff."""
    layer = _random_layer(cell)
    graph, params = nnx.split(layer)
    random = np.random.default_rng(1)
    x = jnp.asarray(random.normal(size=(TIME, BATCH, INPUT)), jnp.float32)
    weights = jnp.asarray(random.normal(size=(TIME, BATCH, HIDDEN)), jnp.float32)
    start = layer.zero_state(BATCH, x.dtype)

    def gradients(unroll: Unroll) -> PyTree[Array]:
        def loss(params: PyTree[Array], x: Array) -> Float[Array, ""]:
            outputs, state = unroll(nnx.merge(graph, params), x, start)
            return jnp.vdot(outputs, weights) + sum(array.sum() for array in state)

        return jax.jit(jax.grad(loss, (0, 1)))(params, x)

    plain, fast = (jax.tree.leaves(gradients(each)) for each in (plain_unroll, unroll))
    if not all(bool(jnp.isfinite(leaf).all()) for leaf in plain):
        raise BadClass(
            f"its gradient by plain autodiff is not finite after {TIME} steps: look for a division"
            " by zero, a square root or a logarithm of zero, or a state that grows without bounds"
        )
    if not _are_close(fast, plain):
        raise BadClass(
            "its gradient differs from that of plain autodiff: if the projected input is not merely"
            " added to the products, column by column, state input_is_added = False"
        )
    if isinstance(layer, LinearCell):
        parallel = partial(unroll, implementation=Implementation.PARALLEL)
        if not _are_close(jax.tree.leaves(gradients(parallel)), plain):
            raise BadClass(
                "its next state is not the one of its coefficients: leave gates and next_state to"
                " LinearCell"
            )


def _are_close(found: Sequence[Array], expected: Sequence[Array]) -> bool:
    pairs = zip(found, expected, strict=True)
    return all(bool(jnp.abs(a - b).max() <= TOLERANCE * jnp.abs(b).max()) for a, b in pairs)


def _random_layer(cell: type[Cell]) -> Cell:
    """Returns a layer whose parameters, biases included, are all random."""
    graph, params = nnx.split(_shapes(cell, INPUT, HIDDEN))
    random = np.random.default_rng(0)
    drawn = jax.tree.map(lambda p: jnp.asarray(random.normal(size=p.shape) / 2, p.dtype), params)
    layer: Cell = nnx.merge(graph, drawn)
    return layer


def _require_state(method: str, state: State, expected: list[str]) -> None:
    found = [f"{a.dtype}[{','.join(map(str, a.shape))}]" for a in state]
    if found != expected:
        raise BadClass(f"{method} must give {', '.join(expected)}; it gives {', '.join(found)}")
