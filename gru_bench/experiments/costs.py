"""What one model of each cell costs: time of a training step, latency, memory, state."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_bench.config.cell import REFERENCE
from gru_bench.experiments.memory_check import require_memory
from gru_bench.experiments.resolve import Experiment, lstm_of
from gru_bench.measuring.latency import Latency, measure_latency
from gru_bench.measuring.rounds import spread
from gru_bench.measuring.training_step import first_state, measure_training_steps
from gru_bench.model.model import make_model
from gru_bench.model.streaming import stream_bytes
from gru_bench.runs.result import CallLatency
from gru_bench.system.errors import UserError


@dataclass(frozen=True)
class Cost:
    """What one model of a cell costs, measured in turns with the other cells of its setting.

    Attributes:
        hidden_size: Units of each recurrent layer.
        state_bytes: What is kept of one sequence between two steps, of attention before the last
            step of the task's longest; None of a model that cannot take one step at a time.
        step_ms: Milliseconds of a training step, an entry a round; None if it is not measured.
        memory_mb: Megabytes that a training step holds at its peak; None if that is not known.
        latency: The latency of one step of one sequence; None if it is not measured.
    """

    hidden_size: int
    state_bytes: int | None
    step_ms: np.ndarray | None = None
    memory_mb: float | None = None
    latency: Latency | None = None

    @property
    def step_s(self) -> float | None:
        """Seconds of a training step; None if it is not measured."""
        return None if self.step_ms is None else float(np.median(self.step_ms)) / 1e3

    def timing(self, reference: "Cost") -> dict[str, Any]:
        """Returns the fields of `Timing` on one model, the ratios being to the reference's."""
        times: dict[str, Any] = {"train_step_ms": None, "train_step_vs_lstm": None}
        if self.step_ms is not None and reference.step_ms is not None:
            times["train_step_ms"] = spread(self.step_ms)
            times["train_step_vs_lstm"] = spread(self.step_ms / reference.step_ms)
        if self.latency is not None and reference.latency is not None:
            ours, theirs = self.latency.in_program_us, reference.latency.in_program_us
            times["latency_us"] = spread(ours)
            times["latency_vs_lstm"] = spread(ours / theirs)
            times["call_us"] = CallLatency(
                median=self.latency.call_quantile_us(0.5),
                p99=self.latency.call_quantile_us(0.99),
                calls=self.latency.call_us.size,
            )
        return times


def measure_cells(experiments: Sequence[Experiment], timed: bool = True) -> dict[str, Cost]:
    """Returns the costs of a model of each cell of one setting, and of the LSTM, by their names.

    Args:
        experiments: Runs of one setting.
        timed: Whether to measure steps and latencies.
    """
    first = experiments[0]
    trains = {experiment.config.cell.name: experiment.train for experiment in experiments}
    if REFERENCE not in trains:
        trains[REFERENCE] = lstm_of(first)
    for name, train in trains.items():
        try:
            require_memory(train, first.task, members=1)
        except UserError as error:
            raise UserError(f"{name}, which a step's costs are compared with, is {error}") from None
    states = {name: first_state(train, first.task) for name, train in trains.items()}
    models = {name: make_model(trains[name].model, states[name].params) for name in trains}
    streamed, length = not first.config.bidirectional, first.task.sequence_length
    costs = {
        name: Cost(
            train.model.hidden_size, stream_bytes(models[name], length) if streamed else None
        )
        for name, train in trains.items()
    }
    if not timed:
        return costs
    latencies = measure_latency(models, length) if streamed else {}
    steps = measure_training_steps(trains, first.task, states=states)  # takes the parameters over
    return {
        name: dataclasses.replace(
            cost,
            step_ms=steps[name].step_ms,
            memory_mb=steps[name].memory_mb,
            latency=latencies.get(name),
        )
        for name, cost in costs.items()
    }
