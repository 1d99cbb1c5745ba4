"""The runtimes' figures as tables for a terminal and in Markdown, and as a heat map."""

import math
from pathlib import Path
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gru_bench.benchmark.layer import load_remark
from gru_bench.config.cell import MAIN_CELLS, REFERENCE
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.runtimes import RuntimeFigure, RuntimeFigures, Work

NO_TEXTBOOK_GRU = "PyTorch has no textbook GRU (gru), ONNX Runtime does not train: -."


def runtimes_of(figures: RuntimeFigures) -> list[str]:
    """Returns the names of the runtimes, in the order of the figures."""
    return sorted({f.runtime for f in figures.figures}, key=str.lower)


def sizes_of(figures: RuntimeFigures) -> list[int]:
    """Returns the hidden sizes."""
    return sorted({f.hidden_size for f in figures.figures})


def rows(figures: RuntimeFigures, work: Work, full: bool) -> list[tuple[str, ...]]:
    """Returns a row for each runtime and cell: the LSTM's time, and the others' ratio to it.

    Args:
        figures: The figures.
        work: The kind of work.
        full: Whether each entry has its interval.
    """
    table = []
    for runtime in runtimes_of(figures):
        for cell in (REFERENCE, *(cell for cell in MAIN_CELLS if cell != REFERENCE)):
            found = [figures.figure(runtime, cell, work, size) for size in sizes_of(figures)]
            if any(found) or cell == "gru":
                table.append((runtime, cell, *(_entry(each, full) for each in found)))
    return [row for row in table if set(row[2:]) != {"-"} or _has_runtime(figures, work, row[0])]


def _has_runtime(figures: RuntimeFigures, work: Work, runtime: str) -> bool:
    return any(f.runtime == runtime and f.work is work for f in figures.figures)


def _entry(figure: RuntimeFigure | None, full: bool) -> str:
    if figure is None:
        return "-"
    if figure.vs_lstm is None:
        return _time(figure.us.estimate)
    ratio = figure.vs_lstm
    if full:
        return f"{ratio.estimate:.2f}{_ends(ratio)}"
    return f"{ratio.estimate:.2f}{'' if differs(ratio) else '='}"


def differs(ratio: Interval) -> bool:
    """Whether the interval of a ratio leaves 1 out."""
    return ratio.low is not None and ratio.high is not None and not ratio.low <= 1 <= ratio.high


def _ends(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return ""
    return f" [{interval.low:.2f}, {interval.high:.2f}]"


def _time(us: float) -> str:
    """Returns a time to three digits, such as `1.25 ms`."""
    value, unit = (us, "µs") if us < 1e3 else (us / 1e3, "ms")
    digits = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:.{digits}f} {unit}"


def slowest_rows(figures: RuntimeFigures) -> list[tuple[str, ...]]:
    """Returns a row for each runtime and cell: what 99% of the calls for one step do not exceed."""
    table = []
    for runtime in runtimes_of(figures):
        for cell in MAIN_CELLS:
            found = [figures.figure(runtime, cell, Work.STEP, size) for size in sizes_of(figures)]
            times = [None if each is None else each.p99_us for each in found]
            if any(times):
                entries = ("-" if p99 is None else _time(p99.estimate) for p99 in times)
                table.append((runtime, cell, *entries))
    return table


def blocks(figures: RuntimeFigures, full: bool) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Returns the tables with their titles; `full` as for `rows`."""
    return [
        *((work.capitalize(), rows(figures, work, full)) for work in Work),
        ("One step: 99% of the calls take at most", slowest_rows(figures)),
    ]


def remarks(figures: RuntimeFigures) -> list[str]:
    """Returns what belongs below the tables."""
    environment = figures.environment
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    cores = figures.cores[Work.TRAINING]
    return [
        "Rows of the lstm: its time. Other rows: the time over that of the lstm in the same runtime"
        " and the same rounds; = where the 95% interval over processes holds 1. " + NO_TEXTBOOK_GRU,
        f"{figures.input_size} inputs, {figures.time} steps of time. Training step: forward,"
        f" backward and SGD on a batch of {figures.batch}, {cores} cores. Whole sequence and one"
        " step: one sequence, one core; one step is one call, its state fed back. Intervals:"
        f" Student's t of logarithms over {figures.processes} processes.",
        f"{figures.created}, {environment['processor']}; {versions}.",
        load_remark({"load_before": figures.load_before}),
    ]


def print_runtimes(figures: RuntimeFigures, console: Console) -> None:
    """Prints the tables, in 80 columns."""
    for title, body in blocks(figures, full=False):
        table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
        for heading in ("runtime", "cell"):
            table.add_column(heading)
        for size in sizes_of(figures):
            table.add_column(str(size), justify="right")
        for row in body:
            table.add_row(*row)
        console.print(title, style="bold")
        console.print(table)
        console.print()
    for line in remarks(figures):
        console.print(line, markup=False)


def as_markdown(figures: RuntimeFigures, picture: str) -> str:
    """Returns the tables as Markdown.

    Args:
        figures: The figures.
        picture: Name of the file with the heat map.
    """
    headings = ("runtime", "cell", *map(str, sizes_of(figures)))
    parts = ["# The cells in three runtimes", f"![Time over the LSTM's]({picture})"]
    for title, body in blocks(figures, full=True):
        lines = [headings, ("---",) * len(headings), *body]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts += [f"## {title}", table]
    return "\n\n".join([*parts, *remarks(figures)]) + "\n"


def draw(figures: RuntimeFigures, path: Path) -> None:
    """Draws a heat map of the ratio to the LSTM by runtime, cell and size, a panel a work.

    Args:
        figures: The figures.
        path: A file whose suffix says of which kind it is to be.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    sizes = sizes_of(figures)
    bodies = {work: _ratios(figures, work) for work in Work}
    heights = [len(body) for body in bodies.values()]
    figure = Figure(figsize=(6.4, 1.6 + 0.3 * sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(Work), 1, gridspec_kw={"height_ratios": heights}, sharex=True)
    image: Any = None
    for axes, (work, body) in zip(panels, bodies.items(), strict=True):
        values = [[math.nan if ratio is None else ratio for ratio in row] for row in body.values()]
        image = axes.imshow(values, cmap="PuOr_r", norm=LogNorm(1 / 4, 4), aspect="auto")
        axes.set_title(work.capitalize(), loc="left", fontsize=10)
        axes.set_xticks(range(len(sizes)), map(str, sizes))
        axes.set_yticks(range(len(body)), body.keys(), fontsize=9)
        for i, row in enumerate(values):
            for j, ratio in enumerate(row):
                text = "none" if math.isnan(ratio) else f"{ratio:.2f}"
                strong = not math.isnan(ratio) and not 0.4 < ratio < 2.5
                axes.text(
                    j, i, text, ha="center", va="center", fontsize=8,
                    color="white" if strong else "black",
                )  # fmt: skip
    panels[-1].set_xlabel("hidden size")
    bar = figure.colorbar(image, ax=panels, ticks=[0.25, 0.5, 1, 2, 4], format="%g")
    bar.ax.minorticks_off()
    bar.set_label("time over that of the runtime's LSTM")
    figure.savefig(path, dpi=160, facecolor="white")


def _ratios(figures: RuntimeFigures, work: Work) -> dict[str, list[float | None]]:
    """Returns the ratios by runtime and cell; None where the runtime has no such cell."""
    found: dict[str, list[float | None]] = {}
    for runtime in runtimes_of(figures):
        if not _has_runtime(figures, work, runtime):
            continue
        for cell in (cell for cell in MAIN_CELLS if cell != REFERENCE):
            each = [figures.figure(runtime, cell, work, size) for size in sizes_of(figures)]
            found[f"{runtime}, {cell}"] = [
                None if f is None or f.vs_lstm is None else f.vs_lstm.estimate for f in each
            ]
    return found


def write_runtimes(figures: RuntimeFigures, path: Path) -> None:
    """Writes JSON to the path, and the tables and the heat map beside it as .md and .png."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")
    picture = path.with_suffix(".png")
    path.with_suffix(".md").write_text(as_markdown(figures, picture.name))
    draw(figures, picture)
