"""The one picture of a whole report: every cell against the LSTM, on every task."""

import statistics
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.comparison import Comparison
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.record import scores_by_seed
from gru_bench.report.decision import decision
from gru_bench.report.figures.canvas import (
    INK,
    Picture,
    draw_dots,
    make_picture,
    shown_seeds,
    written,
)
from gru_bench.report.groups import Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "overview"
# Colour, marker and name of each verdict; one that is not decided is hollow.
VERDICTS: dict[str, tuple[str, str, str]] = {
    "better": ("#0072B2", ">", "better than the LSTM"),
    "worse": ("#D55E00", "<", "worse"),
    "equivalent": ("#009E73", "s", "as good: surely within the margin"),
    "trade-off": ("#CC79A7", "D", "better in one respect, worse in another"),
    "not learned": ("#808080", "X", "learned by neither"),
    "undecided": ("#808080", "o", "not decided yet"),
}
# More rows than these are no picture.
MOST_ROWS = 60
ASIDE = (0.0, -7.5)  # points from the mark of a row to the dots of its seeds, below it
# What fits into the width of the picture, in letters.
HEADING_LETTERS, LABEL_LETTERS = 62, 52
CAPTION = (
    "Each row is a cell against the LSTM of the same task and setting. To the right the cell is"
    " better. One unit is the margin, the difference that was said beforehand not to matter: what"
    " lies within the shaded band does not matter, and beyond it the axis is logarithmic. Bars are"
    " 95% intervals of the median difference over the seeds that learn the task under both; where"
    " none does, the mark is the mean of all. Small dots below are seeds, where there are"
    " few. Colour and shape are the verdict, which also weighs how many seeds succeed, at the"
    " right: of the cell, then of the LSTM."
)


@dataclass(frozen=True)
class Row:
    """A cell against the LSTM.

    Attributes:
        cell: Its name in the group.
        verdict: On the cell.
        gain: How many margins it is better than the LSTM, with the ends of the interval.
        seeds: The same of each seed.
        successes: Seeds that solve or learn the task, under the cell and under the LSTM.
    """

    cell: str
    verdict: str
    gain: Interval
    seeds: list[float]
    successes: str


def draw(groups: Sequence[Group]) -> list[Picture]:
    """Returns the picture; none where no cell was compared with an LSTM within a margin."""
    found = sections(groups)
    if not found:
        return []
    left_out = len([group for group in groups if group.comparisons]) - len(found)
    caption = CAPTION
    if left_out:
        caption += (
            f" {left_out} more {'setting is' if left_out == 1 else 'settings are'} not shown: for"
            " want of an LSTM, of a margin or of room."
        )
    title = "Every cell against the LSTM"
    return [make_picture(NAME, title, caption, _plot(found), size=_size(found))]


def card(groups: Sequence[Group]) -> Picture:
    """Returns the decision as a picture to be pasted, with the cells against the LSTM below it."""
    text, found = decision(groups), sections(groups)
    lines = textwrap.wrap(text, HEADING_LETTERS, break_on_hyphens=False)
    width, height = _size(found) if found else (6.4, 0.2)
    return make_picture(
        "card",
        "Verdict",
        text,
        _plot(found) if found else _nothing,
        size=(width, height + 0.24 * len(lines) + 0.3),
        heading=written("\n".join(lines), HEADING_LETTERS),
    )


def sections(groups: Sequence[Group]) -> list[tuple[str, list[Row]]]:
    """Returns the label of each group with a row a cell; those that can be shown."""
    found: list[tuple[str, list[Row]]] = []
    for group in groups:
        rows = list(_rows(group))
        if rows and sum(len(r) + 1 for _, r in found) + len(rows) < MOST_ROWS:
            found.append((group.label, rows))
    return found


def _size(shown: Sequence[tuple[str, list[Row]]]) -> tuple[float, float]:
    return 6.4, 1.3 + 0.25 * sum(len(rows) + 1 for _, rows in shown)


def _rows(group: Group) -> Iterator[Row]:
    results = {group.name(run): run.result for run in group.runs}
    for comparison in group.comparisons:
        a, b = comparison.cell_a, comparison.cell_b
        if results[b].cell == REFERENCE:
            yield from _row(group, comparison, a, b, 1)
        elif results[a].cell == REFERENCE:
            yield from _row(group, comparison, b, a, -1)


def _row(group: Group, comparison: Comparison, cell: str, lstm: str, side: int) -> Iterator[Row]:
    typical, reliability = comparison.typical, comparison.reliability
    if not typical.margin:
        return
    unit = side * (1 if group.higher_is_better else -1) / typical.margin
    results = {group.name(run): run.result for run in group.runs}
    a, b = (scores_by_seed(results[name]) for name in (cell, lstm))
    differences = [side * (a[seed] - b[seed]) for seed in a if seed in b]
    difference = typical.difference() or Interval(statistics.fmean(differences), None, None)
    successes = (reliability.successes_a, reliability.successes_b)[::side]
    yield Row(
        cell=cell,
        verdict=comparison.outcome_for(cell),
        gain=difference.times(unit),
        seeds=[unit * difference for difference in differences],
        successes=f"{successes[0]} : {successes[1]} of {reliability.n_pairs}",
    )


def _plot(shown: Sequence[tuple[str, list[Row]]]) -> Any:
    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        axes.axvspan(-1, 1, color=INK, alpha=0.08, linewidth=0)
        axes.axvline(0, color=INK, linewidth=0.8)
        names: dict[float, str] = {}
        place = 0.0
        _write_right(axes, place, "cell : LSTM")
        for label, rows in shown:
            axes.text(
                0.01,
                place,
                written(label, LABEL_LETTERS),
                transform=axes.get_yaxis_transform(),
                va="center",
                fontweight="bold",
                fontsize=10,
                in_layout=False,  # It may reach beyond the axis, where the row has room.
            )
            for row in rows:
                place -= 1
                names[place] = written(row.cell)
                _draw_row(axes, row, place)
            place -= 1
        axes.set_yticks(list(names), list(names.values()))
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(place + 0.5, 0.5)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        gains = [row.gain for _, rows in shown for row in rows]
        ends = [end for gain in gains for end in (gain.estimate, gain.low, gain.high)]
        dots = [seed for _, rows in shown for row in rows for seed in shown_seeds(row.seeds)]
        _scale(axes, [*dots, *(end for end in ends if end is not None)])
        axes.set_xlabel("← LSTM better   ·   difference in margins   ·   cell better →")

    return plot


def _draw_row(axes: "Axes", row: Row, place: float) -> None:
    colour, marker, name = VERDICTS.get(row.verdict, VERDICTS["undecided"])
    low, high = row.gain.low, row.gain.high
    _write_right(axes, place, row.successes)
    if low is not None and high is not None:
        axes.plot([low, high], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
    dots = shown_seeds(row.seeds)
    draw_dots(axes, dots, [place] * len(dots), colour, ASIDE)
    axes.plot(
        [row.gain.estimate],
        [place],
        marker,
        color=colour,
        markersize=8,
        markerfacecolor="none" if row.verdict == "undecided" else colour,
        markeredgewidth=1.6,
        label=name,
    )


def _write_right(axes: "Axes", place: float, text: str) -> None:
    axes.text(
        1.01,
        place,
        text,
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=9,
        alpha=0.8,
    )


def _scale(axes: "Axes", values: Sequence[float]) -> None:
    """Makes the axis linear within the margin and logarithmic beyond it, with round ticks."""
    most = max([2.0, *(1.3 * abs(value) for value in values)])
    axes.set_xscale("symlog", linthresh=1, linscale=0.8)
    axes.set_xlim(-most, most)
    powers = [power for power in (3, 10, 30, 100, 300, 1000, 10_000, 100_000) if power <= most]
    kept = powers if len(powers) < 4 else [power for power in powers if str(power)[0] == "1"]
    ticks = [*(-power for power in reversed(kept)), -1, 0, 1, *kept]
    names = [f"{tick:+,d}".replace("-", "\N{MINUS SIGN}") if tick else "0" for tick in ticks]
    axes.set_xticks(ticks, names)
    axes.xaxis.set_minor_locator(_no_ticks())


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def _nothing(panels: list["Axes"]) -> None:
    for axes in panels:
        axes.set_axis_off()
