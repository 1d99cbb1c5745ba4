"""What all figures share: size and colours, legends and axes, and how they become SVG and PNG.

Matplotlib is imported when a figure is drawn, not before: tables do without it.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gru_bench.evidence.estimates import Interval
from gru_bench.report.groups import Group
from gru_bench.report.reported_run import ReportedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette, told apart under every common colour blindness; shape and dash repeat it.
# Attention has a violet of its own, darker than all of them.
STYLES = {
    "gru": ("#0072B2", "o", "-"),
    "gru_reset_after": ("#CC79A7", "s", (0, (5, 1.5))),
    "lstm": ("#D55E00", "^", (0, (5, 1.5, 1, 1.5))),
    "rnn": ("#009E73", "D", (0, (1, 1.2))),
    "attention": ("#7A4FBF", "8", (0, (3, 1))),
}
# Of variants, outside references and users' cells, in turn: what the palette has left, but for its
# yellow, which is too pale for lines, and its black, which a dark page would swallow: grey stands
# for both.
OTHER_STYLES: tuple[tuple[str, str, Any], ...] = (
    ("#E69F00", "v", "-"),
    ("#56B4E9", "P", (0, (5, 1.5))),
    ("#808080", "X", (0, (5, 1.5, 1, 1.5))),
    ("#E69F00", "<", (0, (1, 1.2))),
    ("#56B4E9", ">", "-"),
    ("#808080", "*", (0, (5, 1.5))),
    ("#E69F00", "h", (0, (5, 1.5, 1, 1.5))),
    ("#56B4E9", "p", (0, (1, 1.2))),
    ("#808080", "d", "-"),
)
# Text and axes: dark on the PNG's white; in the SVG this colour becomes the page's own.
INK = "#1c2127"
# Letters of a name within a figure, and of a line of text: what is longer is cut off.
NAME_LETTERS, MOST_LETTERS = 28, 60
# Up to so many seeds are dots of their own.
MOST_DOTS = 12
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Picture:
    """A drawn figure: SVG text for a page, PNG bytes on white, and what they show in words."""

    name: str
    svg: str
    png: bytes
    title: str
    caption: str


def make_picture(
    name: str,
    title: str,
    caption: str,
    plot: Callable[[list["Axes"]], None],
    panels: tuple[int, int] = (1, 1),
    size: tuple[float, float] | None = None,
    heading: str = "",
) -> Picture:
    """Draws a figure.

    Args:
        name: The name of the files, which also makes the ids of the SVG unique.
        title: What it shows.
        caption: How to read it.
        plot: Draws into the panels, given row by row.
        panels: Rows and columns; a row shares its vertical axis.
        size: Width and height in inches; that of a figure beside others if not given.
        heading: Text above the panels, of the lines that it is to have.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({**RC, "svg.hashsalt": name}):
        figure = Figure(figsize=size or (4.4, 1.5 + 1.7 * panels[0]), layout="constrained")
        FigureCanvasAgg(figure)
        axes = list(figure.subplots(*panels, sharey="row", squeeze=False).flat)
        for panel in axes:
            panel.grid(color=INK, alpha=0.12, linewidth=0.6)
            panel.set_axisbelow(True)
        plot(axes)
        _legend(figure, columns=2 if size is None else 3)
        if heading:
            figure.suptitle(heading, x=0.02, ha="left", fontsize=12, fontweight="bold")
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=160, facecolor="white")
        svg = _svg(figure, name)
    return Picture(name, svg, png.getvalue(), title, caption)


def _svg(figure: "Figure", name: str) -> str:
    """Returns the figure as an `<svg>` element, with unique ids and the colour of the page."""
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r'(?<=<svg )(.*?)width="[^"]*"', r"\1", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'(?<=<svg )(.*?)height="[^"]*"', r"\1", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{name}-", svg)
    svg = re.sub(r"font-family: [^;\"]*", f"font-family: {FONTS}", svg)
    svg = svg.replace('<style type="text/css">*{', f"<style>#{name}-figure_1 *{{")
    return svg.replace(INK, "currentColor")


def standalone(svg: str) -> str:
    """Returns the SVG as a file of its own, light or dark as the reader's system is."""
    style = (
        f"<style>svg{{color:{INK};background:#fff}}"
        "@media(prefers-color-scheme:dark){svg{color:#e4e7eb;background:#15181c}}</style>"
    )
    head, sign, body = svg.partition(">")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}{sign}\n{style}{body}\n'


def over_seeds(
    table: npt.NDArray[np.float64], middle: Callable[..., Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns the middle and the range of each column.

    Args:
        table: Shape `[seeds, points]`; nan where a seed has no value.
        middle: `np.nanmean` or `np.nanmedian`.

    Returns:
        Shape `[points]`, and `[2, points]` of the lowest and the highest; nan where no seed has a
        value.
    """
    # Columns without any value would make NumPy warn of an empty mean.
    known = ~np.isnan(table).all(axis=0)
    centre, band = np.full(table.shape[1], np.nan), np.full((2, table.shape[1]), np.nan)
    centre[known] = middle(table[:, known], axis=0)
    band[:, known] = np.nanmin(table[:, known], axis=0), np.nanmax(table[:, known], axis=0)
    return centre, band


def written(text: str, most: int = NAME_LETTERS) -> str:
    """Returns a text as figures draw it: its beginning if it is too long, and never as a formula.

    Matplotlib takes what stands between two dollar signs for mathematics.
    """
    lines = (line if len(line) <= most else f"{line[: most - 1]}…" for line in text.split("\n"))
    return "\n".join(lines).replace("$", r"\$")


def style(run: ReportedRun) -> tuple[str, str, Any]:
    """Returns colour, marker and dash of a run's cell."""
    other = OTHER_STYLES[run.other_cell % len(OTHER_STYLES)]
    return STYLES.get(run.result.cell, other)


def line_width(run: ReportedRun, sizes: Sequence[int]) -> float:
    """Returns the width of a run's line, wider for larger nominal sizes where there are several."""
    return 1.8 + 0.8 * sizes.index(run.result.nominal_size)


def is_log(group: Group) -> bool:
    """Returns whether scores span powers of ten, as errors do and accuracies do not."""
    return not group.higher_is_better


def score_scale(group: Group) -> float:
    """Returns the factor from a score to the unit of `show_score_name`."""
    return 100.0 if group.is_percentage else 1.0


def interval_caption(group: Group) -> str:
    """Returns how to read the bars of a group's scores."""
    crossed = any(run.result.predictions is not None for run in group.runs)
    kind = "intervals for other seeds and other examples" if crossed else "Student t intervals"
    caption = f"Mean over seeds; bars are 95% {kind}."
    if is_log(group):
        caption += " A bar that reaches 0 or below ends at the axis."
    return caption


def draw_band(
    axes: "Axes",
    run: ReportedRun,
    x: Sequence[float] | npt.NDArray[Any],
    middle: npt.NDArray[np.float64],
    band: npt.NDArray[np.float64],
    width: float,
) -> None:
    """Draws a line with its range over seeds."""
    colour, _, dash = style(run)
    axes.fill_between(x, *band, color=colour, alpha=0.15, linewidth=0)
    marker = "o" if len(middle) == 1 else None
    axes.plot(
        x,
        middle,
        color=colour,
        linestyle=dash,
        lw=width,
        marker=marker,
        label=written(run.result.cell),
    )


def draw_intervals(
    axes: "Axes",
    run: ReportedRun,
    x: Sequence[float],
    intervals: Sequence[Interval],
    scale: float,
    width: float | None = None,
) -> None:
    """Draws points with their intervals, joined by a line if it is given a width."""
    colour, marker, dash = style(run)
    middle = np.array([interval.estimate for interval in intervals])
    low = np.array([i.estimate if i.low is None else i.low for i in intervals])
    high = np.array([i.estimate if i.high is None else i.high for i in intervals])
    axes.errorbar(
        x,
        scale * middle,
        yerr=scale * np.array([middle - low, high - middle]),
        color=colour,
        marker=marker,
        markersize=7,
        markerfacecolor="none",  # Runs of nearly equal size stay visible behind each other.
        markeredgewidth=1.8,
        capsize=3,
        linestyle="none" if width is None else dash,
        linewidth=width,
        elinewidth=1.6,
        label=written(run.result.cell),
    )


def shown_seeds(values: Sequence[float]) -> Sequence[float]:
    """Returns the values of seeds that are dots of their own; none where there are many."""
    return values if len(values) <= MOST_DOTS else []


def draw_dots(
    axes: "Axes", x: Sequence[float], y: Sequence[float], colour: str, aside: tuple[float, float]
) -> None:
    """Draws a dot at each place, so many points to the right and up: a mark there would hide it."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure(root=True)
    assert figure is not None
    right, up = (points / 72 for points in aside)
    beside = axes.transData + ScaledTranslation(right, up, figure.dpi_scale_trans)
    axes.plot(x, y, ".", color=colour, alpha=0.6, markersize=5, transform=beside)
    axes.update_datalim(list(zip(x, y, strict=True)))  # what is moved aside is no longer counted


def draw_baseline(axes: "Axes", group: Group) -> None:
    """Draws a line at what is scored without learning anything, where the task has that."""
    score = group.runs[0].result.score
    if score.baseline is not None:
        # What stands in brackets, such as other baselines, has no room in a legend.
        name = score.baseline_name.partition(" (")[0]
        draw_level(axes, score_scale(group) * score.baseline, name)


def draw_level(axes: "Axes", value: float, name: str) -> None:
    """Draws a thin line across the panel."""
    axes.axhline(
        value, color=INK, linestyle="--", linewidth=1, alpha=0.7, label=written(name, MOST_LETTERS)
    )


def _legend(figure: "Figure", columns: int) -> None:
    """Names each cell once, below the panels and in the table's order, other lines last."""
    from matplotlib.container import ErrorbarContainer

    named: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    bars = [label for label, handle in named.items() if isinstance(handle, ErrorbarContainer)]
    labels = [*bars, *(label for label in named if label not in bars)]
    if not named:
        return
    figure.legend(
        [named[label] for label in labels],
        labels,
        loc="outside lower center",
        ncols=columns,
        fontsize=10,
        handlelength=2.6,
    )
