"""The pointwise part of a cell's step, and what the forward pass keeps of it for the backward pass.

In the letters of docs/recurrence.md a step is `(s, a) = f(s_before, p, q)`: the next state and the
left operands of the recurrent products, as a function of the state before, the projected input and
the products. Autodiff derives the vjp of f from the cell's own equations.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from gru_bench.cells.base import AffineMap, Cell, State
from gru_bench.recurrence.blocks import in_blocks, product

# The operations whose results the backward pass reads; it repeats the cheap arithmetic in between.
KEPT_RESULTS = frozenset({"logistic", "tanh", "split"})

Vjp = Callable[[tuple[State, list[Array]]], tuple[State, Array, list[Array]]]


class Kept(NamedTuple):
    """What one step leaves behind for the backward pass, but for its outputs.

    The loop stores the output of every step anyhow: it is not kept a second time.

    Attributes:
        a: The left operand of each product, or None where it is the output before the step.
        vjp: Takes the outputs before and after the step to the vjp of f, which takes the cotangents
            of the next state and of all left operands to those of the state before, the projected
            input and all products.
    """

    a: list[Array | None]
    vjp: Callable[[Array, Array], Vjp]


def keeping_step(
    cell: type[Cell], maps: tuple[AffineMap, ...]
) -> Callable[[State, Float[Array, "batch columns"]], tuple[State, Kept]]:
    """Returns the cell's step as a function of the state and the projected input, with `Kept`."""
    weights = [in_blocks(weight) for weight, _ in maps]

    @partial(jax.checkpoint, policy=_is_kept, prevent_cse=False)
    def f(s: State, p: Array, taps: Sequence[Array]) -> tuple[State, list[Array]]:
        """Returns the step as a function of its products, to which zeros are added for them.

        The vjp with respect to `taps`, the zeros, is that with respect to the products.
        """
        a: list[Any] = [None] * len(maps)

        def dot(k: int, a_k: Array) -> Array:
            a[k] = a_k
            q_k = jax.lax.stop_gradient(product(a_k, weights[k])) + taps[k]
            bias = maps[k][1]
            return q_k if bias is None else q_k + bias[None]

        return cell.step(s, p, dot), a

    def step(s: State, p: Array) -> tuple[State, Kept]:
        taps = [jnp.zeros((len(p), weight.shape[1]), p.dtype) for weight, _ in maps]
        (s_next, a), vjp = jax.vjp(f, s, p, taps)
        h, h_next = s[0], s_next[0]
        # The residuals of the vjp are leaves of a tree. An output among them is the very object
        # that the step was given or has returned: an index is left in its place. `kept_shapes`
        # asserts that none was missed.
        residuals, form = jax.tree.flatten(vjp)
        places = [0 if leaf is h else 1 if leaf is h_next else None for leaf in residuals]
        own = [leaf for leaf, place in zip(residuals, places, strict=True) if place is None]
        operands = [None if a_k is h else a_k for a_k in a]
        return s_next, Kept(operands, Partial(partial(_restore, form, places), own))

    return step


def kept_shapes(
    step: Callable[[State, Array], tuple[State, Kept]],
    start: State,
    p: Array | jax.ShapeDtypeStruct,
) -> Kept:
    """Returns the shapes of what one step keeps; the step is traced and not computed.

    Args:
        step: A step made by `keeping_step`.
        start: The state before it.
        p: The projected input.

    Raises:
        AssertionError: The step keeps an output that the loop stores anyhow, which would take its
            memory twice for every step of a sequence.
    """
    traced, (_, kept) = jax.make_jaxpr(step, return_shape=True)(start, p)
    jaxpr = traced.jaxpr
    # Autodiff rounds some of what it keeps to the precision that it has anyway.
    rounded = {
        id(eqn.outvars[0]): eqn.invars[0]
        for eqn in jaxpr.eqns
        if eqn.primitive.name == "reduce_precision"
    }
    stored, left = [jaxpr.invars[0], jaxpr.outvars[0]], jaxpr.outvars[len(start) :]
    twice = [v for v in left if any(rounded.get(id(v), v) is output for output in stored)]
    assert not twice, f"a step keeps {len(twice)} of its outputs a second time: {twice}"
    shapes: Kept = kept
    return shapes


def _restore(form: Any, places: list[int | None], own: list[Array], *outputs: Array) -> Vjp:
    """Returns the vjp of a step from its own residuals and the outputs before and after it."""
    rest = iter(own)
    residuals = [next(rest) if place is None else outputs[place] for place in places]
    vjp: Vjp = jax.tree.unflatten(form, residuals)
    return vjp


def _is_kept(primitive: Any, *_: Any, **__: Any) -> bool:
    return primitive.name in KEPT_RESULTS
