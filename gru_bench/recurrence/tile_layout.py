"""The layout of a sequence's arrays for the fused kernels: cut into tiles, and padded.

An array `[..., batch, k * hidden]` becomes `[..., rows, k, units]`: its k blocks apart, the batch
padded to a multiple of `ROWS`, the hidden size to a power of two.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jaxtyping import Array

from gru_bench.recurrence.tiles import Tiles

ROWS = 16  # sequences of one instance of a kernel: the fewest that tensor cores multiply
MIN_UNITS = 16  # the fewest columns that they multiply


def padded(units: int) -> int:
    """Returns the power of two that a tile has as its columns."""
    return max(MIN_UNITS, 1 << (units - 1).bit_length())


@dataclass(frozen=True)
class TileLayout:
    """The layout of one layer's arrays.

    Attributes:
        batch: Sequences in the batch.
        hidden_size: Units of the layer.
    """

    batch: int
    hidden_size: int

    @property
    def rows(self) -> int:
        """The padded batch."""
        return -(-self.batch // ROWS) * ROWS

    @property
    def units(self) -> int:
        """The padded hidden size."""
        return padded(self.hidden_size)

    def cut(self, array: Array) -> Array:
        """Returns an array `[..., batch, k * hidden]` as `[..., rows, k, units]`."""
        blocks = array.reshape(*array.shape[:-1], -1, self.hidden_size)
        batch = (0, self.rows - self.batch)
        return jnp.pad(blocks, [*[(0, 0)] * (array.ndim - 2), batch, (0, 0), self._padding])

    def join(self, blocks: Array) -> Array:
        """Returns the array of which `cut` has made the blocks."""
        real = blocks[..., : self.batch, :, : self.hidden_size]
        return real.reshape(*real.shape[:-2], -1)

    def cut_weight(self, weight: Array) -> Array:
        """Returns a weight `[hidden, k * hidden]` as `[k, units, units]`."""
        blocks = weight.reshape(self.hidden_size, -1, self.hidden_size).swapaxes(0, 1)
        return jnp.pad(blocks, [(0, 0), self._padding, self._padding])

    def cut_bias(self, bias: Array) -> Array:
        """Returns a bias `[k * hidden]` as `[k, 1, units]`."""
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
        """Returns the shapes of cut arrays, each given as `(k,)` or `(time, k)`."""
        return [
            jax.ShapeDtypeStruct((*time, self.rows, k, self.units), dtype) for *time, k in sizes
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
        """Calls a kernel, with an instance for each `ROWS` sequences.

        Args:
            kernel: The kernel, called with references to the constants, the arrays and the results.
            results: The shapes of the results, as `shapes` gives them.
            interpret: Whether Pallas interprets the kernel.
            stages: Steps that Triton has in work at once.
            constants: Weights and biases, which every instance reads whole.
            arrays: Cut arrays, of which an instance reads its rows.

        Returns:
            The results, cut.
        """

        def whole(array: Any) -> pl.BlockSpec:
            return pl.BlockSpec(array.shape, lambda instance: (0,) * array.ndim)

        def of_rows(array: Any) -> pl.BlockSpec:
            *time, _, k, units = array.shape
            return pl.BlockSpec(
                (*time, ROWS, k, units), lambda instance: (*[0] * len(time), instance, 0, 0)
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


def load_constant(ref: Any) -> Tiles:
    """Returns the blocks of a weight or bias."""
    return [ref[block] for block in range(ref.shape[0])]


def load(ref: Any, dtype: Any, *t: Any) -> Tiles:
    """Returns the tiles of an array, at time t if it has a time."""
    return [ref[(*t, slice(None), k, slice(None))].astype(dtype) for k in range(ref.shape[-2])]


def store(ref: Any, tiles: Tiles, *t: Any) -> None:
    """Writes the tiles of an array, at time t if it has a time."""
    for k, tile in enumerate(tiles):
        ref[(*t, slice(None), k, slice(None))] = tile.astype(ref.dtype)
