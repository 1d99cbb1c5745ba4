"""The two GPU kernels of fused.py: one walks forward through time, the other back.

No GPU has run these kernels yet: they are tested on a CPU, where Pallas interprets them. What is
said below of GPUs, and the choice of `ROWS` and of stages, has not been measured.

Each kernel holds the recurrent weights on the chip and repeats a cell's step for tiles (see
tiles.py). The letters are those of docs/recurrence.md: p projected inputs, s states, a left
operands and q recurrent products, and for each its cotangent, such as `s_bar`. Inside a kernel each
is a list of tiles.
"""

from functools import partial
from itertools import accumulate, pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from gru_bench.cells.base import AffineMap, Cell, State
from gru_bench.recurrence.tile_layout import ROWS, TileLayout, load, load_constant, store
from gru_bench.recurrence.tiles import TiledStep, Tiles, tile_step

# Triton keeps the weights in shared memory, of which an instance can have this many bytes on an
# H100 or H200, and beside them a few tiles of the step it is at. Where there is room for what two
# more steps need, that is loaded ahead. On a GPU with less memory a kernel may not compile.
SHARED_MEMORY = 227 * 1024
WORKING_TILES = 4
STEPS_AHEAD = 2


def shared_bytes(cell: type[Cell], units: int, itemsize: int, steps_ahead: int) -> int:
    """Returns the shared memory of the backward kernel, which loads more than the forward one.

    Args:
        cell: The class of the cell.
        units: The padded hidden size.
        itemsize: Bytes of a number.
        steps_ahead: Steps whose tiles are loaded ahead.
    """
    blocks = sum(cell.products)
    loaded = 2 * blocks + cell.state_arrays + 1  # p, q, s and a cotangent
    tiles = WORKING_TILES + steps_ahead * loaded
    return itemsize * units * (blocks * units + tiles * ROWS)


def forward(
    cell: type[Cell],
    interpret: bool,
    maps: tuple[AffineMap, ...],
    p: Array,
    s: State,
    keep: bool,
) -> tuple[tuple[Array, State], tuple[Array, ...]]:
    """Walks through time.

    Args:
        cell: The class of the cell.
        interpret: Whether Pallas interprets the kernel.
        maps: Weights and bias of each recurrent product.
        p: Projected inputs `[time, batch, columns]`.
        s: The state before the first step.
        keep: Whether what the backward pass needs is kept.

    Returns:
        The outputs and the last state; then, if they are to be kept, the state before every step
        and every step's products, each array side by side.
    """
    layout, time = TileLayout(*s[0].shape), len(p)
    arrays, products = cell.state_arrays, sum(cell.products)
    kept_sizes = [(time, arrays), (time, products)] if keep else []
    biases = [
        jnp.zeros(weight.shape[1], p.dtype) if bias is None else bias for weight, bias in maps
    ]
    cut = layout.call(
        partial(_forward_kernel, _step(cell, layout, p), layout),
        layout.shapes(p.dtype, (time, 1), (arrays,), *kept_sizes),
        interpret,
        _stages(cell, layout.units, p.dtype.itemsize),
        [
            [layout.cut_weight(weight) for weight, _ in maps],
            [layout.cut_bias(bias) for bias in biases],
        ],
        layout.cut(p),
        layout.cut(jnp.concatenate(s, axis=-1)),
    )
    outputs, last, *kept = map(layout.join, cut)
    return (outputs, tuple(jnp.split(last, arrays, axis=-1))), tuple(kept)


def _forward_kernel(
    step: TiledStep,
    layout: TileLayout,
    constants: Any,
    p: Any,
    start: Any,
    outputs: Any,
    last: Any,
    *kept: Any,
) -> None:
    """Takes some sequences through time; all but the first two arguments are references."""
    weights, biases = [[load_constant(ref) for ref in refs] for refs in constants]
    wide = _wide(p.dtype)

    def body(t: Any, s: Tiles) -> Tiles:
        q: Tiles = []

        def dot(k: int, a: Array) -> Tiles:
            operand = layout.real(a).astype(weights[k][0].dtype)
            q_k = [
                _product(operand, weight) + bias
                for weight, bias in zip(weights[k], biases[k], strict=True)
            ]
            q.extend(q_k)
            return q_k

        s_next = step(s, load(p, wide, t), dot)
        store(outputs, s_next[:1], t)
        if kept:
            store(kept[0], s, t)
            store(kept[1], q, t)
        return s_next

    store(last, jax.lax.fori_loop(0, p.shape[0], body, load(start, wide)))


def backward(
    cell: type[Cell], interpret: bool, residuals: Any, cotangent: tuple[Array, State]
) -> tuple[Array, Array, State]:
    """Walks back through time.

    Args:
        cell: The class of the cell.
        interpret: Whether Pallas interprets the kernel.
        residuals: The maps, the projected inputs, the state before every step, and every step's
            products.
        cotangent: Those of the outputs and of the last state.

    Returns:
        The cotangents of all products side by side, of the projected input, and of the first state.
    """
    maps, p, before, q = residuals
    outputs_bar, last_bar = cotangent
    layout, time = TileLayout(*last_bar[0].shape), len(p)
    sizes = [(time, sum(cell.products)), (cell.state_arrays,)]
    if not cell.input_is_added:
        sizes.append((time, p.shape[-1] // layout.hidden_size))
    arrays = [p, before, q, outputs_bar, jnp.concatenate(last_bar, axis=-1)]
    cut = layout.call(
        partial(_backward_kernel, _step(cell, layout, p), layout, cell.products),
        layout.shapes(p.dtype, *sizes),
        interpret,
        _stages(cell, layout.units, p.dtype.itemsize),
        [[layout.cut_weight(weight).swapaxes(1, 2) for weight, _ in maps]],
        *map(layout.cut, arrays),
    )
    q_bar, start_bar, *p_bar = map(layout.join, cut)
    s_bar = tuple(jnp.split(start_bar, cell.state_arrays, axis=-1))
    return q_bar, q_bar if cell.input_is_added else p_bar[0], s_bar  # (8)


def _backward_kernel(
    step: TiledStep,
    layout: TileLayout,
    products: tuple[int, ...],
    constants: Any,
    p: Any,
    before: Any,
    q: Any,
    outputs_bar: Any,
    last_bar: Any,
    q_bars: Any,
    start_bar: Any,
    *p_bars: Any,
) -> None:
    """Takes some sequences back through time; all but the first three arguments are references."""
    [transposed] = [[load_constant(ref) for ref in refs] for refs in constants]
    time, wide = p.shape[0], _wide(p.dtype)
    ends = list(accumulate(products, initial=0))

    def f(s: Tiles, p_t: Tiles, q_t: list[Tiles]) -> tuple[Tiles, Tiles]:
        """Returns the step as a function of its products, with its left operands."""
        a: Tiles = []

        def dot(k: int, a_k: Array) -> Tiles:
            a.append(a_k)
            return q_t[k]

        return step(s, p_t, dot), a

    def body(steps: Any, s_bar: Tiles) -> Tiles:
        t = time - 1 - steps
        s_bar = [s_bar[0] + load(outputs_bar, wide, t)[0], *s_bar[1:]]  # (4)
        blocks = load(q, wide, t)
        q_t = [blocks[start:end] for start, end in pairwise(ends)]
        _, vjp = jax.vjp(f, load(before, wide, t), load(p, wide, t), q_t)
        # The cotangent of a product depends on later left operands only. What is computed in vain
        # or twice, the compiler drops.
        a_bar = [jnp.zeros_like(s_bar[0])] * len(transposed)
        for k in reversed(range(len(transposed))):
            _, _, q_bar = vjp((s_bar, a_bar))  # (5)
            parts = [
                _product(layout.real(tile).astype(weight.dtype), weight)
                for tile, weight in zip(q_bar[k], transposed[k], strict=True)
            ]
            a_bar[k] = sum(parts[1:], start=parts[0])  # (6)
        s_bar, p_bar, q_bar = vjp((s_bar, a_bar))
        store(q_bars, [tile for tiles in q_bar for tile in tiles], t)
        for ref in p_bars:
            store(ref, p_bar, t)
        return s_bar

    store(start_bar, jax.lax.fori_loop(0, time, body, load(last_bar, wide)))


def _step(cell: type[Cell], layout: TileLayout, p: Array) -> TiledStep:
    blocks = p.shape[-1] // layout.hidden_size
    return tile_step(cell, blocks, ROWS, layout.units, _wide(p.dtype))


def _stages(cell: type[Cell], units: int, itemsize: int) -> int:
    """Returns how many steps are in work at once: one, and those whose tiles are loaded ahead."""
    ahead = shared_bytes(cell, units, itemsize, STEPS_AHEAD) <= SHARED_MEMORY
    return 1 + STEPS_AHEAD if ahead else 1


def _wide(dtype: Any) -> Any:
    """Returns the dtype that the state and the pointwise part are computed in."""
    return jnp.promote_types(dtype, jnp.float32)


def _product(a: Array, weight: Array) -> Array:
    return jnp.dot(a, weight, preferred_element_type=_wide(a.dtype))
