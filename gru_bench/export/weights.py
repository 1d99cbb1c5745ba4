"""The weights of a cell by gate, from which the forms of other runtimes are put together."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gru_bench.cells.base import Cell
from gru_bench.cells.builtin import GRU, LSTM, RNN, GRUResetAfter
from gru_bench.model.attention import Attention
from gru_bench.model.layers import Bidirectional
from gru_bench.model.model import Model

# Letters of the gates in the order of a cell's blocks of columns.
GATES: dict[type[Cell], str] = {GRU: "zrn", GRUResetAfter: "rzn", LSTM: "ifgo", RNN: "n"}


class NoSuchForm(ValueError):  # noqa: N818
    """A runtime has no form of a cell."""


class GateWeights(NamedTuple):
    """The affine maps that make up one gate before its nonlinearity.

    Attributes:
        input: Weights of the input.
        recurrent: Weights of the state.
        bias: What is added to the product with the input.
        recurrent_bias: What is added to the product with the state.
    """

    input: Float[np.ndarray, "input hidden"]
    recurrent: Float[np.ndarray, "hidden hidden"]
    bias: Float[np.ndarray, " hidden"]
    recurrent_bias: Float[np.ndarray, " hidden"]

    def negated(self) -> "GateWeights":
        """Returns the maps of the opposite gate: sigmoid(-a) is 1 - sigmoid(a)."""
        return GateWeights(*(-array for array in self))


def recurrent_layers(model: Model) -> list[Cell | Bidirectional]:
    """Returns the layers of a model of recurrent cells.

    Raises:
        NoSuchForm: Its layers are attention.
    """
    layers = [layer for layer in model.layers if not isinstance(layer, Attention)]
    if len(layers) < len(model.layers):
        raise NoSuchForm("attention has no form in other runtimes")
    return layers


def gate_weights(cell: Cell) -> dict[str, GateWeights]:
    """Returns the weights of a built-in cell by the letter of the gate, in the cell's own order.

    Raises:
        NoSuchForm: The cell is none of the built-in ones that other runtimes have, too.
    """
    if type(cell) not in GATES:
        known = ", ".join(kind.__name__ for kind in GATES)
        raise NoSuchForm(
            f"{type(cell).__name__} has no form in other runtimes; these have: {known}"
        )
    gates = GATES[type(cell)]
    weight, bias = (np.asarray(array) for array in (cell.weight_ih[...], cell.bias[...]))
    recurrent = np.concatenate([np.asarray(each[...]) for each in cell.weights_hh], axis=1)
    blocks = [np.split(array, len(gates), axis=-1) for array in (weight, recurrent, bias)]
    zero = np.zeros(cell.hidden_size, weight.dtype)
    found = {gate: GateWeights(w, u, b, zero) for gate, w, u, b in zip(gates, *blocks, strict=True)}
    if isinstance(cell, GRUResetAfter):
        found["n"] = found["n"]._replace(recurrent_bias=np.asarray(cell.bias_hn[...]))
    return found
