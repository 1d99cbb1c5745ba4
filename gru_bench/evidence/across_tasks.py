"""What a cell does over several tasks and over trials of a search.

The definitions are those of Agarwal et al. (2021, "Deep reinforcement learning at the edge of the
statistical precipice") and of Dodge et al. (2019, "Show your work"). Scores are normalised: 0 is
the task's baseline and 1 a perfect score, so higher is better.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy
from jaxtyping import Float

from gru_bench.evidence.estimates import Interval

_RESAMPLES = 2000
_SEED = 0

# Normalised scores of a cell by task, an entry a seed.
TaskScores = Mapping[str, Float[np.ndarray, " seeds"]]


def normalised(
    scores: Float[np.ndarray, " seeds"], baseline: float, perfect: float
) -> Float[np.ndarray, " seeds"]:
    """Returns scores on a scale on which the baseline is 0 and a perfect score 1.

    Args:
        scores: The scores, in the task's own unit.
        baseline: What is reached without learning.
        perfect: The best score that there is, such as 1 for a share and 0 for an error.
    """
    return (scores - baseline) / (perfect - baseline)


def interquartile_mean(scores: TaskScores, confidence: float = 0.95) -> Interval:
    """Returns the mean of the middle half of all seeds of all tasks, with its interval.

    The interval is the percentile one of a stratified bootstrap: seeds are drawn within each task.

    Raises:
        ValueError: There are no scores.
    """
    _require(scores)

    def middle(columns: Sequence[np.ndarray]) -> np.ndarray:
        return np.asarray(scipy.stats.trim_mean(np.concatenate(columns, axis=-1), 0.25, axis=-1))

    return _interval(
        float(middle(list(scores.values()))), middle(_resampled(scores, _SEED)), confidence
    )


def performance_profile(
    scores: TaskScores, thresholds: Float[np.ndarray, " thresholds"]
) -> Float[np.ndarray, " thresholds"]:
    """Returns the share of seeds that score above each threshold, the mean over tasks.

    Raises:
        ValueError: There are no scores.
    """
    _require(scores)
    above = [(values[:, None] > thresholds).mean(axis=0) for values in scores.values()]
    return np.asarray(np.mean(above, axis=0))


def probability_of_improvement(a: TaskScores, b: TaskScores, confidence: float = 0.95) -> Interval:
    """Returns how likely a seed of one cell scores above one of the other, the mean over tasks.

    On each task it is the share of all pairs of a seed of each, ties counting half: the statistic
    of Mann and Whitney over its largest value. The interval is that of a stratified bootstrap.

    Args:
        a: The scores of the one cell.
        b: Those of the other, on the same tasks.
        confidence: The level of the interval.

    Raises:
        ValueError: The tasks are not the same, or there are none.
    """
    _require(a)
    if a.keys() != b.keys():
        raise ValueError(f"the tasks differ: {sorted(a)} and {sorted(b)}")
    names = list(a)

    def improvement(of_a: Sequence[np.ndarray], of_b: Sequence[np.ndarray]) -> np.ndarray:
        by_task = [
            ((np.sign(x[..., :, None] - y[..., None, :]) + 1) / 2).mean(axis=(-2, -1))
            for x, y in zip(of_a, of_b, strict=True)
        ]
        return np.asarray(np.mean(by_task, axis=0))

    estimate = improvement([a[name] for name in names], [b[name] for name in names])
    resamples = improvement(
        _resampled({name: a[name] for name in names}, _SEED),
        _resampled({name: b[name] for name in names}, _SEED + 1),
    )
    return _interval(float(estimate), resamples, confidence)


def expected_best(
    scores: Float[np.ndarray, " trials"], higher_is_better: bool = True
) -> Float[np.ndarray, " trials"]:
    """Returns the expected best score of 1, 2, ... trials of a search.

    Trials are taken as drawn, with replacement, from those that were made: of the k best of n the
    i-th is the best with probability (i/n)^k - ((i-1)/n)^k, counted from the worst.

    Args:
        scores: The scores of all trials on validation data, such as of the learning rates tried.
        higher_is_better: Direction of the score.

    Raises:
        ValueError: There are no trials.
    """
    n = len(scores)
    if n == 0:
        raise ValueError("expected_best needs at least one trial")
    from_worst = np.sort(scores) if higher_is_better else np.sort(scores)[::-1]
    at_most = np.arange(n + 1)[None, :] / n
    weights = np.diff(at_most ** np.arange(1, n + 1)[:, None], axis=1)
    return np.asarray(weights @ from_worst)


def area_under_sensitivity(
    learning_rates: Float[np.ndarray, " rates"], scores: Float[np.ndarray, " rates"]
) -> float:
    """Returns the mean score over the range of learning rates on a logarithmic scale.

    It is the area under the curve of the score against the logarithm of the rate, by trapezia, over
    the range's width. A cell that does well at its best rate alone has a small one.

    Args:
        learning_rates: At least two, all different and above 0.
        scores: Mean score at each.

    Raises:
        ValueError: There are fewer than two rates.
    """
    if len(learning_rates) < 2:
        raise ValueError("area_under_sensitivity needs at least two learning rates")
    order = np.argsort(learning_rates)
    logarithms = np.log(learning_rates[order])
    area = np.trapezoid(scores[order], logarithms)
    return float(area / (logarithms[-1] - logarithms[0]))


def _require(scores: TaskScores) -> None:
    if not scores or any(len(values) == 0 for values in scores.values()):
        raise ValueError("every task needs at least one score, and there must be a task")


def _resampled(scores: TaskScores, seed: int) -> list[Float[np.ndarray, "resamples seeds"]]:
    rng = np.random.default_rng(seed)
    return [rng.choice(values, (_RESAMPLES, len(values))) for values in scores.values()]


def _interval(estimate: float, resamples: np.ndarray, confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = np.quantile(resamples, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high))
