"""Which of several cells to take, as far as their runs on the same seeds tell.

All cells are compared pair by pair, as in every report: Holm's correction covers all pairs, and
each test holds however often seeds are added. So what is said of the cell that is taken against any
other holds, too, although it was taken because of the same scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gru_bench.evidence.comparison import Comparison, Outcome
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.planning import fewest_pairs
from gru_bench.evidence.record import scores_by_seed
from gru_bench.evidence.verdicts import compare_group
from gru_bench.runs.result import Result

Basis = Literal["decided", "undecided", "not learned"]
MOST_SEEDS = 60  # of each cell


@dataclass(frozen=True, kw_only=True)
class Against:
    """The cell that is taken against another.

    Attributes:
        cell: The other.
        outcome: What the comparison says of the cell that is taken.
        gain: By how much it is typically better, with an interval of 95 % that holds at every
            number of seeds; None where no seed learns the task under both.
        more_seeds: Seeds to add until a verdict is likely; None if there is one, or no such number,
            or if it was not asked for.
    """

    cell: str
    outcome: Outcome
    gain: Interval | None
    more_seeds: int | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The cell to take.

    Attributes:
        cell: Its name.
        basis: `decided` if it is better than each other cell or as good within the margin;
            `undecided` if of some that is not known; `not learned` if no cell beats the baseline.
        against: Each other cell.
    """

    cell: str
    basis: Basis
    against: list[Against]


def first_round(cells: int) -> int:
    """Returns the fewest seeds with which a verdict among so many cells is possible."""
    return fewest_pairs(max(cells * (cells - 1) // 2, 1))


def next_round(seeds: int) -> int:
    """Returns how many seeds each cell is to have once so many have not decided."""
    return min(seeds + max(2, seeds // 2), MOST_SEEDS)


def choose_cell(
    results: Sequence[Result],
    costs: Sequence[float],
    margin: float | None = None,
    advised: bool = True,
) -> Choice:
    """Returns the cell to take.

    It is one that no other is better than. Of several such it is the one that is known to be better
    than the most others; then, of cells that are as good within the margin, the cheapest; then the
    one with the best typical score.

    Args:
        results: A run of each cell, of one task.
        costs: What each costs, in their order; less is better.
        margin: Differences of the score up to it do not matter; None if none is stated.
        advised: Whether to estimate how many more seeds would decide, which is a simulation.
    """
    names = [result.cell for result in results]
    comparisons = compare_group(results, margin, names)
    views = {result.cell: _views(result.cell, comparisons) for result in results}
    price = {result.cell: cost for result, cost in zip(results, costs, strict=True)}

    def is_beaten(cell: str) -> bool:
        return any(each.outcome == "worse" for each in views[cell])

    def rank(result: Result) -> tuple[bool, int, float]:
        beaten = sum(each.outcome == "better" for each in views[result.cell])
        return is_beaten(result.cell), -beaten, -_typical(result)

    taken = min(results, key=rank).cell
    as_good = [each.cell for each in views[taken] if each.outcome == "equivalent"]
    # A cheaper cell takes its place only if all that is known of the first holds of it as well.
    for cell in sorted(as_good, key=price.__getitem__):
        if price[cell] < price[taken] and _knows_as_much(views[cell], views[taken]):
            taken = cell
            break
    against = views[taken]
    if advised:
        by_cells = {frozenset((each.cell_a, each.cell_b)): each for each in comparisons}
        against = [
            replace(each, more_seeds=by_cells[frozenset((taken, each.cell))].more_seeds)
            for each in against
        ]
    return Choice(cell=taken, basis=_basis(against, len(results)), against=against)


def _views(cell: str, comparisons: Sequence[Comparison]) -> list[Against]:
    """Returns every comparison of a cell, as it looks from there."""
    return [
        Against(
            cell=comparison.cell_b if cell == comparison.cell_a else comparison.cell_a,
            outcome=comparison.outcome_for(cell),
            gain=comparison.gain_of(cell),
        )
        for comparison in comparisons
        if cell in (comparison.cell_a, comparison.cell_b)
    ]


def _typical(result: Result) -> float:
    """Returns the median test score, turned so that more is better; the worst if there is none."""
    scores = list(scores_by_seed(result).values())
    if not scores:
        return -np.inf
    return float(np.median(scores)) * (1 if result.score.higher_is_better else -1)


def _knows_as_much(cheaper: Sequence[Against], taken: Sequence[Against]) -> bool:
    """Whether a cell is better than, or as good as, each other that the one taken is so of."""
    good = ("better", "equivalent")
    known = {each.cell: each.outcome in good for each in cheaper}
    return not any(each.outcome == "worse" for each in cheaper) and all(
        known.get(each.cell, True) for each in taken if each.outcome in good
    )


def _basis(against: Sequence[Against], cells: int) -> Basis:
    outcomes = [each.outcome for each in against]
    if outcomes and all(outcome == "not learned" for outcome in outcomes):
        return "not learned"
    settled = len(outcomes) == cells - 1 and all(o in ("better", "equivalent") for o in outcomes)
    return "decided" if settled else "undecided"
