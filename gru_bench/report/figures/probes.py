"""Figures of what the trained cells showed: gradients in time, gates, longer sequences."""

import itertools
from typing import TYPE_CHECKING

import numpy as np

from gru_bench.evidence.claims.rules import current_rules
from gru_bench.evidence.estimates import Interval, mean_interval
from gru_bench.report.figures.axes import label_powers, scale_scores, scale_values
from gru_bench.report.figures.canvas import (
    Picture,
    draw_band,
    draw_baseline,
    draw_intervals,
    draw_level,
    interval_caption,
    line_width,
    make_picture,
    over_seeds,
    score_scale,
    style,
    written,
)
from gru_bench.report.format_numbers import show_score_name
from gru_bench.report.groups import Group
from gru_bench.report.reported_run import ReportedRun, within_range
from gru_bench.runs.probe_results import GradientNorms, Lengths

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Norms below are drawn here: between single precision's smallest number and 1 lie 38 decades.
FLOOR = 1e-8


def draw(group: Group) -> list[Picture]:
    """Returns the figures for which the runs of a group hold something."""
    probed = [run for run in group.runs if run.result.probes]
    gated = [run for run in probed if run.result.probes and run.result.probes.gates]
    flows = {run: p.gradients for run in probed if (p := run.result.probes) and p.gradients}
    lengths = {run: p.lengths for run in probed if (p := run.result.probes) and p.lengths}
    return [
        *([_lengths(group, lengths)] if lengths else []),
        *([_gradients(group, flows)] if flows else []),
        *([_gates(group, gated)] if gated else []),
    ]


def _gradients(group: Group, flows: dict[ReportedRun, GradientNorms]) -> Picture:
    def plot(panels: list["Axes"]) -> None:
        for axes, is_trained in zip(panels, (False, True), strict=True):
            for (run, flow), is_direct in itertools.product(flows.items(), (False, True)):
                norms = flow.of(is_trained, is_direct)
                if norms is None:
                    continue
                floored = np.maximum(np.asarray(norms, float), FLOOR)
                median, band = over_seeds(floored, np.nanmedian)
                width = line_width(run, group.nominal_sizes)
                if is_direct:
                    colour, _, dash = style(run)
                    axes.plot(flow.distance, median, color=colour, linestyle=dash, lw=width / 3)
                else:
                    draw_band(axes, run, flow.distance, median, band, width)
            vanished = current_rules().claims["gradients_alive"].limits["vanished"]
            draw_level(axes, vanished, f"vanished ({vanished:g})")
            axes.set_yscale("log")
            label_powers(axes)
            axes.set_xlim(left=0)
            axes.set_xlabel("steps back in time")
        panels[0].set_title("before training", fontsize=11)
        panels[1].set_title("after training", fontsize=11)
        panels[0].set_ylabel("gradient, relative")

    title = "How far gradients reach back in time"
    caption = (
        "Norm of the gradient of the loss at the last step with respect to the state so many steps"
        " before, of attention to the keys and values of that step, over that at the last step"
        " itself. Median over seeds; the band spans the lowest and the highest. Thin, of that: what"
        " comes directly through the kept state, with gates and candidates held constant."
        f" Values under {FLOOR:g} are drawn there."
    )
    return make_picture(f"{group.slug}-gradients", title, caption, plot, panels=(1, 2))


def _gates(group: Group, runs: list[ReportedRun]) -> Picture:
    def plot(panels: list["Axes"]) -> None:
        rows = (("kept",), panels[:2]), (("reset", "input", "output"), panels[2:])
        for names, (by_step, by_unit) in rows:
            for run in runs:
                for name in names:
                    _gate(by_step, by_unit, group, run, name)
            by_step.set_ylim(-0.03, 1.03)
        panels[0].set_ylabel("state kept")
        panels[2].set_ylabel("reset; input, output")
        panels[2].set_xlabel("step")
        panels[3].set_xlabel("share of units")

    title = "How far the gates are open"
    caption = (
        "Mean over seeds on test data, in the first layer. Above: the share of the old state that"
        " is kept, whatever the cell's convention for z. Below: the reset gate of a GRU, and of an"
        " LSTM the input gate and, thinner, the output gate. Left: over the steps of a sequence;"
        " right: over the units, from the least open to the most."
    )
    return make_picture(f"{group.slug}-gates", title, caption, plot, panels=(2, 2))


def _gate(by_step: "Axes", by_unit: "Axes", group: Group, run: ReportedRun, name: str) -> None:
    probes = run.result.probes
    assert probes is not None
    gate = probes.gates[0].get(name)
    if gate is None:
        return
    colour, _, dash = style(run)
    width = line_width(run, group.nominal_sizes) * (0.5 if name == "output" else 1)
    share = (np.arange(len(gate.by_unit)) + 0.5) / len(gate.by_unit)
    for axes, x, y in ((by_step, gate.step, gate.by_step), (by_unit, share, gate.by_unit)):
        axes.plot(
            x,
            np.asarray(y, float),
            color=colour,
            linestyle=dash,
            lw=width,
            label=written(run.result.cell),
        )


def _lengths(group: Group, lengths: dict[ReportedRun, Lengths]) -> Picture:
    def plot(panels: list["Axes"]) -> None:
        (axes,) = panels
        steps: set[int] = set()
        for run, longer in lengths.items():
            scores = scores_by_length(run, longer)
            steps |= set(longer.length)
            width = line_width(run, group.nominal_sizes)
            intervals = list(scores.values())
            draw_intervals(axes, run, list(scores), intervals, score_scale(group), width)
        draw_baseline(axes, group)
        axes.set_ylabel(f"test {written(show_score_name(group))}")
        axes.set_xlabel(f"steps of a sequence; trained with {min(steps):,}")
        scale_scores(axes, group)
        scale_values(axes, sorted(steps), [f"{n:,}" for n in sorted(steps)])

    title = f"Test {show_score_name(group)} on longer sequences"
    caption = (
        f"The trained models, as they are, on a part of the test data. {interval_caption(group)}"
    )
    return make_picture(f"{group.slug}-lengths", title, caption, plot)


def scores_by_length(run: ReportedRun, longer: Lengths) -> dict[int, Interval]:
    """Returns mean scores by length; a seed without one counts with the baseline, as everywhere."""
    baseline = run.result.score.baseline
    filled = [
        [s if s is not None else baseline for s in scores if s is not None or baseline is not None]
        for scores in longer.scores
    ]
    return {
        length: within_range(run.result.score, mean_interval([s for s in scores if s is not None]))
        for length, scores in zip(longer.length, filled, strict=True)
        if scores
    }
