"""One cell by itself: its typical score, how reliable it is, and how soon it solves the task."""

from dataclasses import dataclass

from gru_bench.evidence.estimates import (
    Interval,
    interquartile_mean_interval,
    largest_failure_rate,
    median_time_to_event,
    wilson_interval,
)
from gru_bench.evidence.record import record_of, scores_by_seed
from gru_bench.runs.result import Result


@dataclass(frozen=True, kw_only=True)
class CellSummary:
    """One cell by itself.

    Attributes:
        cell: Its name.
        score: Interquartile mean of the test scores with its bootstrap interval; None if no seed
            has a score.
        success_rate: Share of the seeds that solved the task or, where it has no mark, learned
            it, with Wilson's interval.
        failures_not_excluded: The highest rate of failures that so many seeds leave possible.
        steps_to_solve: Median over all seeds, infinity if under half of them solved the task; None
            where the task has no such mark.
        seconds_to_solve: The same in seconds of training.
    """

    cell: str
    score: Interval | None
    success_rate: Interval
    failures_not_excluded: float
    steps_to_solve: Interval | None
    seconds_to_solve: Interval | None


def summarize(result: Result, name: str | None = None) -> CellSummary:
    """Returns what one cell comes to: score, reliability, time to solve.

    Args:
        result: The cell's run.
        name: A name of the cell, if its own does not tell it apart.
    """
    scores = list(scores_by_seed(result).values())
    has_mark = result.solved is not None
    record = record_of(result, result.margin)
    n, successes = len(result.seeds), int((record.solved if has_mark else record.learned).sum())
    return CellSummary(
        cell=name or result.cell,
        score=interquartile_mean_interval(scores) if scores else None,
        success_rate=wilson_interval(successes, n),
        failures_not_excluded=largest_failure_rate(n - successes, n),
        steps_to_solve=median_time_to_event([s.solved_step for s in result.seeds])
        if has_mark
        else None,
        seconds_to_solve=median_time_to_event([s.solved_s for s in result.seeds])
        if has_mark
        else None,
    )
