"""Cells and whole models as ONNX graphs that compute the same, for ONNX Runtime and other engines.

The textbook GRU, the reset-after GRU, the LSTM and the RNN become operators of ONNX; of any other
cell the equations become nodes, which a `Scan` takes through time.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gru_bench.cells.base import Cell
from gru_bench.cells.builtin import GRU, LSTM, RNN, GRUResetAfter
from gru_bench.config.preprocessing import SeriesPreprocessing, Standardisation
from gru_bench.export.onnx_equations import add_equations
from gru_bench.export.onnx_graph import Graph
from gru_bench.export.trained_model import TrainedModel
from gru_bench.export.weights import gate_weights, recurrent_layers
from gru_bench.model.layers import Bidirectional
from gru_bench.model.model import ModelConfig
from gru_bench.model.parameters import named_arrays
from gru_bench.recurrence.plain import plain_dot

if TYPE_CHECKING:
    import onnx

# Operator, order of its gates, and attributes. Its z near 1 keeps the state: that of our textbook
# GRU, which takes the candidate then, is the opposite.
OPERATORS: dict[type[Cell], tuple[str, str, dict[str, Any]]] = {
    GRU: ("GRU", "zrn", {"linear_before_reset": 0}),
    GRUResetAfter: ("GRU", "zrn", {"linear_before_reset": 1}),
    LSTM: ("LSTM", "iofg", {}),
    RNN: ("RNN", "n", {}),
}
FLOAT, DOUBLE = 1, 11  # types of tensors, as ONNX numbers them
STATES = "hcdefg"  # the names of the arrays of a cell's state


def onnx_model(cell: Cell) -> "onnx.ModelProto":
    """Returns a model with one recurrent operator that has the weights of a cell.

    It reads `x` of `[time, batch, input]` and the state before it, `h` and for the LSTM `c`, of
    `[1, batch, hidden]` each. It gives `outputs` of `[time, batch, hidden]` and the state after it,
    `next_h` and `next_c`. Time and batch may be of any size; with one step of time it is a stream.

    Raises:
        NoSuchForm: ONNX has no such operator.
    """
    graph = Graph()
    gate_weights(cell)  # What is wrong with the cell is said here.
    x = graph.input("x", ("time", "batch", cell.weight_ih.shape[0]))
    names, shape = STATES[: cell.state_arrays], (1, "batch", cell.hidden_size)
    outputs, after = _add_operator(graph, cell, x, [graph.input(name, shape) for name in names])
    graph.output("outputs", outputs, ("time", *shape[1:]))
    for name, state in zip(names, after, strict=True):
        graph.output(f"next_{name}", state, shape)
    return graph.model(type(cell).__name__, {})


def sequence_model(trained: TrainedModel, operators: bool = True) -> "onnx.ModelProto":
    """Returns a trained model that reads whole sequences.

    It reads `tokens` of `[batch, time]`, or `inputs` of `[batch, time, features]`, and `lengths` of
    `[batch]`; what is behind a sequence's length changes nothing. It gives `outputs`, of `[batch,
    outputs]` or, of a model that is read at every step, of `[batch, time, outputs]`, and
    `probabilities` where these are classes. Its metadata tell the names of the classes.

    Inputs of a model of series are values in their units without gaps, as `TrainedModel.features`
    gives them. The graph standardises them, and gives values in their units.

    Args:
        trained: The model.
        operators: Whether the operators of ONNX are used for the cells that have one. Else their
            equations are nodes, whose products can be quantised.

    Raises:
        NoSuchForm: Its cell has equations that cannot be converted.
    """
    graph, config = Graph(), trained.config
    x = graph.add("Transpose", _inputs(graph, trained, ("batch", "time")), perm=[1, 0, 2])
    lengths = graph.input("lengths", ("batch",), np.int64)

    def outputs(cell: Cell, x: str) -> str:
        batch = graph.add("Shape", x, start=1, end=2)
        shape = graph.add("Concat", batch, graph.constant([cell.hidden_size], np.int64), axis=0)
        zeros = graph.add("ConstantOfShape", shape)
        return add_layer(graph, cell, x, [zeros] * cell.state_arrays, operators)[0]

    def reverse(x: str) -> str:
        return graph.add("ReverseSequence", x, lengths, time_axis=0, batch_axis=1)

    for layer in recurrent_layers(trained.model):
        if isinstance(layer, Bidirectional):
            directions = outputs(layer.forward, x), reverse(outputs(layer.backward, reverse(x)))
            x = graph.add("Concat", *directions, axis=2)
        else:
            x = outputs(layer, x)
    hidden = graph.add("Transpose", x, perm=[1, 0, 2])
    _add_outputs(graph, trained, _read_out(graph, config, hidden, lengths), config.readout)
    return graph.model(trained.saved.cell, _about(trained))


def step_model(trained: TrainedModel, operators: bool = True) -> "onnx.ModelProto":
    """Returns a trained model that takes one step, from a state to the next.

    It reads the step, `tokens` of `[batch]` or `inputs` of `[batch, features]`, and the state:
    `h_0` of `[batch, hidden]` and for an LSTM `c_0` of the first layer, and so on, all zeros at the
    start. It gives `outputs` for the sequence up to this step, `probabilities` where these are
    classes, and the state after it, `next_h_0` and so on. A model that reads the mean of the hidden
    states keeps their `sum` and `count`, too; one that reads their maximum the `max`, which starts
    as minus infinity.

    Args:
        trained: The model.
        operators: Whether the operators of ONNX are used, as in `sequence_model`.

    Raises:
        NoSuchForm: Its cell has equations that cannot be converted.
    """
    graph, config = Graph(), trained.config
    x = _inputs(graph, trained, ("batch",))
    time = graph.constant([0], np.int64)
    shape = ("batch", config.hidden_size)
    after: dict[str, str] = {}
    cells = [layer for layer in recurrent_layers(trained.model) if isinstance(layer, Cell)]
    for number, cell in enumerate(cells):
        names = [f"{state}_{number}" for state in STATES[: cell.state_arrays]]
        states = [graph.input(name, shape) for name in names]
        x, last = add_layer(graph, cell, graph.add("Unsqueeze", x, time), states, operators)
        x = graph.add("Squeeze", x, time)
        after |= dict(zip(names, last, strict=True))
    shapes: dict[str, tuple[int | str, ...]] = dict.fromkeys(after, shape)
    if config.readout == "mean":
        total = graph.add("Add", graph.input("sum", shape), x)
        number_read = graph.add("Add", graph.input("count", ()), graph.constant(1, np.float32))
        x = graph.add("Div", total, number_read)
        after |= {"sum": total, "count": number_read}
        shapes |= {"sum": shape, "count": ()}
    elif config.readout == "max":
        x = graph.add("Max", graph.input("max", shape), x)
        after["max"], shapes["max"] = x, shape
    _add_outputs(graph, trained, x, "last")
    for name, state in after.items():
        graph.output(f"next_{name}", state, shapes[name])
    return graph.model(f"{trained.saved.cell}_step", _about(trained))


def add_layer(
    graph: Graph, cell: Cell, x: str, states: Sequence[str], operators: bool = True
) -> tuple[str, list[str]]:
    """Adds one recurrent layer.

    Args:
        graph: Takes the nodes.
        cell: The cell.
        x: Its inputs, `[time, batch, input]`.
        states: The arrays of the state before the first step, `[batch, hidden]` each.
        operators: Whether an operator of ONNX is used where there is one.

    Returns:
        The outputs `[time, batch, hidden]`, and the arrays of the state after the last step.
    """
    if not (operators and type(cell) in OPERATORS):
        return _add_scan(graph, cell, x, states)
    directions = graph.constant([0], np.int64)
    before = [graph.add("Unsqueeze", state, directions) for state in states]
    outputs, after = _add_operator(graph, cell, x, before)
    return outputs, [graph.add("Squeeze", state, directions) for state in after]


def _add_operator(graph: Graph, cell: Cell, x: str, states: Sequence[str]) -> tuple[str, list[str]]:
    """Adds an operator of ONNX, whose states are `[1, batch, hidden]`."""
    weights = gate_weights(cell)
    operator, order, attributes = OPERATORS[type(cell)]
    if isinstance(cell, GRU):
        weights["z"] = weights["z"].negated()
    gates = [weights[gate] for gate in order]
    biases = [gate.bias for gate in gates] + [gate.recurrent_bias for gate in gates]
    constants = (
        np.concatenate([gate.input.T for gate in gates])[None],
        np.concatenate([gate.recurrent.T for gate in gates])[None],
        np.concatenate(biases)[None],
    )
    results = [f"layer_{next(graph.numbers)}" for _ in range(1 + len(states))]
    graph.add(
        operator,
        x,
        *(graph.constant(array) for array in constants),
        "",
        *states,
        into=results,
        hidden_size=cell.hidden_size,
        **attributes,
    )
    outputs, *after = results
    return graph.add("Squeeze", outputs, graph.constant([1], np.int64)), after


def _add_scan(graph: Graph, cell: Cell, x: str, states: Sequence[str]) -> tuple[str, list[str]]:
    """Adds the equations of a cell, in a loop over time."""
    input_size, shape = cell.weight_ih.shape[0], ("batch", cell.hidden_size)
    body = Graph(graph.numbers)

    def step(*arrays: jax.Array) -> tuple[jax.Array, ...]:
        *state, x_t = arrays
        return cell.step(tuple(state), cell.project(x_t), plain_dot(cell))

    before = [body.input(f"before_{next(body.numbers)}", shape) for _ in states]
    x_t = body.input(f"x_{next(body.numbers)}", ("batch", input_size))
    sizes = [(1, cell.hidden_size)] * len(states) + [(1, input_size)]
    after = add_equations(body, step, [*before, x_t], sizes)
    for state in (*after, after[0]):
        body.output(f"after_{next(body.numbers)}", state, shape)
    results = [f"layer_{next(graph.numbers)}" for _ in range(len(states) + 1)]
    graph.add(
        "Scan", *states, x, into=results, body=body.made(type(cell).__name__), num_scan_inputs=1
    )
    *last, outputs = results
    return outputs, last


def _inputs(graph: Graph, trained: TrainedModel, shape: tuple[str, ...]) -> str:
    """Adds the model's input, and returns what its first recurrent layer reads."""
    embedding = trained.model.embedding
    if embedding is None:
        inputs = graph.input("inputs", (*shape, trained.config.input_size))
        return inputs if trained.series is None else _standardised(graph, inputs, trained.series)
    table = graph.constant(np.asarray(embedding.embedding[...], np.float32))
    return graph.add("Gather", table, graph.input("tokens", shape, np.int64))


def _standardised(graph: Graph, inputs: str, series: SeriesPreprocessing) -> str:
    """Adds the standardisation, in double precision: a mean may be large beside the deviation."""
    exact = graph.add("Cast", inputs, to=DOUBLE)
    centred = graph.add("Sub", exact, graph.constant(series.inputs.means, np.float64))
    scaled = graph.add("Div", centred, graph.constant(series.inputs.deviations, np.float64))
    return graph.add("Cast", scaled, to=FLOAT)


def _in_units(graph: Graph, outputs: str, by: Standardisation) -> str:
    """Adds what brings standardised outputs back into their units."""
    exact = graph.add("Cast", outputs, to=DOUBLE)
    scaled = graph.add("Mul", exact, graph.constant(by.deviations, np.float64))
    moved = graph.add("Add", scaled, graph.constant(by.means, np.float64))
    return graph.add("Cast", moved, to=FLOAT)


def _read_out(graph: Graph, config: ModelConfig, hidden: str, lengths: str) -> str:
    """Adds what the head reads of the hidden states `[batch, time, hidden]`."""
    readout = config.readout
    if readout == "every":
        return hidden
    one = graph.constant([1], np.int64)
    if readout == "last":
        steps = graph.add("Unsqueeze", graph.add("Sub", lengths, one), one)
        last = graph.add("GatherND", hidden, steps, batch_dims=1)
        if not config.bidirectional:
            return last
        first = graph.add("Gather", hidden, graph.constant(0, np.int64), axis=1)
        forward, _ = _halves(graph, last, config.hidden_size)
        _, backward = _halves(graph, first, config.hidden_size)
        return graph.add("Concat", forward, backward, axis=1)
    scalar = (graph.constant(number, np.int64) for number in (0, 1))
    time = graph.add("Squeeze", graph.add("Shape", hidden, start=1, end=2))
    first, step = scalar
    steps = graph.add("Unsqueeze", graph.add("Range", first, time, step), graph.constant([0]))
    real = graph.add("Less", steps, graph.add("Unsqueeze", lengths, one))
    real = graph.add("Unsqueeze", real, graph.constant([2], np.int64))
    if readout == "max":
        nothing = graph.constant(-np.inf, np.float32)
        return graph.add(
            "ReduceMax", graph.add("Where", real, hidden, nothing), axes=[1], keepdims=0
        )
    nothing = graph.constant(0.0, np.float32)
    total = graph.add("ReduceSum", graph.add("Where", real, hidden, nothing), one, keepdims=0)
    number = graph.add("Unsqueeze", graph.add("Cast", lengths, to=FLOAT), one)
    return graph.add("Div", total, number)


def _halves(graph: Graph, x: str, units: int) -> list[str]:
    """Cuts `[batch, 2 * units]` in two."""
    into = [f"half_{next(graph.numbers)}" for _ in range(2)]
    graph.add("Split", x, graph.constant([units, units], np.int64), into=into, axis=1)
    return into


def _add_outputs(graph: Graph, trained: TrainedModel, read: str, readout: str) -> None:
    """Adds the head and the model's outputs."""
    classes, named = trained.config.output_size, named_arrays(trained.parameters)
    kernel, bias = (np.asarray(named[f"head.{part}"], np.float32) for part in ("kernel", "bias"))
    product = graph.add("MatMul", read, graph.constant(kernel))
    outputs = graph.add("Add", product, graph.constant(bias))
    if trained.series is not None and trained.series.outputs is not None:
        outputs = _in_units(graph, outputs, trained.series.outputs)
    shape = ("batch", "time", classes) if readout == "every" else ("batch", classes)
    graph.output("outputs", outputs, shape)
    if trained.class_names:
        graph.output("probabilities", graph.add("Softmax", outputs, axis=-1), shape)


def _about(trained: TrainedModel) -> dict[str, str]:
    """Returns the metadata of the model."""
    about = {
        "task": trained.saved.task,
        "cell": trained.saved.cell,
        "seed": str(trained.seed),
        "identity": trained.saved.identity,
    }
    if trained.class_names:
        about["class_names"] = json.dumps(trained.class_names, ensure_ascii=False)
    text = trained.saved.preprocessing.text
    if text is not None:
        about |= {"tokenizer": text.tokenizer, "max_length": str(text.max_length)}
    if trained.series is not None:
        about["channels"] = json.dumps(trained.series.channels, ensure_ascii=False)
        if trained.series.targets:
            about["targets"] = json.dumps(trained.series.targets, ensure_ascii=False)
    return about
