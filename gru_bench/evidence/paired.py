"""Tests of two cells on the same seeds: which is typically better, more reliable, sooner.

Every test asks what holds of more than half of all seeds, by `sequential_p`, so its error rate
holds however often seeds are added. Arrays are in the order in which seeds are added, and p values
are two-sided and not yet corrected for the number of comparisons.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from gru_bench.evidence.rules import LARGEST_GAIN, MEAN_STRICTNESS
from gru_bench.evidence.sequential import sequential_p


def sign_p(differences: Float[np.ndarray, " pairs"]) -> float:
    """Returns the p of "neither sign is that of more than half of all differences"."""
    return min(1.0, 2 * min(sequential_p(differences > 0), sequential_p(differences < 0)))


def mean_p(differences: Float[np.ndarray, "*batch pairs"]) -> Float[np.ndarray, "*batch"]:
    """Returns the p of Student's t test that the mean lies on the median's side of 0.

    A difference beyond `LARGEST_GAIN` times the median counts as that: if the mean of what is cut
    down so is not 0, neither is the mean. Unlike the sign test it is of one look and assumes about
    normal differences; it guards verdicts against skew.

    Args:
        differences: At least two on the last axis.
    """
    n = differences.shape[-1]
    median = np.median(differences, axis=-1, keepdims=True)
    gains = differences * np.sign(median)
    gains = np.minimum(gains, LARGEST_GAIN * np.abs(median))
    mean, error = gains.mean(-1), gains.std(-1, ddof=1) / np.sqrt(n)
    # Equal differences have no spread: all of them show the mean, or show that it is 0.
    t = np.divide(mean, error, out=np.where(mean > 0, np.inf, 0.0), where=error > 0)
    return np.asarray(2 * special.stdtr(n - 1, -np.maximum(t, 0)))


def typical_p(differences: Float[np.ndarray, " pairs"]) -> float:
    """Returns the p of "neither cell is typically better".

    A cell is typically better if it scores better with more than half of all seeds, and on average
    as well. So p is the larger of `sign_p` and `MEAN_STRICTNESS` times `mean_p`: the first holds
    for any distribution, and the second keeps a skewed one, whose median is off 0 though its mean
    is not, from being called a win.

    Args:
        differences: Scores of one cell less those of the other.
    """
    if len(differences) < 2:
        return 1.0
    return min(1.0, max(sign_p(differences), MEAN_STRICTNESS * float(mean_p(differences))))


def equivalence_p(differences: Float[np.ndarray, " pairs"], margin: float) -> float:
    """Returns the p of "the typical difference is not within the margin".

    Two one-sided tests (TOST, Schuirmann 1987), of "at most half of all differences lie above
    -margin" and "... below margin". The larger p is doubled, so that it falls below 0.05 where the
    interval of 95 % of `median_sequence` lies inside the margin.

    Args:
        differences: Scores of one cell less those of the other.
        margin: Above 0, in their unit.
    """
    above, below = sequential_p(differences > -margin), sequential_p(differences < margin)
    return min(1.0, 2 * max(above, below))


def reliability_p(a: Bool[np.ndarray, " pairs"], b: Bool[np.ndarray, " pairs"]) -> float:
    """Returns the p of "both cells succeed with equally many of all seeds".

    It is McNemar's exact test: of the seeds with which one cell alone succeeds, each is as likely
    to succeed as the other. Looks are counted in such seeds; fewer than six of them show nothing.

    Args:
        a: Whether the one cell succeeds.
        b: Whether the other does.
    """
    discordant = a != b
    return sign_p(a[discordant].astype(float) - b[discordant])


def step_ratios(
    a: Float[np.ndarray, " pairs"], b: Float[np.ndarray, " pairs"]
) -> Float[np.ndarray, " informative"]:
    """Returns a's steps to an event over b's, of the pairs in which either gets there.

    Args:
        a: Steps of the one cell; infinity where it did not get there within its budget.
        b: Steps of the other.
    """
    informative = np.isfinite(a) | np.isfinite(b)
    return np.asarray(a[informative] / b[informative])


def sooner_p(ratios: Float[np.ndarray, " informative"]) -> float:
    """Returns the p of "neither cell is sooner with more than half of all seeds".

    A cell that gets there within its budget is sooner than one that does not; no more is asked of
    a censored time, and none is left out.

    Args:
        ratios: The ratios, as `step_ratios` gives them.
    """
    return sign_p(1 - ratios)
