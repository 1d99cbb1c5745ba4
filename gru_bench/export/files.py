"""A trained model written for other runtimes, once it is known to compute the same as here."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from safetensors.numpy import save

from gru_bench.config.checks import require_installed
from gru_bench.export.trained_model import TrainedModel
from gru_bench.export.weights import NoSuchForm
from gru_bench.model.parameters import named_arrays
from gru_bench.system.errors import UserError
from gru_bench.system.files import write_named_file
from gru_bench.tasks.standardisation import in_units

if TYPE_CHECKING:
    import onnx

ENDINGS = {"onnx": ".onnx", "torch": ".safetensors", "safetensors": ".safetensors"}
LARGEST_ERROR = 1e-4
LENGTHS = np.array([20, 1, 7])  # of the sequences on which an exported model is compared

Call = Callable[[np.ndarray, np.ndarray], np.ndarray]  # inputs and lengths to outputs
Step = Callable[[np.ndarray], np.ndarray]  # the inputs of a step to outputs


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: The files, each with what is in it.
        runtime: What it was compared with JAX in; None if nothing is computed.
        difference: The largest difference of an output, over whole sequences and single steps.
    """

    files: dict[Path, str]
    runtime: str | None = None
    difference: float = 0.0


def export(trained: TrainedModel, format: str, out: Path) -> Exported:
    """Writes a trained model in a format, and what goes with it beside.

    Args:
        trained: The model, in float32.
        format: One of `ENDINGS`.
        out: The file, whose ending must be that of the format.

    Raises:
        UserError: A package is missing, the format cannot hold the model, what comes out is not the
            same, or the file cannot be written.
    """
    if out.suffix != ENDINGS[format]:
        raise UserError(f"--out {out} is not possible: its name must end in {ENDINGS[format]}")
    try:
        if format == "onnx":
            return _export_onnx(trained, out)
        return _export_torch(trained, out) if format == "torch" else _export_arrays(trained, out)
    except NoSuchForm as reason:
        raise UserError(
            f"the cell {trained.saved.cell} cannot be exported as {format}: {reason}"
        ) from None


def require_onnx(what: str) -> None:
    """Raises `UserError` if what `what` needs for ONNX is not installed."""
    for package in ("onnx", "onnxruntime"):
        require_installed(what, package, extra="export")


def _export_onnx(trained: TrainedModel, out: Path) -> Exported:
    require_onnx("--format onnx")
    from gru_bench.export.onnx import sequence_model, step_model
    from gru_bench.export.onnx_graph import OPSET

    whole = sequence_model(trained)
    models = {out: whole}
    files = {out: f"whole sequences, opset {OPSET}\n  {signature(whole)}"}
    difference = sequence_difference(trained, onnx_call(whole))
    if not trained.config.bidirectional:
        step, step_file = step_model(trained), out.with_name(f"{out.stem}_step.onnx")
        models[step_file] = step
        files[step_file] = f"one step, from a state to the next\n  {signature(step)}"
        after_steps = _step_difference(trained, onnx_step(step, len(LENGTHS)))
        difference = max(difference, after_steps)
    _require_same(difference, "ONNX Runtime")
    for file, model in models.items():
        write_named_file(file, model.SerializeToString())
    return Exported(files, "ONNX Runtime", difference)


def _export_torch(trained: TrainedModel, out: Path) -> Exported:
    require_installed("--format torch", "torch", extra="runtimes")
    import torch

    from gru_bench.export import exported_torch
    from gru_bench.export.torch import architecture, torch_arrays, torch_model

    arrays, model = torch_arrays(trained), torch_model(trained)
    metadata = _metadata(trained) | {"architecture": json.dumps(architecture(trained))}
    state: Any = None

    @torch.inference_mode()
    def call(inputs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        found: np.ndarray = model(torch.from_numpy(inputs), torch.from_numpy(lengths)).numpy()
        return found

    @torch.inference_mode()
    def step(inputs: np.ndarray) -> np.ndarray:
        nonlocal state
        outputs, state = model.step(torch.from_numpy(inputs), state)
        return outputs.numpy()

    difference = sequence_difference(trained, call)
    if not trained.config.bidirectional:
        difference = max(difference, _step_difference(trained, step))
    _require_same(difference, "PyTorch")
    module = out.with_suffix(".py")
    write_named_file(out, save(arrays, metadata))
    write_named_file(module, Path(exported_torch.__file__).read_bytes())
    files = {out: "the weights", module: f"the model: {out.stem}.load({out.name!r})"}
    return Exported(files, "PyTorch", difference)


def _export_arrays(trained: TrainedModel, out: Path) -> Exported:
    arrays = {
        name: np.ascontiguousarray(array)
        for name, array in named_arrays(trained.parameters).items()
    }
    metadata = _metadata(trained) | {"model": msgspec.json.encode(trained.saved).decode()}
    write_named_file(out, save(arrays, metadata))
    return Exported({out: "the weights by name, model.json in the metadata"})


def _metadata(trained: TrainedModel) -> dict[str, str]:
    return {
        "class_names": json.dumps(trained.class_names, ensure_ascii=False),
        "seed": str(trained.seed),
    }


def signature(model: "onnx.ModelProto") -> str:
    """Returns the inputs and outputs of a model of ONNX in words."""
    sides = []
    for values in (model.graph.input, model.graph.output):
        texts = []
        for value in values:
            sizes = (
                each.dim_param or str(each.dim_value) for each in value.type.tensor_type.shape.dim
            )
            texts.append(f"{value.name}[{','.join(sizes)}]")
        sides.append(" ".join(texts))
    return "reads {}\n  gives {}".format(*sides)


def onnx_session(model: "onnx.ModelProto | str", threads: int = 0) -> Any:
    """Returns a session of ONNX Runtime on the CPU.

    Args:
        model: The model, or the path of its file.
        threads: How many; 0 for as many as there are cores.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # Errors alone: warnings would go to the user's terminal.
    source = model if isinstance(model, str) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def onnx_call(model: "onnx.ModelProto | str", threads: int = 0) -> Call:
    """Returns a call of a model of whole sequences in ONNX Runtime."""
    session = onnx_session(model, threads)
    first = session.get_inputs()[0].name

    def call(inputs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        found: np.ndarray = session.run(["outputs"], {first: inputs, "lengths": lengths})[0]
        return found

    return call


def onnx_step(model: "onnx.ModelProto | str", batch: int = 1, threads: int = 0) -> Step:
    """Returns a call that takes a stream on by one step in ONNX Runtime, from a fresh state."""
    session = onnx_session(model, threads)
    first, *states = session.get_inputs()
    names = ["outputs", *(f"next_{state.name}" for state in states)]
    feeds = {
        state.name: np.full(
            [batch if size == "batch" else size for size in state.shape],
            -np.inf if state.name == "max" else 0.0,
            np.float32,
        )
        for state in states
    }

    def step(inputs: np.ndarray) -> np.ndarray:
        outputs, *after = session.run(names, feeds | {first.name: inputs})
        feeds.update(zip(feeds, after, strict=True))
        return np.asarray(outputs)

    return step


def made_up_inputs(trained: TrainedModel) -> np.ndarray:
    """Returns sequences to compare on, `[batch, time]` or `[batch, time, features]`.

    They are such as `TrainedModel.features` gives.
    """
    random, shape = np.random.default_rng(0), (len(LENGTHS), LENGTHS.max())
    if trained.model.embedding is not None:
        return random.integers(0, trained.config.input_size, shape)
    values = random.normal(size=(*shape, trained.config.input_size))
    if trained.series is not None:
        values = in_units(values, trained.series.inputs)
    return values.astype(np.float32)


def sequence_difference(trained: TrainedModel, call: Call) -> float:
    """Returns the largest difference from JAX of what a call gives for sequences of any lengths."""
    inputs = made_up_inputs(trained)
    found = call(inputs, LENGTHS)
    alone = [row[:length] for row, length in zip(inputs, LENGTHS, strict=True)]
    return max(
        _difference(trained, row[: len(wanted)], wanted)
        if trained.config.readout == "every"
        else _difference(trained, row, wanted)
        for row, wanted in zip(found, trained.outputs_of_features(alone), strict=True)
    )


def _difference(trained: TrainedModel, found: np.ndarray, wanted: np.ndarray) -> float:
    """Returns the largest difference of outputs; of values in deviations on the training data.

    A thousandth of a value takes the place of its deviation where that is smaller still: single
    precision does not hold more.
    """
    outputs = None if trained.series is None else trained.series.outputs
    if outputs is None:
        return float(np.abs(found - wanted).max())
    unit = np.maximum(outputs.deviations, 1e-3 * np.abs(outputs.means))
    return float((np.abs(found - wanted) / unit).max())


def _step_difference(trained: TrainedModel, step: Step) -> float:
    """Returns the same of what a stream gives after each step."""
    inputs, stream = made_up_inputs(trained), trained.stream(len(LENGTHS))
    return max(
        _difference(trained, step(x), stream.step_of_features(x))
        for x in inputs.swapaxes(0, 1).copy()
    )


def _require_same(difference: float, runtime: str) -> None:
    if not difference <= LARGEST_ERROR:  # a difference that is no number, too
        raise UserError(
            f"what {runtime} computes differs from JAX by {difference:.1e}, more than"
            f" {LARGEST_ERROR:g}: nothing was written"
        )
