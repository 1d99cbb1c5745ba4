"""What each cell does over all settings of a report, on one scale."""

from collections.abc import Sequence

import numpy as np

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.across_tasks import (
    TaskScores,
    interquartile_mean,
    normalised,
    performance_profile,
    probability_of_improvement,
)
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.record import scores_by_seed
from gru_bench.report.detail_table import DetailTable
from gru_bench.report.groups import Group
from gru_bench.report.reported_run import ReportedRun

THRESHOLDS = np.array([0.25, 0.5, 0.75, 0.95])


def over_tasks(groups: Sequence[Group]) -> DetailTable | None:
    """Returns a table of the cells that ran in all settings; None unless these are several.

    A setting counts if its score has a baseline and a known perfect value: 1 for a share of right
    answers, 0 for an error.
    """
    counted = [group for group in groups if _has_scale(group)]
    names = dict.fromkeys(run.result.cell for group in counted for run in group.runs)
    scores = {cell: found for cell in names if (found := _scores(cell, counted))}
    if len(counted) < 2 or len(scores) < 2:
        return None
    reference = scores.get(REFERENCE)
    return DetailTable(
        title="Over all settings",
        columns=[
            "cell",
            "interquartile mean [95%]",
            f"P(better than {REFERENCE}) [95%]",
            *(f"seeds above {threshold:g}" for threshold in THRESHOLDS),
        ],
        words=1,
        rows=[
            [
                cell,
                _show(interquartile_mean(found)),
                _show(probability_of_improvement(found, reference))
                if reference and cell != REFERENCE
                else "-",
                *(f"{share:.0%}" for share in performance_profile(found, THRESHOLDS)),
            ]
            for cell, found in scores.items()
        ],
        note=(
            f"Test scores of {len(counted)} settings on a scale on which 0 is the baseline and 1 a"
            " perfect score, by the definitions of Agarwal et al. (2021): the mean of the middle"
            " half of all seeds; how likely a seed scores above one of the other cell; and the"
            " performance profile, the share of seeds above a threshold, averaged over settings."
            " Intervals are of a stratified bootstrap over seeds, so they hold for these settings"
            " and not for others. No verdict rests on this table."
        ),
    )


def _has_scale(group: Group) -> bool:
    score = group.runs[0].result.score
    return score.baseline is not None and (score.is_share or not score.higher_is_better)


def _scores(cell: str, groups: Sequence[Group]) -> TaskScores | None:
    """Returns the cell's normalised scores by setting; None if it has not one run in each."""
    found = {}
    for group in groups:
        runs: list[ReportedRun] = [run for run in group.runs if run.result.cell == cell]
        if len(runs) != 1:
            return None
        score = runs[0].result.score
        assert score.baseline is not None
        values = np.array(list(scores_by_seed(runs[0].result).values()))
        found[group.label] = normalised(values, score.baseline, 1.0 if score.is_share else 0.0)
    return found


def _show(interval: Interval) -> str:
    return f"{interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
