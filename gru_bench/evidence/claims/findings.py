"""The findings and the figures that follow from intervals."""

from dataclasses import replace

from gru_bench.evidence.claims.claim import Finding, Test
from gru_bench.evidence.estimates import Interval, median_interval_from_quartiles
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.record import is_learned_by_neither, record_of
from gru_bench.evidence.rules import MIN_PAIRS
from gru_bench.runs.result import Result, Spread

# Follows the rule of a claim that compares scores.
UNLEARNED = (
    " Open where neither cell learned the task: no seed solved it, and it is not sure of either"
    " that more than half of all seeds beat the baseline by more than the margin."
)


def below(interval: Interval, bound: float) -> Finding:
    """Returns for if the interval lies below the bound, against if it lies above."""
    if interval.low is None or interval.high is None:
        return "open"
    return "for" if interval.high < bound else "against" if interval.low > bound else "open"


def above(interval: Interval, bound: float) -> Finding:
    """Returns for if the interval lies above the bound, against if it lies below."""
    return below(interval.times(-1), -bound)


def from_spread(spread: Spread) -> Interval:
    """Returns the interval of a median of repeated measurements; none where these are too few."""
    if spread.repeats is None or spread.repeats < MIN_PAIRS:
        return Interval(spread.median, None, None)
    return median_interval_from_quartiles(spread.median, spread.low, spread.high, spread.repeats)


def sign(result: Result) -> int:
    """Returns 1 where a higher score is better, -1 where a lower one is."""
    return 1 if result.score.higher_is_better else -1


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


def amount(result: Result, difference: float) -> str:
    """Returns a difference without an interval as text; one point is singular."""
    shown = points(result, Interval(difference, None, None))
    return shown.removesuffix("s") if shown == "1 points" else shown


def level(result: Result, score: float) -> str:
    """Returns a score as text, a share in percent."""
    return f"{100 * score:.3g}%" if result.score.is_share else f"{score:.3g}"
