"""What a reader must know before comparing the runs of a group."""

from collections.abc import Iterator, Sequence
from typing import Any

from gru_bench.config.cell import REFERENCE, STARTS
from gru_bench.evidence.run_settings import show_value, varying
from gru_bench.evidence.starts import starts_against
from gru_bench.report.groups import Group
from gru_bench.runs.result import Result


def group_notes(group: Group) -> list[str]:
    """Returns the notes on a group, each a clause after the group's label."""
    found = [*_on_seeds(group), *_on_settings(group), *_on_verdicts(group), *_on_times(group)]
    return [f"{group.label}: {note}" for note in found]


def _on_seeds(group: Group) -> Iterator[str]:
    """Yields which seeds failed, and what intervals and verdicts do not cover."""
    for run in group.runs:
        result, missing = run.result, len(run.result.seeds) - len(run.result.test_scores)
        counted = ", counted with the baseline" if result.score.baseline is not None else ""
        failures = [f"{result.diverged} diverged"] if result.diverged else []
        failures += [f"{missing} without a score{counted}"] if missing else []
        if failures:
            yield f"{group.name(run)}: {', '.join(failures)}"
    without = [group.name(run) for run in group.runs if run.examples is None]
    if group.shares_test_split and without:
        stored = any(run.result.predictions is not None for run in group.runs)
        lacking = f"no predictions that tell {group.score_name}" if stored else "no predictions"
        yield (
            f"{lacking} are stored with {', '.join(without)}, so intervals and verdicts"
            " hold for other seeds, and not for other examples than those of the test split"
        )
    if any(run.score and run.score.low is None for run in group.runs):
        yield "one seed has no interval"
    if len({tuple(sorted(s.seed for s in run.result.seeds)) for run in group.runs}) > 1:
        yield "the runs differ in their seeds, so not all are paired"


def _on_settings(group: Group) -> Iterator[str]:
    """Yields what runs of the group differ in besides the cell."""
    margins = [run.result.margin for run in group.runs]
    if len(set(margins)) > 1:
        yield f"the runs state different margins: {_each(group, 'margin', margins)}"
    settings = [run.settings for run in group.runs]
    for key in varying(settings):
        if key.startswith(("optim.", "tune.")) or key in STARTS:
            yield f"{key} differs: {_each(group, key, [config.get(key) for config in settings])}"
    for run in group.runs:
        tuning = run.result.tuning
        if tuning and tuning.chosen_rate_is_at_an_end:
            yield (
                f"{group.name(run)}: the learning rate chosen, {tuning.chosen:g}, is at an end"
                " of those tried; a better one may lie beyond"
            )


def _on_verdicts(group: Group) -> Iterator[str]:
    """Yields the verdicts that validation data contradict at other starts."""
    by_name = {group.name(run): run.result for run in group.runs}
    for better, worse in group.better:
        if against := starts_against(by_name[better], by_name[worse]):
            yield (
                f"{better} is called better than {worse} at the starts chosen, but on"
                f" validation data {worse} is ahead where both keep"
                f" {' or '.join(f'{keep:g}' for keep in against)} of their state at the start:"
                " the verdict depends on the start"
            )


def _on_times(group: Group) -> Iterator[str]:
    """Yields where equal time was missed, and why times may not compare."""
    for run in group.runs:
        if (ratio := run.result.equal_time_ratio) is not None and run.result.cell != REFERENCE:
            missed = ": equal time was missed, and no size in reach comes nearer"
            yield (
                f"{group.name(run)}: when its size was chosen, a training step took {ratio:.2f}"
                f" of the LSTM's time{missed if run.result.misses_equal_time else ''}"
            )
    if len({_machine(run.result) for run in group.runs}) > 1:
        yield "the runs come from different machines, so their times do not compare"
    environments = [run.result.environment for run in group.runs]
    ways = [each.recurrence + (" with remat" if each.remat else "") for each in environments]
    if len(set(ways)) > 1:
        yield (
            "the loop over time was computed in different ways, so times and memory compare"
            f" these, too: {_each(group, 'recurrence', ways)}"
        )
    if any(run.result.environment.launcher != "local" for run in group.runs):
        yield (
            "runs were made by a launcher, each cell timed in turns with the LSTM alone, maybe"
            " while others ran beside, so their times compare less well"
        )


def _each(group: Group, key: str, values: Sequence[Any]) -> str:
    """Returns the values of the runs as text."""
    pairs = zip(group.runs, values, strict=True)
    return ", ".join(f"{group.name(run)} {show_value(key, value)}" for run, value in pairs)


def _machine(result: Result) -> tuple[str, str, int, str]:
    environment = result.environment
    return (
        environment.device_kind,
        environment.platform,
        environment.device_count,
        environment.processor,
    )
