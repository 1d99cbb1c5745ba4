"""The best setting of each cell, where a report has one task in many settings."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from gru_bench.evidence.record import mean_validation_score
from gru_bench.evidence.run_settings import freeze, show_keys
from gru_bench.report.detail_table import DetailTable
from gru_bench.report.format_numbers import show_interval_column, show_number_column
from gru_bench.report.groups import Group
from gru_bench.report.reported_run import ReportedRun
from gru_bench.system.prose import counted


def best_settings(groups: Sequence[Group]) -> list[DetailTable]:
    """Returns a table for each problem that cells tried in several settings.

    Runs are of one problem if they agree in the keys of task and corpus, which are no choice of
    whoever looks for good settings. All else is: sizes, rates, steps. Validation chooses, so the
    test score beside it is not the best of many.
    """
    problems: dict[tuple[Any, ...], list[Group]] = defaultdict(list)
    for group in groups:
        problems[(group.task_label, freeze(_of_problem(group)))].append(group)
    return [table for alike in problems.values() if (table := _table(alike))]


def _of_problem(group: Group) -> dict[str, Any]:
    """Returns those of the keys that say what is to be learnt."""
    return {k: v for k, v in group.keys.items() if k.startswith(("task.", "corpus."))}


def _table(groups: Sequence[Group]) -> DetailTable | None:
    tried: dict[str, list[tuple[Group, ReportedRun]]] = defaultdict(list)
    for group in groups:
        for run in group.runs:
            tried[run.result.cell].append((group, run))
    if max(map(len, tried.values())) < 2:
        return None
    sign = 1 if groups[0].higher_is_better else -1
    best = [max(each, key=lambda pair: sign * _validation(pair[1])) for each in tried.values()]
    best = [(group, run) for group, run in best if math.isfinite(_validation(run))]
    if not best:
        return None
    first = groups[0]
    unit = 100 if first.is_percentage else 1
    return DetailTable(
        title=f"{first.task_label}{show_keys(_of_problem(first))}: the best setting of each cell",
        columns=["cell", "setting", "size", "validation", f"test {first.arrow}", "params"],
        words=2,
        rows=[
            [run.result.cell, _setting(group), str(run.result.hidden_size), *rest]
            for (group, run), *rest in zip(
                best,
                show_number_column([unit * _validation(run) for _, run in best]),
                show_interval_column(first, [run.score for _, run in best]),
                [f"{run.result.parameters.total:,}" for _, run in best],
                strict=True,
            )
        ],
        note=(
            f"{first.score_name}{' in percent' if first.is_percentage else ''}, means over seeds;"
            " chosen on validation data. Parameters are the whole model's. No verdict compares"
            f" these rows, which are the best of {counted(sum(map(len, tried.values())), 'run')}."
        ),
    )


def _setting(group: Group) -> str:
    """Returns what tells the setting from others of its problem; `-` if nothing but the size."""
    problem = _of_problem(group)
    return show_keys({k: v for k, v in group.keys.items() if k not in problem})[1:-1] or "-"


def _validation(run: ReportedRun) -> float:
    return mean_validation_score(run.result)
