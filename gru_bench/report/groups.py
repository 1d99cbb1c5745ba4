"""Which runs stand side by side: groups of one task in one setting, and what each run comes to."""

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gru_bench.config import CELLS, ExperimentConfig
from gru_bench.runs import Result
from gru_bench.stats import Interval, mean_interval
from gru_bench.verdicts import Comparison, Summary, compare_group, scores_by_seed, summarize

# Known from elsewhere in a row, or without effect on the result.
_NOT_A_SETTING = {
    *ExperimentConfig.NOT_IDENTITY,
    "cell.name",
    "hidden_size",
    "task.name",
    "corpus.name",
}


@dataclass(frozen=True, eq=False)
class Run:
    """A result with the numbers that tables, plots and sentences share."""

    result: Result

    @cached_property
    def score(self) -> Interval | None:
        """Mean test score over seeds; one without a score counts with the baseline.

        None if no seed has a score and the task has no baseline.
        """
        values = list(scores_by_seed(self.result).values())
        return mean_interval(values) if values else None

    @cached_property
    def summary(self) -> Summary:
        """Further statistics of the run by itself."""
        return summarize(self.result)

    @cached_property
    def train_minus_test(self) -> Interval | None:
        """Mean over seeds of the training score minus the test score, where both exist."""
        name, tests = self.result.score.name, self.result.test_scores
        trained = {seed.seed: seed.train.get(name) for seed in self.result.seeds}
        gaps = [
            score - tests[s] for s, score in trained.items() if score is not None and s in tests
        ]
        return mean_interval(gaps) if gaps else None

    @property
    def parameters_vs_lstm(self) -> float:
        """Parameters of the cell over those of an LSTM of the same sizes."""
        return self.result.parameters.cell / self.result.parameters.lstm


@dataclass(frozen=True)
class Group:
    """Runs of one task in one setting, in the order of the table.

    Attributes:
        label: The task, with the keys that tell this setting from others of the report.
        slug: The label made fit for a file name or an HTML id; no two groups share one.
        runs: By cell, then by hidden size.
    """

    label: str
    slug: str
    runs: list[Run]

    def name(self, run: Run) -> str:
        """The run's cell, with its hidden size where sizes differ."""
        several = len({other.result.hidden_size for other in self.runs}) > 1
        return f"{run.result.cell} h{run.result.hidden_size}" if several else run.result.cell

    @property
    def score_name(self) -> str:
        """Name of the main score."""
        return self.runs[0].result.score.name

    @property
    def is_percentage(self) -> bool:
        """Whether the main score is shown in percent, and differences in percentage points."""
        return "accuracy" in self.score_name

    @property
    def higher_is_better(self) -> bool:
        """Direction of the main score."""
        return self.runs[0].result.score.higher_is_better

    @property
    def arrow(self) -> str:
        """Direction of the main score as a sign."""
        return "↑" if self.higher_is_better else "↓"

    @cached_property
    def by_score(self) -> list[Run]:
        """The runs that have a score, best mean first."""
        scored = [(run.score.estimate, run) for run in self.runs if run.score is not None]
        ordered = sorted(scored, key=lambda pair: pair[0], reverse=self.higher_is_better)
        return [run for _, run in ordered]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Every two cells, paired by seed, under the names that `name` gives them."""
        results = [run.result for run in self.runs]
        return compare_group(results, names=[self.name(run) for run in self.runs], label=self.label)

    @cached_property
    def better(self) -> list[tuple[str, str]]:
        """The pairs with a verdict of better or worse: the better one's name, then the other's."""
        told_apart = [c for c in self.comparisons if c.verdict in ("better", "worse")]
        return [
            (c.cell_a, c.cell_b) if c.verdict == "better" else (c.cell_b, c.cell_a)
            for c in told_apart
        ]

    def unbeaten(self) -> list[Run]:
        """The runs that no verdict calls worse; none if the verdicts tell no two runs apart."""
        if not self.better:
            return []
        compared = {name for c in self.comparisons for name in (c.cell_a, c.cell_b)}
        beaten = {worse for _, worse in self.better}
        return [run for run in self.runs if self.name(run) in compared - beaten]

    def fastest(self) -> list[Run]:
        """The run of the shortest training step, if there are several to compare."""
        timed = [(t.median, r) for r in self.runs if (t := r.result.timing.train_step_ms)]
        return [min(timed, key=lambda pair: pair[0])[1]] if len(timed) > 1 else []

    def setting(self) -> str:
        """The task's own keys and how it was trained, where that is equal for all runs."""
        flat = [_flatten(run.result.config) for run in self.runs]
        task = [k for k in flat[0] if k.startswith("task.") and k not in _NOT_A_SETTING]
        training = ["steps", "epochs", "batch_size", "optim.name", "optim.learning_rate"]
        shown = []
        for key in task + training:
            values = [keys.get(key) for keys in flat]
            if values[0] is not None and all(value == values[0] for value in values):
                shown.append(
                    f"{key.removeprefix('task.').replace('optim.name', 'optim')}={values[0]}"
                )
        return ", ".join(part.replace("optim.", "") for part in shown)

    def notes(self) -> list[str]:
        """What a reader must know before comparing the rows of this group."""
        notes = []
        for run in self.runs:
            result, missing = run.result, len(run.result.seeds) - len(run.result.test_scores)
            counted = ", counted with the baseline" if result.score.baseline is not None else ""
            failures = [f"{result.diverged} diverged"] if result.diverged else []
            failures += [f"{missing} without a score{counted}"] if missing else []
            if failures:
                notes.append(f"{self.name(run)}: {', '.join(failures)}")
        if any(run.score and run.score.low is None for run in self.runs):
            notes.append("one seed has no interval")
        if len({tuple(sorted(s.seed for s in run.result.seeds)) for run in self.runs}) > 1:
            notes.append("the runs differ in their seeds, so not all are paired")
        flat = [_flatten(run.result.config) for run in self.runs]
        for key in _varying(flat):
            if key != "seeds" and not key.startswith("cell."):
                values = [_show(config.get(key)) for config in flat]
                names = [self.name(run) for run in self.runs]
                pairs = ", ".join(f"{n} {v}" for n, v in zip(names, values, strict=True))
                notes.append(f"{key} differs: {pairs}")
        if len({_machine(run.result) for run in self.runs}) > 1:
            notes.append("the runs come from different machines, so their times do not compare")
        if any(run.score and not self._in_range(run.score) for run in self.runs):
            notes.append("an interval of this kind may reach past the score's own range")
        return [f"{self.label}: {note}" for note in notes]

    def _in_range(self, score: Interval) -> bool:
        """Whether an interval keeps to what the score can be: none of ours is below 0."""
        top = 1.0 if self.is_percentage else math.inf
        return score.low is None or score.high is None or (score.low >= 0 and score.high <= top)


def make_groups(results: Iterable[Result]) -> list[Group]:
    """Sorts results into groups: by task, by setting, then by cell and hidden size.

    A label is the plain task; keys are appended, as in `copy(lag=20)`, only where they tell runs
    apart: keys of the task or its corpus that differ within the report, and any other key in which
    runs of the same task, cell and hidden size differ.
    """
    by_task: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_task[result.task_label].append(result)
    groups: list[Group] = []
    for task in sorted(by_task):
        settings: dict[tuple[tuple[str, Any], ...], list[Result]] = defaultdict(list)
        flat = [_flatten(result.config) for result in by_task[task]]
        keys = _telling_keys(by_task[task], flat)
        for result, values in zip(by_task[task], flat, strict=True):
            # Lists (seeds) are no dictionary keys; their text is.
            setting = tuple((key, _hashable(values.get(key))) for key in keys)
            settings[setting].append(result)
        for setting in sorted(settings, key=lambda pairs: [_sort_key(v) for _, v in pairs]):
            runs = [Run(result) for result in sorted(settings[setting], key=_run_order)]
            shown = ", ".join(f"{_short(key, keys)}={_show(value)}" for key, value in setting)
            label = f"{task}({shown})" if shown else task
            groups.append(Group(label, _slug(label, {group.slug for group in groups}), runs))
    return groups


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as dotted ones."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _varying(flat: list[dict[str, Any]]) -> list[str]:
    """Keys in which configurations differ, those that are told elsewhere left out."""
    keys = dict.fromkeys(key for config in flat for key in config if key not in _NOT_A_SETTING)
    return [key for key in keys if any(c.get(key) != flat[0].get(key) for c in flat)]


def _telling_keys(results: list[Result], flat: list[dict[str, Any]]) -> list[str]:
    """Keys without which two runs of one task would carry the same label but be different."""
    keys = {key for key in _varying(flat) if key.startswith(("task.", "corpus."))}
    alike: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for result, config in zip(results, flat, strict=True):
        problem = tuple(_hashable(config.get(key)) for key in sorted(keys))
        alike[result.cell, result.hidden_size, *problem].append(config)
    keys |= {key for configs in alike.values() for key in _varying(configs)}
    return [key for key in _varying(flat) if key in keys]


def _slug(label: str, taken: set[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-").lower() or "task"
    numbered = (f"{plain}-{i}" for i in itertools.count(2))
    return next(slug for slug in itertools.chain([plain], numbered) if slug not in taken)


def _short(key: str, keys: list[str]) -> str:
    """The key's last part, or all of it where that is ambiguous."""
    last = key.rpartition(".")[2]
    return key if sum(k.rpartition(".")[2] == last for k in keys) > 1 else last


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, list) else value


def _show(value: Any) -> str:
    return "null" if value is None else str(value)


def _sort_key(value: Any) -> tuple[int, float, str]:
    """Orders null before numbers before text."""
    if value is None:
        return 0, 0.0, ""
    return (1, float(value), "") if isinstance(value, int | float) else (2, 0.0, str(value))


def _run_order(result: Result) -> tuple[int, str, int, str]:
    order = CELLS.index(result.cell) if result.cell in CELLS else len(CELLS)
    return order, result.cell, result.hidden_size, result.identity


def _machine(result: Result) -> tuple[str, str, int, str]:
    environment = result.environment
    return (
        environment.device_kind,
        environment.platform,
        environment.device_count,
        environment.processor,
    )
