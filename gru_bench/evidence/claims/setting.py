"""The runs that claims compare: one of each cell, in one setting and at one size."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gru_bench.evidence.claims.rules import Rules
from gru_bench.evidence.comparable import group_runs, is_cells_own
from gru_bench.evidence.comparison import Comparison
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.robustness import Pair, Robustness, measure_robustness
from gru_bench.evidence.rules import SIGNIFICANCE
from gru_bench.evidence.verdicts import compare_group, correct_together
from gru_bench.runs.result import Result


@dataclass(frozen=True)
class Setting:
    """A run of each cell, comparable and of one nominal size.

    Attributes:
        task_label: The task, with its corpus.
        label: The same, with what tells this setting from others of the task.
        nominal_size: The hidden size of the LSTM that the cells match.
        keys: The configuration that the runs share, by dotted key.
        runs: The runs by cell.
        robustness: How cells compare over the points of this problem, by their names.
        compared: The comparisons of the pairs of the rules, by the names of both cells, corrected
            for all comparisons of the same two cells in the ledger.
        confidence: The level, by pair, of intervals that hold for all of these together.
    """

    task_label: str
    label: str
    nominal_size: int
    keys: dict[str, Any]
    runs: dict[str, Result]
    robustness: Mapping[Pair, Robustness] = field(default_factory=dict)
    compared: Mapping[frozenset[str], Comparison] = field(default_factory=dict)
    confidence: Mapping[frozenset[str], float] = field(default_factory=dict)

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
        return run.difficulty if run.score.solved_rule else None

    @property
    def has_equal_sizes(self) -> bool:
        """Whether all cells have as many units."""
        return bool(self.keys.get("match", "hidden") == "hidden")

    def comparison(self, cell: str, other: str) -> Comparison | None:
        """Returns the comparison of two cells, if the setting has both and the rules name them."""
        return self.compared.get(frozenset((cell, other)))

    def gain(self, cell: str, other: str) -> Interval | None:
        """Returns by how much a cell is typically better than another one.

        The interval holds for all comparisons of these two cells together. None where no seed
        learns the task under both, or the two were not compared.
        """
        pair = frozenset((cell, other))
        comparison = self.compared.get(pair)
        return None if comparison is None else comparison.gain_of(cell, self.confidence[pair])

    def pairs_with(self, other: str, cells: Sequence[str]) -> Iterator[tuple[Result, Result]]:
        """Yields the runs of each of some cells with that of another one, where it has both."""
        for cell in cells:
            if cell in self.runs and other in self.runs:
                yield self.runs[cell], self.runs[other]


def make_settings(results: Sequence[Result]) -> list[Setting]:
    """Sorts runs into settings, in the order of tasks, of what tells settings apart and of sizes.

    Of several runs that are alike in all that they were made with, the newest stands for its cell.
    Nothing is compared yet.
    """
    groups = group_runs(results)
    robustness = measure_robustness(groups)
    settings = []
    for group in groups:
        sizes = sorted({run.result.nominal_size for run in group.runs})
        shared = {key: v for key, v in group.runs[0].settings.items() if not is_cells_own(key)}
        for size in sizes:
            of_size = [run.result for run in group.runs if run.result.nominal_size == size]
            by_cell = {run.cell: run for run in sorted(of_size, key=lambda run: run.created)}
            label = f"{group.label} h{size}" if len(sizes) > 1 else group.label
            points = robustness.get(group.label, {})
            keys = shared | group.keys
            settings.append(Setting(group.task_label, label, size, keys, by_cell, points))
    return settings


def judge_together(
    settings: Sequence[Setting],
    rules: Rules,
    in_all: Callable[[frozenset[str]], int] = lambda pair: 0,
) -> list[Setting]:
    """Compares the pairs of the rules in every setting, each pair corrected over all settings.

    Args:
        settings: The settings.
        rules: The rules.
        in_all: In how many settings a pair is to be compared, where some are still to be made.
    """
    all_pairs = [compare_group(list(setting.runs.values())) for setting in settings]
    compared: list[dict[frozenset[str], Comparison]] = [{} for _ in settings]
    confidence: dict[frozenset[str], float] = {}
    for pair in map(frozenset, rules.pairs):
        family = [
            (of_setting, comparison)
            for of_setting, comparisons in zip(compared, all_pairs, strict=True)
            for comparison in comparisons
            if pair == {comparison.cell_a, comparison.cell_b}
        ]
        among = max(in_all(pair), len(family), 1)
        judged = correct_together([comparison for _, comparison in family], among)
        for (of_setting, _), comparison in zip(family, judged, strict=True):
            of_setting[pair] = comparison
        confidence[pair] = 1 - SIGNIFICANCE / among
    return [
        replace(setting, compared=of_setting, confidence=confidence)
        for setting, of_setting in zip(settings, compared, strict=True)
    ]


def same_machine(a: Result, b: Result) -> bool:
    """Returns whether two runs were made on equal machines with equal versions."""
    return all(
        getattr(a.environment, name) == getattr(b.environment, name)
        for name in ("device_kind", "device_count", "platform", "processor", "versions")
    )
