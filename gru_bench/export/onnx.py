"""A cell as an ONNX graph that computes the same, for ONNX Runtime and other engines."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.cells.base import Cell
from gru_bench.cells.builtin import GRU, LSTM, RNN, GRUResetAfter
from gru_bench.export.weights import gate_weights

if TYPE_CHECKING:
    import onnx

OPSET = 17  # GRU, LSTM and RNN are of version 14 there
IR_VERSION = 9

# Operator, order of its gates, and attributes. Its z near 1 keeps the state: that of our textbook
# GRU, which takes the candidate then, is the opposite.
OPERATORS: dict[type[Cell], tuple[str, str, dict[str, Any]]] = {
    GRU: ("GRU", "zrn", {"linear_before_reset": 0}),
    GRUResetAfter: ("GRU", "zrn", {"linear_before_reset": 1}),
    LSTM: ("LSTM", "iofg", {}),
    RNN: ("RNN", "n", {}),
}


def onnx_model(cell: Cell) -> "onnx.ModelProto":
    """Returns a model with one recurrent operator that has the weights of a cell.

    It reads `x` of `[time, batch, input]` and the state before it, `h` and for the LSTM `c`, of
    `[1, batch, hidden]` each. It gives `outputs` of `[time, batch, hidden]` and the state after it,
    `next_h` and `next_c`. Time and batch may be of any size; with one step of time it is a stream.

    Raises:
        NoSuchForm: ONNX has no such operator.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    weights = gate_weights(cell)
    operator, order, attributes = OPERATORS[type(cell)]
    if isinstance(cell, GRU):
        weights["z"] = weights["z"].negated()
    gates = [weights[gate] for gate in order]
    input_size, hidden_size = gates[0].input.shape
    biases = [gate.bias for gate in gates] + [gate.recurrent_bias for gate in gates]
    constants = {
        "W": np.concatenate([gate.input.T for gate in gates])[None],
        "R": np.concatenate([gate.recurrent.T for gate in gates])[None],
        "B": np.concatenate(biases)[None],
        "direction": np.array([1]),
    }
    states = ["h", "c"] if isinstance(cell, LSTM) else ["h"]

    def value(name: str, *shape: int | str) -> "onnx.ValueInfoProto":
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes=[
            helper.make_node(
                operator,
                ["x", "W", "R", "B", "", *states],
                ["by_direction", *(f"next_{state}" for state in states)],
                hidden_size=hidden_size,
                **attributes,
            ),
            helper.make_node("Squeeze", ["by_direction", "direction"], ["outputs"]),
        ],
        name=type(cell).__name__,
        inputs=[
            value("x", "time", "batch", input_size),
            *(value(state, 1, "batch", hidden_size) for state in states),
        ],
        outputs=[
            value("outputs", "time", "batch", hidden_size),
            *(value(f"next_{state}", 1, "batch", hidden_size) for state in states),
        ],
        initializer=[numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="gru-bench",
    )
    checker.check_model(model)
    return model
