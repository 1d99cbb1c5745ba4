"""A cell run over a sequence in one GPU kernel, the recurrent weights on the chip all the while.

No GPU has run these kernels yet: they are tested on a CPU, where Pallas interprets them. What is
said below of GPUs, and the choice of `ROWS` and of stages, has not been measured.

On a GPU a scan launches several kernels a step, and each reads the weights anew. Here one kernel
holds them and walks through time by itself; another walks back for the gradient. Both are written
in Pallas for its Triton backend, and serve every cell whose step is pointwise but for its products
(see tiles.py): the pointwise part is derived from the cell's equations, its gradient by autodiff.
An instance of a kernel takes `ROWS` sequences, so that many runs or large batches fill a GPU. JAX
0.11 still has the backend but warns that a later version will not.

The letters are those of docs/recurrence.md; as in scan.py, the gradient of the weights is one large
product after the loop.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jaxtyping import Array

from gru_bench.cells.base import AffineMap, Cell, State
from gru_bench.recurrence.tiles import Tiles, tile_step

ROWS = 16  # sequences of one instance: the fewest that tensor cores multiply
MIN_UNITS = 16  # likewise
DTYPES = ("float32", "bfloat16")
# Triton keeps the weights in shared memory, of which an instance can have this many bytes on an
# H100 or H200, and beside them a few tiles of the step it is at. Where there is room for what two
# more steps need, that is loaded ahead. On a GPU with less memory a kernel may not compile.
SHARED_MEMORY = 227 * 1024
WORKING_TILES = 4
STEPS_AHEAD = 2


def fits(cell: type[Cell], hidden_size: int, dtype: str) -> bool:
    """Returns whether a layer's weights fit on the chip of an H100 or H200, in this dtype."""
    needed = _shared_bytes(cell, _padded(hidden_size), jnp.dtype(dtype).itemsize, steps_ahead=0)
    return dtype in DTYPES and needed <= SHARED_MEMORY


def require_tiles(cell: type[Cell], x_blocks: int) -> None:
    """Raises `NotPointwise` if a cell with `x_blocks` blocks of projected input cannot be fused."""
    step = tile_step(cell, x_blocks, ROWS, MIN_UNITS, jnp.float32)
    tile = jnp.zeros((ROWS, MIN_UNITS))
    step([tile] * cell.state_arrays, [tile] * x_blocks, lambda i, a: [a] * cell.products[i])


def run(
    cell: type[Cell],
    maps: tuple[AffineMap, ...],
    x: Array,
    state: State,
    interpret: bool | None = None,
) -> tuple[Array, State]:
    """Runs a cell over a projected sequence.

    Args:
        cell: The class of the cell.
        maps: Weights and bias of each recurrent product, in the dtype of x.
        x: Projected inputs `[time, batch, columns]`.
        state: The state before the first step.
        interpret: Whether Pallas interprets the kernels, as it must on a CPU (the default there).

    Returns:
        The output after each step, and the state after the last.

    Raises:
        NotPointwise: The cell's step cannot be done tile by tile.
    """
    if interpret is None:
        interpret = jax.default_backend() == "cpu"
    return _run(cell, interpret, maps, x, state)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _run(
    cell: type[Cell], interpret: bool, maps: tuple[AffineMap, ...], x: Array, state: State
) -> tuple[Array, State]:
    return _forward_kernel(cell, interpret, maps, x, state, keep=False)[0]


def _forward(
    cell: type[Cell], interpret: bool, maps: tuple[AffineMap, ...], x: Array, state: State
) -> Any:
    results, kept = _forward_kernel(cell, interpret, maps, x, state, keep=True)
    return results, (maps, x, *kept)


def _backward(
    cell: type[Cell], interpret: bool, residuals: Any, cotangent: tuple[Array, State]
) -> Any:
    maps, *steps = residuals
    products_bar, x_bar, state_bar = _backward_kernel(cell, interpret, residuals, cotangent)
    # The left operands of all steps at once, from a step whose products are known.
    x, before, products = (array.reshape(-1, array.shape[-1]) for array in steps)
    left: list[Array] = []

    def dot(i: int, a: Array) -> Array:
        left.append(a)
        return _parts(cell.products, products)[i]

    cell.step(tuple(jnp.split(before, cell.state_arrays, axis=-1)), x, dot)
    bars = _parts(cell.products, products_bar.reshape(products.shape))
    maps_bar = tuple(
        (a.T @ bar, None if bias is None else bar.sum(0))
        for a, bar, (_, bias) in zip(left, bars, maps, strict=True)
    )
    return maps_bar, x_bar, state_bar


_run.defvjp(_forward, _backward)


@dataclass(frozen=True)
class _Layout:
    """How arrays lie for the kernels: `[..., batch, blocks, hidden]`, padded to whole tiles."""

    batch: int
    hidden_size: int

    @property
    def rows(self) -> int:
        """The padded batch."""
        return -(-self.batch // ROWS) * ROWS

    @property
    def units(self) -> int:
        """The padded hidden size."""
        return _padded(self.hidden_size)

    def cut(self, array: Array) -> Array:
        """Returns an array `[..., batch, blocks * hidden]` in blocks, padded."""
        blocks = array.reshape(*array.shape[:-1], -1, self.hidden_size)
        batch = (0, self.rows - self.batch)
        return jnp.pad(blocks, [*[(0, 0)] * (array.ndim - 2), batch, (0, 0), self._padding])

    def join(self, blocks: Array) -> Array:
        """Undoes `cut`."""
        real = blocks[..., : self.batch, :, : self.hidden_size]
        return real.reshape(*real.shape[:-2], -1)

    def cut_weight(self, weight: Array) -> Array:
        """Returns a weight `[hidden, blocks * hidden]` as `[blocks, hidden, hidden]`, padded."""
        blocks = weight.reshape(self.hidden_size, -1, self.hidden_size).swapaxes(0, 1)
        return jnp.pad(blocks, [(0, 0), self._padding, self._padding])

    def cut_bias(self, bias: Array) -> Array:
        """Returns a bias `[blocks * hidden]` as `[blocks, 1, hidden]`, padded."""
        blocks = bias.reshape(-1, 1, self.hidden_size)
        return jnp.pad(blocks, [(0, 0), (0, 0), self._padding])

    @property
    def _padding(self) -> tuple[int, int]:
        return (0, self.units - self.hidden_size)

    def real(self, tile: Array) -> Array:
        """Returns the tile with zeros in its padding, where a cell may make even infinities."""
        if self.units == self.hidden_size:
            return tile
        unit = jax.lax.broadcasted_iota(jnp.int32, tile.shape, 1)
        return jnp.where(unit < self.hidden_size, tile, 0)

    def shapes(self, dtype: Any, *sizes: Sequence[int]) -> list[jax.ShapeDtypeStruct]:
        """Returns the shapes of padded arrays, each given as `(blocks,)` or `(time, blocks)`."""
        return [
            jax.ShapeDtypeStruct((*time, self.rows, blocks, self.units), dtype)
            for *time, blocks in sizes
        ]

    def call(
        self,
        kernel: Callable[..., None],
        results: list[jax.ShapeDtypeStruct],
        interpret: bool,
        stages: int,
        constants: list[list[Array]],
        *arrays: Array,
    ) -> list[Array]:
        """Calls a kernel on the constants and the arrays, an instance for each `ROWS` sequences."""

        def whole(array: Any) -> pl.BlockSpec:
            return pl.BlockSpec(array.shape, lambda instance: (0,) * array.ndim)

        def of_rows(array: Any) -> pl.BlockSpec:
            *time, _, blocks, units = array.shape
            return pl.BlockSpec(
                (*time, ROWS, blocks, units), lambda instance: (*[0] * len(time), instance, 0, 0)
            )

        call = pl.pallas_call(
            kernel,
            out_shape=results,
            grid=(self.rows // ROWS,),
            in_specs=[jax.tree.map(whole, constants), *map(of_rows, arrays)],
            out_specs=[of_rows(result) for result in results],
            interpret=interpret,
            compiler_params=triton.CompilerParams(
                num_warps=8 if self.units > 64 else 4, num_stages=stages
            ),
        )
        return list(call(constants, *arrays))


def _forward_kernel(
    cell: type[Cell],
    interpret: bool,
    maps: tuple[AffineMap, ...],
    x: Array,
    state: State,
    keep: bool,
) -> tuple[tuple[Array, State], tuple[Array, ...]]:
    """Walks through time.

    Returns:
        The outputs and the last state; then, if they are to be kept, the state before every step
        and every step's products, each array side by side.
    """
    layout, time, wide = _Layout(*state[0].shape), len(x), _wide(x)
    step = tile_step(cell, x.shape[-1] // layout.hidden_size, ROWS, layout.units, wide)

    def kernel(constants: Any, x: Any, start: Any, outputs: Any, last: Any, *kept: Any) -> None:
        weights, biases = [[_load(ref) for ref in refs] for refs in constants]

        def body(t: Any, state: Tiles) -> Tiles:
            products: Tiles = []

            def dot(i: int, a: Array) -> Tiles:
                operand = layout.real(a).astype(weights[i][0].dtype)
                tiles = [
                    _product(operand, weight) + bias
                    for weight, bias in zip(weights[i], biases[i], strict=True)
                ]
                products.extend(tiles)
                return tiles

            after = step(state, _load_blocks(x, wide, t), dot)
            _store_blocks(outputs, after[:1], t)
            if kept:
                _store_blocks(kept[0], state, t)
                _store_blocks(kept[1], products, t)
            return after

        _store_blocks(last, jax.lax.fori_loop(0, time, body, _load_blocks(start, wide)))

    weights = [layout.cut_weight(weight) for weight, _ in maps]
    biases = [
        layout.cut_bias(jnp.zeros(weight.shape[1], x.dtype) if bias is None else bias)
        for weight, bias in maps
    ]
    arrays, products = cell.state_arrays, sum(cell.products)
    results = layout.shapes(
        x.dtype, (time, 1), (arrays,), *([(time, arrays), (time, products)] if keep else [])
    )
    start = layout.cut(jnp.concatenate(state, axis=-1))
    outputs, last, *kept = map(
        layout.join,
        layout.call(
            kernel,
            results,
            interpret,
            _stages(cell, layout.units, x.dtype.itemsize),
            [weights, biases],
            layout.cut(x),
            start,
        ),
    )
    return (outputs, tuple(jnp.split(last, arrays, axis=-1))), tuple(kept)


def _backward_kernel(
    cell: type[Cell], interpret: bool, residuals: Any, cotangent: tuple[Array, State]
) -> tuple[Array, Array, State]:
    """Walks back through time.

    Returns:
        The cotangents of all products side by side, of the projected input, and of the first state.
    """
    maps, x, before, products = residuals
    outputs_bar, last_bar = cotangent
    layout, time, wide = _Layout(*last_bar[0].shape), len(x), _wide(x)
    step = tile_step(cell, x.shape[-1] // layout.hidden_size, ROWS, layout.units, wide)
    of_product = [
        slice(sum(cell.products[:i]), sum(cell.products[: i + 1])) for i in range(len(maps))
    ]

    def kernel(
        constants: Any,
        x: Any,
        before: Any,
        products: Any,
        outputs_bar: Any,
        last_bar: Any,
        products_bar: Any,
        start_bar: Any,
        *inputs_bar: Any,
    ) -> None:
        [transposed] = [[_load(ref) for ref in refs] for refs in constants]

        def body(steps: Any, state_bar: Tiles) -> Tiles:
            t = time - 1 - steps
            state_bar = [state_bar[0] + _load_blocks(outputs_bar, wide, t)[0], *state_bar[1:]]

            def pointwise(state: Tiles, x: Tiles, products: list[Tiles]) -> tuple[Tiles, Tiles]:
                """The step as a function of its products; its left operands besides."""
                left: Tiles = []

                def dot(i: int, a: Array) -> Tiles:
                    left.append(a)
                    return products[i]

                return step(state, x, dot), left

            made = _load_blocks(products, wide, t)
            _, vjp = jax.vjp(
                pointwise,
                _load_blocks(before, wide, t),
                _load_blocks(x, wide, t),
                [made[blocks] for blocks in of_product],
            )
            # Equations (5) and (6) of docs/recurrence.md: a product's cotangent depends on later
            # left operands only. What is computed in vain or twice, the compiler drops.
            left_bar = [jnp.zeros_like(state_bar[0])] * len(transposed)
            for i in reversed(range(len(transposed))):
                tiles = vjp((state_bar, left_bar))[2][i]
                parts = [
                    _product(layout.real(tile).astype(weight.dtype), weight)
                    for tile, weight in zip(tiles, transposed[i], strict=True)
                ]
                left_bar[i] = sum(parts[1:], start=parts[0])
            state_bar, x_bar, tiles_bar = vjp((state_bar, left_bar))
            _store_blocks(products_bar, [tile for tiles in tiles_bar for tile in tiles], t)
            for ref in inputs_bar:
                _store_blocks(ref, x_bar, t)
            return state_bar

        bar = jax.lax.fori_loop(0, time, body, _load_blocks(last_bar, wide))
        _store_blocks(start_bar, bar)

    transposed = [layout.cut_weight(weight).swapaxes(1, 2) for weight, _ in maps]
    sizes = [(time, sum(cell.products)), (cell.state_arrays,)]
    if not cell.input_is_added:
        sizes.append((time, x.shape[-1] // layout.hidden_size))
    arrays = [x, before, products, outputs_bar, jnp.concatenate(last_bar, axis=-1)]
    products_bar, start_bar, *inputs_bar = map(
        layout.join,
        layout.call(
            kernel,
            layout.shapes(x.dtype, *sizes),
            interpret,
            _stages(cell, layout.units, x.dtype.itemsize),
            [transposed],
            *map(layout.cut, arrays),
        ),
    )
    x_bar = products_bar if cell.input_is_added else inputs_bar[0]
    return products_bar, x_bar, tuple(jnp.split(start_bar, cell.state_arrays, axis=-1))


def _padded(units: int) -> int:
    """The power of two that a tile's side has to be."""
    return max(MIN_UNITS, 1 << (units - 1).bit_length())


def _shared_bytes(cell: type[Cell], units: int, itemsize: int, steps_ahead: int) -> int:
    """Shared memory of the backward kernel, which loads more at each step than the forward one."""
    blocks = sum(cell.products)
    loaded = 2 * blocks + cell.state_arrays + 1  # inputs, products, the state, a cotangent
    tiles = WORKING_TILES + steps_ahead * loaded
    return itemsize * units * (blocks * units + tiles * ROWS)


def _stages(cell: type[Cell], units: int, itemsize: int) -> int:
    """Steps that are in work at once: loads of later ones, where there is room, and the step."""
    ahead = _shared_bytes(cell, units, itemsize, STEPS_AHEAD) <= SHARED_MEMORY
    return 1 + STEPS_AHEAD if ahead else 1


def _parts(blocks: Sequence[int], array: Array) -> list[Array]:
    """The products that lie side by side in an array, each of so many blocks."""
    unit = array.shape[-1] // sum(blocks)
    ends = [unit * sum(blocks[: i + 1]) for i in range(len(blocks) - 1)]
    return jnp.split(array, ends, axis=-1)


def _wide(x: Array) -> Any:
    """What the state and the pointwise part are computed in."""
    return jnp.promote_types(x.dtype, jnp.float32)


def _product(a: Array, weight: Array) -> Array:
    return jnp.dot(a, weight, preferred_element_type=jnp.promote_types(a.dtype, jnp.float32))


def _load(ref: Any) -> Tiles:
    """The blocks of a constant."""
    return [ref[block] for block in range(ref.shape[0])]


def _load_blocks(ref: Any, dtype: Any, *t: Any) -> Tiles:
    """The tiles of an array, at time t if it has a time."""
    return [ref[(*t, slice(None), k, slice(None))].astype(dtype) for k in range(ref.shape[-2])]


def _store_blocks(ref: Any, tiles: Tiles, *t: Any) -> None:
    for k, tile in enumerate(tiles):
        ref[(*t, slice(None), k, slice(None))] = tile.astype(ref.dtype)
