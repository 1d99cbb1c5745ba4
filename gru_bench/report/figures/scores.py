"""The figures of a group: how it learned, and what the scores cost."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gru_bench.report.figures import probes
from gru_bench.report.figures.canvas import (
    Picture,
    draw_band,
    draw_baseline,
    draw_intervals,
    interval_caption,
    is_log,
    line_width,
    make_picture,
    over_seeds,
    scale_scores,
    scale_values,
    score_scale,
    style,
)
from gru_bench.report.format_numbers import show_score_name
from gru_bench.report.groups import Group, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(group: Group) -> list[Picture]:
    """All figures of a group; those without data are left out."""
    pictures = []
    if any(seed.curve.step for run in group.runs for seed in run.result.seeds):
        pictures.append(_curves(group))
    if group.by_score:
        pictures += [_against_parameters(group), _against_time(group)]
    if any(run.result.tuning for run in group.runs):
        pictures.append(_learning_rates(group))
    return pictures + probes.draw(group)


def mean_and_band(
    run: Run,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The validation score of a run over its seeds.

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
        axes.set_ylabel(f"validation {show_score_name(group)}")
        scale_scores(axes, group)
        axes.set_xlim(left=0)

    title = f"Validation {show_score_name(group)} during training"
    return make_picture(f"{group.slug}-curves", title, caption, plot)


def _against_parameters(group: Group) -> Picture:
    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        _scatter(axes, group, lambda run: float(run.result.parameters.cell))
        axes.set_xlabel("parameters of the cell")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")

    title = f"Test {show_score_name(group)} against parameters of the cell"
    return make_picture(f"{group.slug}-parameters", title, interval_caption(group), plot)


def _against_time(group: Group) -> Picture:
    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        _scatter(axes, group, lambda run: run.result.timing.train_s)
        axes.set_xlabel("training time (s)")

    title = f"Test {show_score_name(group)} against training time"
    caption = f"{interval_caption(group)} Time covers all seeds of a run, without compilation."
    return make_picture(f"{group.slug}-time", title, caption, plot)


def _scatter(axes: "Axes", group: Group, x: Callable[[Run], float]) -> None:
    """Draws each run's score over x: from 0, so that lengths compare, or over powers of ten."""
    from matplotlib.ticker import MaxNLocator

    for run in group.runs:
        if run.score is not None:
            draw_intervals(axes, run, [x(run)], [run.score], score_scale(group))
    if is_log(group):  # On a linear axis a distant baseline would press the runs together.
        draw_baseline(axes, group)
    axes.set_ylabel(f"test {show_score_name(group)}")
    scale_scores(axes, group)
    values = [x(run) for run in group.by_score]
    if 0 < 10 * min(values) < max(values):
        axes.set_xscale("log")
    else:
        axes.set_xlim(0, 1.08 * max(values) or 1)
        axes.xaxis.set_major_locator(MaxNLocator(5))


def _learning_rates(group: Group) -> Picture:
    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        rates: set[float] = set()
        for run in group.runs:
            if run.result.tuning is not None:
                _tuning(axes, group, run)
                rates |= set(run.result.tuning.learning_rates)
        axes.set_xlabel("learning rate")
        axes.set_ylabel(f"validation {show_score_name(group)}")
        scale_scores(axes, group)
        scale_values(axes, sorted(rates), [f"{rate:g}" for rate in sorted(rates)])

    title = f"Validation {show_score_name(group)} against learning rate"
    caption = (
        "Mean over the seeds that rates were tried with; the band spans the lowest and the highest."
        " Filled: the rate chosen. A seed that diverged has no score and is left out."
    )
    return make_picture(f"{group.slug}-learning-rates", title, caption, plot)


def _tuning(axes: "Axes", group: Group, run: Run) -> None:
    tuning = run.result.tuning
    assert tuning is not None
    order = np.argsort(tuning.learning_rates)
    rates = np.asarray(tuning.learning_rates)[order]
    scores = score_scale(group) * np.asarray(tuning.scores, float)[order]
    mean, band = over_seeds(scores.T, np.nanmean)
    draw_band(axes, run, rates, mean, band, line_width(run, group.nominal_sizes))
    colour, marker, _ = style(run)
    chosen = rates == tuning.chosen
    for filled in (False, True):
        axes.plot(
            rates[chosen == filled],
            mean[chosen == filled],
            color=colour,
            marker=marker,
            markersize=9 if filled else 5,
            markerfacecolor=colour if filled else "none",
            linestyle="none",
        )
