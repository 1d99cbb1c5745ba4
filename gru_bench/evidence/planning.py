"""How many seeds a verdict takes: before a sweep starts, and after it left two cells undecided."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from gru_bench.evidence.paired import mean_p
from gru_bench.evidence.rules import (
    MEAN_STRICTNESS,
    MIN_PAIRS,
    MOST_PAIRS,
    POWER,
    SIGNIFICANCE,
)
from gru_bench.evidence.sequential import critical_wins, decided_by

# Futures that are drawn: the error of a probability of 0.8 is 0.02.
_FUTURES = 400
_SEED = 0
# Numbers of seeds that advice is given in: each is about a tenth more than the one before.
_STEPS = np.unique(np.round(np.geomspace(MIN_PAIRS, MOST_PAIRS, 64)).astype(int))


def more_seeds(
    differences: Float[np.ndarray, " pairs"], margin: float | None, comparisons: int
) -> int | None:
    """Returns the seeds to add until a verdict on the typical score is likely.

    Further differences are drawn as a normal distribution predicts them, whose mean and spread are
    themselves drawn from what the differences at hand leave open (noninformative prior), and are
    judged as real ones would be. `docs/statistics.md` says how often the advice sufficed.

    Args:
        differences: The differences of the seeds so far, in their order.
        margin: Differences up to it do not matter; None if none is stated.
        comparisons: How many are judged together; the level is divided by it.

    Returns:
        The least number with which at least `POWER` of the futures end in a verdict, better, worse
        or equivalent; None if there is none up to `MOST_PAIRS` seeds in all, or if fewer than two
        differences are known.
    """
    n = len(differences)
    if n < 2 or n >= MOST_PAIRS:
        return None
    rng = np.random.default_rng(_SEED)
    spread = differences.std(ddof=1) * np.sqrt((n - 1) / rng.chisquare(n - 1, _FUTURES))
    mean = differences.mean() + spread / np.sqrt(n) * rng.standard_normal(_FUTURES)
    noise = rng.standard_normal((_FUTURES, MOST_PAIRS - n))
    further = mean[:, None] + spread[:, None] * noise
    futures = np.hstack([np.broadcast_to(differences, (_FUTURES, n)), further])
    enough = _first_likely(futures, _STEPS[n < _STEPS], margin, comparisons)
    return None if enough is None else enough - n


@lru_cache
def fewest_pairs(comparisons: int) -> int:
    """Returns the least number of pairs that can decide, with equal signs, among so many."""
    level = SIGNIFICANCE / comparisons / 2
    return next(n for n in range(MIN_PAIRS, MOST_PAIRS) if critical_wins(level)[n] <= n)


@lru_cache
def detectable_difference(pairs: int, comparisons: int) -> float | None:
    """Returns the smallest typical difference that so many seeds will likely show.

    Args:
        pairs: Seeds that both cells will have.
        comparisons: How many will be judged together; the level is divided by it.

    Returns:
        In standard deviations of the difference over seeds, for normal differences, to the nearest
        0.1; None if equal signs of all pairs would not decide.
    """
    if pairs < fewest_pairs(comparisons):
        return None
    noise = np.random.default_rng(_SEED).standard_normal((_FUTURES, min(pairs, MOST_PAIRS)))
    totals = np.array([noise.shape[1]])
    for tenths in range(1, 60):
        if _first_likely(noise + tenths / 10, totals, None, comparisons):
            return tenths / 10
    return None


def _first_likely(
    differences: Float[np.ndarray, "futures pairs"],
    totals: np.ndarray,
    margin: float | None,
    comparisons: int,
) -> int | None:
    """Returns the first total of pairs with which at least `POWER` of the rows have a verdict.

    The rule is that of `typical_p` and `equivalence_p` at one level for all comparisons.
    """
    level = SIGNIFICANCE / comparisons
    told_apart = decided_by(differences > 0, level / 2) | decided_by(differences < 0, level / 2)
    inside = np.zeros_like(told_apart)
    if margin is not None:
        inside = decided_by(differences > -margin, level / 2)
        inside &= decided_by(differences < margin, level / 2)
    for n in totals:
        by_sign, equivalent = told_apart[:, n - 1], inside[:, n - 1]
        # The test of the mean is dear, and can only take verdicts away.
        if (by_sign | equivalent).mean() < POWER:
            continue
        on_average = MEAN_STRICTNESS * mean_p(differences[:, :n]) <= level
        if (by_sign & on_average | equivalent).mean() >= POWER:
            return int(n)
    return None
