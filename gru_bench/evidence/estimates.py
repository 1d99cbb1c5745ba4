"""The statistics that reports use, each with its exact definition.

Everything is deterministic: what resamples does so with a generator of a fixed seed.
`scripts/check_statistics.py` measures how well the intervals keep what they promise. Quantiles come
from `scipy.special`: to import `scipy.stats` takes a second, which SciPy does on first use.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from scipy import special

# The expanded interval looks at quantiles as far out as 0.1 %: 20 resamples lie beyond each.
BOOTSTRAP_RESAMPLES = 20_000
_SEED = 0


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; `low` and `high` are None where there is none.

    A time that was not reached is infinity.
    """

    estimate: float
    low: float | None
    high: float | None

    def times(self, factor: float) -> "Interval":
        """Returns the interval of so many times the quantity; a factor below 0 turns it round."""
        if self.low is None or self.high is None:
            return Interval(factor * self.estimate, None, None)
        low, high = sorted((factor * self.low, factor * self.high))
        return Interval(factor * self.estimate, low, high)

    def product(self, other: "Interval") -> "Interval":
        """Returns the product of two positive quantities, with an interval rather too wide."""
        estimate = self.estimate * other.estimate
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return Interval(estimate, None, None)
        return Interval(estimate, self.low * other.low, self.high * other.high)

    def over(self, other: "Interval") -> "Interval":
        """Returns the ratio of two positive quantities, with an interval rather too wide."""
        estimate = self.estimate / other.estimate
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return Interval(estimate, None, None)
        return Interval(estimate, self.low / other.high, self.high / other.low)


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Returns the mean with Student's interval, mean ± t(n-1) s / sqrt(n); s has n-1 degrees.

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
    half_width = float(special.stdtrit(n - 1, (1 + confidence) / 2)) * error
    return Interval(mean, mean - half_width, mean + half_width)


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Returns the rate with Wilson's score interval (Wilson 1927), which is sound for few trials.

    Raises:
        ValueError: Not 0 <= successes <= n, or no trials.
    """
    found = scipy.stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return Interval(successes / n, float(found.low), float(found.high))


def largest_failure_rate(failures: int, n: int, confidence: float = 0.95) -> float:
    """Returns the highest rate of failures that so few failures in n trials do not exclude.

    It is the one-sided bound of Clopper & Pearson (1934): ten of ten without a failure leave rates
    up to 0.26 possible.

    Raises:
        ValueError: Not 0 <= failures <= n, or no trials.
    """
    test = scipy.stats.binomtest(failures, n, alternative="less")
    return float(test.proportion_ci(confidence, method="exact").high)


def interquartile_mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Returns the interquartile mean with its bootstrap interval (see `bootstrap_interval`).

    It is the mean of the middle half: floor(n/4) values are cut at each end (Agarwal et al. 2021).

    Raises:
        ValueError: There are no values.
    """

    def trimmed(samples: np.ndarray, axis: int) -> Any:
        return scipy.stats.trim_mean(samples, 0.25, axis=axis)

    return bootstrap_interval(values, trimmed, confidence)


def bootstrap_interval(
    values: Sequence[float], statistic: Callable[..., Any] = np.mean, confidence: float = 0.95
) -> Interval:
    """Returns a statistic with its expanded percentile bootstrap interval.

    Percentile intervals are too short for few values, since resampling makes the variance smaller
    by (n-1)/n and knows nothing of Student's t. Hesterberg (2015, "What teachers should know about
    the bootstrap", section 4.4) takes quantiles further out: Φ(-t(n-1) sqrt(n/(n-1))) and one minus
    it, with t(n-1) the quantile of Student's t. In simulation with 6 paired differences of a normal
    distribution a nominal 95 % then covers 93 %, against 86 % of plain percentile and BCa
    intervals; with 20 it is 95 % against 92 %. Strong skew costs all of them more.

    Unlike Student's interval it never leaves the range of the values. One value has no interval.

    Args:
        values: A sample, such as one number a seed.
        statistic: Takes an array and `axis`.
        confidence: The nominal level.

    Raises:
        ValueError: There are no values.
    """
    n = len(values)
    if n == 0:
        raise ValueError("bootstrap_interval needs at least one value")
    estimate = float(statistic(np.asarray(values), axis=-1))
    if n == 1:
        return Interval(estimate, None, None)
    quantile = special.stdtrit(n - 1, (1 + confidence) / 2)
    tail = special.ndtr(-quantile * math.sqrt(n / (n - 1)))
    interval = scipy.stats.bootstrap(
        (values,),
        statistic,
        n_resamples=BOOTSTRAP_RESAMPLES,
        batch=2_000,  # bounds the memory
        vectorized=True,
        confidence_level=1 - 2 * tail,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return Interval(estimate, float(interval.low), float(interval.high))


def holm(p_values: Sequence[float], among: int = 0) -> list[float]:
    """Corrects p values for their number (Holm 1979); they keep their order.

    The k-th smallest of m is multiplied by m - k + 1; no corrected value is below that of a smaller
    one, nor above 1. Calling those below 0.05 significant makes any false call at all happen with a
    probability of 0.05 at most, however the tests depend on each other.

    Args:
        p_values: The values.
        among: How many tests there are in all, where some are still to be made: these count as if
            their p were 1. Fewer than there are values stand for as many.
    """
    p = np.asarray(p_values, dtype=float)
    last = max(among - len(p), 0)
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    multiplied = p[order] * np.arange(last + len(p), last, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(multiplied), 1)
    return [float(value) for value in corrected]


def probability_of_improvement(differences: Sequence[float]) -> float:
    """Returns the share of positive differences; ties count half (Agarwal et al. 2021, paired).

    Raises:
        ValueError: There are no differences.
    """
    if len(differences) == 0:
        raise ValueError("probability_of_improvement needs at least one difference")
    return float(np.mean((np.sign(differences) + 1) / 2))


def median_time_to_event(times: Sequence[float | None], confidence: float = 0.95) -> Interval:
    """Returns the median time to an event; None is a run that did not get there in its budget.

    Such a run is censored at the budget, the same for all and later than any event, so this is the
    Kaplan-Meier median: the first time by which at least half of the runs got there, infinity (not
    reached) if fewer did. A run that gave up early, diverged say, is taken as censored at the
    budget as well: censored where it stopped, it would count as if it still had the others' chance.

    The interval is the exact one of order statistics (Conover 1999, section 3.2); it does not exist
    for fewer than 6 runs at 95 %, and `high` is infinity if too few got there to bound it.

    Raises:
        ValueError: There are no times.
    """
    if len(times) == 0:
        raise ValueError("median_time_to_event needs at least one time")
    ordered = sorted(math.inf if time is None else float(time) for time in times)
    return Interval(ordered[(len(ordered) - 1) // 2], *_median_ends(ordered, confidence))


def _median_ends(
    values: Sequence[float], confidence: float
) -> tuple[float, float] | tuple[None, None]:
    interval = scipy.stats.quantile_test(values, p=0.5).confidence_interval(confidence)
    if math.isnan(interval.low) or math.isnan(interval.high):
        return None, None
    return float(interval.low), float(interval.high)


def median_interval_from_quartiles(
    median: float, low: float, high: float, n: int, confidence: float = 0.95
) -> Interval:
    """Returns the interval of a median of which only the quartiles are known.

    It is median ± t(n-1) sqrt(pi/2) s / sqrt(n), by the standard error of a normal sample's median
    with s = (high - low) / 1.349. McGill, Tukey & Larsen (1978, "Variations of box plots") take
    median ± 1.57 (high - low) / sqrt(n) for notches that are to be compared with each other;
    against a fixed value these are too short. In simulation with normal values a nominal 95 %
    covers 91 % with 7, 93 % with 20 and 95 % with 50, where notches cover 80, 87 and 90 %.

    Args:
        median: The median of the sample.
        low: First quartile.
        high: Third quartile.
        n: Size of the sample. One value has no interval.
        confidence: The nominal level.
    """
    if n == 1:
        return Interval(median, None, None)
    sd = (high - low) / (2 * special.ndtri(0.75))
    error = math.sqrt(math.pi / 2) * sd / math.sqrt(n)
    half_width = float(special.stdtrit(n - 1, (1 + confidence) / 2) * error)
    return Interval(median, median - half_width, median + half_width)
