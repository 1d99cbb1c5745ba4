"""The statistics that reports use, each with its exact definition."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats  # type: ignore[import-untyped]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; `low` and `high` are None where there is none."""

    estimate: float
    low: float | None
    high: float | None


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean with Student's t interval: mean ± t(n-1) s / sqrt(n), s with n-1 degrees of freedom.

    The interval covers the mean over an imagined endless row of seeds, if scores are about normal.
    One value says nothing of its spread, so it has no interval.

    Raises:
        ValueError: There are no values.
    """
    n = len(values)
    if n == 0:
        raise ValueError("mean_interval needs at least one value")
    mean = float(np.mean(values))
    if n == 1:
        return Interval(mean, None, None)
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    half_width = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    return Interval(mean, mean - half_width, mean + half_width)


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """The rate successes / n with Wilson's score interval (Wilson 1927), sound for few trials.

    With p = successes / n and z the normal quantile, its ends are
    (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n).

    Raises:
        ValueError: Not 0 <= successes <= n, or no trials.
    """
    if not (0 <= successes <= n and n > 0):
        raise ValueError(f"wilson_interval needs 0 <= successes <= n, n > 0: {successes} of {n}")
    rate = successes / n
    z = float(stats.norm.ppf((1 + confidence) / 2))
    centre = rate + z**2 / (2 * n)
    half_width = z * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # Rounding would otherwise leave an end a hair outside 0 to 1.
    low = 0.0 if successes == 0 else (centre - half_width) / scale
    high = 1.0 if successes == n else (centre + half_width) / scale
    return Interval(rate, low, high)


def interquartile_mean(values: Sequence[float]) -> float:
    """The mean of the middle half: floor(n/4) values are cut at each end (Agarwal et al. 2021).

    Raises:
        ValueError: There are no values.
    """
    if len(values) == 0:
        raise ValueError("interquartile_mean needs at least one value")
    return float(stats.trim_mean(values, 0.25))


def paired_difference(
    first: dict[int, float], second: dict[int, float], confidence: float = 0.95
) -> tuple[int, Interval]:
    """How far `first` lies above `second`, seed by seed.

    Args:
        first: Score by seed.
        second: Score by seed; seeds that only one of them has are left out.
        confidence: Of the interval.

    Returns:
        The number of pairs, and `mean_interval` of the differences.

    Raises:
        ValueError: They share no seed.
    """
    seeds = sorted(first.keys() & second.keys())
    return len(seeds), mean_interval([first[s] - second[s] for s in seeds], confidence)
