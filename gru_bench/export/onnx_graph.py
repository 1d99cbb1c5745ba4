"""ONNX graphs in the making: nodes and constants are added, and names are made up for them."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

OPSET = 17  # GRU, LSTM and RNN are of version 14 there
IR_VERSION = 9

Shape = Sequence[int | str]  # a text names a size that is open


class Graph:
    """A graph in the making. Its values are called by their names.

    Args:
        numbers: What the names made up for values are numbered by; a graph within another shares
            its numbers, so that no name occurs twice.
    """

    def __init__(self, numbers: "count[int] | None" = None) -> None:
        self.numbers = count() if numbers is None else numbers
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.constants: list[onnx.TensorProto] = []

    def input(self, name: str, shape: Shape, dtype: Any = np.float32) -> str:
        """Adds an input, and returns its name."""
        self.inputs.append(_value(name, shape, dtype))
        return name

    def output(self, name: str, source: str, shape: Shape, dtype: Any = np.float32) -> None:
        """Adds an output that is another value."""
        self.add("Identity", source, into=[name])
        self.outputs.append(_value(name, shape, dtype))

    def constant(self, array: Any, dtype: Any = None) -> str:
        """Adds a constant, and returns its name."""
        from onnx import numpy_helper

        name = f"constant_{next(self.numbers)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def add(self, operator: str, *inputs: str, into: Sequence[str] = (), **attributes: Any) -> str:
        """Adds a node, and returns the name of its first result.

        Args:
            operator: Its operator.
            inputs: The values that it reads; an empty name leaves one out.
            into: The names of its results; one is made up if there are none.
            attributes: Those of the operator.
        """
        from onnx import helper

        results = list(into) or [f"{operator.lower()}_{next(self.numbers)}"]
        self.nodes.append(helper.make_node(operator, list(inputs), results, **attributes))
        return results[0]

    def made(self, name: str) -> "onnx.GraphProto":
        """Returns the graph."""
        from onnx import helper

        return helper.make_graph(
            self.nodes, name, self.inputs, self.outputs, initializer=self.constants
        )

    def model(self, name: str, about: Mapping[str, str]) -> "onnx.ModelProto":
        """Returns a model that is this graph, once ONNX has checked it.

        Args:
            name: The name of the graph.
            about: What the model's metadata are to tell.
        """
        from onnx import checker, helper

        model = helper.make_model(
            self.made(name),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="gru-bench",
        )
        helper.set_model_props(model, dict(about))
        checker.check_model(model, full_check=True)
        return model


def _value(name: str, shape: Shape, dtype: Any) -> "onnx.ValueInfoProto":
    from onnx import helper

    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, element, list(shape))
