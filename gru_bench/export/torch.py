"""Cells as the recurrent layers of PyTorch that compute the same, and whole models."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.cells.base import Cell
from gru_bench.cells.builtin import GRU, LSTM, RNN, GRUResetAfter
from gru_bench.export.trained_model import TrainedModel
from gru_bench.export.weights import NoSuchForm, gate_weights, recurrent_layers
from gru_bench.model.layers import Bidirectional
from gru_bench.model.parameters import named_arrays

if TYPE_CHECKING:
    import torch

    from gru_bench.export.exported_torch import RecurrentModel

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

    arrays = _layer_arrays(cell)
    columns, input_size = arrays["weight_ih_l0"].shape
    name, order = LAYERS[type(cell)]
    dtype = torch.from_numpy(arrays["bias_ih_l0"]).dtype
    layer: torch.nn.RNNBase = getattr(torch.nn, name)(
        input_size, columns // len(order), dtype=dtype
    )
    layer.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return layer


def torch_model(trained: TrainedModel) -> "RecurrentModel":
    """Returns a model as the module that an exported file holds.

    Raises:
        NoSuchForm: That module has no such cell.
    """
    import torch

    from gru_bench.export.exported_torch import RecurrentModel

    arrays = torch_arrays(trained)
    model = RecurrentModel(**architecture(trained))
    model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return model.eval()


def architecture(trained: TrainedModel) -> dict[str, Any]:
    """Returns what a `RecurrentModel` is made with."""
    names = (
        "cell", "input_size", "output_size", "hidden_size", "layers", "readout", "embedding_size",
        "bidirectional",
    )  # fmt: skip
    found = {name: getattr(trained.config, name) for name in names}
    if trained.series is not None:
        found["standardisation"] = {
            f"{name}_{part}": list(getattr(by, part))
            for name, by in (("inputs", trained.series.inputs), ("outputs", trained.series.outputs))
            if by is not None
            for part in ("means", "deviations")
        }
    return found


def torch_arrays(trained: TrainedModel) -> dict[str, np.ndarray]:
    """Returns the parameters of a model by their names in `exported_torch.RecurrentModel`.

    Raises:
        NoSuchForm: That module has no such cell.
    """
    model = trained.model
    named = named_arrays(trained.parameters)
    found = {"head.weight": np.asarray(named["head.kernel"]).T, "head.bias": named["head.bias"]}
    if model.embedding is not None:
        found["embedding.weight"] = named["embedding.embedding"]
    for number, layer in enumerate(recurrent_layers(model)):
        cells = {"layers": layer.forward if isinstance(layer, Bidirectional) else layer}
        if isinstance(layer, Bidirectional):
            cells["backward_layers"] = layer.backward
        for place, cell in cells.items():
            arrays = _textbook_arrays(cell) if type(cell) is GRU else _layer_arrays(cell)
            found |= {f"{place}.{number}.{name}": array for name, array in arrays.items()}
    # Copies: those of JAX may not be written to, as PyTorch wants its tensors.
    return {name: np.array(array, order="C") for name, array in found.items()}


def _layer_arrays(cell: Cell) -> dict[str, np.ndarray]:
    """Returns the parameters of a cell by their names in PyTorch's layer."""
    if type(cell) not in LAYERS:
        raise NoSuchForm(f"PyTorch has no layer for {type(cell).__name__}")
    _, order = LAYERS[type(cell)]
    weights = gate_weights(cell)
    gates = [weights[gate] for gate in order]
    blocks = {
        "weight_ih_l0": [gate.input.T for gate in gates],
        "weight_hh_l0": [gate.recurrent.T for gate in gates],
        "bias_ih_l0": [gate.bias for gate in gates],
        "bias_hh_l0": [gate.recurrent_bias for gate in gates],
    }
    return {name: np.concatenate(parts) for name, parts in blocks.items()}


def _textbook_arrays(cell: Cell) -> dict[str, np.ndarray]:
    """Returns the parameters of a textbook GRU by their names in `TextbookGRU`."""
    gates, candidate = (np.asarray(weight[...]).T for weight in cell.weights_hh)
    return {
        "weight_ih": np.asarray(cell.weight_ih[...]).T,
        "weight_hh": gates,
        "weight_hh_candidate": candidate,
        "bias": np.asarray(cell.bias[...]),
    }
