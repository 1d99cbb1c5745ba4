"""The wide figure of README.md: every cell on every task of the reference runs."""

import math
from typing import TYPE_CHECKING

from blocks.committed import (
    CELLS,
    ROOT,
    Row,
    interval,
    is_error,
    percent,
    reference_runs,
)
from gru_bench.config.score import score_in_words
from gru_bench.report.figures.canvas import STYLES, make_picture, standalone

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE = ROOT / "docs" / "answer.svg"
SHORT = {"recall_accuracy": "recall"}  # of what is too long for a panel


def draw() -> str:
    """Returns the figure as an SVG file, light or dark as the reader's system is."""
    runs = reference_runs()
    tasks = list(dict.fromkeys(task for task, _ in runs))

    def plot(panels: list["Axes"]) -> None:
        *scores, costs = panels
        for axes, task in zip(scores, tasks, strict=True):
            _draw_task(axes, task, {cell: runs[task, cell] for cell in CELLS})
        _draw_parameters(costs, [runs[tasks[0], cell] for cell in CELLS])

    picture = make_picture(
        "answer",
        "Every cell on every task",
        "Test scores with 95% intervals, and the parameters of each cell.",
        plot,
        panels=(1, len(tasks) + 1),
        size=(1.95 * len(tasks) + 2.8, 3.2),
    )
    return standalone(picture.svg)


def _draw_task(axes: "Axes", task: str, rows: dict[str, Row]) -> None:
    first = next(iter(rows.values()))
    name, key = task.removesuffix(")").partition("(")[::2]
    arrow = "↓" if is_error(first) else "↑"
    score = SHORT.get(first["score_name"]) or score_in_words(first["score_name"])
    axes.set_title(f"{name}\n{key.replace('_', ' ').replace('=', ' ')}", fontsize=11)
    axes.set_xlabel(f"{score} {arrow}")
    for place, (cell, row) in enumerate(rows.items()):
        mean, text = row["score_mean"], _error(row) if is_error(row) else percent(row)
        axes.plot(interval(row), [-place] * 2, color=STYLES[cell][0], linewidth=2.5)
        _draw_mark(axes, place, cell, mean, text)
    axes.set_yticks([-place for place in range(len(rows))], list(rows))
    axes.set_ylim(0.7 - len(rows), 0.7)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if is_error(first):
        _scale_errors(axes, [row["score_mean"] for row in rows.values()])
    else:
        axes.set_xlim(-0.22, 1.22)
        axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])


def _draw_parameters(axes: "Axes", rows: list[Row]) -> None:
    axes.set_title("what a cell costs\n", fontsize=11)
    axes.set_xlabel("of LSTM's parameters")
    for place, row in enumerate(rows):
        share = row["parameters_vs_lstm"]
        axes.barh([-place], [share], height=0.3, color=STYLES[row["cell"]][0])
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


def _draw_mark(axes: "Axes", place: int, cell: str, value: float, text: str) -> None:
    colour, marker, _ = STYLES[cell]
    axes.plot([value], [-place], marker, color=colour, markersize=6)
    axes.annotate(
        text, (value, -place), (0, 7), textcoords="offset points", ha="center", fontsize=9.5
    )


def _error(row: Row) -> str:
    """Returns the mean error to two digits, without an exponent."""
    rounded = float(f"{row['score_mean']:.2g}")
    return f"{rounded:.9f}".rstrip("0")


def _scale_errors(axes: "Axes", means: list[float]) -> None:
    """Makes the axis logarithmic, over whole powers of ten."""
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_xscale("log")
    axes.set_xlim(
        10 ** math.floor(math.log10(min(means) / 2)), 10 ** math.ceil(math.log10(max(means) * 2))
    )
    axes.xaxis.set_major_locator(LogLocator(numticks=5))
    axes.xaxis.set_minor_locator(NullLocator())
