"""A trained model in 8-bit integers: what that does to its score, its size and its latency."""

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.config.compose import compose_experiments
from gru_bench.config.preprocessing import SeriesPreprocessing
from gru_bench.config.presets import Sources
from gru_bench.experiments.resolve import resolve
from gru_bench.export.files import Call, onnx_call, require_onnx
from gru_bench.export.trained_model import TrainedModel
from gru_bench.measuring.rounds import by_round, race
from gru_bench.runs.folder import CONFIG
from gru_bench.system.errors import UserError
from gru_bench.system.files import write_named_file
from gru_bench.system.machine import pinned_settings
from gru_bench.tasks.base import Batch, Task
from gru_bench.tasks.standardisation import in_units, standardise
from gru_bench.training.state import seed_keys

if TYPE_CHECKING:
    import onnx

ROUNDS = 20
CALLS = 10  # of a turn


@dataclass(frozen=True)
class Measured:
    """A model of ONNX as it is measured.

    Attributes:
        score: The main score on the test split.
        kilobytes: The size of its file, in thousands of bytes.
        sequence_us: Microseconds for one test sequence of median length, on one thread.
    """

    score: float
    kilobytes: float
    sequence_us: float


@pinned_settings()
def quantize(trained: TrainedModel, folder: Path, out: Path) -> dict[str, Measured]:
    """Writes a model whose weights are 8-bit integers, and measures it beside the one in float32.

    ONNX Runtime has an operator for the LSTM in integers, and none for the GRU and the RNN: these
    become a loop, of whose products the weights are integers.

    Args:
        trained: The model, in float32.
        folder: The run folder, whose configuration says what it is tested on.
        out: The file that is written.

    Returns:
        What was measured, by the type of the weights.

    Raises:
        UserError: The test data are not available, or a package is missing.
    """
    require_onnx("--quantize")
    from gru_bench.export.onnx import sequence_model

    task = task_of(trained, folder)
    whole = sequence_model(trained)
    source = whole if trained.config.cell == "lstm" else sequence_model(trained, operators=False)
    small = quantized(source)
    write_named_file(out, small)
    calls = {"float32": onnx_call(whole, threads=1), "int8": onnx_call(str(out), threads=1)}
    sizes = {"float32": whole.ByteSize(), "int8": len(small)}
    batches = tested_batches(task, trained.seed)
    inputs, lengths = _median_sequence(batches)

    def timed(call: Call) -> Callable[[], object]:
        return lambda: call(inputs, lengths)

    seconds = race({name: timed(call) for name, call in calls.items()}, ROUNDS, counted=CALLS)
    return {
        name: Measured(
            score=score_of(task, batches, of_standardised(call, trained.series)),
            kilobytes=sizes[name] / 1000,
            sequence_us=float(np.median(by_round(seconds[name]))) * 1e6,
        )
        for name, call in calls.items()
    }


def quantized(model: "onnx.ModelProto") -> bytes:
    """Returns a model whose weights are 8-bit integers wherever ONNX Runtime can."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)  # It advises to optimise first, which it does itself later.
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "int8.onnx"
            options = {"EnableSubgraph": True}
            quantize_dynamic(model, path, weight_type=QuantType.QInt8, extra_options=options)
            return path.read_bytes()
    finally:
        log.setLevel(level)


def task_of(trained: TrainedModel, folder: Path) -> Task:
    """Returns the task that a run was trained on, with its data.

    Raises:
        UserError: The data are not available, or have changed since then.
    """
    configs = compose_experiments([], False, Sources(None, str(folder / CONFIG)))
    (experiment,) = resolve(configs)
    if experiment.identity != trained.saved.identity:
        raise UserError(f"the data or classes of {folder} are others than when it was trained")
    return experiment.task


def tested_batches(task: Task, seed: int) -> list[Batch]:
    """Returns the batches that a seed is tested on."""
    items = task.evaluation(seed_keys(seed).evaluation_data, "test")
    count = len(jax.tree.leaves(items)[0])
    return [task.batch(jax.tree.map(lambda leaf, at=at: leaf[at], items)) for at in range(count)]


def score_of(task: Task, batches: Sequence[Batch], call: Call) -> float:
    """Returns the main score on these batches of whatever computes a model's outputs."""
    tallies = []
    for batch in batches:
        outputs = jnp.asarray(call(*_as_arrays(batch)))
        if task.readout == "every":
            outputs = outputs.swapaxes(0, 1)
        tallies.append(task.tally(outputs, batch))
    scores = task.scores(jax.tree.map(lambda *parts: sum(parts), *tallies))
    return float(scores[task.score.name])


def of_standardised(call: Call, series: SeriesPreprocessing | None) -> Call:
    """Returns the call of an exported model, which knows units, on values that are standardised."""
    if series is None:
        return call
    inputs_by, outputs_by = series.inputs, series.outputs

    def call_in_units(inputs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        outputs = call(in_units(inputs, inputs_by).astype(np.float32), lengths)
        if outputs_by is not None:
            outputs = standardise(outputs, outputs_by).astype(np.float32)
        return outputs

    return call_in_units


def _as_arrays(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Returns inputs with the sequences first, and lengths, as exported models read them."""
    inputs = np.asarray(batch.inputs).swapaxes(0, 1)
    kind = np.int64 if np.issubdtype(inputs.dtype, np.integer) else np.float32
    return np.ascontiguousarray(inputs, kind), np.asarray(batch.lengths, np.int64)


def _median_sequence(batches: Sequence[Batch]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sequence of the first batch that is of median length, alone."""
    inputs, lengths = _as_arrays(batches[0])
    middle = np.argsort(lengths, kind="stable")[len(lengths) // 2]
    length = lengths[middle]
    return np.ascontiguousarray(inputs[middle : middle + 1, :length]), lengths[[middle]]
