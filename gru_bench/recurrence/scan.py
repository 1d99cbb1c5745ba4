"""A cell run over a sequence: a loop over time, with all that can leave the loop outside it.

docs/recurrence.md derives the backward pass; the code has its letters and refers to its equations:
x inputs, p projected inputs, s states and h the output among their arrays, a left operands and q
recurrent products, and for each its cotangent, such as `s_bar`.

What depends on one step alone is done for many steps at once: the input projections before, and
the gradients of all weights after the steps. On a CPU "many steps" is a chunk of the sequence, so
that projected inputs and the cotangents of products are read while they are still in the cache, and
never take memory for the whole sequence.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from gru_bench.cells.base import AffineMap, Cell, State
from gru_bench.cells.layer_norm import LayerNormalised
from gru_bench.cells.linear import LinearCell
from gru_bench.recurrence import cudnn, parallel
from gru_bench.recurrence.blocks import affine, in_blocks, product
from gru_bench.recurrence.chunks import at_step, chunks, in_chunk
from gru_bench.recurrence.plain import plain_unroll
from gru_bench.recurrence.pointwise import Kept, Vjp, keeping_step, kept_shapes

# Inputs of so small a part of the hidden size are projected on a CPU in the step that needs them,
# where that is all there is to do with them: sooner done than cut out of the projected ones.
CPU_NARROW = 4

Step = Callable[[State, Array], tuple[State, PyTree[Array]]]


class Implementation(StrEnum):
    """How `unroll` computes a cell through time; each value's module has the name of the value."""

    SCAN = "scan"
    PARALLEL = "parallel"
    FUSED = "fused"
    CUDNN = "cudnn"
    PLAIN = "plain"


def unroll(
    cell: Cell,
    x: Float[Array, "time batch input"],
    state: State,
    implementation: Implementation = Implementation.SCAN,
    mask: Float[Array, "batch hidden"] | None = None,
) -> tuple[Float[Array, "time batch hidden"], State]:
    """Runs the cell over a sequence.

    Args:
        cell: The cell.
        x: The inputs; their dtype is the dtype of the computation.
        state: The state before the first step.
        implementation: How it is computed.
        mask: What the cell reads of its own state is multiplied by it, at all steps.

    Returns:
        The output after each step, and the state after the last.

    Raises:
        ValueError: There is no such implementation, it has no mask or layer normalisation, or it
            is parallel and the cell not linear in its state.
    """
    implementation = Implementation(implementation)  # Or an unknown name would be scanned.
    if implementation is Implementation.PLAIN:
        return plain_unroll(cell, x, state, mask)
    if mask is not None or isinstance(cell, LayerNormalised):
        raise ValueError(f"{implementation} has neither a mask nor layer normalisation")
    if implementation is Implementation.PARALLEL:
        if not isinstance(cell, LinearCell):
            raise ValueError(f"{type(cell).__name__} is not linear in its state")
        return parallel.unroll(cell, x, state)
    if implementation is Implementation.CUDNN:
        return cudnn.unroll(cell, x, state)
    input_map, maps = jax.tree.map(
        lambda parameter: parameter.astype(x.dtype), (cell.input_map(), cell.recurrent_maps())
    )
    if implementation is Implementation.FUSED:
        from gru_bench.recurrence import fused  # Pallas takes 0.2 s, which a CPU does without

        return fused.run(type(cell), maps, cell.project(x), state)
    return _run(type(cell), input_map, maps, x, state)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run(
    cell: type[Cell], input_map: AffineMap, maps: tuple[AffineMap, ...], x: Array, state: State
) -> tuple[Array, State]:
    """Returns the outputs and the last state, where nothing is differentiated."""
    weights = [in_blocks(weight) for weight, _ in maps]

    def step(s: State, p: Array) -> tuple[State, None]:
        return cell.step(s, p, lambda k, a: affine(a, weights[k], maps[k][1])), None

    if jax.default_backend() == "cpu" and CPU_NARROW * x.shape[-1] <= state[0].shape[-1]:
        weight_ih, bias = in_blocks(input_map[0]), input_map[1]

        def projecting_step(s: State, x_t: Array) -> tuple[State, Array]:
            s, _ = step(s, affine(x_t, weight_ih, bias))
            return s, s[0]

        state, outputs = jax.lax.scan(projecting_step, state, x)
        return outputs, state
    gated = cell.input_blocks() > 1
    state, h, _ = _over_time(step, input_map, x, state, ahead=gated)
    return h[1:], state


def _forward(
    cell: type[Cell], input_map: AffineMap, maps: tuple[AffineMap, ...], x: Array, state: State
) -> Any:
    """Returns the outputs and the last state, with what the backward pass needs of each step."""
    last, h, kept = _over_time(keeping_step(cell, maps), input_map, x, state)
    return (h[1:], last), (input_map, maps, x, state, h, jax.tree.leaves(kept))


def _backward(cell: type[Cell], residuals: Any, cotangent: tuple[Array, State]) -> Any:
    """Returns the cotangents of all arguments, from those of the outputs and the last state."""
    input_map, maps, x, start, h, leaves = residuals
    o_bar, s_bar = cotangent
    kept = _of_all_steps(keeping_step(cell, maps), input_map, x, start, leaves)
    a = [h if a_k is None else a_k for a_k in kept.a]
    # Products run along rows in memory: one transposition here, none in the loop.
    transposed = [in_blocks(weight.T) for weight, _ in maps]

    def backward_step(s_bar: State, t: Array) -> tuple[State, Any]:
        o_bar_t, h_before, restore = at_step(t, (o_bar, h, kept.vjp))
        vjp = restore(h_before, at_step(t + 1, h))
        s_bar = (s_bar[0] + o_bar_t, *s_bar[1:])  # (4)
        s_bar, p_bar, q_bar = _solve(vjp, s_bar, transposed)
        return s_bar, (None if cell.input_is_added else p_bar, q_bar)

    def backward_chunk(carry: Any, steps: Array) -> tuple[Any, Array]:
        """Takes a chunk of steps in reverse, then does what is one product for all of them."""
        s_bar, sums = carry
        s_bar, (p_bar, q_bar) = jax.lax.scan(backward_step, s_bar, steps, reverse=True)
        if cell.input_is_added:
            p_bar = jnp.concatenate(q_bar, axis=-1)  # (8)
        operands = zip(in_chunk(steps, [x, *a]), [p_bar, *q_bar], sums, strict=True)
        sums = [
            jax.tree.map(jnp.add, sum_, _affine_gradient(left, right_bar, exact))  # (7)
            for left, right_bar, sum_ in operands
        ]
        return (s_bar, sums), p_bar @ input_map[0].T  # (9)

    all_maps = (input_map, *maps)
    exact = jnp.promote_types(x.dtype, jnp.float32)  # for sums over many steps
    sums = [
        (jnp.zeros(weight.shape, exact), jnp.zeros(weight.shape[1], exact))
        for weight, _ in all_maps
    ]
    odd, rest = chunks(*x.shape[:2])
    carry, later = jax.lax.scan(backward_chunk, (s_bar, sums), rest, reverse=True)
    x_bar = later.reshape(-1, *x.shape[1:])
    if len(odd):
        carry, earlier = backward_chunk(carry, odd)
        x_bar = jnp.concatenate([earlier, x_bar])
    s_bar, sums = carry
    input_bar, *maps_bar = [
        (weight_bar.astype(x.dtype), None if bias is None else bias_bar.astype(x.dtype))
        for (weight_bar, bias_bar), (_, bias) in zip(sums, all_maps, strict=True)
    ]
    return input_bar, tuple(maps_bar), x_bar, s_bar


_run.defvjp(_forward, _backward)


def _solve(vjp: Vjp, s_bar: State, transposed: list[Any]) -> tuple[State, Array, list[Array]]:
    """Solves (5) and (6) for one step, the last product first.

    The cotangent of product k depends on the left operands of later products only: once theirs are
    known, entry k of `q_bar` is right, whatever zeros still stand for the others. What is computed
    in vain or twice, XLA drops.
    """
    a_bar = [jnp.zeros_like(s_bar[0]) for _ in transposed]
    for k in reversed(range(len(transposed))):
        _, _, q_bar = vjp((s_bar, a_bar))  # (5)
        a_bar[k] = product(q_bar[k], transposed[k])  # (6)
    return vjp((s_bar, a_bar))


def _affine_gradient(
    left: Float[Array, "steps batch rows"],
    right_bar: Float[Array, "steps batch columns"],
    dtype: jax.typing.DTypeLike,
) -> tuple[Float[Array, "rows columns"], Float[Array, " columns"]]:
    """Returns the gradients of a map's weight and bias: (7), in one product."""
    steps, batch, rows = left.shape
    right_bar = right_bar.reshape(steps * batch, -1)
    matmul = partial(jnp.matmul, preferred_element_type=dtype)
    if jax.default_backend() != "cpu":
        return matmul(left.reshape(-1, rows).T, right_bar), right_bar.sum(0, dtype)

    def write(step: Array, transposed: Array) -> Array:
        return jax.lax.dynamic_update_slice_in_dim(
            transposed, at_step(step, left).T, step * batch, axis=1
        )

    # A product that has to transpose takes half as long again, as does a transposition that leaves
    # the cache. The row of ones sums the columns: the gradient of the bias.
    ones = jnp.ones((rows + 1, steps * batch), left.dtype)
    both = matmul(jax.lax.fori_loop(0, steps, write, ones), right_bar)
    return both[:-1], both[-1]


def _of_all_steps(
    step: Callable[[State, Array], tuple[State, Kept]],
    input_map: AffineMap,
    x: Array,
    start: State,
    leaves: list[Array],
) -> Kept:
    """Returns what all steps have kept, put together from its leaves.

    The tree is made anew by tracing the step once more, without computing anything.

    Raises:
        AssertionError: The leaves are not those that this trace of the step would keep, or an
            output is among them.
    """
    p = jax.eval_shape(partial(_project, input_map), x[0])
    kept = kept_shapes(step, start, p)
    expected = [(leaf.dtype, (len(x), *leaf.shape)) for leaf in jax.tree.leaves(kept)]
    assert expected == [(leaf.dtype, leaf.shape) for leaf in leaves], "another trace keeps others"
    stacked: Kept = jax.tree.unflatten(jax.tree.structure(kept), leaves)
    return stacked


def _over_time(
    step: Step, input_map: AffineMap, x: Array, state: State, ahead: bool = False
) -> tuple[State, Float[Array, "states batch hidden"], Any]:
    """Runs the loop over time, chunk by chunk.

    Args:
        step: A step from a projected input.
        input_map: What projects the inputs.
        x: The inputs.
        state: The state before the first step.
        ahead: Whether a step's input is cut out in the step before. XLA makes one loop of all that
            is pointwise in a step that gives its output alone, and no vector instructions for one
            that cuts out its input in passing: with several gates that takes twice as long.

    Returns:
        The state after the last step; the output before each step and after the last; what each
        step returned besides, with time as the leading axis.
    """
    bias = input_map[1]
    project = partial(_project, input_map)
    given = jax.eval_shape(step, state, jax.eval_shape(project, x[0]))[1]
    # The steps write to the arrays of the whole sequence: a loop in a loop would copy its own.
    stacks = [jnp.zeros((len(x), *leaf.shape), leaf.dtype) for leaf in jax.tree.leaves(given)]
    h = jnp.zeros((len(x) + 1, *state[0].shape), x.dtype).at[0].set(state[0])

    def chunk(carry: Any, steps: Int[Array, " steps"]) -> Any:
        p = project(in_chunk(steps, x))

        def write(carry: Any, at: tuple[Array, Array]) -> tuple[Any, None]:
            (s, h, stacks, p_t), (t, i) = carry, at
            if not ahead:
                p_t = at_step(i, p)
            s, leaves = step(s, p_t if bias is None else p_t + bias[None])
            h = jax.lax.dynamic_update_index_in_dim(h, s[0], t + 1, 0)
            stacks = [
                jax.lax.dynamic_update_index_in_dim(stack, leaf, t, 0)
                for stack, leaf in zip(stacks, jax.tree.leaves(leaves), strict=True)
            ]
            # Beyond the end this is the last one again.
            return (s, h, stacks, at_step(i + 1, p) if ahead else None), None

        first = (*carry, p[0] if ahead else None)
        *carry, _ = jax.lax.scan(write, first, (steps, jnp.arange(len(steps))))[0]
        return tuple(carry)

    odd, rest = chunks(*x.shape[:2])
    carry = (state, h, stacks)
    if len(odd):
        carry = chunk(carry, odd)
    carry, _ = jax.lax.scan(lambda carry, steps: (chunk(carry, steps), None), carry, rest)
    state, h, stacks = carry
    return state, h, jax.tree.unflatten(jax.tree.structure(given), stacks)


def _project(input_map: AffineMap, x: Array) -> Array:
    """Returns the cell's `project` without the bias, which costs nothing where a step adds it."""
    return x @ input_map[0]
