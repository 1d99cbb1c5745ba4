"""Which runs may be compared: those of one task in one setting, in which only the cells differ.

A cell has its own keys, its optimiser with what was tuned of it, and its seeds: these may differ
between runs that are compared, everything else may not.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gru_bench.evidence.run_settings import (
    CELL_SOURCE,
    cell_order,
    freeze,
    setting_order,
    settings_of,
    show_keys,
    varying,
)
from gru_bench.runs.result import Result

# Keys that mostly follow from others, which a label names only where these leave something open.
IMPLIED = ("cell.keep", "evaluate_every", "patience")


@dataclass(frozen=True, eq=False)
class SettledRun:
    """A result with what it was made with.

    Attributes:
        result: What was read.
        settings: Its settings by dotted key; a cell's source is among them if there is a later one.
    """

    result: Result
    settings: dict[str, Any]


@dataclass(frozen=True)
class ComparableRuns:
    """Runs of one task in one setting.

    Attributes:
        task_label: The task, with its corpus.
        keys: What tells this setting from others of the task: values by dotted key.
        runs: The runs, ordered by cell, then by nominal size.
    """

    task_label: str
    keys: dict[str, Any]
    runs: list[SettledRun]

    @property
    def label(self) -> str:
        """The task with the keys that tell this setting from others, such as `copy(lag=20)`."""
        return self.task_label + show_keys(self.keys)


def group_runs(results: Iterable[Result]) -> list[ComparableRuns]:
    """Sorts results into groups: by task, by setting, then by cell and nominal size.

    A setting has keys only where they tell runs apart: keys of the task or its corpus that differ
    among the results; then keys of how it was trained in which runs of one such problem differ;
    then any in which runs of one cell and nominal size still do. So the cells in a group differ in
    nothing but their own keys. Runs of a user's cell stand apart, under the hash of its source,
    once there is a later source of it.
    """
    by_task: dict[str, list[SettledRun]] = defaultdict(list)
    for run in _settle(results):
        by_task[run.result.task_label].append(run)
    groups: list[ComparableRuns] = []
    for task in sorted(by_task):
        keys = _telling_keys(by_task[task])
        by_setting: dict[tuple[Any, ...], list[SettledRun]] = defaultdict(list)
        for run in by_task[task]:
            by_setting[tuple(freeze(run.settings.get(key)) for key in keys)].append(run)
        of_task = [
            ComparableRuns(task, {key: runs[0].settings.get(key) for key in keys}, runs)
            for runs in by_setting.values()
        ]
        groups += sorted(of_task, key=lambda group: setting_order(group.keys))
    return groups


def is_cells_own(key: str) -> bool:
    """Whether runs that are compared may differ in this key."""
    own = key in ("seeds", "hidden_size") or key.startswith(("cell.", "optim.", "tune."))
    return own and key != CELL_SOURCE


def _settle(results: Iterable[Result]) -> list[SettledRun]:
    """Returns the runs in the order of tables."""
    ordered = sorted(results, key=lambda r: (*cell_order(r), r.identity))
    newest = {
        (result.task_label, result.cell): result.config["cell"].get("source")
        for result in sorted(ordered, key=lambda result: result.created)
    }
    runs = []
    for result in ordered:
        source = result.config["cell"].get("source")
        is_old = source != newest[result.task_label, result.cell]
        settings = settings_of(result) | {CELL_SOURCE: source if is_old else None}
        runs.append(SettledRun(result, settings))
    return runs


def _telling_keys(runs: list[SettledRun]) -> list[str]:
    """Returns the keys without which two different runs of a task would have the same label."""
    candidates = varying([run.settings for run in runs])
    keys = {key for key in candidates if key.startswith(("task.", "corpus."))}
    keys |= {key for key in _varying_among(runs, keys, []) if not is_cells_own(key)}
    keys |= _varying_among(runs, keys, ["cell.name", "hidden_size"])
    for implied in IMPLIED:
        if _tell_apart(runs, keys - {implied}) == _tell_apart(runs, keys):
            keys.discard(implied)
    return [key for key in candidates if key in keys]


def _tell_apart(runs: Sequence[SettledRun], keys: Iterable[str]) -> int:
    """Returns how many settings these keys tell apart."""
    return len({tuple(freeze(run.settings.get(key)) for key in sorted(keys)) for run in runs})


def _varying_among(
    runs: Sequence[SettledRun], keys: Iterable[str], further: Sequence[str]
) -> set[str]:
    """Returns the keys in which runs differ that are alike in all of these."""
    alike: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        shared = (run.settings.get(key) for key in (*sorted(keys), *further))
        alike[tuple(map(freeze, shared))].append(run.settings)
    return {key for settings in alike.values() for key in varying(settings)}
