"""The scales of the axes of figures: logarithmic ones, and what is written at their ticks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gru_bench.report.figures.canvas import is_log
from gru_bench.report.groups import Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def scale_scores(axes: "Axes", group: Group) -> None:
    """Makes the axis logarithmic for errors; means set its range, for intervals may pass zero."""
    if not is_log(group):
        return
    means = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.get_lines()])
    means = means[np.isfinite(means) & (means > 0)]
    axes.set_yscale("log", nonpositive="clip")
    if means.size:
        bottom, top = means.min() / 2, means.max() * 2
        axes.set_ylim(10 ** np.floor(np.log10(bottom)), top)
    label_powers(axes)


def label_powers(axes: "Axes") -> None:
    """Labels powers of ten on the vertical axis, which is logarithmic.

    They are plain text: matplotlib's formulas take a quarter of the time of a figure.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_major_formatter(lambda value, _: power_of_ten(value))
    axes.yaxis.set_minor_formatter(NullFormatter())


def power_of_ten(value: float) -> str:
    """Returns a power of ten as text, such as 10⁻³."""
    return f"10{str(round(np.log10(value))).translate(SUPERSCRIPTS)}"


def scale_values(axes: "Axes", values: Sequence[float], names: Sequence[str]) -> None:
    """Makes the horizontal axis logarithmic, with a tick at each of a few values."""
    from matplotlib.ticker import NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(values, names)
    margin = 1.25 if len(values) == 1 else (max(values) / min(values)) ** 0.06
    axes.set_xlim(min(values) / margin, max(values) * margin)
