"""What a product allows a model to take, and the largest hidden size that keeps within it."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from flax import nnx

from gru_bench.config.checks import require, require_installed, require_one_of
from gru_bench.config.preprocessing import Preprocessing
from gru_bench.config.score import Score
from gru_bench.export.files import onnx_step, require_onnx
from gru_bench.export.trained_model import TrainedModel
from gru_bench.export.weights import NoSuchForm
from gru_bench.measuring.latency import Streaming
from gru_bench.measuring.rounds import by_round, race
from gru_bench.model.model import Model, ModelConfig, count_parameters
from gru_bench.model.parameters import named_arrays
from gru_bench.model.streaming import stream_bytes
from gru_bench.runs.weights import SavedModel, SeedWeights
from gru_bench.system.errors import UserError

BYTES = 4  # of a parameter in float32
LADDER = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.06)  # shares of a size that are timed
ROUNDS, CALLS = 10, 20

Step = Callable[[], object]


RUNTIMES = ("xla", "onnx", "torch")


@dataclass(frozen=True)
class Limits:
    """What a model may take; None where it does not matter.

    Attributes:
        latency_us: Microseconds of a single step of one sequence, in `runtime`.
        runtime: Xla, onnx or torch.
        parameters: Of the whole model.
        memory_kb: Thousands of bytes of its parameters in float32 and the state of one sequence.
    """

    latency_us: float | None = None
    runtime: str = "xla"
    parameters: int | None = None
    memory_kb: float | None = None

    def __post_init__(self) -> None:
        require_one_of("runtime", self.runtime, RUNTIMES)
        for name in ("latency_us", "parameters", "memory_kb"):
            limit = getattr(self, name)
            require(limit is None or limit > 0, name, limit, "above 0")


@dataclass(frozen=True)
class Needs:
    """What a model takes, by the same names; the latency is None if it is not measured."""

    latency_us: float | None
    parameters: int
    memory_kb: float


def require_runtime(runtime: str) -> None:
    """Raises `UserError` if the runtime is not installed in which the latency is measured."""
    if runtime == "onnx":
        require_onnx("--runtime onnx")
    if runtime == "torch":
        require_installed("--runtime torch", "torch", extra="runtimes")


def largest_sizes(
    models: Mapping[str, ModelConfig], limits: Limits, most: int, length: int
) -> dict[str, tuple[int, Needs]]:
    """Returns the largest hidden size of each cell that keeps within the limits.

    Parameters and memory are counted exactly, at most and not about. The latency is measured at
    some sizes of each cell, all in turns with each other.

    Args:
        models: The model of each cell, of any size.
        limits: What each may take.
        most: The largest size that is looked at.
        length: Steps of a sequence, by which the latency and the state of attention grow.

    Raises:
        UserError: A cell keeps within them at no size.
    """
    counted = {
        name: _largest_counted(name, model, limits, most, length) for name, model in models.items()
    }
    sizes = {name: _ladder(size, limits) for name, size in counted.items()}
    timed = measure_steps(
        {(name, size): sized(model, size) for name, model in models.items() for size in sizes[name]}
        if limits.latency_us is not None
        else {},
        limits.runtime,
        length,
    )
    found = {}
    for name, model in models.items():
        fitting = [
            size
            for size in sizes[name]
            if limits.latency_us is None or timed[name, size] <= limits.latency_us
        ]
        if not fitting:
            nearest = min(sizes[name], key=lambda size: timed[name, size])
            raise UserError(
                f"--latency-us {limits.latency_us:g} is not possible: {name} of {nearest} units,"
                f" the nearest, takes {timed[name, nearest]:.1f} µs in {limits.runtime}"
            )
        size = max(fitting)
        found[name] = size, needs(sized(model, size), length, timed.get((name, size)))
    return found


def sized(model: ModelConfig, size: int) -> ModelConfig:
    """Returns the same model with another hidden size."""
    return dataclasses.replace(model, hidden_size=size).on_any_machine()


def needs(model: ModelConfig, length: int, latency_us: float | None = None) -> Needs:
    """Returns what a model takes on sequences of a length, counted exactly."""
    shapes = nnx.eval_shape(lambda: Model(model, rngs=nnx.Rngs(0)))
    parameters = count_parameters(shapes)
    return Needs(latency_us, parameters, (BYTES * parameters + stream_bytes(shapes, length)) / 1000)


def _ladder(size: int, limits: Limits) -> list[int]:
    if limits.latency_us is None:
        return [size]
    return sorted({max(1, int(share * size)) for share in LADDER})


def _largest_counted(name: str, model: ModelConfig, limits: Limits, most: int, length: int) -> int:
    """Returns the largest size within the limits that can be counted."""

    def fits(size: int) -> bool:
        taken = needs(sized(model, size), length)
        return (limits.parameters is None or taken.parameters <= limits.parameters) and (
            limits.memory_kb is None or taken.memory_kb <= limits.memory_kb
        )

    if not fits(1):
        taken = needs(sized(model, 1), length)
        raise UserError(
            f"{name} keeps within the limits at no size: with a single unit the whole model has"
            f" {taken.parameters:,} parameters and takes {taken.memory_kb:.1f} kB (an embedding and"
            " a head are counted; a smaller task.vocabulary_size or task.embedding_size helps)"
        )
    low, high = 1, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def measure_steps(models: Mapping[Any, ModelConfig], runtime: str, length: int) -> dict[Any, float]:
    """Returns the median microseconds of a single step of one sequence, measured in turns.

    Args:
        models: The models by anything.
        runtime: Xla, onnx or torch.
        length: Steps of a sequence, the last of which is measured of attention.

    Raises:
        UserError: The runtime has no form of a cell.
    """
    if not models:
        return {}
    make: dict[str, Callable[[ModelConfig], Step]] = {
        "xla": partial(_xla_step, length=length),
        "onnx": _onnx_step,
        "torch": _torch_step,
    }
    try:
        steps = {str(key): make[runtime](model) for key, model in models.items()}
    except NoSuchForm as reason:
        raise UserError(f"--runtime {runtime} is not possible: {reason}") from None
    seconds = race(steps, ROUNDS, counted=CALLS)
    return {key: 1e6 * float(np.median(by_round(seconds[str(key)]))) for key in models}


def _xla_step(model: ModelConfig, length: int) -> Step:
    return Streaming(Model(model, rngs=nnx.Rngs(0)), None, length)


def _onnx_step(model: ModelConfig) -> Step:
    from gru_bench.export.onnx import step_model

    return partial(onnx_step(step_model(_untrained(model)), threads=1), _first_input(model))


def _torch_step(model: ModelConfig) -> Step:
    import torch

    from gru_bench.export.torch import torch_model

    found = torch_model(_untrained(model))
    state: Any = None
    inputs = torch.from_numpy(_first_input(model))

    @torch.inference_mode()
    def step() -> None:
        nonlocal state
        _, state = found.step(inputs, state)

    return step


def _first_input(model: ModelConfig) -> np.ndarray:
    if model.embedding_size is not None:
        return np.zeros(1, np.int64)
    return np.zeros((1, model.input_size), np.float32)


def _untrained(model: ModelConfig) -> TrainedModel:
    """Returns a model before training, whose steps take as long as those of a trained one."""
    saved = SavedModel(
        identity="",
        task="",
        cell=model.cell,
        cell_source=None,
        architecture=dataclasses.asdict(dataclasses.replace(model, dtype="float32")),
        preprocessing=Preprocessing(),
        file_format=None,
        score=Score("", higher_is_better=True, baseline=None, baseline_name=""),
        versions={},
    )
    params = jax.jit(lambda: nnx.state(Model(model, rngs=nnx.Rngs(0))))()
    arrays = {name: np.asarray(array) for name, array in named_arrays(params).items()}
    return TrainedModel(saved, SeedWeights(0, None, arrays))
