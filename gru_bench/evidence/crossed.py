"""Intervals that cross seeds with the examples of one test split.

All seeds are scored on the same documents or series. Repeating a run with other seeds varies one
part of a mean score, drawing another test split the other part, and a statement on the corpus needs
both. `docs/statistics.md` compares this interval with two-way bootstraps by their coverage.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from gru_bench.evidence.estimates import Interval


@dataclass(frozen=True, kw_only=True)
class Crossed:
    """A mean over seeds and examples.

    Attributes:
        estimate: The mean.
        error: Its standard error, from seeds and examples together.
        freedom: Degrees of freedom of Student's t.
        seeds_error: Standard error that other seeds alone would cause.
        examples_error: Standard error that other examples alone would cause.
        least_error: Standard error that would be left with any number of seeds.
    """

    estimate: float
    error: float
    freedom: float
    seeds_error: float
    examples_error: float
    least_error: float

    def ends(self, confidence: float = 0.95) -> tuple[float, float]:
        """Returns the ends of the mean's interval, for other seeds and other examples."""
        half_width = float(special.stdtrit(self.freedom, (1 + confidence) / 2)) * self.error
        return self.estimate - half_width, self.estimate + half_width

    def interval(self, confidence: float = 0.95) -> Interval:
        """Returns the mean with its interval."""
        return Interval(self.estimate, *self.ends(confidence))

    @property
    def p(self) -> float:
        """Two-sided, of "the mean is 0"."""
        return min(1.0, 2 * self._tail(abs(self.estimate)))

    def p_within(self, margin: float) -> float:
        """Returns the p of "the mean is not within the margin", doubled as in `equivalence_p`."""
        return min(1.0, 2 * self._tail(margin - abs(self.estimate)))

    def _tail(self, distance: float) -> float:
        """Returns the chance that t alone takes the mean further than this; 1/2 at no distance."""
        if self.error == 0:
            return 0.0 if distance > 0 else 0.5 if distance == 0 else 1.0
        return float(special.stdtr(self.freedom, -distance / self.error))


def crossed_mean(values: Float[np.ndarray, "seeds examples"]) -> Crossed:
    """Returns the mean of a table of one value for each seed and example, with its uncertainty.

    The value of seed s and example e is taken as mean + A_s + B_e + C_se with independent random
    parts. From the mean squares MS of the analysis of variance, the variance of the mean is
    (MS_A + MS_B - MS_C) / (seeds * examples), no smaller than without A or without B, and Student's
    t has the degrees of freedom of Satterthwaite (1946).

    Args:
        values: Such as 1 where one cell is right, less 1 where the other is, with the same seed on
            the same example; at least two seeds and two examples.

    Raises:
        ValueError: There are fewer than two seeds or two examples.
    """
    seeds, examples = values.shape
    if min(seeds, examples) < 2:
        raise ValueError(f"crossed_mean needs two seeds and two examples: {seeds} and {examples}")
    mean = float(values.mean())
    of_seeds = values.mean(axis=1, keepdims=True) - mean
    of_examples = values.mean(axis=0, keepdims=True) - mean
    rest = values - mean - of_seeds - of_examples
    degrees = np.array([seeds - 1, examples - 1, (seeds - 1) * (examples - 1)])
    squares = np.array(
        [examples * (of_seeds**2).sum(), seeds * (of_examples**2).sum(), (rest**2).sum()]
    )
    ms_seeds, ms_examples, ms_rest = squares / degrees
    total = max(ms_seeds + ms_examples - ms_rest, ms_seeds, ms_examples)
    error = math.sqrt(total / values.size)
    freedom = 1.0
    if total > 0:
        freedom = total**2 / float(
            (np.array([ms_seeds, ms_examples, ms_rest]) ** 2 / degrees).sum()
        )
    return Crossed(
        estimate=mean,
        error=error,
        freedom=freedom,
        seeds_error=math.sqrt(ms_seeds / values.size),
        examples_error=math.sqrt(ms_examples / values.size),
        least_error=math.sqrt(max(ms_examples - ms_rest, 0.0) / values.size),
    )
