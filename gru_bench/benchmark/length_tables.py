"""The costs against the length of sequences as tables for a terminal and in Markdown, and drawn."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gru_bench.benchmark.crossings import in_words
from gru_bench.benchmark.layer import load_remark, write
from gru_bench.benchmark.lengths import (
    ATTENTION,
    CONTESTANTS,
    GRU,
    LOOP,
    LSTM,
    MEMORY,
    PARALLEL,
    QUANTITIES,
    STATE,
    STEP,
    STREAM,
)
from gru_bench.report.figures.axes import scale_values
from gru_bench.report.figures.canvas import OTHER_STYLES, STYLES, make_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {
    STEP: "Training step, ms",
    MEMORY: "Memory of a training step, MB",
    STREAM: "One step of a stream at the end of the sequence, µs",
    STATE: "State kept at the end of the sequence, kB",
}
SHORT = {STEP: "training step", MEMORY: "memory", STREAM: "stream step", STATE: "state"}
DRAWN = {
    GRU: STYLES["gru"],
    LSTM: STYLES["lstm"],
    LOOP: OTHER_STYLES[0],
    PARALLEL: OTHER_STYLES[1],
    ATTENTION: STYLES["attention"],
}


def lengths_of(result: Mapping[str, Any]) -> list[int]:
    """Returns the lengths that were measured."""
    return [case["length"] for case in result["cases"]]


def rows(result: Mapping[str, Any], quantity: str, full: bool) -> list[tuple[str, ...]]:
    """Returns a row for each contestant, with an entry for each length.

    Args:
        result: What `measure_lengths` gives.
        quantity: One of `QUANTITIES`.
        full: Whether times have their intervals.
    """
    return [
        (name, *(_entry(case[quantity][name], full) for case in result["cases"]))
        for name in CONTESTANTS
    ]


def _entry(found: Any, full: bool) -> str:
    if found is None:
        return "-"
    if not isinstance(found, Mapping):
        return _digits(found)
    if not full or found["low"] is None:
        return _digits(found["estimate"])
    return f"{_digits(found['estimate'])} [{_digits(found['low'])}, {_digits(found['high'])}]"


def _digits(value: float) -> str:
    """Returns a number to three digits."""
    digits = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:,.{digits}f}"


def crossing_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Returns a row for each pair and quantity: where the first costs more than the second."""
    lengths = lengths_of(result)
    return [
        (each["of"], each["to"], SHORT[each["quantity"]], in_words(each, lengths))
        for each in result["crossings"]
    ]


def remarks(result: Mapping[str, Any]) -> list[str]:
    """Returns what belongs below the tables."""
    environment, models = result["environment"], result["models"]
    sizes = ", ".join(
        f"{name} {models[name]['hidden_size']} units ({models[name]['parameters']:,})"
        for name in (GRU, LSTM, LOOP, ATTENTION)
    )
    return [
        f"{result['layers']} layers of equal parameters on the adding problem: {sizes}. Training"
        f" step: forward, backward and update of a batch of {result['batch']}. Stream: one"
        " sequence, in a program of many steps; both rows of minGRU are one. -: the program"
        " would hold too much of the machine's memory.",
        f"Geometric means over {result['processes']} processes, with 95% intervals over them where"
        " there are several; in each all took turns at each length. Lengths of crossing are"
        " interpolated between logarithms within a process.",
        f"{result['created']}, {environment['processor']}, "
        + ", ".join(f"{name} {version}" for name, version in environment["versions"].items()),
        load_remark(dict(result)),
    ]


def print_lengths(result: Mapping[str, Any], console: Console) -> None:
    """Prints the tables, in 80 columns."""
    lengths = [f"{length:,}" for length in lengths_of(result)]
    for quantity in QUANTITIES:
        _print(TITLES[quantity], ("steps", *lengths), rows(result, quantity, False), console)
    headings = ("what", "than", "of", "costs more")
    _print("Where one costs more than another", headings, crossing_rows(result), console, "left")
    for line in remarks(result):
        console.print(line, markup=False)


def _print(
    title: str,
    headings: tuple[str, ...],
    body: list[tuple[str, ...]],
    console: Console,
    justify: Any = "right",
) -> None:
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place == 0 else justify, overflow="fold")
    for row in body:
        table.add_row(*row)
    console.print(title, style="bold")
    console.print(table)
    console.print()


def as_markdown(result: Mapping[str, Any], picture: str) -> str:
    """Returns the tables as Markdown.

    Args:
        result: What `measure_lengths` gives.
        picture: Name of the file with the figure.
    """
    lengths = [f"{length:,}" for length in lengths_of(result)]
    parts = ["# Cost against the length of sequences", f"![Four costs by length]({picture})"]
    tables = [(TITLES[q], ("steps", *lengths), rows(result, q, True)) for q in QUANTITIES]
    headings = ("what", "than", "of", "costs more")
    tables.append(("Where one costs more than another", headings, crossing_rows(result)))
    for title, head, body in tables:
        lines = [head, ("---",) * len(head), *body]
        parts += [f"## {title}", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return "\n\n".join([*parts, *remarks(result)]) + "\n"


def draw(result: Mapping[str, Any]) -> bytes:
    """Returns a PNG of each quantity against the length, both logarithmic."""
    lengths = lengths_of(result)

    def plot(panels: list["Axes"]) -> None:
        for axes, quantity in zip(panels, QUANTITIES, strict=True):
            for name, (colour, marker, dash) in DRAWN.items():
                found = [case[quantity][name] for case in result["cases"]]
                known = [each["estimate"] if isinstance(each, Mapping) else each for each in found]
                axes.plot(
                    lengths,
                    [math.nan if each is None else each for each in known],
                    color=colour, marker=marker, linestyle=dash, markersize=5, label=name,
                )  # fmt: skip
            axes.set_yscale("log")
            scale_values(axes, lengths, [f"{length:,}" for length in lengths])
            axes.tick_params(axis="x", labelsize=8, rotation=45)
            axes.set_title(TITLES[quantity].replace(" at the", "\nat the"), fontsize=10, loc="left")
            axes.set_xlabel("steps of a sequence")

    return make_picture(
        "lengths", "Cost against the length of sequences", "", plot, panels=(4, 1), size=(6.4, 11.0)
    ).png


def write_lengths(result: dict[str, Any], path: Path) -> None:
    """Writes JSON to the path, and the tables and the figure beside it as .md and .png."""
    picture = path.with_suffix(".png")
    write(result, as_markdown(result, picture.name), path)
    picture.write_bytes(draw(result))
