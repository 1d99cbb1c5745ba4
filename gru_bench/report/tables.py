"""One row a run, as data and as text: JSON, CSV and a table for the terminal."""

import csv
import io
import itertools
import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gru_bench.evidence.estimates import MIN_PAIRS, SIGNIFICANCE
from gru_bench.report import summary
from gru_bench.report.format_numbers import (
    median,
    show_interval,
    show_number,
    show_ratio,
    show_score,
    show_score_name,
)
from gru_bench.report.groups import Group, Run, make_groups
from gru_bench.runs.result import Result

KEYS = (
    "task",
    "cell",
    "hidden_size",
    "nominal_size",
    "match",
    "seeds",
    "learning_rate",
    "parameters",
    "parameters_vs_lstm",
    "total_parameters",
    "score_name",
    "score_mean",
    "score_low",
    "score_high",
    "solved",
    "train_step_ms",
    "train_step_vs_lstm",
    "latency_us",
    "latency_vs_lstm",
    "compile_s",
    "train_s",
    "wall_s",
    "memory_mb",
    "state_bytes",
)
LEGEND = (
    "Scores are on test data: mean over seeds [95% Student t interval]. Bold: shortest step, lowest"
    " latency, and each score that no verdict calls worse, where verdicts tell any two apart."
    " Parameters are the cell's alone; vs LSTM: over those of the LSTM with as many units, or of"
    " the one that the cell matches. Step: median time of one training step of one model."
    " Latency: one step of one sequence in real time. Peak: memory while training."
)
VERDICTS = (
    "Verdicts pair cells by seed. Better or worse: the sign-flip test's p, corrected by Holm for"
    f" all pairs of the task, is below {SIGNIFICANCE}, and the mean difference's 95% bootstrap"
    " interval leaves out 0. Equivalent: else, if that interval lies within a margin set"
    f" beforehand. Undecided: anything else, and all pairs of under {MIN_PAIRS} seeds; more seeds"
    " are an estimate of what would likely decide."
)
SHARED_TEST = (
    "On text all seeds share one test split, so no interval or verdict covers which documents are"
    " in it."
)


def rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """One dict a run with exactly the keys in `KEYS`, null where a quantity does not exist."""
    return [_row(group, run) for group in make_groups(results) for run in group.runs]


def _row(group: Group, run: Run) -> dict[str, Any]:
    result, score = run.result, run.score
    values = (
        group.label,
        result.cell,
        result.hidden_size,
        result.nominal_size,
        result.config.get("match"),
        len(result.seeds),
        result.seeds[0].learning_rate,
        result.parameters.cell,
        run.parameters_vs_lstm,
        result.parameters.total,
        result.score.name,
        score.estimate if score else None,
        score.low if score else None,
        score.high if score else None,
        result.solved,
        median(result.timing.train_step_ms),
        median(result.timing.train_step_vs_lstm),
        median(result.timing.latency_us),
        median(result.timing.latency_vs_lstm),
        result.timing.compile_s,
        result.timing.train_s,
        result.timing.wall_s,
        result.memory_mb,
        result.state_bytes,
    )
    return dict(zip(KEYS, values, strict=True))


def to_json(results: Sequence[Result]) -> str:
    """`rows` as a JSON list."""
    return json.dumps(rows(results), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(results: Sequence[Result]) -> str:
    """`rows` as CSV with a header line; an empty cell is null."""
    text = io.StringIO()
    writer = csv.DictWriter(text, KEYS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(results))
    return text.getvalue()


def heading(group: Group) -> str:
    """What a group's rows have in common: score, direction, baseline, solved rule, setting."""
    score = group.runs[0].result.score
    parts = [f"test {show_score_name(group)} {group.arrow}"]
    if score.baseline is not None:
        parts.append(f"{score.baseline_name} scores {show_score(group, score.baseline)}")
    if score.solved_rule is not None:
        parts.append(f"solved: {score.solved_rule}")
    if setting := group.setting():
        parts.append(setting)
    if matching := group.matching():
        parts.append(matching)
    return "; ".join(parts)


class Column(NamedTuple):
    """A column of the main table.

    Attributes:
        name: Upper line of its heading.
        unit: Lower line.
        is_essential: Whether it stays where there is little room.
    """

    name: str
    unit: str
    is_essential: bool = True


def columns(group: Group) -> list[Column]:
    """Headings of the entries of `cells`."""
    latency = [Column("latency", "µs"), Column("vs", "LSTM", is_essential=False)]
    return [
        Column("cell", ""),
        Column("hidden", "size"),
        Column(show_score_name(group), group.arrow),
        Column("seeds", "") if group.runs[0].result.solved is None else Column("solved", "seeds"),
        Column("cell", "params"),
        Column("vs", "LSTM"),
        Column("step", "ms"),
        Column("vs", "LSTM"),
        *(latency if _has_latency(group) else []),
        Column("peak", "MB", is_essential=False),
    ]


def cells(group: Group, run: Run) -> list[tuple[str, bool]]:
    """A run's row as text, each entry with whether it is to stand out."""
    result, timing = run.result, run.result.timing
    latency = [
        (show_number(median(timing.latency_us)), run in group.quickest()),
        (show_ratio(median(timing.latency_vs_lstm)), False),
    ]
    return [
        (group.name(run) if group.matching() else result.cell, False),
        (str(result.hidden_size), False),
        (show_interval(group, run.score), run in group.unbeaten()),
        (str(len(result.seeds)) if result.solved is None else run.solved_seeds, False),
        (f"{result.parameters.cell:,}", False),
        (f"{run.parameters_vs_lstm:.2f}", False),
        (show_number(median(timing.train_step_ms)), run in group.fastest()),
        (show_ratio(median(timing.train_step_vs_lstm)), False),
        *(latency if _has_latency(group) else []),
        (show_number(result.memory_mb), False),
    ]


def _has_latency(group: Group) -> bool:
    return any(run.result.timing.latency_us for run in group.runs)


def legend(groups: Sequence[Group]) -> list[str]:
    """How to read scores and verdicts."""
    has_text = any(group.runs[0].result.config.get("corpus") for group in groups)
    return [LEGEND, VERDICTS, *([SHARED_TEST] if has_text else [])]


def notes(groups: Sequence[Group]) -> list[str]:
    """How to read the table, and what to know before comparing its rows."""
    return [*legend(groups), *(note for group in groups for note in group.notes())]


def machines(groups: Sequence[Group]) -> list[dict[str, str]]:
    """Each different machine and set of versions once."""
    different = []
    for run in (run for group in groups for run in group.runs):
        environment = run.result.environment
        devices = "device" if environment.device_count == 1 else "devices"
        shown = {
            "Device": f"{environment.device_count} {environment.device} {devices}"
            f" ({environment.device_kind})",
            "Processor": environment.processor or "unknown",
            "System": environment.platform,
            "Python": environment.python,
            "Packages": ", ".join(f"{name} {v}" for name, v in environment.versions.items()),
            "Git revision": environment.git_revision or "unknown",
        }
        if shown not in different:
            different.append(shown)
    return different


def print_groups(groups: Sequence[Group], console: Console) -> None:
    """Prints a table a group, readable at 100 columns, then the notes."""
    for group in groups:
        console.print(Text.assemble((group.label, "bold"), f": {heading(group)}"))
        table = _table(group, essential_only=False)
        # A measure is cut off at the width that there is, so it is taken with more.
        room = console.options.update(max_width=2 * console.width)
        if Measurement.get(console, room, table).maximum > console.width:
            table = _table(group, essential_only=True)
        console.print(table)
        if verdict := summary.verdict(group):
            console.print(Text(verdict))
        console.print()
    for note in notes(groups):
        console.print(Text(note, "dim"))


def _table(group: Group, essential_only: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    kept = [not essential_only or column.is_essential for column in columns(group)]
    for index, column in enumerate(itertools.compress(columns(group), kept)):
        justify: Literal["left", "right"] = "right" if index else "left"
        above = Text(f"{column.name}\n{column.unit}")
        table.add_column(above, justify=justify, no_wrap=True)
    for run in group.runs:
        entries = itertools.compress(cells(group, run), kept)
        table.add_row(*(Text(text, "bold" if stands_out else "") for text, stands_out in entries))
    return table
