"""The picture of robustness: the verdict at every point of start, budget, readout and size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gru_bench.evidence.robustness import Robustness
from gru_bench.report.figures.canvas import MOST_LETTERS, Picture, make_picture, written
from gru_bench.report.figures.overview import VERDICTS
from gru_bench.report.groups import Group
from gru_bench.report.robustness_table import all_robustness

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAPTION = (
    "A row is a choice of start, budget, readout and size, a column two cells. Colour and shape are"
    " the verdict on the first cell against the second. A verdict survives if nearly all of its"
    " column is of one kind. Budgets of a curve are read off longer runs, on validation data."
)


def draw(groups: Sequence[Group]) -> list[Picture]:
    """Returns a picture for each problem that has several points."""
    found = all_robustness(groups)
    problems = dict.fromkeys(each.problem for each in found)
    return [
        _draw(number, problem, [each for each in found if each.problem == problem])
        for number, problem in enumerate(problems)
    ]


def _draw(number: int, problem: str, pairs: Sequence[Robustness]) -> Picture:
    labels = list(dict.fromkeys(point.label for pair in pairs for point in pair.points))
    longest = min(max(map(len, labels)), MOST_LETTERS)
    size = (1.0 + 0.08 * longest + max(2.5, 1.1 * len(pairs)), 1.6 + 0.28 * len(labels))
    title = f"{problem}: verdicts at other settings"
    return make_picture(f"robustness-{number}", title, CAPTION, _plot(pairs, labels), size=size)


def _plot(pairs: Sequence[Robustness], labels: Sequence[str]) -> Any:
    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        for place, pair in enumerate(pairs):
            for point in pair.points:
                colour, marker, _ = VERDICTS[point.outcome]
                axes.plot(
                    [place],
                    [labels.index(point.label)],
                    marker,
                    color=colour,
                    markersize=9,
                    markerfacecolor="none" if point.outcome == "undecided" else colour,
                    markeredgewidth=1.6,
                    label=point.outcome,
                )
        names = [written(f"{pair.cell_a}\nagainst\n{pair.cell_b}") for pair in pairs]
        axes.set_xticks(range(len(pairs)), names, fontsize=9)
        rows = [written(label, MOST_LETTERS) for label in labels]
        axes.set_yticks(range(len(labels)), rows, fontsize=9)
        axes.set_xlim(-0.6, len(pairs) - 0.4)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    return plot
