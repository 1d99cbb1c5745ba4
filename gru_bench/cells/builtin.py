"""The built-in cells: two GRUs, the LSTM and the plain RNN."""

import jax.numpy as jnp
from flax import nnx
from jax.nn import sigmoid
from jaxtyping import Array, Float

from gru_bench.cells.base import AffineMap, Cell, Dot, Gates, State


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


CELLS: dict[str, type[Cell]] = {
    "gru": GRU,
    "gru_reset_after": GRUResetAfter,
    "lstm": LSTM,
    "rnn": RNN,
}
