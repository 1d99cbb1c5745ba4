"""The findings and the figures that follow from intervals."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from gru_bench.evidence.claims.claim import Finding, Test
from gru_bench.evidence.comparison import Comparison, Outcome
from gru_bench.evidence.estimates import Interval, median_interval_from_quartiles
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.record import is_learned_by_neither, record_of
from gru_bench.evidence.rules import MIN_PAIRS
from gru_bench.runs.result import Result, SeedResult, Spread


def below(interval: Interval, bound: float) -> Finding:
    """Returns for if the interval lies below the bound, against if it lies above."""
    if interval.low is None or interval.high is None:
        return "open"
    return "for" if interval.high < bound else "against" if interval.low > bound else "open"


def above(interval: Interval, bound: float) -> Finding:
    """Returns for if the interval lies above the bound, against if it lies below."""
    return below(interval.times(-1), -bound)


def ahead(gain: Interval, margin: float) -> Finding:
    """Returns for if a gain is surely more than the margin, against if a loss surely is."""
    if gain.low is not None and gain.low > margin:
        return "for"
    return "against" if gain.high is not None and gain.high < -margin else "open"


def within(interval: Interval, margin: float) -> Finding:
    """Returns for if the interval lies within the margin around 0, against if it lies outside."""
    if interval.low is None or interval.high is None:
        return "open"
    if -margin < interval.low and interval.high < margin:
        return "for"
    return "against" if interval.high < -margin or interval.low > margin else "open"


def smaller(ratio: float, margin: float) -> Finding:
    """Returns for if a ratio without chance lies below 1 by more than the margin, else against."""
    return "for" if ratio < 1 - margin else "against"


def better(outcome: Outcome) -> Finding:
    """Returns for if one cell is better than another one, against if it is worse or as good."""
    if outcome == "better":
        return "for"
    return "against" if outcome in ("worse", "equivalent") else "open"


def surely_less(a: Interval, b: Interval) -> bool:
    """Returns whether the one interval lies below the other, without touching it."""
    return a.high is not None and b.low is not None and a.high < b.low


def from_spread(spread: Spread) -> Interval:
    """Returns the interval of a median of repeated measurements; none where these are too few."""
    if spread.repeats is None or spread.repeats < MIN_PAIRS:
        return Interval(spread.median, None, None)
    return median_interval_from_quartiles(spread.median, spread.low, spread.high, spread.repeats)


def sign(result: Result) -> int:
    """Returns 1 where a higher score is better, -1 where a lower one is."""
    return 1 if result.score.higher_is_better else -1


def validation(result: Result, seed: SeedResult) -> list[tuple[int, float]]:
    """Returns steps and finite validation scores, turned so that higher is better."""
    return [
        (step, sign(result) * score)
        for step, score in zip(seed.curve.step, seed.curve.validation_score, strict=True)
        if score is not None
    ]


def best_by(result: Result, steps: float) -> dict[int, float]:
    """Returns the best validation score by seed until some step, turned so that higher is better.

    A seed that has no score by then is left out.
    """
    best = {
        seed.seed: max((s for step, s in validation(result, seed) if step <= steps), default=None)
        for seed in result.seeds
    }
    return {seed: score for seed, score in best.items() if score is not None}


def open_if_unlearned(test: Test, a: Result, b: Result) -> Test:
    """Returns the test of two cells, left open if neither learned the task."""
    if not is_learned_by_neither(record_of(a, a.margin), record_of(b, b.margin)):
        return test
    return replace(test, figure=f"{test.figure}; neither learned the task", finding="open")


def points(result: Result, difference: Interval) -> str:
    """Returns a difference of scores as text, that of shares in percentage points."""
    return (
        format_interval(difference, 100, " points")
        if result.score.is_share
        else format_interval(difference)
    )


def lead(result: Result, gain: Interval | None) -> str:
    """Returns by how much a cell is ahead as text.

    `gain` is None where no seed learns the task under both.
    """
    return "no seed learns it under both" if gain is None else f"ahead by {points(result, gain)}"


def reliability(comparison: Comparison) -> str:
    """Returns the counts as text, such as `solved by 10 and 9 of 10 seeds`."""
    counted = comparison.reliability
    successes = f"{counted.successes_a} and {counted.successes_b}"
    return f"{counted.what} by {successes} of {counted.n_pairs} seeds"


def amount(result: Result, difference: float) -> str:
    """Returns a difference without an interval as text; one point is singular."""
    shown = points(result, Interval(difference, None, None))
    return shown.removesuffix("s") if shown == "1 points" else shown


def mean_level(results: Sequence[Result]) -> str:
    """Returns the mean test score of alike runs over all their seeds, a share in percent."""
    score = statistics.fmean(score for run in results for score in run.test_scores.values())
    return f"{100 * score:.3g}%" if results[0].score.is_share else f"{score:.3g}"
