"""How often each verdict of a comparison is wrong, and how often a right one is reached."""

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
from jaxtyping import Bool

from gru_bench.evidence import rules
from gru_bench.evidence.comparison import Comparison
from gru_bench.evidence.planning import more_seeds
from gru_bench.evidence.verdicts import compare, correct_together
from simulated.cells import (
    MARGIN,
    MEAN,
    MEDIAN,
    SEEDS,
    Draw,
    at_the_floor,
    exponential,
    failing,
    like,
    made_up,
    normal,
    on_documents,
    without_predictions,
)
from simulated.tables import Rows, rate, rate_with_interval

LOOKS = {"10 seeds": [10], "6 to 24": range(6, 25), "6 to 64": range(6, SEEDS + 1)}

Says = Callable[[Comparison], bool]


def typically(comparison: Comparison) -> bool:
    """Whether one cell is called typically better."""
    return not comparison.is_unlearned and comparison.typical.verdict in ("better", "worse")


def told_apart(comparison: Comparison) -> bool:
    """Whether one cell is called better in any respect."""
    return comparison.outcome in ("better", "worse", "trade-off")


def equivalent(comparison: Comparison) -> bool:
    """Whether the cells are called equivalent."""
    return comparison.outcome == "equivalent"


def reliable(comparison: Comparison) -> bool:
    """Whether one cell is called more reliable."""
    return not comparison.is_unlearned and comparison.reliability.verdict != "undecided"


def first_reliable(comparison: Comparison) -> bool:
    """Whether the first cell is called more reliable."""
    return reliable(comparison) and comparison.reliability.verdict == "better"


def sooner(comparison: Comparison) -> bool:
    """Whether one cell is called sooner."""
    return comparison.pace is not None and comparison.pace.verdict != "undecided"


TYPICAL: Mapping[str, Says] = {"typically better": typically}
EQUIVALENT: Mapping[str, Says] = {"equivalent": equivalent}
RESPECTS: Mapping[str, Says] = {
    "typically better": typically,
    "more reliable": reliable,
    "sooner": sooner,
    "better in any respect": told_apart,
}
FLOOR: Mapping[str, Says] = {
    "equivalent": equivalent,
    "typically better": typically,
    "more reliable": reliable,
    "better in any respect": told_apart,
}

Kinds = Mapping[str, tuple[Draw, Mapping[str, Says]]]
# What is wrong to say of two cells, by what is true of them.
ON_SCORES: Kinds = {
    "normal differences of mean 0": (like(), TYPICAL),
    "normal differences, mean = margin": (like(lambda rng, n: normal(rng, n) / 2, 1), EQUIVALENT),
    "skewed (exponential), mean 0": (like(exponential(MEAN)), TYPICAL),
    "skewed (exponential), median 0": (like(exponential(MEDIAN)), TYPICAL),
    "like cells, 1 of 10 seeds fails": (failing(0.1, 0.1), RESPECTS),
    "one fails 1 of 20, and else leads": (
        failing(0.05, 0.0, lead=1),
        {"more reliable": first_reliable},
    ),
    "floor: neither learns": (at_the_floor, FLOOR),
}
SMALL = like(lambda rng, n: normal(rng, n) / 4)
ON_DOCUMENTS: Kinds = {
    "cells alike over all documents": (on_documents(SMALL), TYPICAL),
    "the same, without predictions": (without_predictions(on_documents(SMALL)), TYPICAL),
    "seeds matter more than documents": (on_documents(like()), TYPICAL),
    "mean difference = margin": (
        on_documents(like(lambda rng, n: normal(rng, n) / 4, 1)),
        EQUIVALENT,
    ),
    "skewed (exponential), mean 0": (on_documents(like(exponential(MEAN))), TYPICAL),
    "skewed (exponential), median 0": (on_documents(like(exponential(MEDIAN))), TYPICAL),
    "like cells, 1 of 10 seeds fails": (on_documents(failing(0.1, 0.1)), RESPECTS),
    "floor: neither learns": (on_documents(at_the_floor), FLOOR),
}


def error_rates(kinds: Kinds, simulations: int) -> Rows:
    """Returns a row for each wrong statement: data, verdict, and its rate by plan of looks."""
    rows = []
    for data, (draw, verdicts) in kinds.items():
        rng = np.random.default_rng(0)
        wrong = np.zeros((len(verdicts), simulations, SEEDS + 1), dtype=bool)
        for simulation in range(simulations):
            a, b = draw(rng)
            for n in range(rules.MIN_PAIRS, SEEDS + 1):
                comparison = compare(a.of(slice(n)), b.of(slice(n)), MARGIN)
                wrong[:, simulation, n] = [says(comparison) for says in verdicts.values()]
        rows += [
            [data, verdict, *_by_looks(errs)] for verdict, errs in zip(verdicts, wrong, strict=True)
        ]
    return rows


def family_rate(simulations: int, cells: int = 4) -> list[str]:
    """Returns the rate at which any comparison of like cells, corrected, is called better."""
    rng = np.random.default_rng(0)
    wrong = np.zeros((simulations, SEEDS + 1), dtype=bool)
    for simulation in range(simulations):
        common = 0.9 + MARGIN * rng.normal(size=SEEDS)
        records = [made_up(common + MARGIN * rng.normal(size=SEEDS)) for _ in range(cells)]
        for n in range(rules.MIN_PAIRS, SEEDS + 1):
            pairs = combinations([record.of(slice(n)) for record in records], 2)
            judged = correct_together([compare(a, b, MARGIN) for a, b in pairs])
            wrong[simulation, n] = any(map(typically, judged))
    return [f"{cells} like cells, normal", "any typically better", *_by_looks(wrong)]


def _by_looks(wrong: Bool[np.ndarray, "simulations looks"]) -> list[str]:
    """Returns the rate of errors at any look of each plan."""
    at_any = (np.any(wrong[:, list(looks)], axis=1) for looks in LOOKS.values())
    return [rate_with_interval(np.asarray(errs)) for errs in at_any]


def power(simulations: int) -> Rows:
    """Returns how often a true difference, and true equality, are found with so many seeds."""
    sizes = (6, 8, 10, 12, 16, 24, 32)
    rows = []
    for shift, comparisons in ((1.0, 1), (1.0, 6), (2.0, 1), (2.0, 6), (0.0, 1)):
        rng = np.random.default_rng(1)
        sd = 1.0 if shift else 0.5
        found = np.zeros((simulations, len(sizes)), dtype=bool)
        for simulation in range(simulations):
            lead = MARGIN * (shift + sd * rng.normal(size=SEEDS))
            a, b = made_up(0.9 + lead), made_up(np.full(SEEDS, 0.9))
            for place, n in enumerate(sizes):
                typical = compare(a.of(slice(n)), b.of(slice(n)), MARGIN).typical
                p = (typical.p if shift else typical.p_equivalence).alone
                found[simulation, place] = comparisons * p <= rules.SIGNIFICANCE
        what = f"typically better by {shift:g} sd" if shift else "equivalent, margin 2 sd"
        among = "two cells" if comparisons == 1 else "four cells"
        rows.append([what, among, *map(rate, found.T)])
    return rows


def advice(simulations: int) -> Rows:
    """Returns how often the advised number of seeds led to a verdict."""
    rows = []
    for n in (6, 8, 12):
        rng = np.random.default_rng(2)
        decided: list[bool] = []
        without = 0
        while len(decided) + without < simulations:
            lead = rng.choice([0, 0.5, 1, 1.5]) + rng.normal(size=rules.MOST_PAIRS)
            a, b = made_up(0.9 + MARGIN * lead), made_up(np.full(rules.MOST_PAIRS, 0.9))
            margin = 1.5 * MARGIN
            comparison = compare(a.of(slice(n)), b.of(slice(n)), margin)
            if comparison.typical.verdict != "undecided":
                continue
            more = more_seeds(np.array(comparison.typical.differences), margin, 1)
            if more is None:
                without += 1
                continue
            later = compare(a.of(slice(n + more)), b.of(slice(n + more)), margin)
            decided.append(later.typical.verdict != "undecided")
        rows.append([str(n), rate_with_interval(decided), f"{without / simulations:.3f}"])
    return rows
