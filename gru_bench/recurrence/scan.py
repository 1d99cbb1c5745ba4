"""A cell run over a sequence: a loop over time, with all that can leave the loop outside it.

The forward loop splits each step in its products and the pointwise rest, and keeps the vjp of the
rest, which autodiff derives from the cell's own equations. The backward loop runs these in reverse,
with the transposed products in between.

What depends on one step alone is done for many steps at once: the input projections before, and
the gradients of all weights after the steps. Autodiff of a plain scan would add an outer product
to a `[hidden, columns]` accumulator in every step. On a CPU "many steps" is a chunk of the
sequence, so that projected inputs and the cotangents of products are read while they are still in
the cache, and never take memory for the whole sequence.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, PyTree

from gru_bench.cells.base import AffineMap, Cell, State
from gru_bench.recurrence import cudnn, fused

# On a CPU the product of a small batch with a large matrix is up to twice as fast in blocks of this
# many rows and columns: a block stays in the cache while it is read.
CPU_BLOCK = 256
# Steps in a chunk on a CPU: fewer make small products of the gradients, more leave the cache.
CPU_CHUNK = range(12, 25)
CPU_ROWS = 384  # so many steps of all sequences together stay in the cache in one chunk
# Inputs of so small a part of the hidden size are projected on a CPU in the step that needs them,
# where that is all there is to do with them: sooner done than cut out of the projected ones.
CPU_NARROW = 4

Blocks = tuple[tuple[Array, ...], ...]  # a matrix in rows of blocks
Step = Callable[[State, Array], tuple[State, PyTree[Array]]]


def unroll(
    cell: Cell, x: Float[Array, "time batch input"], state: State, path: str = "scan"
) -> tuple[Float[Array, "time batch hidden"], State]:
    """Runs the cell over a sequence.

    Args:
        cell: the cell.
        x: inputs; its dtype is the dtype of the computation.
        state: the state before the first step.
        path: how it is computed: "scan" here, "fused" or "cudnn" in the module of that name.

    Returns:
        The output after each step, and the state after the last.
    """
    if path == "cudnn":
        return cudnn.unroll(cell, x, state)
    input_map, maps = jax.tree.map(
        lambda parameter: parameter.astype(x.dtype), (cell.input_map(), cell.recurrent_maps())
    )
    if path == "fused":
        return fused.run(type(cell), maps, cell.project(x), state)
    return _run(type(cell), input_map, maps, x, state)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run(
    cell: type[Cell], input_map: AffineMap, maps: tuple[AffineMap, ...], x: Array, state: State
) -> tuple[Array, State]:
    weights = [_blocks(weight) for weight, _ in maps]

    def step(state: State, x_t: Array) -> tuple[State, None]:
        return cell.step(state, x_t, lambda i, a: _affine(a, weights[i], maps[i][1])), None

    if jax.default_backend() == "cpu" and CPU_NARROW * x.shape[-1] <= state[0].shape[-1]:
        weight_ih, bias = _blocks(input_map[0]), input_map[1]

        def projecting_step(state: State, x_t: Array) -> tuple[State, Array]:
            state, _ = step(state, _affine(x_t, weight_ih, bias))
            return state, state[0]

        state, outputs = jax.lax.scan(projecting_step, state, x)
        return outputs, state
    gated = sum(cell.products) > 1
    state, hidden, _ = _over_time(step, input_map, x, state, ahead=gated)
    return hidden[1:], state


def _forward(
    cell: type[Cell], input_map: AffineMap, maps: tuple[AffineMap, ...], x: Array, state: State
) -> Any:
    """The loop once more; it leaves behind what the backward loop needs of each step."""
    last, hidden, kept = _over_time(_keeping_step(cell, maps), input_map, x, state)
    return (hidden[1:], last), (input_map, maps, x, state, hidden, jax.tree.leaves(kept))


def _keeping_step(cell: type[Cell], maps: tuple[AffineMap, ...]) -> Step:
    """A step that also gives its left operands and the vjp of its pointwise rest.

    Both without the step's outputs, before and after it, which are kept as such: the vjp is given
    as a function of these, and in the place of a left operand there is nothing.
    """
    weights = [_blocks(weight) for weight, _ in maps]

    @partial(jax.checkpoint, policy=_is_kept, prevent_cse=False)
    def pointwise(state: State, x_t: Array, taps: Sequence[Array]) -> tuple[State, list[Array]]:
        """The step as a function of its products, which taps of zero stand for."""
        left: list[Any] = [None] * len(maps)

        def dot(i: int, a: Array) -> Array:
            left[i] = a
            product = jax.lax.stop_gradient(_product(a, weights[i])) + taps[i]
            bias = maps[i][1]
            return product if bias is None else product + bias

        return cell.step(state, x_t, dot), left

    def step(state: State, x_t: Array) -> tuple[State, Any]:
        taps = [jnp.zeros((len(x_t), weight.shape[1]), x_t.dtype) for weight, _ in maps]
        (next_state, left), vjp = jax.vjp(pointwise, state, x_t, taps)
        leaves, form = jax.tree.flatten(vjp)
        outputs = {id(state[0]): 0, id(next_state[0]): 1}
        places = [outputs.get(id(leaf)) for leaf in leaves]
        own = [leaf for leaf, place in zip(leaves, places, strict=True) if place is None]
        left = [None if a is state[0] else a for a in left]
        return next_state, (left, Partial(partial(_complete, form, places), own))

    return step


def _complete(form: Any, places: list[int | None], own: list[Array], *outputs: Array) -> Any:
    """The vjp of a step from what it keeps for itself and the outputs before and after the step."""
    rest = iter(own)
    leaves = [next(rest) if place is None else outputs[place] for place in places]
    return jax.tree.unflatten(form, leaves)


def _backward(cell: type[Cell], residuals: Any, cotangent: tuple[Array, State]) -> Any:
    input_map, maps, x, start, hidden, leaves = residuals
    outputs_bar, state_bar = cotangent
    step = _keeping_step(cell, maps)
    kept = jax.eval_shape(step, start, jax.eval_shape(partial(_project, input_map), x[0]))[1]
    left, vjps = jax.tree.unflatten(jax.tree.structure(kept), leaves)
    left = [hidden if a is None else a for a in left]
    # Products run along rows in memory: one transposition here, none in the loop.
    transposed = [_blocks(weight.T) for weight, _ in maps]
    exact = jnp.promote_types(x.dtype, jnp.float32)  # of sums over many steps

    def backward_step(state_bar: State, t: Array) -> tuple[State, Any]:
        output_bar, before, complete = _at(t, (outputs_bar, hidden, vjps))
        vjp = complete(before, _at(t + 1, hidden))
        state_bar = (state_bar[0] + output_bar, *state_bar[1:])
        left_bar = [jnp.zeros_like(output_bar) for _ in maps]
        # A product's cotangent depends on the left operands of later products only. What is
        # computed in vain or twice here, XLA drops.
        for i in reversed(range(len(maps))):
            _, _, products_bar = vjp((state_bar, left_bar))
            left_bar[i] = _product(products_bar[i], transposed[i])
        state_bar, x_bar, products_bar = vjp((state_bar, left_bar))
        return state_bar, (None if cell.input_is_added else x_bar, products_bar)

    def chunk(steps: Array, carry: Any) -> tuple[Any, Array]:
        """The steps in reverse, then the gradients of the weights, added to the others' sums."""
        state_bar, sums = carry
        state_bar, (x_bar, products_bar) = jax.lax.scan(
            backward_step, state_bar, steps, reverse=True
        )
        if cell.input_is_added:
            x_bar = jnp.concatenate(products_bar, axis=-1)
        operands = zip(_chunk(steps, [x, *left]), [x_bar, *products_bar], sums, strict=True)
        sums = [
            jax.tree.map(jnp.add, sum_, _affine_gradient(a, product_bar, exact))
            for a, product_bar, sum_ in operands
        ]
        return (state_bar, sums), x_bar @ input_map[0].T

    all_maps = (input_map, *maps)
    sums = [
        (jnp.zeros(weight.shape, exact), jnp.zeros(weight.shape[1], exact))
        for weight, _ in all_maps
    ]
    first, rest = _chunks(*x.shape[:2])
    carry, later = jax.lax.scan(
        lambda carry, steps: chunk(steps, carry), (state_bar, sums), rest, reverse=True
    )
    x_bar = later.reshape(-1, *x.shape[1:])
    if len(first):
        carry, earlier = chunk(first, carry)
        x_bar = jnp.concatenate([earlier, x_bar])
    state_bar, sums = carry
    input_bar, *maps_bar = [
        (weight_bar.astype(x.dtype), None if bias is None else bias_bar.astype(x.dtype))
        for (weight_bar, bias_bar), (_, bias) in zip(sums, all_maps, strict=True)
    ]
    return input_bar, tuple(maps_bar), x_bar, state_bar


_run.defvjp(_forward, _backward)


def _affine_gradient(
    left: Float[Array, "steps batch rows"],
    product_bar: Float[Array, "steps batch columns"],
    dtype: jax.typing.DTypeLike,
) -> tuple[Array, Array]:
    """Gradients of a map's weight and bias: sums over all steps and sequences, in one product."""
    steps, batch, rows = left.shape
    product_bar = product_bar.reshape(steps * batch, -1)
    product = partial(jnp.matmul, preferred_element_type=dtype)
    if jax.default_backend() != "cpu":
        return product(left.reshape(-1, rows).T, product_bar), product_bar.sum(0, dtype)

    def write(step: Array, transposed: Array) -> Array:
        return jax.lax.dynamic_update_slice_in_dim(
            transposed, _at(step, left).T, step * batch, axis=1
        )

    # A product that has to transpose takes half as long again, as does a transposition that leaves
    # the cache. The row of ones sums the columns: the gradient of the bias.
    ones = jnp.ones((rows + 1, steps * batch), left.dtype)
    both = product(jax.lax.fori_loop(0, steps, write, ones), product_bar)
    return both[:-1], both[-1]


def _over_time(
    step: Step, input_map: AffineMap, x: Array, state: State, ahead: bool = False
) -> tuple[State, Float[Array, "states batch hidden"], Any]:
    """The state after the last step; the output before each step and after the last; what it keeps.

    Args:
        step: a step from a projected input.
        input_map: what projects the inputs.
        x: the inputs.
        state: the state before the first step.
        ahead: whether a step's input is cut out in the step before. XLA makes one loop of all that
            is pointwise in a step that gives its output alone, and no vector instructions for one
            that cuts out its input in passing: with several gates that takes twice as long.
    """
    bias = input_map[1]
    project = partial(_project, input_map)
    given = jax.eval_shape(step, state, jax.eval_shape(project, x[0]))[1]
    # The steps write to the arrays of the whole sequence: a loop in a loop would copy its own.
    stacks = [jnp.zeros((len(x), *leaf.shape), leaf.dtype) for leaf in jax.tree.leaves(given)]
    hidden = jnp.zeros((len(x) + 1, *state[0].shape), x.dtype).at[0].set(state[0])

    def chunk(steps: Array, carry: Any) -> Any:
        projected = project(_chunk(steps, x))

        def write(carry: Any, at: tuple[Array, Array]) -> tuple[Any, None]:
            (state, hidden, stacks, x_t), (t, i) = carry, at
            if not ahead:
                x_t = _at(i, projected)
            state, leaves = step(state, x_t if bias is None else x_t + bias)
            hidden = jax.lax.dynamic_update_index_in_dim(hidden, state[0], t + 1, 0)
            stacks = [
                jax.lax.dynamic_update_index_in_dim(stack, leaf, t, 0)
                for stack, leaf in zip(stacks, jax.tree.leaves(leaves), strict=True)
            ]
            # Beyond the end this is the last one again.
            return (state, hidden, stacks, _at(i + 1, projected) if ahead else None), None

        start = (*carry, projected[0] if ahead else None)
        *carry, _ = jax.lax.scan(write, start, (steps, jnp.arange(len(steps))))[0]
        return tuple(carry)

    first, rest = _chunks(*x.shape[:2])
    carry = (state, hidden, stacks)
    if len(first):
        carry = chunk(first, carry)
    carry, _ = jax.lax.scan(lambda carry, steps: (chunk(steps, carry), None), carry, rest)
    state, hidden, stacks = carry
    return state, hidden, jax.tree.unflatten(jax.tree.structure(given), stacks)


def _chunks(length: int, batch: int) -> tuple[Array, Array]:
    """The steps that a first, odd chunk has, and those of the chunks of one length after it."""
    steps = jnp.arange(length)
    whole = length < CPU_CHUNK.stop or length * batch <= CPU_ROWS
    if jax.default_backend() != "cpu" or whole:
        return steps[:0], steps[None]
    size = max(CPU_CHUNK, key=lambda size: (-(length % size), size))
    return steps[: length % size], steps[length % size :].reshape(-1, size)


def _chunk(steps: Array, arrays: PyTree[Array]) -> PyTree[Array]:
    """The arrays' entries of successive steps."""
    return jax.tree.map(
        lambda array: jax.lax.dynamic_slice_in_dim(array, steps[0], len(steps)), arrays
    )


def _at(step: Array, arrays: PyTree[Array]) -> PyTree[Array]:
    """The arrays' entries of one step."""
    return jax.tree.map(
        lambda array: jax.lax.dynamic_index_in_dim(array, step, keepdims=False), arrays
    )


def _project(input_map: AffineMap, x: Array) -> Array:
    """A cell's `project` without the bias, which costs nothing where a step adds it."""
    return x @ input_map[0]


def _is_kept(primitive: Any, *_: Any, **__: Any) -> bool:
    """Whether the backward loop reads an operation's result; it repeats cheap arithmetic."""
    return primitive.name in ("logistic", "tanh", "split")


def _affine(a: Float[Array, "batch rows"], blocks: Blocks, bias: Array | None) -> Array:
    product = _product(a, blocks)
    return product if bias is None else product + bias


def _blocks(matrix: Float[Array, "rows columns"]) -> Blocks:
    """The matrix as the loop reads it."""
    if jax.default_backend() != "cpu":
        return ((matrix,),)
    if matrix.size <= CPU_BLOCK**2:
        return ((jax.lax.optimization_barrier(matrix),),)
    cut = tuple(tuple(_cut(rows, axis=1)) for rows in _cut(matrix, axis=0))
    # Without the barrier XLA cuts and transposes the matrix in every step anew.
    blocks: Blocks = jax.lax.optimization_barrier(cut)
    return blocks


def _product(a: Float[Array, "batch rows"], blocks: Blocks) -> Float[Array, "batch columns"]:
    """`a @ matrix`."""
    parts = [a] if len(blocks) == 1 else _cut(a, axis=1)
    columns = [
        sum(part @ block for part, block in zip(parts, column, strict=True))
        for column in zip(*blocks, strict=True)
    ]
    return jnp.concatenate(columns, axis=1)


def _cut(array: Array, axis: int) -> list[Array]:
    return jnp.split(array, list(range(CPU_BLOCK, array.shape[axis], CPU_BLOCK)), axis)
