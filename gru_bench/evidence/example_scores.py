"""What single examples of a test split contribute to a score.

Accuracy and a mean error are means over examples; macro F1 and balanced accuracy are not. To first
order they are, by the delta method: a score that follows from counts changes with the share of each
example by the example's *influence* (the infinitesimal jackknife of Efron 1982; for macro F1 the
variance that follows is that of Takahashi et al. 2022). Score plus influence stands in the place of
right or wrong, so that one analysis of seeds and examples serves all of these scores.

It holds for large numbers: in simulations with four classes and six seeds, the interval of 95 % of
macro F1 covers the truth in 96 % of test splits of 300 examples, 15 of them of the smallest class,
and in 92 % of splits of 100 and 5; of balanced accuracy in 96 % and 91 %.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from gru_bench.runs.predictions import Predictions


def example_scores(
    predictions: Predictions, seeds: Sequence[int], score: str
) -> Float[np.ndarray, "seeds examples"] | None:
    """Returns what each seed scores on each example, such as 1 where it is right and 0 where not.

    The mean of a row is the seed's score: where `score` is none of those known here, accuracy or
    the mean error.

    Args:
        predictions: What was predicted of each example.
        seeds: A row is returned for each, in this order; None if one of them is not known.
        score: The name of the score.
    """
    given, influence = predictions.of(seeds), INFLUENCES.get(score)
    if given is None or influence is None or predictions.actual is None:
        return predictions.values(seeds)
    actual = predictions.actual.astype(int)
    return np.array([influence(row, actual, row == actual) for row in given.astype(int)])


def _macro_f1(
    given: Int[np.ndarray, " examples"],
    actual: Int[np.ndarray, " examples"],
    right: Bool[np.ndarray, " examples"],
) -> Float[np.ndarray, " examples"]:
    """Returns macro F1 plus each example's influence on it.

    With T right decisions for a class and D decisions that were for it or should have been, F is
    2 T / D, and its derivatives are 2 / D by T and -F / D by D. An example counts in T and D of
    its own class and of the one that it was taken for.
    """
    classes = 1 + max(given.max(), actual.max())
    occurrences = np.bincount(given, minlength=classes) + np.bincount(actual, minlength=classes)
    occurs = occurrences > 0
    weight = len(given) / (occurs.sum() * np.maximum(occurrences, 1))
    f1 = 2 * np.bincount(actual[right], minlength=classes) / np.maximum(occurrences, 1)
    score = f1.sum() / occurs.sum()
    gains = 2 * right * weight[actual]
    return np.asarray(score + gains - (f1 * weight)[actual] - (f1 * weight)[given])


def _balanced_accuracy(
    given: Int[np.ndarray, " examples"],
    actual: Int[np.ndarray, " examples"],
    right: Bool[np.ndarray, " examples"],
) -> Float[np.ndarray, " examples"]:
    """Returns balanced accuracy plus each example's influence on it, through its class's recall."""
    counts = np.bincount(actual)
    occurs = counts > 0
    recall = np.bincount(actual[right], minlength=len(counts)) / np.maximum(counts, 1)
    score = recall.sum() / occurs.sum()
    weight = len(actual) / (occurs.sum() * np.maximum(counts, 1))
    return np.asarray(score + (right - recall[actual]) * weight[actual])


INFLUENCES: dict[str, Callable[..., Float[np.ndarray, " examples"]]] = {
    "macro_f1": _macro_f1,
    "balanced_accuracy": _balanced_accuracy,
}
