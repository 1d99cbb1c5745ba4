"""The curves of a population in TensorBoard: scores and losses in training, and what is within."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import jax
import numpy as np

from gru_bench.analysis.probes import look_within
from gru_bench.experiments.part import Part
from gru_bench.experiments.to_result import curves, trial_hparams
from gru_bench.runs.events import EventLog
from gru_bench.runs.result import Result
from gru_bench.training.state import Evaluation, Snapshot, TrainConfig


class Curves:
    """The event files of all seeds of a population; they are open while it is trained.

    With `tensorboard=false` there are none, and nothing is written.

    Args:
        parts: The runs of the population.
        train: How its seeds are trained.
    """

    def __init__(self, parts: Sequence[Part], train: TrainConfig) -> None:
        first = parts[0].experiment
        self._parts = parts if first.config.tensorboard else []
        self._label = first.config.task_label
        self._every = first.config.histograms_every
        self._look = look_within(train, first.task) if self._every else None
        self._seeds = [seed for part in parts for seed in part.seeds]
        self._logs: dict[int, EventLog] = {}  # by the place of the first seed
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            for part in self._parts:
                self._logs[part.first] = opened.enter_context(open_log(part))
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, traceback)

    def add(self, evaluation: Evaluation) -> None:
        """Adds a point to the curves of every seed."""
        for log, seed, place in self._members():
            log.log(seed, int(evaluation.steps[place]), curves(evaluation, place, self._label))

    def look_within(self, snapshot: Snapshot) -> None:
        """Adds histograms of what is within the cells, at every so many evaluations."""
        if self._look is None or not self._every or len(snapshot.evaluations) % self._every:
            return
        count = len(self._seeds)  # Behind them may stand copies that fill up the devices.
        params = jax.tree.map(lambda leaf: np.asarray(leaf)[:count], snapshot.state.params)
        within = self._look(self._seeds, params)
        for log, seed, place in self._members():
            step = int(snapshot.evaluations[-1].steps[place])
            for tag, (counts, edges) in within.items():
                log.histogram(seed, step, f"within/{tag}", counts[place], edges)

    def _members(self) -> Iterator[tuple[EventLog, int, int]]:
        """Yields the event files, the seed and the place of each member."""
        for part in self._parts:
            for place, seed in enumerate(part.seeds, start=part.first):
                yield self._logs[part.first], seed, place

    def finish(self, part: Part, result: Result) -> None:
        """Adds the test scores of a run's seeds."""
        if (log := self._logs.get(part.first)) is None:
            return
        for seed in result.seeds:
            tested = {name: value for name, value in seed.test.items() if value is not None}
            log.finish(seed.seed, seed.steps, tested, result.score.name)


def open_log(part: Part) -> EventLog:
    """Returns the event files of a run's seeds, with its settings and the order of its cards."""
    experiment = part.experiment
    log = EventLog(
        experiment.folder,
        part.seeds,
        experiment.resolved(),
        group=experiment.name,
        hparams=trial_hparams(experiment.config) | {"learning_rate": part.learning_rate},
    )
    log.arrange(experiment.config.task_label, experiment.task.score.name)
    return log
