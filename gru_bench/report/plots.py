"""The figures: learning curves, score against parameters, score against training time.

Matplotlib is imported when a figure is drawn, not before: tables do without it.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gru_bench.report.groups import Group, Run
from gru_bench.report.numbers import show_score_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette, told apart under every common colour blindness; shape and dash repeat it.
LONGEST_IN_THREE_COLUMNS = 20  # characters of a legend's entry
STYLES = {
    "gru": ("#0072B2", "o", "-"),
    "gru_reset_after": ("#CC79A7", "s", (0, (5, 1.5))),
    "lstm": ("#D55E00", "^", (0, (5, 1.5, 1, 1.5))),
    "rnn": ("#009E73", "D", (0, (1, 1.2))),
}
OTHER_STYLE = ("#E69F00", "v", "-")
# Text and axes: dark on the PNG's white; in the SVG this colour becomes the page's own.
INK = "#1c2127"
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_RC: dict[Any, Any] = {
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


def draw(group: Group) -> list[Picture]:
    """The three figures of a group; a figure without data is left out."""
    score = show_score_name(group)
    pictures = []
    if any(seed.curve.step for run in group.runs for seed in run.result.seeds):
        caption = (
            "Mean over seeds; the band spans the lowest and the highest seed. A seed that stopped"
            " early keeps its last value."
        )
        if len({run.result.hidden_size for run in group.runs}) > 1:
            caption += " Wider lines are larger hidden sizes."
        title = f"{group.label}: validation {score} during training"
        pictures.append(_picture(group, "curves", title, caption, _curves))
    if group.by_score:
        caption = "Mean over seeds; bars are 95% Student t intervals."
        if _is_log(group):
            caption += " A bar that reaches 0 or below ends at the axis."
        title = f"{group.label}: test {score} against parameters of the cell"
        pictures.append(_picture(group, "parameters", title, caption, _against_parameters))
        title = f"{group.label}: test {score} against training time"
        caption += " Time covers all seeds of a run, without compilation."
        pictures.append(_picture(group, "time", title, caption, _against_time))
    return pictures


def mean_and_band(
    run: Run,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The validation score of a run over its seeds.

    A seed that stopped early keeps its last value; one that diverged is missing from there on.

    Returns:
        Steps of shape `[points]`, means of shape `[points]`, and `[2, points]` of the lowest and
        highest seed; nan where no seed has a value.
    """
    curves = [seed.curve for seed in run.result.seeds if seed.curve.step]
    steps = np.unique(np.concatenate([np.asarray(curve.step, np.int64) for curve in curves]))
    table = np.full((len(curves), len(steps)), np.nan)
    for row, curve in zip(table, curves, strict=True):
        last = np.searchsorted(curve.step, steps, side="right") - 1
        scores = np.asarray(curve.validation_score, float)
        row[:] = np.where(last >= 0, scores[last], np.nan)
    # Columns without any value would make NumPy warn of an empty mean.
    known = ~np.isnan(table).all(axis=0)
    mean, band = np.full(len(steps), np.nan), np.full((2, len(steps)), np.nan)
    mean[known] = np.nanmean(table[:, known], axis=0)
    band[:, known] = np.nanmin(table[:, known], axis=0), np.nanmax(table[:, known], axis=0)
    return steps, mean, band


def _picture(
    group: Group, kind: str, title: str, caption: str, plot: Callable[["Axes", Group], None]
) -> Picture:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    name = f"{group.slug}-{kind}"
    with mpl.rc_context({**_RC, "svg.hashsalt": name}):
        figure = Figure(figsize=(5.0, 3.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.grid(color=INK, alpha=0.12, linewidth=0.6)
        axes.set_axisbelow(True)
        plot(axes, group)
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=160, facecolor="white")
        svg = _svg(figure, name)
    return Picture(name, svg, png.getvalue(), title, caption)


def _svg(figure: "Figure", name: str) -> str:
    """The figure as an `<svg>` element that fits into a page: unique ids, the page's colour."""
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
    """The SVG as a file of its own, light or dark as the reader's system is."""
    style = (
        f"<style>svg{{color:{INK}}}"
        "@media(prefers-color-scheme:dark){svg{color:#e4e7eb}}</style>"
    )
    head, sign, body = svg.partition(">")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}{sign}\n{style}{body}\n'


def _style(run: Run) -> tuple[str, str, Any]:
    return STYLES.get(run.result.cell, OTHER_STYLE)


def _is_log(group: Group) -> bool:
    """Errors and losses span powers of ten; accuracies do not."""
    return not group.higher_is_better


def _scale(group: Group) -> float:
    """From a score to the unit of `show_score_name`."""
    return 100.0 if group.is_percentage else 1.0


def _curves(axes: "Axes", group: Group) -> None:
    scale = _scale(group)
    sizes = sorted({run.result.hidden_size for run in group.runs})
    for run in group.runs:
        if not any(seed.curve.step for seed in run.result.seeds):
            continue
        colour, _, dash = _style(run)
        steps, mean, band = mean_and_band(run)
        width = 1.8 + 0.8 * sizes.index(run.result.hidden_size)
        axes.fill_between(steps, *(scale * band), color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            steps,
            scale * mean,
            color=colour,
            linestyle=dash,
            linewidth=width,
            label=run.result.cell,
            marker="o" if len(steps) == 1 else None,
        )
    _baseline(axes, group)
    axes.set_xlabel("training step")
    axes.set_ylabel(f"validation {show_score_name(group)}")
    _score_axis(axes, group)
    axes.set_xlim(left=0)
    _legend(axes)


def _against_parameters(axes: "Axes", group: Group) -> None:
    _scatter(axes, group, lambda run: float(run.result.parameters.cell))
    axes.set_xlabel("parameters of the cell")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _against_time(axes: "Axes", group: Group) -> None:
    _scatter(axes, group, lambda run: run.result.timing.train_s)
    axes.set_xlabel("training time (s)")


def _scatter(axes: "Axes", group: Group, x: Callable[[Run], float]) -> None:
    """Draws each run's score over x: from 0, so that lengths compare, or over powers of ten."""
    from matplotlib.ticker import MaxNLocator

    scale = _scale(group)
    for run in group.runs:
        if run.score is None:
            continue
        colour, marker, _ = _style(run)
        mean, low, high = run.score.estimate, run.score.low, run.score.high
        error = None if low is None or high is None else [[mean - low], [high - mean]]
        axes.errorbar(
            x(run),
            scale * mean,
            yerr=None if error is None else scale * np.asarray(error),
            color=colour,
            marker=marker,
            markersize=7,
            markerfacecolor="none",  # Runs of nearly equal size stay visible behind each other.
            markeredgewidth=1.8,
            capsize=3,
            linestyle="none",
            label=run.result.cell,
        )
    if _is_log(group):  # On a linear axis a distant baseline would press the runs together.
        _baseline(axes, group)
    axes.set_ylabel(f"test {show_score_name(group)}")
    _score_axis(axes, group)
    values = [x(run) for run in group.by_score]
    if 0 < 10 * min(values) < max(values):
        axes.set_xscale("log")
    else:
        axes.set_xlim(0, 1.08 * max(values) or 1)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    _legend(axes)


def _legend(axes: "Axes") -> None:
    """Names each cell once, below the axes and in the table's order, the baseline last."""
    from matplotlib.container import ErrorbarContainer

    handles, labels = axes.get_legend_handles_labels()
    bars = [isinstance(handle, ErrorbarContainer) for handle in handles]
    first = [i for i, label in enumerate(labels) if label not in labels[:i]]
    order = sorted(first, key=lambda i: any(bars) and not bars[i])
    longest = max(len(label) for label in labels)
    axes.figure.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="outside lower center",
        ncols=3 if len(order) > 4 and longest <= LONGEST_IN_THREE_COLUMNS else 2,
        fontsize=10,
        handlelength=2.6,
    )


def _baseline(axes: "Axes", group: Group) -> None:
    score = group.runs[0].result.score
    if score.baseline is not None:
        axes.axhline(
            _scale(group) * score.baseline,
            color=INK,
            linestyle="--",
            linewidth=1,
            alpha=0.7,
            label=score.baseline_name,
        )


def _score_axis(axes: "Axes", group: Group) -> None:
    """Logarithmic for errors, with the range set by means: an interval may reach below zero."""
    if not _is_log(group):
        return
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

    means = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.get_lines()])
    means = means[np.isfinite(means) & (means > 0)]
    axes.set_yscale("log", nonpositive="clip")
    if means.size:
        bottom, top = means.min() / 2, means.max() * 2
        axes.set_ylim(10 ** np.floor(np.log10(bottom)), top)
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_major_formatter(LogFormatterSciNotation())
    axes.yaxis.set_minor_formatter(NullFormatter())
