"""What a run comes to: the numbers that tables, plots and sentences share."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from gru_bench.config.score import ERRORS, Score
from gru_bench.evidence.cell_summary import CellSummary, summarize
from gru_bench.evidence.crossed import crossed_mean
from gru_bench.evidence.estimates import Interval, mean_interval
from gru_bench.evidence.record import record_of, scores_by_seed
from gru_bench.runs.result import Result


@dataclass(frozen=True, eq=False)
class ReportedRun:
    """A result with the numbers that tables, plots and sentences share.

    Attributes:
        result: What was read.
        settings: What it was made with, by dotted key.
        other_cell: Place of its cell among the variants and users' cells of the report, by name.
    """

    result: Result
    settings: dict[str, Any]
    other_cell: int = 0

    @cached_property
    def examples(self) -> Float[np.ndarray, "seeds examples"] | None:
        """What each seed scores on each example of the test split; None where it is not known."""
        return record_of(self.result, self.result.margin).examples

    @cached_property
    def score(self) -> Interval | None:
        """Mean test score over seeds; one without a score counts with the baseline.

        Where predictions are at hand, its interval holds for other examples as well as for other
        seeds. None if no seed has a score and the task has no baseline.
        """
        values = list(scores_by_seed(self.result).values())
        if not values:
            return None
        interval = mean_interval(values)
        if self.examples is not None and min(self.examples.shape) > 1:
            interval = crossed_mean(self.examples).interval()
        return within_range(self.result.score, interval)

    @cached_property
    def summary(self) -> CellSummary:
        """Further statistics of the run by itself."""
        return summarize(self.result)

    @cached_property
    def train_minus_test(self) -> Interval | None:
        """Mean over seeds of the training score minus the test score, where both exist."""
        name, tests = self.result.score.name, self.result.test_scores
        trained = {seed.seed: seed.train.get(name) for seed in self.result.seeds}
        gaps = [
            score - tests[s] for s, score in trained.items() if score is not None and s in tests
        ]
        return mean_interval(gaps) if gaps else None

    def mean_of(self, score: str) -> float | None:
        """Returns the mean over seeds of any test score; None if one of them has none."""
        scores = [seed.test.get(score) for seed in self.result.seeds]
        known = [each for each in scores if each is not None]
        return sum(known) / len(scores) if len(known) == len(scores) else None

    @property
    def solved_seeds(self) -> str:
        """How many of the seeds solved the task, such as `7/8`."""
        return f"{self.result.solved}/{len(self.result.seeds)}"

    @property
    def steps_to_solve(self) -> float:
        """Median over all seeds; infinity if under half of them solved the task."""
        median = self.summary.steps_to_solve
        return math.inf if median is None else median.estimate

    @property
    def parameters_vs_lstm(self) -> float:
        """Parameters of the cell over those of the LSTM that it matches."""
        return self.result.parameters.cell / self.result.parameters.lstm


def within_range(score: Score, interval: Interval) -> Interval:
    """Returns the interval of a mean score, cut off where the score itself ends.

    A mean cannot lie beyond the range of its values, so the interval covers it as often as before.
    """
    bottom = 0.0 if score.is_share or score.name in ERRORS else -math.inf
    top = 1.0 if score.is_share else math.inf
    if interval.low is None or interval.high is None:
        return interval
    return Interval(interval.estimate, max(interval.low, bottom), min(interval.high, top))
