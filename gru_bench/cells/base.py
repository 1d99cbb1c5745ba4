"""The recurrent cells: each equation once.

A cell splits one time step in two. `project` computes what depends on the input alone, so that it
can be done for all steps at once; `step` does the rest: first the gates and the candidate, then
what they make of the state. A step takes its products with the recurrent weights through
`dot(i, a)`, which is `a @ W + b` with the i-th of `recurrent_maps`: whoever runs the step decides
how they are computed and differentiated (see recurrence.py).

Notation inside equations: x projected input, h hidden state, c memory cell, r reset gate, z update
gate, n candidate, i f g o the LSTM's gates.
"""

from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jax.nn import sigmoid
from jaxtyping import Array, Float, Key

State = tuple[Float[Array, "batch hidden"], ...]
Dot = Callable[[int, Float[Array, "batch hidden"]], Float[Array, "batch columns"]]
Gates = dict[str, Float[Array, "*time batch hidden"]]  # by letter, in the order of the blocks
AffineMap = tuple[Float[Array, "_ _"], Float[Array, " _"] | None]  # weight and bias


def orthogonal_blocks(
    key: Key[Array, ""], hidden_size: int, blocks: int
) -> Float[Array, "hidden columns"]:
    """`blocks` square orthogonal matrices side by side, each drawn on its own.

    One orthogonal matrix for the fused shape would shrink every block, by 1/sqrt(blocks) in norm:
    an advantage for the cell with fewer gates.
    """
    orthogonal = jax.nn.initializers.orthogonal()
    keys = jax.random.split(key, blocks)
    drawn = jax.lax.map(lambda key: orthogonal(key, (hidden_size, hidden_size)), keys)
    return jnp.concatenate(list(drawn), axis=1)


def chrono_bias(key: Key[Array, ""], hidden_size: int, longest: int) -> Float[Array, " hidden"]:
    """Biases log U(1, longest - 1) for a gate that keeps its state: lags up to `longest` are held.

    Source: Tallec and Ollivier, "Can recurrent neural networks warp time?", 2018.
    """
    return jnp.log(jax.random.uniform(key, (hidden_size,), minval=1.0, maxval=longest - 1.0))


class Cell(nnx.Module):
    """What the cells have in common: their parameters.

    A cell states `products` and defines `gates` and `next_state`; the rest has defaults. Its arrays
    are to be `nnx.Param`s, and its state arrays of `[batch, hidden]`.

    Attributes:
        weight_ih: input weights `[input, maps * hidden]`, one block of columns for each affine map.
        bias: `[maps * hidden]`.
        weights_hh: recurrent weights `[hidden, blocks * hidden]`, one matrix for each product.
    """

    products: ClassVar[tuple[int, ...]]  # blocks in each recurrent product of a step
    state_arrays: ClassVar[int] = 1  # arrays in the state, the cell's output first
    input_is_added: ClassVar[bool] = True  # x serves only to be added to the recurrent products
    pointwise: ClassVar[int] = 0  # operations a unit besides affine maps; for cells not built in

    def __init__(self, input_size: int, hidden_size: int, *, rngs: nnx.Rngs) -> None:
        columns = sum(self.products) * hidden_size
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

    def set_bias(self, block: int, value: Float[Array, " hidden"] | float) -> None:
        """Sets the bias of one affine map."""
        start = block * self.hidden_size
        self.bias[...] = self.bias[...].at[start : start + self.hidden_size].set(value)

    def remember(self, keep: Float[Array, " hidden"]) -> None:
        """Sets the gates so that a share sigmoid(keep) of the state is kept at a zero input.

        A cell without such a gate is left as it is.
        """

    def zero_state(self, batch_size: int, dtype: jax.typing.DTypeLike) -> State:
        """The state before the first step."""
        zeros = jnp.zeros((batch_size, self.hidden_size), dtype)
        return (zeros,) * self.state_arrays

    def input_map(self) -> AffineMap:
        """Weights and bias of what depends on the input alone."""
        return self.weight_ih[...], self.bias[...]

    def project(self, x: Float[Array, "*steps input"]) -> Float[Array, "*steps columns"]:
        """The part of a step's affine maps that depends on the input alone."""
        weight, bias = self.input_map()
        product = x @ weight.astype(x.dtype)
        return product if bias is None else product + bias.astype(x.dtype)

    def recurrent_maps(self) -> tuple[AffineMap, ...]:
        """Weights and bias of each recurrent product."""
        return tuple((weight[...], None) for weight in self.weights_hh)

    @classmethod
    def step(cls, state: State, x: Float[Array, "batch columns"], dot: Dot) -> State:
        """One time step: from the state and the projected input to the next state."""
        return cls.next_state(state, cls.gates(state, x, dot))

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        """The gates and the candidate of one time step."""
        raise TypeError("a cell defines its own gates")

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        """What the gates make of the state."""
        raise TypeError("a cell defines its own next state")

    @staticmethod
    def openness(gates: Gates) -> Gates:
        """The gates by what they do, whatever the cell's convention; none for one without gates.

        `kept` is the share of the old state that is kept, `reset` the share that the candidate
        sees, `input` and `output` the shares that enter and leave the memory of an LSTM.
        """
        return {}


class GRU(Cell):
    """The textbook GRU: reset before the product; z near 1 takes the candidate.

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014; in this
    form Chung et al., "Empirical evaluation of gated recurrent neural networks", 2014.
    """

    products = (2, 1)

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        (h,) = state
        x_z, x_r, x_n = jnp.split(x, 3, axis=-1)
        h_z, h_r = jnp.split(dot(0, h), 2, axis=-1)
        z = sigmoid(x_z + h_z)
        r = sigmoid(x_r + h_r)
        n = jnp.tanh(x_n + dot(1, r * h))
        return {"z": z, "r": r, "n": n}

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        (h,) = state
        z, n = gates["z"], gates["n"]
        return ((1 - z) * h + z * n,)

    @staticmethod
    def openness(gates: Gates) -> Gates:
        return {"kept": 1 - gates["z"], "reset": gates["r"]}

    def remember(self, keep: Float[Array, " hidden"]) -> None:
        self.set_bias(0, -keep)


class GRUResetAfter(Cell):
    """The GRU of cuDNN, PyTorch and Keras: reset after the product; z near 1 keeps the state."""

    products = (3,)
    input_is_added = False

    def __init__(self, input_size: int, hidden_size: int, *, rngs: nnx.Rngs) -> None:
        super().__init__(input_size, hidden_size, rngs=rngs)
        self.bias_hn = nnx.Param(jnp.zeros(hidden_size))

    def recurrent_maps(self) -> tuple[AffineMap, ...]:
        bias = jnp.pad(self.bias_hn[...], (2 * self.hidden_size, 0))
        return ((self.weights_hh[0][...], bias),)

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        (h,) = state
        x_r, x_z, x_n = jnp.split(x, 3, axis=-1)
        h_r, h_z, h_n = jnp.split(dot(0, h), 3, axis=-1)
        r = sigmoid(x_r + h_r)
        z = sigmoid(x_z + h_z)
        n = jnp.tanh(x_n + r * h_n)
        return {"r": r, "z": z, "n": n}

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        (h,) = state
        z, n = gates["z"], gates["n"]
        return ((1 - z) * n + z * h,)

    @staticmethod
    def openness(gates: Gates) -> Gates:
        return {"kept": gates["z"], "reset": gates["r"]}

    def remember(self, keep: Float[Array, " hidden"]) -> None:
        self.set_bias(1, keep)


class LSTM(Cell):
    """Long short-term memory with a forget gate and without peepholes.

    Source: Hochreiter and Schmidhuber 1997; the forget gate Gers et al. 2000; its bias of 1
    Jozefowicz et al. 2015.
    """

    products = (4,)
    state_arrays = 2

    def __init__(
        self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0, rngs: nnx.Rngs
    ) -> None:
        super().__init__(input_size, hidden_size, rngs=rngs)
        self.set_bias(1, forget_bias)

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        h, _ = state
        i, f, g, o = jnp.split(x + dot(0, h), 4, axis=-1)
        return {"i": sigmoid(i), "f": sigmoid(f), "g": jnp.tanh(g), "o": sigmoid(o)}

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        _, c = state
        c = gates["f"] * c + gates["i"] * gates["g"]
        h = gates["o"] * jnp.tanh(c)
        return h, c

    @staticmethod
    def openness(gates: Gates) -> Gates:
        return {"kept": gates["f"], "input": gates["i"], "output": gates["o"]}

    def remember(self, keep: Float[Array, " hidden"]) -> None:
        self.set_bias(1, keep)
        self.set_bias(0, -keep)


class RNN(Cell):
    """The plain (Elman) recurrent network with tanh."""

    products = (1,)

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        (h,) = state
        return {"n": jnp.tanh(x + dot(0, h))}

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        return (gates["n"],)
