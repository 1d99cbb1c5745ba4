"""Which runs are comparable: settings, in which only the cell differs."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gru_bench.evidence.run_settings import setting_order, settings_of, show_value, varying
from gru_bench.evidence.verdicts import Comparison, compare_group
from gru_bench.runs.result import Result

GRUS = ("gru", "gru_reset_after")
# The tasks that ask for memory over a known time, with the key that sets it.
LAG_KEYS = {"copy": "lag", "adding": "length"}


@dataclass(frozen=True)
class Setting:
    """Runs that differ in their cell alone, by its name.

    Attributes:
        task_label: The task, with its corpus.
        label: The same, with the keys that tell this setting from others of the task.
        keys: The configuration that the runs share, by dotted key.
        runs: By cell.
    """

    task_label: str
    label: str
    keys: dict[str, Any]
    runs: dict[str, Result]

    @cached_property
    def against_lstm(self) -> dict[str, Comparison]:
        """Each GRU against the LSTM, corrected for all comparisons of the setting."""
        compared = compare_group(list(self.runs.values()))
        return {c.cell_a: c for c in compared if c.cell_a in GRUS and c.cell_b == "lstm"}

    @property
    def task(self) -> str:
        return str(self.keys["task.name"])

    @property
    def lag(self) -> int:
        """Steps over which the task asks for memory, as its own key says it."""
        return int(self.keys[f"task.{LAG_KEYS[self.task]}"])

    @property
    def has_equal_sizes(self) -> bool:
        """Whether all cells have as many units."""
        return bool(self.keys.get("match", "hidden") == "hidden")


def make_settings(results: Sequence[Result]) -> list[Setting]:
    """Sorts runs into settings, in the order of tasks and of what tells settings apart.

    Runs of one task stand side by side if their configuration is equal in all but the cell and the
    seeds; where that would leave several runs of a cell, in all but the cell's name.
    """
    found: list[tuple[str, dict[str, Any], list[Result]]] = []
    for keys, runs in _grouped(results, lambda key: key != "seeds" and not key.startswith("cell.")):
        if len({run.cell for run in runs}) < len(runs):
            found += [
                (runs[0].task_label, strict, alike)
                for strict, alike in _grouped(runs, lambda key: key != "cell.name")
            ]
        else:
            found.append((runs[0].task_label, keys, runs))
    settings = []
    for task in sorted({label for label, _, _ in found}):
        of_task = [(keys, runs) for label, keys, runs in found if label == task]
        telling = varying([keys for keys, _ in of_task])
        of_task.sort(key=lambda pair: setting_order({key: pair[0].get(key) for key in telling}))
        for keys, runs in of_task:
            shown = [_named(key, keys[key]) for key in telling if keys.get(key) is not None]
            # Of runs alike even in their seeds, over a file of texts that has changed, the newest.
            by_cell = {run.cell: run for run in sorted(runs, key=lambda run: run.created)}
            settings.append(Setting(task, ", ".join([task, *shown]), keys, by_cell))
    return settings


def _grouped(
    results: Iterable[Result], is_shared: Callable[[str], bool]
) -> list[tuple[dict[str, Any], list[Result]]]:
    """Runs by the shared part of their configuration; a tuned learning rate is the cell's own."""
    groups: dict[str, tuple[dict[str, Any], list[Result]]] = {}
    for result in results:
        keys = {key: value for key, value in settings_of(result).items() if is_shared(key)}
        name = json.dumps([result.task_label, keys], sort_keys=True)
        groups.setdefault(name, (keys, []))[1].append(result)
    return list(groups.values())


def _named(key: str, value: Any) -> str:
    return f"{key.rpartition('.')[2].replace('_', ' ')} {show_value(key, value)}"


def grus(
    settings: Iterable[Setting], equal_sizes: bool = False
) -> Iterator[tuple[Setting, Result]]:
    """Every GRU with its setting; on request only those with as many units as the LSTM."""
    for setting in settings:
        for cell in GRUS:
            if cell in setting.runs and (setting.has_equal_sizes or not equal_sizes):
                yield setting, setting.runs[cell]


def paired(
    settings: Iterable[Setting], equal_sizes: bool = False
) -> Iterator[tuple[str, Result, Result]]:
    """Every GRU with the LSTM of its setting, after a label of the two."""
    for setting, gru in grus(settings, equal_sizes):
        if "lstm" in setting.runs:
            yield f"{setting.label}: {gru.cell}", gru, setting.runs["lstm"]
