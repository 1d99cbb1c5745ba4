"""The statistics that reports use, each with its exact definition.

Everything is deterministic: what resamples does so with a generator of a fixed seed.
`scripts/check_statistics.py` measures how well the intervals and tests keep what they promise.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

# A sign-flip test on fewer pairs cannot reach a two-sided p of 0.05, so fewer allow no verdict.
MIN_PAIRS = 6
SIGNIFICANCE = 0.05
# How likely a verdict should be before a number of seeds is called enough (Cohen 1988).
POWER = 0.8
# No advice reaches this number of pairs or more.
MOST_PAIRS = 1000
# The expanded interval looks at quantiles as far out as 0.1 %: 20 resamples lie beyond each.
BOOTSTRAP_RESAMPLES = 20_000
# All signs of up to 14 pairs.
SIGN_FLIPS = 2**14
_SEED = 0


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; `low` and `high` are None where there is none.

    A time that was not reached is infinity.
    """

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


def interquartile_mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The interquartile mean with its bootstrap interval (see `bootstrap_interval`).

    It is the mean of the middle half: floor(n/4) values are cut at each end (Agarwal et al. 2021).

    Raises:
        ValueError: There are no values.
    """

    def trimmed(samples: np.ndarray, axis: int) -> Any:
        return stats.trim_mean(samples, 0.25, axis=axis)

    return bootstrap_interval(values, trimmed, confidence)


def bootstrap_interval(
    values: Sequence[float], statistic: Callable[..., Any] = np.mean, confidence: float = 0.95
) -> Interval:
    """A statistic with its expanded percentile bootstrap interval.

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
        confidence: Nominal.

    Raises:
        ValueError: There are no values.
    """
    n = len(values)
    if n == 0:
        raise ValueError("bootstrap_interval needs at least one value")
    estimate = float(statistic(np.asarray(values), axis=-1))
    if n == 1:
        return Interval(estimate, None, None)
    quantile = stats.t.ppf((1 + confidence) / 2, n - 1)
    tail = stats.norm.sf(quantile * math.sqrt(n / (n - 1)))
    interval = stats.bootstrap(
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


def sign_flip_test(differences: Sequence[float]) -> float:
    """Two-sided p of the paired permutation test on the mean difference.

    If the two sides of each pair were exchangeable, every difference would as likely have had the
    other sign. p is twice the smaller share of sign patterns whose mean is at least, or at most,
    the observed one, and 1 at most. All 2^n patterns are counted up to n = 14; beyond, 2^14
    random ones, with one added to both sides of the share (Phipson & Smyth 2010).

    Raises:
        ValueError: There are no differences.
    """
    if len(differences) == 0:
        raise ValueError("sign_flip_test needs at least one difference")
    if len(differences) == 1:
        return 1.0  # by the definition; SciPy wants two
    test = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=SIGN_FLIPS,
        rng=np.random.default_rng(_SEED),
    )
    return float(test.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p values for their number (Holm 1979); they keep their order.

    The k-th smallest of m is multiplied by m - k + 1; no corrected value is below that of a smaller
    one, nor above 1. Calling those below 0.05 significant makes any false call at all happen with a
    probability of 0.05 at most, however the tests depend on each other.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    multiplied = p[order] * np.arange(len(p), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(multiplied), 1)
    return [float(value) for value in corrected]


def probability_of_improvement(differences: Sequence[float]) -> float:
    """The share of pairs with a positive difference; ties count half (Agarwal et al. 2021, paired).

    Raises:
        ValueError: There are no differences.
    """
    if len(differences) == 0:
        raise ValueError("probability_of_improvement needs at least one difference")
    return float(np.mean((np.sign(differences) + 1) / 2))


def median_time_to_event(times: Sequence[float | None], confidence: float = 0.95) -> Interval:
    """Median time to an event, where None is a run that did not get there within its budget.

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


def median_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The median with the exact interval of order statistics (Conover 1999, section 3.2).

    It asks nothing of the distribution, and infinity is a value like others. It does not exist for
    fewer than 6 values at 95 %.

    Raises:
        ValueError: There are no values.
    """
    if len(values) == 0:
        raise ValueError("median_interval needs at least one value")
    return Interval(float(np.median(values)), *_median_ends(values, confidence))


def _median_ends(
    values: Sequence[float], confidence: float
) -> tuple[float, float] | tuple[None, None]:
    interval = stats.quantile_test(values, p=0.5).confidence_interval(confidence)
    if math.isnan(interval.low) or math.isnan(interval.high):
        return None, None
    return float(interval.low), float(interval.high)


def median_interval_from_quartiles(
    median: float, low: float, high: float, n: int, confidence: float = 0.95
) -> Interval:
    """The interval of a median of which only the quartiles are known.

    It is median ± t(n-1) sqrt(pi/2) s / sqrt(n), by the standard error of a normal sample's median
    with s = (high - low) / 1.349. McGill, Tukey & Larsen (1978, "Variations of box plots") take
    median ± 1.57 (high - low) / sqrt(n) for notches that are to be compared with each other;
    against a fixed value these are too short. In simulation with normal values a nominal 95 %
    covers 91 % with 7, 93 % with 20 and 95 % with 50, where notches cover 80, 87 and 90 %.

    Args:
        median: Of the sample.
        low: First quartile.
        high: Third quartile.
        n: Size of the sample. One value has no interval.
        confidence: Nominal.
    """
    if n == 1:
        return Interval(median, None, None)
    sd = (high - low) / (2 * stats.norm.ppf(0.75))
    error = math.sqrt(math.pi / 2) * sd / math.sqrt(n)
    half_width = float(stats.t.ppf((1 + confidence) / 2, n - 1) * error)
    return Interval(median, median - half_width, median + half_width)


def pairs_for_difference(mean: float, sd: float, comparisons: int = 1) -> int | None:
    """The fewest pairs that would likely show a difference of this size to be significant.

    Likely is a probability of 0.8, as of a paired t test at the level 0.05 / `comparisons`
    (Bonferroni's, a little stricter than Holm's); nor can it be fewer than let a sign-flip test
    reach that level at all.

    Args:
        mean: Mean difference.
        sd: Standard deviation of the differences.
        comparisons: How many are tested together.

    Returns:
        The number, or None if it is not below 1000.
    """
    if mean == 0:
        return None
    n = np.arange(MIN_PAIRS, MOST_PAIRS)
    level = SIGNIFICANCE / comparisons
    # Past 37 the power is 1 and the noncentral t distribution overflows.
    noncentrality = np.minimum(np.sqrt(n) * abs(mean) / max(sd, 1e-300), 37.0)
    power = stats.nct.sf(stats.t.isf(level / 2, n - 1), n - 1, noncentrality)
    attainable = 2.0 ** (1 - n) < level
    return _first(n, (power >= POWER) & attainable)


def pairs_for_equivalence(mean: float, sd: float, margin: float) -> int | None:
    """The fewest pairs whose 95 % interval would likely lie inside ±margin.

    Likely is a probability of 0.8, for a normal mean and Student's interval of half width
    h = t(n-1) sd / sqrt(n): the mean must fall between -(margin - h) and margin - h.

    Args:
        mean: True mean difference.
        sd: Standard deviation of the differences.
        margin: Differences smaller than this do not matter; in the unit of the others.

    Returns:
        The number, or None if it is not below 1000.
    """
    n = np.arange(MIN_PAIRS, MOST_PAIRS)
    error = max(sd, 1e-300) / np.sqrt(n)
    room = margin - stats.t.ppf(0.975, n - 1) * error
    inside = stats.norm.cdf((room - mean) / error) - stats.norm.cdf((-room - mean) / error)
    return _first(n, inside >= POWER)


def _first(n: np.ndarray, enough: np.ndarray) -> int | None:
    return int(n[enough][0]) if enough.any() else None
