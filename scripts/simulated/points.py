"""How often a win survives other settings, by what is true at them.

Two cells are compared at several points of one problem, such as two starts by two sizes. The seeds
are the same at each, so that half of the variance of a difference is common to all points.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gru_bench.evidence.comparison import TURNED, Outcome
from gru_bench.evidence.robustness import Point, Robustness
from gru_bench.evidence.verdicts import compare
from simulated.cells import MARGIN, made_up
from simulated.tables import Rows, rate

COMMON = 0.5  # of the variance of a difference
POINTS = (2, 4, 8)
SEEDS = (10, 24)

# By how many standard deviations over seeds the first cell is better, at each quarter of the points
# in their order; two points are the first and the last of these.
TRUTHS: Mapping[str, tuple[float, float, float, float]] = {
    "no difference anywhere": (0, 0, 0, 0),
    "a difference of 1 sd everywhere": (1, 1, 1, 1),
    "a difference of 2 sd everywhere": (2, 2, 2, 2),
    "2 sd under one start, none under the other": (2, 2, 0, 0),
    "2 sd under one start, reversed under the other": (2, 2, -2, -2),
    "2 sd, but none at the last quarter of points": (2, 2, 2, 0),
    "2 sd, but reversed at the last quarter": (2, 2, 2, -2),
}


def _at_least(share: float, heeds_contrary: bool = True) -> Callable[[Robustness, Outcome], bool]:
    """Returns the rule by which a verdict survives if it holds at that share of the points."""

    def survives(found: Robustness, outcome: Outcome) -> bool:
        is_contradicted = heeds_contrary and TURNED.get(outcome) in found.shares
        return found.shares.get(outcome, 0.0) >= share and not is_contradicted

    return survives


RULES: Mapping[str, Callable[[Robustness, Outcome], bool]] = {
    "at one half": _at_least(0.5),
    "at three quarters (the rule)": Robustness.survives,
    "at all": _at_least(1.0),
    "at three quarters, contrary or not": _at_least(0.75, heeds_contrary=False),
}


def surviving_wins(simulations: int) -> Rows:
    """Returns a row for each truth, number of points and of seeds.

    It has the rate at which the first point alone names a winner, and for each rule that at which
    one is named that survives.
    """
    rows = []
    for truth, leads in TRUTHS.items():
        for points in POINTS:
            at_points = np.array(leads)[np.linspace(0, 3, points).round().astype(int)]
            for seeds in SEEDS:
                rng = np.random.default_rng(5)
                found = [_drawn(rng, at_points, seeds) for _ in range(simulations)]
                named = [[each.points[0].outcome in TURNED for each in found]]
                named += [
                    [any(survives(each, outcome) for outcome in TURNED) for each in found]
                    for survives in RULES.values()
                ]
                rows.append([truth, str(points), str(seeds), *map(rate, named)])
    return rows


def _drawn(rng: np.random.Generator, leads: Sequence[float] | np.ndarray, seeds: int) -> Robustness:
    """Returns two cells compared at points with these leads."""
    common = np.sqrt(COMMON) * rng.normal(size=seeds)
    points = []
    for place, lead in enumerate(leads):
        differences = lead + common + np.sqrt(1 - COMMON) * rng.normal(size=seeds)
        a, b = made_up(0.9 + MARGIN * differences / 4), made_up(np.full(seeds, 0.9))
        points.append(Point(str(place), compare(a, b, MARGIN / 4).outcome))
    return Robustness("made up", "a", "b", tuple(points))
