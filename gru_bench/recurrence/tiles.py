"""A cell's step, traced once and repeated tile by tile, for a kernel that holds no wider array.

A step works on arrays `[batch, k * hidden]`, its blocks side by side, and cuts them apart. Inside a
GPU kernel an array is best a tile whose sides are powers of two, which k blocks together rarely
are. So the step is traced into a jaxpr, and each operation is done for every `[batch, hidden]` tile
by itself. For that it must be pointwise but for its products, and cut and join whole blocks only.

No GPU has run a step made here yet: it is tested within kernels that Pallas interprets on a CPU.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Primitive, jaxpr_as_fun
from jaxtyping import Array

from gru_bench.cells.base import Cell

# An array [batch, k * hidden] as k tiles [batch, hidden]; or one scalar, of NumPy's if literal.
Tiles = list[Any]
TileDot = Callable[[int, Array], Tiles]

# Each entry of the result is made from the same entry of the operands.
POINTWISE = frozenset(
    """
    abs add add_any and atan2 cbrt ceil clamp convert_element_type copy cos cosh div eq erf erfc exp
    exp2 expm1 floor ge gt integer_pow is_finite le log log1p logistic lt max min mul ne neg not or
    pow rem round rsqrt select_n sign sin sinh sqrt square stop_gradient sub tan tanh xor
    """.split()  # noqa: SIM905
)


class NotPointwise(Exception):  # noqa: N818
    """A step cannot be done tile by tile; the message is a clause that says why."""


_product = Primitive("recurrent_product")


_product.def_abstract_eval(lambda a, *, i, columns: a.update(shape=(a.shape[0], columns)))


@dataclass(frozen=True)
class TiledStep:
    """The step of a cell for tiles of one shape.

    Attributes:
        jaxpr: The step, from the projected input and the state to the next state.
        rows: The rows of a tile.
        hidden_size: The columns of a tile.
    """

    jaxpr: ClosedJaxpr
    rows: int
    hidden_size: int

    def __call__(self, state: Tiles, x: Tiles, dot: TileDot) -> Tiles:
        """Returns the next state.

        Args:
            state: A tile for each array of the state.
            x: The tiles of the projected input.
            dot: Takes the number of a product and its left operand to the product's tiles.
        """
        arguments = [x, *([array] for array in state)]
        return [tile for (tile,) in self._evaluate(self.jaxpr, arguments, dot)]

    def _evaluate(self, closed: ClosedJaxpr, arguments: list[Tiles], dot: TileDot) -> list[Tiles]:
        jaxpr: Jaxpr = closed.jaxpr
        known: dict[Any, Tiles] = {}
        for variable, constant in zip(jaxpr.constvars, closed.consts, strict=True):
            if jnp.shape(constant):
                raise NotPointwise("it reads an array that is no parameter")
            known[variable] = [constant]
        known |= zip(jaxpr.invars, arguments, strict=True)

        def read(atom: Any) -> Tiles:
            return [atom.val] if isinstance(atom, Literal) else known[atom]

        for eqn in jaxpr.eqns:
            results = self._apply(jaxpr, eqn, [read(atom) for atom in eqn.invars], dot)
            known |= zip(eqn.outvars, results, strict=True)
        return [read(atom) for atom in jaxpr.outvars]

    def _apply(self, jaxpr: Jaxpr, eqn: Any, operands: list[Tiles], dot: TileDot) -> list[Tiles]:
        """Returns the results of one operation."""
        name, params = eqn.primitive.name, eqn.params
        if eqn.primitive is _product:
            return [dot(params["i"], *operands[0])]
        if name == "jit":
            return self._evaluate(params["jaxpr"], operands, dot)
        if name == "split" and params["axis"] == 1:
            ends = [self._blocks(int(size)) for size in params["sizes"]]
            tiles = iter(operands[0])
            return [[next(tiles) for _ in range(blocks)] for blocks in ends]
        if name == "slice" and params["strides"] is None and params["start_indices"][0] == 0:
            (_, start), (rows, end) = params["start_indices"], params["limit_indices"]
            if rows == self.rows:
                return [operands[0][self._blocks(start) : self._blocks(end)]]
        if name == "concatenate" and params["dimension"] == 1:
            return [[tile for tiles in operands for tile in tiles]]
        if name == "broadcast_in_dim" and not eqn.invars[0].aval.shape:
            tile = jnp.broadcast_to(operands[0][0], (self.rows, self.hidden_size))
            return [[tile] * self._count(eqn.outvars[0])]
        has_own_gradient = name == "custom_jvp_call"
        if name not in POINTWISE and not has_own_gradient:
            raise NotPointwise(f"its step does more than products and pointwise operations: {name}")
        count = self._count(eqn.outvars[0])
        if any(len(tiles) not in (1, count) for tiles in operands):
            raise NotPointwise("its step broadcasts an array")
        if has_own_gradient and count > 1:
            raise NotPointwise("it gives joined blocks to a function with a gradient of its own")
        if has_own_gradient:
            self._evaluate(params["call_jaxpr"], operands, dot)  # which may refuse it
            return [[tile] for tile in _bind(jaxpr, eqn, [tile for (tile,) in operands])]
        parts = [[tiles[tile % len(tiles)] for tiles in operands] for tile in range(count)]
        return [[eqn.primitive.bind(*part, **params) for part in parts]]

    def _count(self, variable: Any) -> int:
        shape = variable.aval.shape
        if shape and (len(shape) != 2 or shape[0] != self.rows):
            raise NotPointwise(f"its step makes an array that is not [batch, hidden]: {shape}")
        return self._blocks(shape[1]) if shape else 1

    def _blocks(self, columns: int) -> int:
        if columns % self.hidden_size:
            raise NotPointwise("its step cuts blocks apart")
        return columns // self.hidden_size


def tile_step(
    cell: type[Cell], x_blocks: int, rows: int, hidden_size: int, dtype: jax.typing.DTypeLike
) -> TiledStep:
    """Returns the step of a cell for tiles; its projected input has `x_blocks` of them."""

    def step(x: Array, *state: Array) -> tuple[Array, ...]:
        def dot(i: int, a: Array) -> Array:
            columns = cell.products[i] * hidden_size
            product: Array = _product.bind(a, i=i, columns=columns)
            return product

        return cell.step(state, x, dot)

    wide = jax.ShapeDtypeStruct((rows, x_blocks * hidden_size), dtype)
    tile = jax.ShapeDtypeStruct((rows, hidden_size), dtype)
    return TiledStep(jax.make_jaxpr(step)(wide, *[tile] * cell.state_arrays), rows, hidden_size)


def _bind(jaxpr: Jaxpr, eqn: Any, operands: list[Array]) -> list[Array]:
    """Returns the results of one operation of a jaxpr, whatever it calls."""
    alone = jaxpr.replace(
        constvars=[],
        invars=[atom for atom in eqn.invars if not isinstance(atom, Literal)],
        outvars=eqn.outvars,
        eqns=[eqn],
    )
    operands = [
        a for a, atom in zip(operands, eqn.invars, strict=True) if not isinstance(atom, Literal)
    ]
    results: list[Array] = jaxpr_as_fun(ClosedJaxpr(alone, []))(*operands)
    return results
