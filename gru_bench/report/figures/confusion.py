"""Figures of which classes are taken for which."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from gru_bench.report.class_scores import ClassScores, scored_runs, shown_classes, what_is_shown
from gru_bench.report.figures.canvas import INK, Picture, make_picture, style
from gru_bench.report.groups import Group
from gru_bench.report.reported_run import ReportedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST_NAME = 18  # characters
FEW = 8  # classes, of which every share is written
DARKEST = 0.75  # opacity of a share of 1, on which the page's ink can still be read


def draw(group: Group) -> list[Picture]:
    """Returns a picture for each run that predicted classes."""
    runs = scored_runs(group)
    if not runs:
        return []
    scores = list(runs.values())
    places, left_out = shown_classes(scores), what_is_shown(scores)
    return [_confusion(group, run, each, places, left_out) for run, each in runs.items()]


def _confusion(
    group: Group, run: ReportedRun, scores: ClassScores, places: Sequence[int], left_out: str
) -> Picture:
    shares = shares_of_actual(scores, places)
    has_rest = shares.shape[1] > len(places)
    names = [_shortened(scores.names[i]) for i in places]
    colour, _, _ = style(run)

    def plot(panels: list["Axes"]) -> None:
        from matplotlib.patches import Rectangle

        (axes,) = panels
        axes.grid(visible=False)
        for (row, column), share in np.ndenumerate(shares):
            box = Rectangle(
                (column - 0.5, row - 0.5),
                1,
                1,
                facecolor=colour,
                alpha=DARKEST * share,
                linewidth=0,
            )
            axes.add_patch(box)
            if len(places) <= FEW:
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=9)
        ends = (shares.shape[1] - 0.5, len(places) - 0.5)
        axes.set_xlim(-0.5, ends[0])
        axes.set_ylim(ends[1], -0.5)
        axes.set_aspect("equal")
        predicted = [*names, "another"] if has_rest else names
        axes.set_xticks(
            range(len(predicted)), predicted, rotation=90, fontsize=9, parse_math=False, color=INK
        )
        axes.set_yticks(range(len(names)), names, fontsize=9, parse_math=False, color=INK)
        axes.set_xlabel("predicted")
        axes.set_ylabel("actual")

    title = f"What {group.name(run)} takes each class for"
    written = ", in percent" if len(places) <= FEW else ""
    caption = (
        "A row is a class of the test split: the darker a field, the larger the share of its"
        f" examples that is taken for the column's class{written}."
        f"{left_out}{_worst(scores)}"
    )
    with warnings.catch_warnings():
        # A page has fonts for any script, the PNG beside it may not.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing")
        size = 2.2 + 0.28 * len(names)
        name = f"{group.slug}-confusion-{group.runs.index(run)}"
        return make_picture(name, title, caption, plot, size=(size, size))


def shares_of_actual(
    scores: ClassScores, places: Sequence[int]
) -> Float[np.ndarray, "shown predicted"]:
    """Returns what share of each class is taken for each, by those of `places`.

    Where some classes are left out, a last column has what was taken for one of them.
    """
    shown = scores.confusion[list(places)]
    shares = shown / shown.sum(axis=1, keepdims=True)
    chosen = shares[:, list(places)]
    rest = 1 - chosen.sum(axis=1, keepdims=True)
    return np.hstack([chosen, rest]) if len(places) < len(scores.names) else chosen


def _shortened(name: str) -> str:
    words = " ".join(name.split())
    return words if len(words) <= LONGEST_NAME else f"{words[: LONGEST_NAME - 1]}…"


def _worst(scores: ClassScores) -> str:
    """Returns a sentence on the most frequent confusion; empty if there is none."""
    wrong = scores.confusion - np.diag(scores.confusion.diagonal())
    if not wrong.any():
        return ""
    actual, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    share = wrong[actual, predicted] / scores.examples[actual]
    return (
        f" Most often, {scores.names[actual]} is taken for {scores.names[predicted]}:"
        f" {share:.0%} of its {scores.examples[actual]:.0f} examples."
    )
