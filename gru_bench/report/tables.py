"""One row a run, as data and as text: JSON, CSV, Markdown and a table for the terminal."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gru_bench.report.groups import (
    Group,
    Run,
    make_groups,
    show_interval,
    show_score,
    show_score_name,
)
from gru_bench.runs import Result, Spread

if TYPE_CHECKING:
    from gru_bench.report.plots import Picture

KEYS = (
    "task",
    "cell",
    "hidden_size",
    "seeds",
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
    "compile_s",
    "wall_s",
    "memory_mb",
)
LEGEND = (
    "Scores are on test data: mean over seeds [95% Student t interval]. Bold: shortest step, and"
    " the best mean score with every run whose interval overlaps with its."
    " Parameters are the cell's alone. Step: median time of one training step of one model."
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
        len(result.seeds),
        result.parameters.cell,
        run.parameters_vs_lstm,
        result.parameters.total,
        result.score.name,
        score.estimate if score else None,
        score.low if score else None,
        score.high if score else None,
        result.solved,
        _median(result.timing.train_step_ms),
        _median(result.timing.train_step_vs_lstm),
        result.timing.compile_s,
        result.timing.wall_s,
        result.memory_mb,
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
    return "; ".join(parts)


def columns(group: Group) -> list[tuple[str, str]]:
    """Heading and unit of each entry of `cells`."""
    return [
        ("cell", ""),
        ("hidden", "size"),
        (show_score_name(group), group.arrow),
        ("seeds", "") if group.runs[0].result.solved is None else ("solved", "seeds"),
        ("cell", "params"),
        ("vs", "LSTM"),
        ("step", "ms"),
        ("vs", "LSTM"),
        ("compile", "s"),
        ("wall", "s"),
        ("peak", "MB"),
    ]


def cells(group: Group, run: Run) -> list[tuple[str, bool]]:
    """A run's row as text, each entry with whether it is to stand out."""
    result, timing = run.result, run.result.timing
    seeds = len(result.seeds)
    return [
        (result.cell, False),
        (str(result.hidden_size), False),
        (show_interval(group, run), run in group.best_scores()),
        (f"{seeds}" if result.solved is None else f"{result.solved}/{seeds}", False),
        (f"{result.parameters.cell:,}", False),
        (f"{run.parameters_vs_lstm:.2f}", False),
        (_number(_median(timing.train_step_ms)), run in group.fastest()),
        (_ratio(_median(timing.train_step_vs_lstm)), False),
        (_number(timing.compile_s), False),
        (_number(timing.wall_s), False),
        (_number(result.memory_mb), False),
    ]


def notes(groups: Sequence[Group]) -> list[str]:
    """How to read the table, and what to know before comparing its rows."""
    return [LEGEND, *(note for group in groups for note in group.notes())]


def to_markdown(
    groups: Sequence[Group],
    warnings: Sequence[str],
    pictures: Mapping[str, Sequence["Picture"]],
    folder: str,
) -> str:
    """A GitHub table a group with links to its figures in `folder`, then notes and warnings."""
    lines = []
    for group in groups:
        lines += [f"### {_markdown(group.label)}", "", _markdown(heading(group)), ""]
        names = [_markdown(f"{name} {unit}".strip()) for name, unit in columns(group)]
        lines += [_line(names), _line(["---"] + ["--:"] * (len(names) - 1))]
        for run in group.runs:
            entries = cells(group, run)
            lines.append(_line([f"**{_markdown(t)}**" if b else _markdown(t) for t, b in entries]))
        lines.append("")
        for picture in pictures.get(group.label, ()):
            link = quote(f"{folder}/{picture.name}.png")
            lines += [f"![{_markdown(picture.title)}]({link})", "", picture.caption, ""]
    lines += [f"- {_markdown(note)}" for note in [*notes(groups), *warnings]]
    return "\n".join(lines) + "\n"


def print_groups(groups: Sequence[Group], console: Console) -> None:
    """Prints a table a group, readable at 100 columns, then the notes."""
    for group in groups:
        console.print(Text.assemble((group.label, "bold"), f": {heading(group)}"))
        table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
        for index, (name, unit) in enumerate(columns(group)):
            justify: Literal["left", "right"] = "right" if index else "left"
            table.add_column(Text(f"{name}\n{unit}"), justify=justify, no_wrap=True)
        for run in group.runs:
            entries = cells(group, run)
            table.add_row(
                *(Text(text, "bold" if stands_out else "") for text, stands_out in entries)
            )
        console.print(table, "")
    for note in notes(groups):
        console.print(Text(note, "dim"))


def _line(entries: Sequence[str]) -> str:
    return f"| {' | '.join(entries)} |"


def _markdown(text: str) -> str:
    """Escapes what Markdown or HTML would take for markup; corpora are named by users."""
    for sign in "\\`*_|[]<>#":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("&", "&amp;").replace("\n", " ")


def _median(spread: Spread | None) -> float | None:
    return spread.median if spread else None


def _number(value: float | None) -> str:
    """Three digits, and all those before the decimal point."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 99.95 else f"{value:#.3g}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
