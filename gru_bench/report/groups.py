"""Which runs stand side by side: groups of one task in one setting, and what each run comes to."""

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gru_bench.config import CELLS
from gru_bench.runs import Result
from gru_bench.stats import Interval, mean_interval, paired_difference

# A sign-flip test on fewer pairs cannot reach a two-sided p of 0.05, so fewer allow no verdict.
MIN_PAIRS = 6
# Runs that a summary names before it leaves the rest to the table.
MOST_NAMED = 4
# Known from elsewhere in a row, or without effect on the result.
_NOT_A_SETTING = {"cell.name", "hidden_size", "task.name", "corpus.name", "out_dir", "force"}


@dataclass(frozen=True, eq=False)
class Run:
    """A result with the numbers that tables, plots and sentences share."""

    result: Result

    @cached_property
    def score(self) -> Interval | None:
        """Mean test score over the seeds that have one, or None if none has."""
        values = list(self.result.test_scores.values())
        return mean_interval(values) if values else None

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

    def best_scores(self) -> list[Run]:
        """The best mean and every run whose interval overlaps with its; none without intervals."""
        if len(self.by_score) < 2:
            return []
        best = self.by_score[0].score
        return [run for run in self.by_score if best and run.score and _overlap(best, run.score)]

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
            if result.diverged:
                lost = f", {missing} without a score" if missing else ""
                notes.append(f"{self.name(run)}: {result.diverged} diverged{lost}")
            elif missing:
                notes.append(f"{self.name(run)}: {missing} without a score")
        if any(len(run.result.test_scores) == 1 for run in self.runs):
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
        if any(run.score and not _in_range(self, run.score) for run in self.runs):
            notes.append("an interval of this kind may reach past the score's own range")
        return [f"{self.label}: {note}" for note in notes]


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


def summary(group: Group) -> str:
    """What came out, in a sentence or two that claim nothing beyond the intervals."""
    if group.runs[0].result.score.solved_rule is not None:
        by_rate: dict[str, list[str]] = defaultdict(list)
        for run in group.runs:
            by_rate[f"{run.result.solved} of {len(run.result.seeds)}"].append(group.name(run))
        rates = [f"{rate} with {_and(names)}" for rate, names in by_rate.items()]
        return f"seeds that solved it: {'; '.join(rates)}."
    if not group.by_score:
        return "no run has a test score."
    scores = [
        f"{group.name(run)} {show_interval(group, run)}" for run in group.by_score[:MOST_NAMED]
    ]
    if (more := len(group.by_score) - MOST_NAMED) > 0:
        scores.append(f"and {more} below")
    return f"test {show_score_name(group)}: {', '.join(scores)}. {verdict(group)}".strip()


def verdict(group: Group) -> str:
    """Whether the paired seeds tell the best two means apart; empty if there are no two."""
    if len(group.by_score) < 2:
        return ""
    first, second = group.by_score[:2]
    scores = first.result.test_scores, second.result.test_scores
    pairs = len(scores[0].keys() & scores[1].keys())
    if pairs < MIN_PAIRS:
        return f"No verdict: {pairs} paired seeds, at least {MIN_PAIRS} are needed."
    _, difference = paired_difference(*scores)
    low, high = difference.low, difference.high
    assert low is not None
    assert high is not None
    found = (
        f"{group.name(first)} minus {group.name(second)}, paired by seed:"
        f" {_show_numbers(group, difference)}"
    )
    if low <= 0 <= high:
        return f"{found}; these {pairs} seeds do not tell the two apart."
    return f"{found}; the interval leaves out 0."


def _is_percentage(group: Group) -> bool:
    return "accuracy" in group.score_name


def show_score_name(group: Group) -> str:
    """The score's name with its unit."""
    return f"{group.score_name} (%)" if _is_percentage(group) else group.score_name


def show_score(group: Group, value: float) -> str:
    """A score in the unit of `show_score_name`: accuracies in percent, the rest to 3 digits."""
    return f"{100 * value:.1f}" if _is_percentage(group) else f"{value:.3g}"


def show_interval(group: Group, run: Run) -> str:
    """A run's mean score and its interval, such as `94.5 [93.9, 95.1]`."""
    return "-" if run.score is None else _show_numbers(group, run.score)


def _show_numbers(group: Group, interval: Interval) -> str:
    """All three numbers to the same decimals, two digits of the interval's half width."""
    if interval.low is None or interval.high is None:
        return show_score(group, interval.estimate)
    numbers = (interval.estimate, interval.low, interval.high)
    half_width = (interval.high - interval.low) / 2
    if _is_percentage(group):
        shown = [show_score(group, number) for number in numbers]
    elif 0 < half_width < 1e-4:
        shown = [f"{number:.1e}".replace("e-0", "e-") for number in numbers]
    else:
        decimals = max(0, 1 - math.floor(math.log10(half_width))) if half_width else 4
        shown = [f"{number:.{min(decimals, 5)}f}" for number in numbers]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"


def _in_range(group: Group, score: Interval) -> bool:
    """Whether the interval keeps to the values that the score can take: none of ours is below 0."""
    top = 1.0 if _is_percentage(group) else math.inf
    return score.low is None or score.high is None or (score.low >= 0 and score.high <= top)


def _overlap(a: Interval, b: Interval) -> bool:
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return False
    return a.low <= b.high and b.low <= a.high


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


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


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
