"""A test of paired seeds whose error rate holds however often one looks.

The question is whether more than half of all seeds favour one side. At each look, the p of the
binomial test of the n pairs so far is divided by a limit that falls as n^-`SPENDING`; what is
judged is the smallest such quotient of all looks from `MIN_PAIRS` to n. Its distribution, over all
looks from `MIN_PAIRS` to `MOST_PAIRS`, is that of a random walk and is computed exactly. So the
test asks nothing of the distribution of differences, ties count against a verdict, and adding a
seed can only lower p. It is a group-sequential test (Jennison & Turnbull 2000) whose looks are all
numbers of pairs, of the minimum-p kind.

`docs/statistics.md` says what it was chosen from.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special

from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.rules import MIN_PAIRS, MOST_PAIRS, SPENDING

# Quotients that differ by rounding alone are equal.
_ROUNDING = 1 + 1e-9


def sequential_p(wins: Bool[np.ndarray, " pairs"]) -> float:
    """Returns the one-sided p of "at most half of all seeds are wins", valid at every look.

    If that is so, the p of any number of looks falls to `x` or below with a probability of at most
    `x`. It is 1 under `MIN_PAIRS` pairs, and no pairs beyond `MOST_PAIRS` are looked at.

    Args:
        wins: Whether the one side wins, in the order in which seeds are added. A tie is no win.
    """
    count = np.cumsum(wins[:MOST_PAIRS])
    looks = np.arange(MIN_PAIRS, len(count) + 1)
    if len(looks) == 0:
        return 1.0
    return _crossing_probability(float(_quotients()[looks, count[looks - 1]].min()))


@lru_cache
def critical_wins(level: float) -> Int[np.ndarray, " looks"]:
    """Returns how many wins of n pairs bring `sequential_p` to `level` or below, at index n.

    Where no number does, it is n + 1.
    """
    quotients = _quotients()
    attainable = np.unique(quotients[MIN_PAIRS:])
    # The crossing probability is a step function that rises with the limit.
    low, high = 0, len(attainable)
    while low < high:
        middle = (low + high) // 2
        if _crossing_probability(float(attainable[middle])) <= level:
            low = middle + 1
        else:
            high = middle
    looks = np.arange(MOST_PAIRS + 1)
    if low == 0:
        return looks + 1
    limit = attainable[low - 1] * _ROUNDING
    # Beyond n wins the table holds 0, which would always be within the limit.
    within = (quotients <= limit) & (looks[None, :] <= looks[:, None])
    return np.where(within.any(1) & (looks >= MIN_PAIRS), within.argmax(1), looks + 1)


def decided_by(
    wins: Bool[np.ndarray, "*batch pairs"], level: float
) -> Bool[np.ndarray, "*batch pairs"]:
    """Returns, for each number of pairs, whether `sequential_p` of so many is `level` or below."""
    pairs = np.arange(1, wins.shape[-1] + 1)
    needed = np.where(
        pairs <= MOST_PAIRS, critical_wins(level)[np.minimum(pairs, MOST_PAIRS)], pairs + 1
    )
    reached: Bool[np.ndarray, "*batch pairs"] = np.logical_or.accumulate(
        np.cumsum(wins, axis=-1) >= needed, axis=-1
    )
    return reached


def median_sequence(differences: Float[np.ndarray, " pairs"], confidence: float = 0.95) -> Interval:
    """Returns the median with an interval that holds at every look at once.

    The interval is what `sequential_p` does not exclude: it lies between order statistics and asks
    nothing of the distribution. It is the intersection over all looks so far, unless that is empty;
    then it is the last look's alone. Under the fewest pairs that exclude anything there is none.

    Args:
        differences: The differences, at least one, in the order in which seeds are added.
        confidence: How sure it is that the interval holds the median at all looks.

    Raises:
        ValueError: There are no differences.
    """
    if len(differences) == 0:
        raise ValueError("median_sequence needs at least one difference")
    estimate = float(np.median(differences))
    needed = critical_wins((1 - confidence) / 2)
    ends = [
        (ordered[n - needed[n]], ordered[needed[n] - 1])
        for n in range(MIN_PAIRS, min(len(differences), MOST_PAIRS) + 1)
        if needed[n] <= n
        for ordered in [np.sort(differences[:n])]
    ]
    if not ends:
        return Interval(estimate, None, None)
    low, high = max(low for low, _ in ends), min(high for _, high in ends)
    if low > high:
        low, high = ends[-1]
    return Interval(estimate, float(low), float(high))


@lru_cache
def _quotients() -> Float[np.ndarray, "looks wins"]:
    """Returns P(at least `wins` of n fair coins) over the limit's shape, at [n, wins]."""
    n = np.arange(MOST_PAIRS + 1)
    # SciPy has no number where more wins are asked for than there are coins: their chance is 0.
    tails = np.nan_to_num(special.bdtrc(n[None, :] - 1, n[:, None], 0.5))
    shape = np.maximum(n, 1.0) ** SPENDING
    return np.asarray(tails * shape[:, None])


@lru_cache(maxsize=4096)
def _crossing_probability(limit: float) -> float:
    """Returns the chance that fair coins bring the quotient to `limit` or below at any look."""
    quotients = _quotients()
    below = np.zeros(MOST_PAIRS + 2)
    below[0] = 1.0  # the probability of each number of wins, without having crossed
    crossed = 0.0
    for n in range(1, MOST_PAIRS + 1):
        below[1:] = (below[1:] + below[:-1]) / 2
        below[0] /= 2
        if n >= MIN_PAIRS:
            first = int(np.argmax(np.append(quotients[n, : n + 1] <= limit * _ROUNDING, True)))
            crossed += float(below[first:].sum())
            below[first:] = 0
    return min(crossed, 1.0)
