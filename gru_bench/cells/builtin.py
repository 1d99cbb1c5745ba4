"""The built-in cells: two GRUs, the LSTM, the plain RNN, and variants that lack a gate.

The variants are for ablation: a comparison of a cell with its variant shows what the gate is for.
`CELLS` names all cells, with the minimal ones of linear.py.
"""

from typing import ClassVar

import jax.numpy as jnp
from flax import nnx
from jax.nn import sigmoid
from jaxtyping import Array, Float

from gru_bench.cells.base import AffineMap, Cell, Dot, Gates, State
from gru_bench.cells.linear import MinGRU, MinLSTM

FORGET_BIAS = 1.0  # bias of an LSTM's forget gate at the start


class GRU(Cell):
    """The textbook GRU: reset before the product; z near 1 takes the candidate.

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014; in this
    form Chung et al., "Empirical evaluation of gated recurrent neural networks", 2014.
    """

    products: ClassVar[tuple[int, ...]] = (2, 1)

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

    def __init__(self, input_size: int, hidden_size: int, *, rngs: nnx.Rngs) -> None:
        super().__init__(input_size, hidden_size, rngs=rngs)
        self.start_keeping(jnp.full(hidden_size, FORGET_BIAS))

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        h, _ = state
        i, f, g, o = jnp.split(x + dot(0, h), 4, axis=-1)
        return {"i": sigmoid(i), "f": sigmoid(f), "g": jnp.tanh(g), "o": sigmoid(o)}

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        _, c = state
        c = gates["f"] * c + gates["i"] * gates["g"]
        return LSTM.output(gates, c), c

    @staticmethod
    def output(gates: Gates, c: Float[Array, "batch hidden"]) -> Float[Array, "batch hidden"]:
        """Returns the output that the gates make of the memory."""
        return gates["o"] * jnp.tanh(c)

    @staticmethod
    def openness(gates: Gates) -> Gates:
        return {"kept": gates["f"], "input": gates["i"], "output": gates["o"]}

    def remember(self, keep: Float[Array, " hidden"]) -> None:
        self.start_keeping(keep)
        self.set_bias(0, -keep)

    def start_keeping(self, keep: Float[Array, " hidden"]) -> None:
        self.set_bias(1, keep)


class RNN(Cell):
    """The plain (Elman) recurrent network with tanh."""

    products = (1,)

    def start_as_identity(self) -> None:
        """Sets the recurrent weights to the identity, and the input weights to a hundredth.

        The state then stays where tanh is straight, and gradients pass as they are. Source: Le,
        Jaitly and Hinton, "A simple way to initialize recurrent networks of rectified linear
        units", 2015, here of tanh.
        """
        (recurrent,) = self.weights_hh
        recurrent[...] = jnp.eye(self.hidden_size, dtype=recurrent[...].dtype)
        self.weight_ih[...] = self.weight_ih[...] / 100

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        (h,) = state
        return {"n": jnp.tanh(x + dot(0, h))}

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        return (gates["n"],)


class LSTMNoOutput(LSTM):
    """The LSTM without its output gate: all of the memory is put out, h = tanh c.

    Source: the variant "NOG" of Greff et al., "LSTM: a search space odyssey", 2017.
    """

    products = (3,)

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        h, _ = state
        i, f, g = jnp.split(x + dot(0, h), 3, axis=-1)
        return {"i": sigmoid(i), "f": sigmoid(f), "g": jnp.tanh(g)}

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        _, c = state
        c = gates["f"] * c + gates["i"] * gates["g"]
        return LSTMNoOutput.output(gates, c), c

    @staticmethod
    def output(gates: Gates, c: Float[Array, "batch hidden"]) -> Float[Array, "batch hidden"]:
        return jnp.tanh(c)

    @staticmethod
    def openness(gates: Gates) -> Gates:
        return {"kept": gates["f"], "input": gates["i"]}


class LSTMCoupled(LSTM):
    """The LSTM with coupled gates: what is forgotten is replaced, i = 1 - f.

    Source: the variant "CIFG" of Greff et al., "LSTM: a search space odyssey", 2017.
    """

    products = (3,)

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        h, _ = state
        f, g, o = jnp.split(x + dot(0, h), 3, axis=-1)
        return {"f": sigmoid(f), "g": jnp.tanh(g), "o": sigmoid(o)}

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        _, c = state
        c = gates["f"] * c + (1 - gates["f"]) * gates["g"]
        return LSTM.output(gates, c), c

    @staticmethod
    def openness(gates: Gates) -> Gates:
        return {"kept": gates["f"], "input": 1 - gates["f"], "output": gates["o"]}

    def remember(self, keep: Float[Array, " hidden"]) -> None:
        self.start_keeping(keep)

    def start_keeping(self, keep: Float[Array, " hidden"]) -> None:
        self.set_bias(0, keep)


class GRUNoReset(GRU):
    """The textbook GRU without its reset gate: the candidate sees the whole state."""

    products = (2,)

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        (h,) = state
        z, n = jnp.split(x + dot(0, h), 2, axis=-1)
        return {"z": sigmoid(z), "n": jnp.tanh(n)}

    @staticmethod
    def openness(gates: Gates) -> Gates:
        return {"kept": 1 - gates["z"]}


class GRUNoUpdate(Cell):
    """The textbook GRU without its update gate: the new state is the candidate alone, h = n."""

    products = (1, 1)

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        (h,) = state
        x_r, x_n = jnp.split(x, 2, axis=-1)
        r = sigmoid(x_r + dot(0, h))
        n = jnp.tanh(x_n + dot(1, r * h))
        return {"r": r, "n": n}

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        return (gates["n"],)

    @staticmethod
    def openness(gates: Gates) -> Gates:
        return {"reset": gates["r"]}


CELLS: dict[str, type[Cell]] = {
    "gru": GRU,
    "gru_reset_after": GRUResetAfter,
    "lstm": LSTM,
    "rnn": RNN,
    "gru_no_reset": GRUNoReset,
    "gru_no_update": GRUNoUpdate,
    "lstm_no_output": LSTMNoOutput,
    "lstm_coupled": LSTMCoupled,
    "mingru": MinGRU,
    "minlstm": MinLSTM,
}
