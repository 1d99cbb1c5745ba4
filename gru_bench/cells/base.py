"""What all recurrent cells have in common; a cell states its equations once, as one time step.

A cell splits one time step in two. `project` computes what depends on the input alone, so that it
can be done for all steps at once; `step` does the rest: first the gates and the candidate, then
what they make of the state. A step takes its products with the recurrent weights through
`dot(i, a)`, which is `a @ W + b` with the i-th of `recurrent_maps`: the code that runs the step
decides how they are computed and differentiated (see the package recurrence).

Notation inside equations: x projected input, h hidden state, c memory cell, r reset gate, z update
gate, n candidate, i f g o the LSTM's gates.
"""

import math
from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key

State = tuple[Float[Array, "batch hidden"], ...]
Dot = Callable[[int, Float[Array, "batch hidden"]], Float[Array, "batch columns"]]
Gates = dict[str, Float[Array, "*time batch hidden"]]  # by letter, in the order of blocks
AffineMap = tuple[Float[Array, "_ _"], Float[Array, " _"] | None]  # weight and bias


def orthogonal_blocks(
    key: Key[Array, ""], hidden_size: int, blocks: int
) -> Float[Array, "hidden columns"]:
    """Returns square orthogonal matrices side by side, as many as `blocks`, each drawn on its own.

    One orthogonal matrix for the fused shape would shrink every block, by 1/sqrt(blocks) in norm:
    an advantage for the cell with fewer gates.
    """
    orthogonal = jax.nn.initializers.orthogonal()
    keys = jax.random.split(key, blocks)
    drawn = jax.lax.map(lambda key: orthogonal(key, (hidden_size, hidden_size)), keys)
    return jnp.concatenate(list(drawn), axis=1)


def keeping_bias(share: float) -> float:
    """Returns the bias at which a sigmoid gate is open by a share s: ln(s / (1 - s))."""
    return math.log(share) - math.log1p(-share)


def chrono_bias(key: Key[Array, ""], hidden_size: int, longest: int) -> Float[Array, " hidden"]:
    """Returns biases log U(1, longest - 1) of a gate that keeps the state: for lags to `longest`.

    Source: Tallec and Ollivier, "Can recurrent neural networks warp time?", 2018.
    """
    return jnp.log(jax.random.uniform(key, (hidden_size,), minval=1.0, maxval=longest - 1.0))


class Cell(nnx.Module):
    """The base class of cells: parameters, and the parts of a time step.

    A cell states `products` and defines `gates` and `next_state`; the rest has defaults. Its arrays
    must be `nnx.Param`s, and the arrays of its state `[batch, hidden]`.

    Attributes:
        products: The number of blocks of `hidden` columns in each recurrent product of a step; none
            for a cell whose gates do not read the state.
        input_only: The number of blocks of the projected input that belong to no product, after
            those that do.
        state_arrays: The number of arrays in the state, of which the first is the cell's output.
        input_is_added: Whether the projected input is merely added to the recurrent products,
            column by column.
        pointwise: Operations per unit besides the affine maps, stated by cells that users write.
        weight_ih: Input weights `[input, maps * hidden]`, one block of columns for each affine map.
        bias: The biases of the affine maps, `[maps * hidden]`.
        weights_hh: Recurrent weights `[hidden, blocks * hidden]`, one matrix for each product.
    """

    products: ClassVar[tuple[int, ...]]
    input_only: ClassVar[int] = 0
    state_arrays: ClassVar[int] = 1
    input_is_added: ClassVar[bool] = True
    pointwise: ClassVar[int] = 0

    def __init__(self, input_size: int, hidden_size: int, *, rngs: nnx.Rngs) -> None:
        columns = self.input_blocks() * hidden_size
        input_init = jax.nn.initializers.lecun_normal()
        self.hidden_size = hidden_size
        self.weight_ih = nnx.Param(input_init(rngs.params(), (input_size, columns)))
        self.bias = nnx.Param(jnp.zeros(columns))
        self.weights_hh = nnx.List(
            [
                nnx.Param(orthogonal_blocks(rngs.params(), hidden_size, blocks))
                for blocks in self.products
            ]
        )

    @classmethod
    def input_blocks(cls) -> int:
        """Returns the number of blocks of `hidden` columns in the projected input."""
        return sum(cls.products) + cls.input_only

    def set_bias(self, block: int, value: Float[Array, " hidden"] | float) -> None:
        """Sets the bias of one affine map."""
        start = block * self.hidden_size
        self.bias[...] = self.bias[...].at[start : start + self.hidden_size].set(value)

    def remember(self, keep: Float[Array, " hidden"]) -> None:
        """Sets the gates so that a share sigmoid(keep) of the state is kept at a zero input.

        What the gates let in is set, too, where that is a gate of its own. A cell without a gate
        that keeps its state is left as it is.
        """

    def start_keeping(self, keep: Float[Array, " hidden"]) -> None:
        """Sets the biases that decide which share of the state is kept, and no others.

        At a zero input and state, before training, the share sigmoid(keep) of the state is kept.
        A cell without such a gate is left as it is.
        """
        self.remember(keep)

    def start_as_identity(self) -> None:
        """Sets the weights so that the state is kept and its gradient lives: of a plain RNN alone.

        Any other cell is left as it is.
        """

    def zero_state(self, batch_size: int, dtype: jax.typing.DTypeLike) -> State:
        """Returns the state before the first step: zeros."""
        zeros = jnp.zeros((batch_size, self.hidden_size), dtype)
        return (zeros,) * self.state_arrays

    def input_map(self) -> AffineMap:
        """Returns weights and bias of what depends on the input alone."""
        return self.weight_ih[...], self.bias[...]

    def project(self, x: Float[Array, "*steps input"]) -> Float[Array, "*steps columns"]:
        """Returns the part of a step's affine maps that depends on the input alone."""
        weight, bias = self.input_map()
        product = x @ weight.astype(x.dtype)
        if bias is None:
            return product
        return product + jnp.broadcast_to(bias.astype(x.dtype), product.shape)

    def recurrent_maps(self) -> tuple[AffineMap, ...]:
        """Returns weights and bias of each recurrent product."""
        return tuple((weight[...], None) for weight in self.weights_hh)

    def normalised_product(
        self, i: int, product: Float[Array, "batch columns"]
    ) -> Float[Array, "batch columns"]:
        """Returns the i-th recurrent product as its bias is added to it: here as it is."""
        return product

    @classmethod
    def step(cls, state: State, x: Float[Array, "batch columns"], dot: Dot) -> State:
        """Makes one time step: from the state and the projected input to the next state."""
        return cls.next_state(state, cls.gates(state, x, dot))

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        """Returns the gates and the candidate of one time step, by their letters."""
        raise TypeError("a cell defines its own gates")

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        """Returns what the gates and the candidate make of the state."""
        raise TypeError("a cell defines its own next state")

    @staticmethod
    def openness(gates: Gates) -> Gates:
        """Returns the gates by what they do, whatever the cell's convention for their letters.

        `kept` is the share of the old state that is kept, `reset` the share that the candidate
        sees, `input` and `output` the shares that enter and leave the memory of an LSTM.
        """
        return {}
