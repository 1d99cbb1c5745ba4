"""Whether a verdict survives another start, budget, readout or size.

These settings are a practitioner's choice and no part of the problem, so a verdict that depends on
them says little about the cells. Runs of one problem that differ in them alone are the *points* at
which two cells are compared, each judged as if it were the only one.

A shorter budget is read off the learning curves of a longer run, and then of validation data, where
the learning rate does not depend on the budget and an evaluation was made at that step.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from gru_bench.config.cell import STARTS
from gru_bench.evidence.comparable import ComparableRuns
from gru_bench.evidence.comparison import TURNED, Outcome
from gru_bench.evidence.rules import LASTING, SHORTER_BUDGET
from gru_bench.evidence.run_settings import freeze, show_keys
from gru_bench.evidence.verdicts import compare_group
from gru_bench.runs.result import Result, SeedResult

BUDGET = ("steps", "epochs", "evaluate_every", "patience")
READOUT = ("task.readout",)
CHOICES = frozenset((*STARTS, *BUDGET, *READOUT))

Pair = tuple[str, str]


@dataclass(frozen=True)
class Point:
    """Two cells compared in one setting.

    Attributes:
        label: What tells it from the other points, such as `initialisation=chrono, h32`.
        outcome: The verdict on the first cell against the second.
    """

    label: str
    outcome: Outcome


@dataclass(frozen=True)
class Robustness:
    """Two cells compared at several points of one problem.

    Attributes:
        problem: The task with what makes the problem.
        cell_a: The first cell; outcomes are about it.
        cell_b: The second.
        points: At least two.
    """

    problem: str
    cell_a: str
    cell_b: str
    points: tuple[Point, ...]

    @cached_property
    def shares(self) -> dict[Outcome, float]:
        """The share of the points at which each outcome holds, the most frequent first."""
        count = Counter(point.outcome for point in self.points)
        return {outcome: n / len(self.points) for outcome, n in count.most_common()}

    def holds_at(self, outcome: Outcome) -> int:
        """Returns at how many points it holds."""
        return sum(point.outcome == outcome for point in self.points)

    def survives(self, outcome: Outcome) -> bool:
        """Returns whether it lasts: it holds at most points, and its contrary at none."""
        contrary = TURNED.get(outcome)
        return self.shares.get(outcome, 0.0) >= LASTING and contrary not in self.shares


def measure_robustness(settings: Sequence[ComparableRuns]) -> dict[str, dict[Pair, Robustness]]:
    """Returns how each two cells compare over the points of each problem.

    Args:
        settings: All settings at hand; those that differ in `CHOICES` alone are of one problem.

    Returns:
        By the label of a setting, by the names of two cells in the usual order; problems of one
        point are left out. Points read off learning curves are added where there are several.
    """
    problems: dict[Any, list[ComparableRuns]] = defaultdict(list)
    for setting in settings:
        own = {key: value for key, value in setting.keys.items() if key not in CHOICES}
        problems[setting.task_label, freeze(own)].append(setting)
    found: dict[str, dict[Pair, Robustness]] = {}
    for alike in problems.values():
        compared = _compare(alike)
        for setting in alike:
            found[setting.label] = compared
    return found


def _compare(settings: Sequence[ComparableRuns]) -> dict[Pair, Robustness]:
    """Returns the comparisons of one problem, by the names of the cells."""
    cases = [case for setting in settings for case in _cases(setting)]
    if len(cases) < 2:
        return {}
    several_sizes = len({size for _, size, _ in cases}) > 1
    cases += [shorter for case in cases if (shorter := _shortened(*case))]
    points: dict[Pair, list[Point]] = defaultdict(list)
    for keys, size, results in cases:
        label = show_keys(keys)[1:-1] or "as asked for"
        label = f"{label}, h{size}" if several_sizes else label
        for comparison in compare_group(results):
            pair = comparison.cell_a, comparison.cell_b
            points[pair].append(Point(label, comparison.outcome))
    own = {key: value for key, value in settings[0].keys.items() if key not in CHOICES}
    problem = settings[0].task_label + show_keys(own)
    return {
        (a, b): Robustness(problem, a, b, tuple(of_pair))
        for (a, b), of_pair in points.items()
        if len(of_pair) > 1
    }


Case = tuple[dict[str, Any], int, list[Result]]


def _cases(setting: ComparableRuns) -> Iterator[Case]:
    """Yields the runs of each nominal size, the newest of each cell, with their choices."""
    keys = {key: value for key, value in setting.keys.items() if key in CHOICES}
    by_size: dict[int, dict[str, Result]] = defaultdict(dict)
    for result in sorted((run.result for run in setting.runs), key=lambda result: result.created):
        by_size[result.nominal_size][result.cell] = result
    for size, by_cell in by_size.items():
        if len(by_cell) > 1:
            yield keys, size, list(by_cell.values())


def _shortened(keys: Mapping[str, Any], size: int, results: Sequence[Result]) -> Case | None:
    """Returns the case with the shorter budget; None where a curve does not tell."""
    steps = {result.config.get("steps") for result in results}
    if len(steps) != 1 or not isinstance(longest := steps.pop(), int):
        return None
    budget = Fraction(longest) * SHORTER_BUDGET
    if budget.denominator != 1:
        return None
    shorter = [after(result, int(budget)) for result in results]
    known = [result for result in shorter if result is not None]
    if len(known) < len(results):
        return None
    return {**keys, "steps": f"{budget} (curve)"}, size, known


def after(result: Result, steps: int) -> Result | None:
    """Returns the run as it would be with fewer steps, its scores being of validation data.

    Args:
        result: A run of a given number of steps.
        steps: Fewer than those.

    Returns:
        None if its learning rate depends on the number of steps, or a seed was not evaluated then.
    """
    if result.config.get("optim", {}).get("schedule", "constant") != "constant":
        return None
    seeds = [_after(result, seed, steps) for seed in result.seeds]
    known = [seed for seed in seeds if seed is not None]
    if len(known) < len(seeds):
        return None
    return replace(result, seeds=known, predictions=None)


def _after(result: Result, seed: SeedResult, steps: int) -> SeedResult | None:
    curve = seed.curve
    stopped = bool(curve.step) and curve.step[-1] < steps
    if steps not in curve.step and not stopped:
        return None
    seen = [
        score
        for step, score in zip(curve.step, curve.validation_score, strict=True)
        if step <= steps and score is not None
    ]
    best = (max if result.score.higher_is_better else min)(seen, default=None)
    in_time = seed.solved_step is not None and seed.solved_step <= steps
    return replace(
        seed,
        test={**seed.test, result.score.name: best},
        solved_step=seed.solved_step if in_time else None,
        solved_s=seed.solved_s if in_time else None,
    )
