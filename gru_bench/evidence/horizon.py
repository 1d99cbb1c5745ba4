"""The horizon of a cell: the difficulty of a task up to which half of the seeds solve it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import isotonic_regression

from gru_bench.evidence.estimates import Interval

HALF = 0.5
RESAMPLES = 2000
_SEED = 0


@dataclass(frozen=True)
class Horizon:
    """How the share of seeds that solve a task falls with its difficulty.

    Attributes:
        difficulties: What was tried, in ascending order.
        solved: Whether each seed solved it at each of them, `[difficulties, seeds]`.
        span: The horizon with its interval. It lies between two difficulties on the line through
            the shares; 0 if not even the first was solved by half of the seeds, infinity if the
            last one still was.
    """

    difficulties: list[int]
    solved: Bool[np.ndarray, "difficulties seeds"]
    span: Interval

    @property
    def shares(self) -> Float[np.ndarray, " difficulties"]:
        """The share of seeds that solved the task at each difficulty."""
        return np.asarray(self.solved.mean(1))


def horizon(outcomes: Mapping[int, Sequence[bool]], confidence: float = 0.95) -> Horizon:
    """Returns the horizon and its interval, from what each seed solved.

    Shares are fitted by a line that never rises, over the logarithm of the difficulty. The interval
    is the percentile interval over seeds, each of which is drawn with all that it solved, and never
    narrower than the gap between the two difficulties that the horizon lies in: nothing is known of
    what lies between them.

    Args:
        outcomes: Whether each seed solved the task, by difficulty; the same seeds everywhere.
        confidence: The nominal level.
    """
    difficulties = sorted(outcomes)
    solved = np.array([outcomes[difficulty] for difficulty in difficulties], bool)
    estimate, gap_low, gap_high = _crossing(difficulties, solved.mean(1))
    n = solved.shape[1]
    drawn = np.random.default_rng(_SEED).integers(n, size=(RESAMPLES, n))
    found = [_crossing(difficulties, solved[:, seeds].mean(1))[0] for seeds in drawn]
    tail = (1 - confidence) / 2
    # An order statistic: infinities cannot be interpolated.
    low, high = np.quantile(found, [tail, 1 - tail], method="inverted_cdf")
    return Horizon(
        difficulties,
        solved,
        Interval(estimate, min(float(low), gap_low), max(float(high), gap_high)),
    )


def _crossing(
    difficulties: Sequence[int], shares: Float[np.ndarray, " difficulties"]
) -> tuple[float, float, float]:
    """Returns where the fitted share passes one half, and the two difficulties around it."""
    fitted = isotonic_regression(shares, increasing=False).x
    count = int((fitted >= HALF).sum())
    if count == 0:
        return 0.0, 0.0, float(difficulties[0])
    if count == len(difficulties):
        return math.inf, float(difficulties[-1]), math.inf
    below, above = difficulties[count - 1], difficulties[count]
    part = (fitted[count - 1] - HALF) / (fitted[count - 1] - fitted[count])
    place = math.log(below) + part * (math.log(above) - math.log(below))
    return math.exp(place), float(below), float(above)
