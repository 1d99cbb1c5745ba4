"""Cells that are linear in their state, whose gates read the input alone: the minimal GRU and LSTM.

They stand outside the comparison of GRU, LSTM and plain RNN, as references for what a gate that
reads no state can do, and at what cost.
"""

import jax.numpy as jnp
from jax.nn import sigmoid
from jaxtyping import Array, Float

from gru_bench.cells.base import Cell, Dot, Gates, State

# The least sum of a minimal LSTM's gates: the square of a smaller one, by which the gradient of
# their quotient divides, would be zero in float32.
BOTH_SHUT = 1e-18

Coefficients = tuple[Float[Array, "*steps batch hidden"], Float[Array, "*steps batch hidden"]]


class LinearCell(Cell):
    """The base class of cells whose next state is h' = a * h + b, with a and b of the input alone.

    All a and b of a sequence are known before its first step, so that it can be computed in
    parallel over time (recurrence/parallel.py). Such a cell states `input_only` and defines
    `input_gates` and `coefficients`, from which its gates and its next state follow.
    """

    products = ()
    input_is_added = False

    @staticmethod
    def input_gates(x: Float[Array, "*steps batch columns"]) -> Gates:
        """Returns the gates and the candidate, by their letters, of any number of steps."""
        raise TypeError("a linear cell defines its own gates")

    @staticmethod
    def coefficients(gates: Gates) -> Coefficients:
        """Returns a and b of h' = a * h + b, of as many steps as the gates."""
        raise TypeError("a linear cell defines its own coefficients")

    @classmethod
    def gates(cls, state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        return cls.input_gates(x)

    @classmethod
    def next_state(cls, state: State, gates: Gates) -> State:
        (h,) = state
        a, b = cls.coefficients(gates)
        return (a * h + b,)


class MinGRU(LinearCell):
    """The minimal GRU: an update gate and a candidate that read the input alone.

    This is the plain form, whose candidate may have any sign, not the one in logarithms.

    Source: Feng et al., "Were RNNs all we needed?", 2024.
    """

    input_only = 2

    @staticmethod
    def input_gates(x: Float[Array, "*steps batch columns"]) -> Gates:
        z, n = jnp.split(x, 2, axis=-1)
        return {"z": sigmoid(z), "n": n}

    @staticmethod
    def coefficients(gates: Gates) -> Coefficients:
        z, n = gates["z"], gates["n"]
        return 1 - z, z * n

    @staticmethod
    def openness(gates: Gates) -> Gates:
        return {"kept": 1 - gates["z"]}

    def remember(self, keep: Float[Array, " hidden"]) -> None:
        self.set_bias(0, -keep)


class MinLSTM(LinearCell):
    """The minimal LSTM: forget and input gate read the input alone, and their shares sum to 1.

    Its state is one array, which is put out as it is. Of the gates f and i as they are computed,
    the share f / (f + i) of the state is kept, and is the f that is given here. This is the plain
    form, whose candidate may have any sign.

    Source: Feng et al., "Were RNNs all we needed?", 2024.
    """

    input_only = 3

    @staticmethod
    def input_gates(x: Float[Array, "*steps batch columns"]) -> Gates:
        f, i, n = jnp.split(x, 3, axis=-1)
        f, i = sigmoid(f), sigmoid(i)
        return {"f": f / jnp.maximum(f + i, BOTH_SHUT), "n": n}

    @staticmethod
    def coefficients(gates: Gates) -> Coefficients:
        f, n = gates["f"], gates["n"]
        return f, (1 - f) * n

    @staticmethod
    def openness(gates: Gates) -> Gates:
        return {"kept": gates["f"], "input": 1 - gates["f"]}

    def remember(self, keep: Float[Array, " hidden"]) -> None:
        self.set_bias(0, keep)
        self.set_bias(1, -keep)
