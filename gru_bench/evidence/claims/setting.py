"""The runs that claims compare: one of each cell, in one setting and at one size."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.comparable import group_runs, is_cells_own
from gru_bench.evidence.comparison import Comparison
from gru_bench.evidence.rules import SIGNIFICANCE
from gru_bench.evidence.verdicts import compare_group, correct_together
from gru_bench.runs.result import Result

GRUS = ("gru", "gru_reset_after")
NO_OUTPUT_GATE = "lstm_no_output"
# The cells whose scores the ledger compares with the LSTM's.
COMPARED = (*GRUS, NO_OUTPUT_GATE)


@dataclass(frozen=True)
class Setting:
    """A run of each cell, comparable and of one nominal size.

    Attributes:
        task_label: The task, with its corpus.
        label: The same, with what tells this setting from others of the task.
        nominal_size: The hidden size of the LSTM that the cells match.
        keys: The configuration that the runs share, by dotted key.
        runs: The runs by cell.
        against_lstm: The comparison of each of `COMPARED` with the LSTM, by its name, corrected for
            all such comparisons of the ledger.
        confidence: The level of intervals that hold for all of these comparisons together.
    """

    task_label: str
    label: str
    nominal_size: int
    keys: dict[str, Any]
    runs: dict[str, Result]
    against_lstm: dict[str, Comparison] = field(default_factory=dict)
    confidence: float = 1 - SIGNIFICANCE

    @property
    def task(self) -> str:
        """Name of the task, without its corpus."""
        return str(self.keys["task.name"])

    @property
    def axis(self) -> str | None:
        """The key that makes the task harder, such as `task.lag`, as the runs state it."""
        return next(iter(self.runs.values())).axis

    @property
    def lag(self) -> float | None:
        """The value of `axis`; None without one, or if no mark says when the task is solved."""
        run = next(iter(self.runs.values()))
        value = self.keys.get(run.axis) if run.axis and run.score.solved_rule else None
        return float(value) if isinstance(value, int | float) else None

    @property
    def has_equal_sizes(self) -> bool:
        """Whether all cells have as many units."""
        return bool(self.keys.get("match", "hidden") == "hidden")


def make_settings(results: Sequence[Result]) -> list[Setting]:
    """Sorts runs into settings, in the order of tasks, of what tells settings apart and of sizes.

    Of several runs that are alike in all that they were made with, the newest stands for its cell.
    """
    settings = []
    for group in group_runs(results):
        sizes = sorted({run.result.nominal_size for run in group.runs})
        shared = {key: v for key, v in group.runs[0].settings.items() if not is_cells_own(key)}
        for size in sizes:
            of_size = [run.result for run in group.runs if run.result.nominal_size == size]
            by_cell = {run.cell: run for run in sorted(of_size, key=lambda run: run.created)}
            label = f"{group.label} h{size}" if len(sizes) > 1 else group.label
            settings.append(Setting(group.task_label, label, size, shared | group.keys, by_cell))
    return _judge_together(settings)


def _judge_together(settings: Sequence[Setting]) -> list[Setting]:
    """Compares the LSTM of every setting with the others, corrected over all settings."""
    found = [
        (place, other, comparison)
        for place, setting in enumerate(settings)
        for comparison in compare_group(list(setting.runs.values()))
        for other in {comparison.cell_a, comparison.cell_b} & set(COMPARED)
        if {comparison.cell_a, comparison.cell_b} == {other, REFERENCE}
    ]
    judged = correct_together([comparison for *_, comparison in found])
    by_setting: dict[int, dict[str, Comparison]] = {}
    for (place, other, _), comparison in zip(found, judged, strict=True):
        by_setting.setdefault(place, {})[other] = comparison
    confidence = 1 - SIGNIFICANCE / max(len(found), 1)
    return [
        replace(setting, against_lstm=by_setting.get(place, {}), confidence=confidence)
        for place, setting in enumerate(settings)
    ]


def grus(
    settings: Iterable[Setting], equal_sizes: bool = False
) -> Iterator[tuple[Setting, Result]]:
    """Yields every GRU with its setting; on request only those with as many units as the LSTM."""
    for setting in settings:
        for cell in GRUS:
            if cell in setting.runs and (setting.has_equal_sizes or not equal_sizes):
                yield setting, setting.runs[cell]


def paired(
    settings: Iterable[Setting], equal_sizes: bool = False
) -> Iterator[tuple[str, Result, Result]]:
    """Yields every GRU with the LSTM of its setting, after a label of the two."""
    for setting, gru in grus(settings, equal_sizes):
        if "lstm" in setting.runs:
            yield f"{setting.label}: {gru.cell}", gru, setting.runs["lstm"]
