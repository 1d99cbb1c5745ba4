"""How much a verdict depends on the start of the cells, where several starts were tried."""

import numpy as np

from gru_bench.runs.result import Result


def best_by_start(result: Result) -> dict[float, float]:
    """Returns the best mean validation score over rates, by the share kept at the start.

    A seed without a score counts with the baseline; starts without any score are left out. Empty
    where the start was not tuned.
    """
    score, tuning = result.score, result.tuning
    if tuning is None:
        return {}
    lost = np.nan if score.baseline is None else score.baseline
    best = {}
    for keep in tuning.keeps:
        scores = np.array(tuning.scores_at(keep), float)
        means = np.where(np.isfinite(scores), scores, lost).mean(1)
        if np.isfinite(means).any():
            best[keep] = float(np.nanmax(means) if score.higher_is_better else np.nanmin(means))
    return best


def starts_against(better: Result, worse: Result) -> list[float]:
    """Returns the starts tried with both at which the cell called worse did better.

    That is on the validation data and the seeds of the search; differences within the margin of
    the run that is called better do not count.
    """
    ours, theirs = best_by_start(better), best_by_start(worse)
    sign = 1 if better.score.higher_is_better else -1
    margin = better.margin or 0.0
    return [keep for keep in ours if keep in theirs and sign * (theirs[keep] - ours[keep]) > margin]
