"""Groups of one task that differ in a single number: how the score changes with it."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.run_settings import DOCUMENTS, show_keys, show_value
from gru_bench.report.figures.axes import scale_scores, scale_values
from gru_bench.report.figures.canvas import (
    MOST_LETTERS,
    Picture,
    draw_baseline,
    draw_intervals,
    interval_caption,
    line_width,
    make_picture,
    score_scale,
    written,
)
from gru_bench.report.format_numbers import show_score_name
from gru_bench.report.groups import Group, make_slug
from gru_bench.report.reported_run import ReportedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Series:
    """Groups of one task, alike but for one number.

    Attributes:
        label: The task and the number, such as `copy against lag`.
        slug: The label made fit for a file name or an HTML id.
        key: The number's dotted key.
        rest: What tells its groups from others of the task, such as `(initialisation=chrono)`.
        groups: The groups, ordered by its value; where null stands for all documents, it is last.
    """

    label: str
    slug: str
    key: str
    rest: str
    groups: list[Group]

    @property
    def task_label(self) -> str:
        """The task without its settings."""
        return self.groups[0].task_label

    @property
    def number(self) -> str:
        """The number's own name, such as `lag`."""
        return self.key.rpartition(".")[2]

    @property
    def name(self) -> str:
        """What tells it from other series of the task, such as `steps (initialisation=chrono)`."""
        return f"{self.number} {self.rest}".rstrip()


def make_series(groups: Sequence[Group]) -> list[Series]:
    """Returns every series in which some cell comes twice or more, by task."""
    found: list[Series] = []
    taken = {group.slug for group in groups}
    for task, of_task in itertools.groupby(groups, key=lambda group: group.task_label):
        alike = list(of_task)
        for key in alike[0].keys:
            by_others: dict[str, list[Group]] = defaultdict(list)
            for group in alike:
                if _is_number(key, group.keys[key]):
                    others = {name: v for name, v in group.keys.items() if name != key}
                    by_others[show_keys(others)].append(group)
            for rest, members in by_others.items():
                label = f"{task}{rest} against {key.rpartition('.')[2]}"
                slug = make_slug(label, taken | {series.slug for series in found})
                members.sort(key=lambda group: _place(key, group))
                series = Series(label, slug, key, rest, members)
                if any(len([run for run in line if run]) > 1 for line in _lines(series)):
                    found.append(series)
    return found


def draw(series: Series) -> list[Picture]:
    """Returns the figures of a series: test scores and, for documents, training minus test."""
    first = series.groups[0]
    score = show_score_name(first)
    pictures = []
    if any(group.by_score for group in series.groups):
        title = f"Test {score} against {series.name}"
        plot = _plot(series, f"test {score}", lambda run: run.score, has_level=True)
        pictures.append(make_picture(f"{series.slug}-score", title, interval_caption(first), plot))
    if series.key == DOCUMENTS:
        title = f"Training minus test {score} against {series.name}"
        caption = (
            "How much better a model is on what it was trained with."
            " Mean over seeds; bars are 95% Student t intervals."
        )
        unit = " (points)" if first.is_percentage else ""
        plot = _plot(series, f"train minus test{unit}", lambda run: run.train_minus_test)
        pictures.append(make_picture(f"{series.slug}-gap", title, caption, plot))
    return pictures


def _plot(
    series: Series,
    name: str,
    value: Callable[[ReportedRun], Interval | None],
    has_level: bool = False,
) -> Callable[[list["Axes"]], None]:
    """Draws a quantity of the runs against the number, a line a cell and size."""
    first = series.groups[0]

    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        x_values = places(series)
        sizes = sorted({size for group in series.groups for size in group.nominal_sizes})
        for line in _lines(series):
            shown = [
                (x, run, i)
                for x, run in zip(x_values, line, strict=True)
                if run and (i := value(run))
            ]
            if shown:
                x, runs, intervals = zip(*shown, strict=True)
                width = line_width(runs[0], sizes)
                draw_intervals(axes, runs[0], x, intervals, score_scale(first), width)
        if has_level:
            draw_baseline(axes, first)
            scale_scores(axes, first)
        axes.set_xlabel(written(series.number, MOST_LETTERS))
        axes.set_ylabel(written(name, MOST_LETTERS))
        scale_values(axes, x_values, [_tick(series.key, group) for group in series.groups])

    return plot


def _lines(series: Series) -> list[list[ReportedRun | None]]:
    """Returns the run of each cell and nominal size in every group, None where there is none."""
    runs = [{(r.result.cell, r.result.nominal_size): r for r in g.runs} for g in series.groups]
    which = dict.fromkeys(itertools.chain.from_iterable(runs))
    return [[by_cell.get(cell) for by_cell in runs] for cell in which]


def _is_number(key: str, value: Any) -> bool:
    if value is None:
        return key == DOCUMENTS
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _place(key: str, group: Group) -> float:
    value = group.keys[key]
    return np.inf if value is None else float(value)


def places(series: Series) -> list[float]:
    """Returns where the groups stand; all documents lie a step beyond the largest number."""
    at = [_place(series.key, group) for group in series.groups]
    if at[-1] == np.inf:
        step = at[-2] / at[-3] if len(at) > 2 else 2.0
        at[-1] = at[-2] * step
    return at


def _tick(key: str, group: Group) -> str:
    value = group.keys[key]
    return show_value(key, value) if value is None else f"{value:g}"
