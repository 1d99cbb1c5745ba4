"""The hidden size at which a cell's training step takes as long as an LSTM's, found by measuring.

No formula gives the time of a size: it has a part that no size changes, and jumps where a product
fills the hardware's registers or caches. So a few sizes are timed, each in turns with the LSTM; the
next one is where their ratios, interpolated, reach 1.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gru_bench.measuring.training_step import measure_training_steps
from gru_bench.model.counts import matched_hidden_size
from gru_bench.tasks.base import Task
from gru_bench.training.state import TrainConfig

FIRST_FACTORS = (0.6, 1.0, 1.6)  # the sizes that are timed first, over that of equal FLOPs
FARTHEST_FACTOR = 4  # sizes are at most so many times larger or smaller than that
MAX_PASSES = 4  # each compiles its programs and times them in turns
LEAST_SLOPE = 0.25  # least slope of log time over log size beyond what was measured
TOLERANCE = 0.03  # difference of log times that so short a measurement can show
ROUNDS = 5
LIMIT_S = 2.0

Ratios = dict[int, float]  # the step time over the LSTM's, by hidden size


@dataclass(frozen=True)
class TimeMatch:
    """The size that was found for a cell.

    Attributes:
        hidden_size: The size.
        ratio: The time of its training step over that of the LSTM's, which is far from 1 where no
            size in reach takes as long.
        ratios: The same ratio of every size that was measured.
    """

    hidden_size: int
    ratio: float
    ratios: Ratios


def match_training_time(
    lstm: TrainConfig, cells: Sequence[str], task: Task
) -> dict[str, TimeMatch]:
    """Finds the size at which each cell's training step (forward, backward, update) takes as long.

    Sizes are sought up to `FARTHEST_FACTOR` from the one with equal FLOPs. Where the time hardly
    depends on the size, none of them may come near: `ratio` tells.

    Args:
        lstm: How the LSTM is trained; the other cells differ in nothing but cell and size.
        cells: Names of the cells; the LSTM has the size that it has.
        task: The task.

    Returns:
        What was found, by the cell's name.
    """
    model = lstm.model

    def measure(sizes: Mapping[str, Sequence[int]]) -> dict[str, Ratios]:
        configs = {
            f"{cell} {size}": replace(lstm, model=replace(model, cell=cell, hidden_size=size))
            for cell in sizes
            for size in sizes[cell]
        }
        costs = measure_training_steps({"": lstm} | configs, task, ROUNDS, LIMIT_S)
        return {
            cell: {
                size: float(np.median(costs[f"{cell} {size}"].step_ms / costs[""].step_ms))
                for size in sizes[cell]
            }
            for cell in sizes
        }

    def equal_flops(cell: str) -> int:
        sizes = (model.cell_input_size, model.hidden_size, model.layers)
        return matched_hidden_size(
            cell,
            *sizes,
            match="flops",
            bidirectional=model.bidirectional,
            layer_norm=model.layer_norm,
            length=task.sequence_length,
        )

    found = search_sizes({cell: equal_flops(cell) for cell in cells if cell != "lstm"}, measure)
    if "lstm" in cells:
        found["lstm"] = TimeMatch(model.hidden_size, 1.0, {model.hidden_size: 1.0})
    return found


def search_sizes(
    starts: Mapping[str, int], measure: Callable[[Mapping[str, Sequence[int]]], dict[str, Ratios]]
) -> dict[str, TimeMatch]:
    """Searches for all cells at once; they share the passes.

    Args:
        starts: The size to begin with, by cell.
        measure: Gives the ratios of some sizes of some cells.

    Returns:
        What was found, by cell.
    """
    ratios: dict[str, Ratios] = {cell: {} for cell in starts}
    for _ in range(MAX_PASSES):
        sizes = {cell: next_sizes(ratios[cell], start) for cell, start in starts.items()}
        sizes = {cell: wanted for cell, wanted in sizes.items() if wanted}
        if not sizes:
            break
        for cell, measured in measure(sizes).items():
            ratios[cell] |= measured
    chosen = {cell: choose_size(ratios[cell], start) for cell, start in starts.items()}
    return {
        cell: TimeMatch(size, ratios[cell][size], ratios[cell]) for cell, size in chosen.items()
    }


def choose_size(ratios: Ratios, start: int) -> int:
    """Returns the measured size whose ratio is nearest to 1; of equals, the one nearest `start`.

    Equally near are all within `TOLERANCE` of 1 or, where there is none, of the nearest.
    """
    distances = {size: abs(math.log(ratio)) for size, ratio in ratios.items()}
    least = min(distances.values())
    limit = TOLERANCE if least <= TOLERANCE else least + TOLERANCE
    near = sorted(size for size, distance in distances.items() if distance <= limit)
    return min(near, key=lambda size: abs(math.log(size / start)))


def next_sizes(ratios: Ratios, start: int) -> list[int]:
    """Returns the sizes to measure next, none if those measured are enough."""
    sizes = possible_sizes(start)
    if not ratios:
        factors = FIRST_FACTORS
        return sorted({min(sizes, key=lambda s: abs(s - factor * start)) for factor in factors})
    if abs(math.log(ratios[choose_size(ratios, start)])) <= TOLERANCE:
        return []
    best = sizes[int(np.abs(expected_log_ratios(ratios, sizes)).argmin())]
    return [] if best in ratios else [best]


def possible_sizes(start: int) -> list[int]:
    """Returns the sizes in reach of `start`; large ones are whole vectors of the hardware."""

    def multiple(size: int) -> int:
        return 1 if size <= 64 else 4 if size <= 128 else 8

    farthest = range(max(1, start // FARTHEST_FACTOR), FARTHEST_FACTOR * start + 1)
    return [size for size in farthest if size % multiple(size) == 0]


def expected_log_ratios(ratios: Ratios, sizes: Sequence[int]) -> np.ndarray:
    """Returns the logarithms of the ratios expected at `sizes`, from two or more measured ones.

    More units are taken to need no less time, so that noise is averaged away. Between the measured
    sizes the logarithm of time is linear in that of size; beyond them it goes on as it does on the
    whole, but not so flat that the next size would be out of reach.
    """
    from scipy.optimize import isotonic_regression  # 0.3 s, for the few runs that match time

    measured = sorted(ratios)
    known, wanted = np.log(measured), np.log(sizes)
    fitted = isotonic_regression(np.log([ratios[size] for size in measured])).x
    slope = max(np.ptp(fitted) / np.ptp(known), LEAST_SLOPE)
    inside = np.clip(wanted, known[0], known[-1])
    expected: np.ndarray = np.interp(inside, known, fitted) + slope * (wanted - inside)
    return expected
