"""The wide figure of README.md: every cell on every task of the reference, from both starts."""

import math
from typing import TYPE_CHECKING

from blocks.committed import (
    CELLS,
    CHRONO,
    DEFAULT,
    ROOT,
    is_error,
    mean_score,
    setting_of,
    show_score,
)
from blocks.outcomes import TASKS
from gru_bench.report.figures.canvas import STYLES, make_picture, standalone
from gru_bench.runs.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE = ROOT / "docs" / "answer.svg"
SHORT = {
    "recall_accuracy": "recall",
    "sequence_accuracy": "strings",
}  # what is too long for a panel
ROWS = 2
BELOW = 0.22  # of a row: how far below the default initialisation the other one stands


def draw() -> str:
    """Returns the figure as an SVG file, light or dark as the reader's system is."""
    columns = math.ceil((len(TASKS) + 1) / ROWS)

    def plot(panels: list["Axes"]) -> None:
        for axes, task in zip(panels, TASKS, strict=False):
            _draw_task(axes, task)
        runs = setting_of(next(iter(TASKS)), DEFAULT).runs
        _draw_parameters(panels[len(TASKS)], [runs[cell] for cell in CELLS])
        for spare in panels[len(TASKS) + 1 :]:
            spare.set_visible(False)

    picture = make_picture(
        "answer",
        "Every cell on every task",
        "Test scores with 95% intervals, and the parameters of each cell.",
        plot,
        panels=(ROWS, columns),
        size=(1.95 * columns + 1.2, 3.1 * ROWS),
    )
    return standalone(picture.svg)


def _draw_task(axes: "Axes", task: str) -> None:
    default, chrono = (setting_of(task, start).runs for start in (DEFAULT, CHRONO))
    first = default[CELLS[0]]
    name, _, what = TASKS[task].partition(", ")
    score = SHORT.get(first.score.name) or first.score.in_words
    axes.set_title(f"{name}\n{what}", fontsize=11)
    axes.set_xlabel(f"{score} {'↓' if is_error(first) else '↑'}")
    for place, cell in enumerate(CELLS):
        _draw_mark(axes, -place, default[cell])
        if cell in chrono:
            _draw_interval(axes, -place - BELOW, chrono[cell], filled=False)
    axes.set_yticks([-place for place in range(len(CELLS))], CELLS)
    axes.set_ylim(0.5 - len(CELLS), 0.7)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if is_error(first):
        runs = [*default.values(), *chrono.values()]
        _scale_errors(axes, [mean_score(run).estimate for run in runs])
    else:
        axes.set_xlim(-0.22, 1.22)
        axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])


def _draw_parameters(axes: "Axes", runs: list[Result]) -> None:
    axes.set_title("what a cell costs\n", fontsize=11)
    axes.set_xlabel("of LSTM's parameters")
    for place, run in enumerate(runs):
        share = run.parameters.cell / run.parameters.lstm
        axes.barh([-place], [share], height=0.3, color=STYLES[run.cell][0])
        axes.annotate(
            f"{share:.0%}",
            (share, -place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
        )
    axes.set_xlim(0, 1.4)
    axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
    axes.spines["left"].set_visible(False)


def _draw_mark(axes: "Axes", place: float, run: Result) -> None:
    _draw_interval(axes, place, run, filled=True)
    axes.annotate(
        _shown(run),
        (mean_score(run).estimate, place),
        (0, 7),
        textcoords="offset points",
        ha="center",
        fontsize=9.5,
    )


def _draw_interval(axes: "Axes", place: float, run: Result, filled: bool) -> None:
    """Draws a mean with its interval; what is not filled is smaller, too."""
    colour, marker, _ = STYLES[run.cell]
    mean, width = mean_score(run), 2.5 if filled else 1.2
    if mean.low is not None and mean.high is not None:
        axes.plot([mean.low, mean.high], [place] * 2, color=colour, linewidth=width)
    axes.plot(
        [mean.estimate],
        [place],
        marker,
        color=colour,
        markersize=6 if filled else 4.5,
        markerfacecolor=colour if filled else "none",
    )


def _shown(run: Result) -> str:
    """Returns the mean score; an error to two digits, without an exponent."""
    if not is_error(run):
        return show_score(run)
    return f"{float(f'{mean_score(run).estimate:.2g}'):.9f}".rstrip("0")


def _scale_errors(axes: "Axes", means: list[float]) -> None:
    """Makes the axis logarithmic, over whole powers of ten."""
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_xscale("log")
    axes.set_xlim(
        10 ** math.floor(math.log10(min(means) / 2)), 10 ** math.ceil(math.log10(max(means) * 2))
    )
    axes.xaxis.set_major_locator(LogLocator(numticks=5))
    axes.xaxis.set_minor_locator(NullLocator())
