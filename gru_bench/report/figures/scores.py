"""The figures of a group: how it learned, and what the scores cost."""

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from gru_bench.evidence.record import scores_by_seed
from gru_bench.report.figures import confusion, probes
from gru_bench.report.figures.axes import scale_scores, scale_values
from gru_bench.report.figures.canvas import (
    Picture,
    draw_band,
    draw_baseline,
    draw_dots,
    draw_intervals,
    interval_caption,
    is_log,
    line_width,
    make_picture,
    over_seeds,
    score_scale,
    shown_seeds,
    style,
    written,
)
from gru_bench.report.format_numbers import show_score_name
from gru_bench.report.groups import Group
from gru_bench.report.reported_run import ReportedRun
from gru_bench.report.rows import median

if TYPE_CHECKING:
    from matplotlib.axes import Axes


ASIDE = (8.0, 0.0)  # points from the mark of the mean to the dots of seeds


class CostAxis(NamedTuple):
    """What a cell costs, for a figure of scores against it.

    Attributes:
        name: The last part of the picture's name.
        label: The axis, with the unit.
        of: Returns a run's cost, None where it was not measured.
    """

    name: str
    label: str
    of: Callable[[ReportedRun], float | None]


COSTS = (
    CostAxis("parameters", "parameters of the cell", lambda run: float(run.result.parameters.cell)),
    CostAxis(
        "time", "time of a training step (ms)", lambda run: median(run.result.timing.train_step_ms)
    ),
    CostAxis(
        "latency", "latency of one step (µs)", lambda run: median(run.result.timing.latency_us)
    ),
)


def draw(group: Group) -> list[Picture]:
    """Returns all figures of a group; those without data are left out."""
    pictures = []
    if any(seed.curve.step for run in group.runs for seed in run.result.seeds):
        pictures.append(_curves(group))
    if any(run.result.solved for run in group.runs):
        pictures.append(_solved(group))
    pictures += [
        _against(group, cost)
        for cost in COSTS
        if any(run.score and cost.of(run) is not None for run in group.runs)
    ]
    if any(run.result.tuning for run in group.runs):
        pictures.append(_learning_rates(group))
    if any(run.result.tuning and run.result.tuning.keeps for run in group.runs):
        pictures.append(_starts(group))
    return pictures + confusion.draw(group) + probes.draw(group)


def mean_and_band(
    run: ReportedRun,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns the validation score of a run over its seeds.

    A seed that stopped early or diverged keeps its last value, as it does its parameters; where
    that is not finite it is missing.

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
    return steps, *over_seeds(table, np.nanmean)


def _curves(group: Group) -> Picture:
    caption = (
        "Mean over seeds; the band spans the lowest and the highest seed. A seed that stopped"
        " early or diverged keeps its last value."
    )
    if len(group.nominal_sizes) > 1:
        caption += " Wider lines are larger hidden sizes."

    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        for run in group.runs:
            if any(seed.curve.step for seed in run.result.seeds):
                steps, mean, band = mean_and_band(run)
                scale, width = score_scale(group), line_width(run, group.nominal_sizes)
                draw_band(axes, run, steps, scale * mean, scale * band, width)
        draw_baseline(axes, group)
        axes.set_xlabel("training step")
        axes.set_ylabel(f"validation {written(show_score_name(group))}")
        scale_scores(axes, group)
        axes.set_xlim(left=0)

    title = f"Validation {show_score_name(group)} during training"
    return make_picture(f"{group.slug}-curves", title, caption, plot)


def solved_by(run: ReportedRun) -> tuple[list[float], list[float]]:
    """Returns the steps at which seeds solved the task, and the share that had by then.

    Both begin at step 0; a seed that never solved it counts in the share alone.
    """
    seeds = run.result.seeds
    steps = sorted(seed.solved_step for seed in seeds if seed.solved_step is not None)
    return [0.0, *steps], [place / len(seeds) for place in range(len(steps) + 1)]


def _solved(group: Group) -> Picture:
    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        last = max(seed.steps for run in group.runs for seed in run.result.seeds)
        for run in group.runs:
            colour, _, dash = style(run)
            steps, shares = solved_by(run)
            axes.step(
                [*steps, last],
                [100 * share for share in (*shares, shares[-1])],
                where="post",
                color=colour,
                linestyle=dash,
                linewidth=line_width(run, group.nominal_sizes),
                label=written(run.result.cell),
            )
        axes.set_xlabel("training step")
        axes.set_ylabel("seeds that solved it (%)")
        axes.set_ylim(-3, 103)
        axes.set_xlim(left=0)

    title = "Seeds that have solved the task"
    caption = (
        "The sooner and the higher a line rises, the sooner and the more surely the cell learns the"
        f" task. Solved: {group.runs[0].result.score.solved_rule}."
    )
    return make_picture(f"{group.slug}-solved", title, caption, plot)


def _against(group: Group, cost: CostAxis) -> Picture:
    """Draws the runs' scores over what they cost, a line a cell that joins its sizes."""

    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        runs = [run for run in group.runs if run.score is not None and cost.of(run) is not None]
        for _, of_cell in itertools.groupby(runs, key=lambda run: run.result.cell):
            joined = sorted(of_cell, key=lambda run: cost.of(run) or 0)
            costs = [cost.of(run) or 0.0 for run in joined]
            scores = [run.score for run in joined if run.score is not None]
            for run, at in zip(joined, costs, strict=True):
                values = shown_seeds(list(scores_by_seed(run.result).values()))
                dots = [score_scale(group) * value for value in values]
                draw_dots(axes, [at] * len(dots), dots, style(run)[0], ASIDE)
            width = 1.4 if len(joined) > 1 else None
            draw_intervals(axes, joined[0], costs, scores, score_scale(group), width)
        if is_log(group):  # On a linear axis a distant baseline would press the runs together.
            draw_baseline(axes, group)
        axes.set_ylabel(f"test {written(show_score_name(group))}")
        axes.set_xlabel(cost.label)
        scale_scores(axes, group)
        _scale_costs(axes, [cost.of(run) or 0.0 for run in runs])

    title = f"Test {show_score_name(group)} against {cost.label.partition(' (')[0]}"
    best = "upper" if group.higher_is_better else "lower"
    caption = (
        f"Better and cheaper is towards the {best} left. {interval_caption(group)} Small dots"
        " beside are seeds, where there are few."
    )
    if len(group.nominal_sizes) > 1:
        caption += " A line joins the sizes of a cell."
    return make_picture(f"{group.slug}-{cost.name}", title, caption, plot)


def _scale_costs(axes: "Axes", values: list[float]) -> None:
    """Lets the axis begin at 0, so that lengths compare, or makes it logarithmic."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    if 0 < 10 * min(values) < max(values):
        axes.set_xscale("log")
        # Two labels in each of a few decades: with all of matplotlib's labels they would overlap.
        labelled = (1.0, 3.0) if max(values) < 1000 * min(values) else (1.0,)
        axes.xaxis.set_major_locator(LogLocator(subs=labelled, numticks=8))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(0, 1.08 * max(values) or 1)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")


def _learning_rates(group: Group) -> Picture:
    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        rates: set[float] = set()
        for run in group.runs:
            if tuning := run.result.tuning:
                tried, scores = tuning.learning_rates, tuning.scores_at(tuning.chosen_keep)
                _tuning(axes, group, run, tried, scores, tuning.chosen)
                rates |= set(tried)
        axes.set_xlabel("learning rate")
        axes.set_ylabel(f"validation {written(show_score_name(group))}")
        scale_scores(axes, group)
        scale_values(axes, sorted(rates), [f"{rate:g}" for rate in sorted(rates)])

    title = f"Validation {show_score_name(group)} against learning rate"
    caption = (
        "Mean over the seeds that rates were tried with; the band spans the lowest and the highest."
        " Filled: the rate chosen. A seed that diverged has no score and is left out."
    )
    return make_picture(f"{group.slug}-learning-rates", title, caption, plot)


def _starts(group: Group) -> Picture:
    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        for run in group.runs:
            tuning = run.result.tuning
            if tuning and tuning.chosen_keep is not None:
                scores = tuning.at_the_chosen_rate
                _tuning(axes, group, run, tuning.keeps, scores, tuning.chosen_keep)
        axes.set_xlabel("share of the state kept at the start")
        axes.set_ylabel(f"validation {written(show_score_name(group))}")
        scale_scores(axes, group)

    title = f"Validation {show_score_name(group)} against the start"
    caption = (
        "At the learning rate chosen. Mean over the seeds that starts were tried with; the band"
        " spans the lowest and the highest. Filled: the start chosen."
    )
    return make_picture(f"{group.slug}-starts", title, caption, plot)


def _tuning(
    axes: "Axes",
    group: Group,
    run: ReportedRun,
    tried: Sequence[float],
    rows: Sequence[Sequence[float | None]],
    chosen: float,
) -> None:
    """Draws scores against the values tried, a row each."""
    order = np.argsort(tried)
    values = np.asarray(tried)[order]
    scores = score_scale(group) * np.asarray(rows, float)[order]
    mean, band = over_seeds(scores.T, np.nanmean)
    draw_band(axes, run, values, mean, band, line_width(run, group.nominal_sizes))
    colour, marker, _ = style(run)
    is_chosen = values == chosen
    for filled in (False, True):
        axes.plot(
            values[is_chosen == filled],
            mean[is_chosen == filled],
            color=colour,
            marker=marker,
            markersize=9 if filled else 5,
            markerfacecolor=colour if filled else "none",
            linestyle="none",
        )
