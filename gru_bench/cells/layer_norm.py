"""Cells with layer normalisation of what goes into their gates.

With LN(a) = g ∘ (a - mean(a)) / sqrt(variance(a) + 1e-5), over the numbers of one sequence and step
and with a gain g of its own for each product, every gate reads

    LN(W x) + LN(U h) + b    in the place of    W x + U h + b

and one that does not read the state LN(W x) + b. The products of gates that are read together are
normalised together, a GRU's candidate apart from its gates; an LSTM puts out its memory through a
further normalisation with gain and bias, h = o ∘ tanh(LN(c) + b_c). A bias for each LN of a product
would merely be added to b, which stands for them; the reset-after GRU keeps the one inside its
reset product.

Source: Ba, Kiros and Hinton, "Layer normalization", 2016, equations 20 to 25 of the supplement.
"""

from collections.abc import Callable
from functools import cache
from itertools import accumulate

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from gru_bench.cells.base import Cell, Dot, Gates, State
from gru_bench.cells.builtin import GRUNoReset, GRUResetAfter

EPSILON = 1e-5  # added to the variance, as PyTorch and Flax have it

# Blocks of each product that are normalised together, where they are not those of the product.
GROUPS: dict[type[Cell], tuple[tuple[int, ...], ...]] = {
    GRUResetAfter: ((2, 1),),
    GRUNoReset: ((1, 1),),
}


def normalised(
    a: Float[Array, "*steps columns"], sizes: tuple[int, ...], gain: Float[Array, " columns"]
) -> Float[Array, "*steps columns"]:
    """Returns groups of columns of mean 0 and variance 1 in each row, times their gains.

    Args:
        a: The numbers, which are normalised in float32 at least.
        sizes: The columns of each group, in their order.
        gain: What each column is multiplied by.
    """
    exact = a.astype(jnp.promote_types(a.dtype, jnp.float32))
    groups = []
    for group in jnp.split(exact, list(accumulate(sizes))[:-1], axis=-1):
        centred = group - group.mean(-1, keepdims=True)
        variance = jnp.square(centred).mean(-1, keepdims=True)
        groups.append(centred * jax.lax.rsqrt(variance + EPSILON))
    whole = jnp.concatenate(groups, axis=-1).astype(a.dtype)
    return whole * jnp.broadcast_to(gain.astype(a.dtype), whole.shape)


class LayerNormalised(Cell):
    """What a cell with layer normalisation has besides the cell; see `layer_normalised`.

    Attributes:
        groups: For each product, the blocks of columns that are normalised together.
        output: What the cell makes of its gates and its memory, if it has one.
        gain_ih: The gains of the products with the input.
        gains_hh: The gains of each product with the state.
        gain_c: The gain of the memory; None for a cell without one.
        bias_c: Its bias, likewise.
    """

    groups: tuple[tuple[int, ...], ...]
    output: Callable[[Gates, Float[Array, "batch hidden"]], Float[Array, "batch hidden"]]

    def __init__(self, input_size: int, hidden_size: int, *, rngs: nnx.Rngs) -> None:
        super().__init__(input_size, hidden_size, rngs=rngs)
        self.gain_ih = nnx.Param(jnp.ones(self.input_blocks() * hidden_size))
        self.gains_hh = nnx.List(
            [nnx.Param(jnp.ones(blocks * hidden_size)) for blocks in self.products]
        )
        if self.state_arrays == 2:
            self.gain_c = nnx.Param(jnp.ones(hidden_size))
            self.bias_c = nnx.Param(jnp.zeros(hidden_size))

    def project(self, x: Float[Array, "*steps input"]) -> Float[Array, "*steps columns"]:
        """Returns the normalised products with the input, and the biases."""
        weight, bias = self.input_map()
        groups = [size for product in self._sizes() for size in product]
        if self.input_only:
            groups.append(self.input_only * self.hidden_size)
        product = normalised(x @ weight.astype(x.dtype), tuple(groups), self.gain_ih[...])
        assert bias is not None
        return product + jnp.broadcast_to(bias.astype(x.dtype), product.shape)

    def normalised_product(
        self, i: int, product: Float[Array, "batch columns"]
    ) -> Float[Array, "batch columns"]:
        """Returns a product with the state as the gates take it."""
        return normalised(product, self._sizes()[i], self.gains_hh[i][...])

    def step(self, state: State, x: Float[Array, "batch columns"], dot: Dot) -> State:  # type: ignore[override]
        """Makes one time step."""
        return self.next_state(state, self.gates(state, x, dot))

    def next_state(self, state: State, gates: Gates) -> State:  # type: ignore[override]
        """Returns the next state, whose output is that of a normalised memory if it has one."""
        after = super().next_state(state, gates)
        if self.state_arrays == 1:
            return after
        _, c = after
        memory = normalised(c, (self.hidden_size,), self.gain_c[...])
        return self.output(gates, memory + self.bias_c[...].astype(c.dtype)[None]), c

    def _sizes(self) -> list[tuple[int, ...]]:
        """Returns the columns of each group of each product."""
        return [tuple(blocks * self.hidden_size for blocks in groups) for groups in self.groups]


@cache
def layer_normalised(cell: type[Cell]) -> type[Cell]:
    """Returns a built-in cell with layer normalisation."""
    groups = GROUPS.get(cell, tuple((blocks,) for blocks in cell.products))
    bases = (LayerNormalised, cell)
    return type(f"LayerNormalised{cell.__name__}", bases, {"groups": groups})
