"""A cell as the recurrent layer of PyTorch that computes the same."""

from typing import TYPE_CHECKING

import numpy as np

from gru_bench.cells.base import Cell
from gru_bench.cells.builtin import LSTM, RNN, GRUResetAfter
from gru_bench.export.weights import NoSuchForm, gate_weights

if TYPE_CHECKING:
    import torch

# PyTorch's layers and the order of their gates. Its z near 1 keeps the state, as ours does in the
# reset-after GRU; it has no textbook GRU.
LAYERS: dict[type[Cell], tuple[str, str]] = {
    GRUResetAfter: ("GRU", "rzn"),
    LSTM: ("LSTM", "ifgo"),
    RNN: ("RNN", "n"),
}


def torch_layer(cell: Cell) -> "torch.nn.RNNBase":
    """Returns a layer of PyTorch with the weights of a cell.

    It reads `[time, batch, input]` and a state of `[1, batch, hidden]` arrays, that of the LSTM as
    a pair of h and c. PyTorch keeps two biases a gate; the second is zero unless the cell has one.

    Raises:
        NoSuchForm: PyTorch has no such cell.
    """
    import torch

    if type(cell) not in LAYERS:
        raise NoSuchForm(f"PyTorch has no layer for {type(cell).__name__}")
    name, order = LAYERS[type(cell)]
    weights = gate_weights(cell)
    gates = [weights[gate] for gate in order]
    input_size, hidden_size = gates[0].input.shape
    dtype = torch.from_numpy(gates[0].bias.copy()).dtype
    layer: torch.nn.RNNBase = getattr(torch.nn, name)(input_size, hidden_size, dtype=dtype)
    blocks = {
        "weight_ih_l0": [gate.input.T for gate in gates],
        "weight_hh_l0": [gate.recurrent.T for gate in gates],
        "bias_ih_l0": [gate.bias for gate in gates],
        "bias_hh_l0": [gate.recurrent_bias for gate in gates],
    }
    layer.load_state_dict(
        {name: torch.from_numpy(np.concatenate(parts)) for name, parts in blocks.items()}
    )
    return layer
