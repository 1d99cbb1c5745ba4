"""What a training step costs as sequences grow: a GRU, and minGRU by its loop and in parallel.

The three take turns on the adding problem at each length and size, so that ratios hold for one
machine at one time; intervals are over processes.
"""

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gru_bench.benchmark.layer import load_remark
from gru_bench.config.optim import OptimConfig
from gru_bench.evidence.estimates import Interval
from gru_bench.measuring.over_processes import in_processes, ratio_interval, shuffled
from gru_bench.measuring.training_step import measure_training_steps
from gru_bench.model.model import ModelConfig
from gru_bench.system import machine
from gru_bench.tasks.adding import AddingTask
from gru_bench.training.state import TrainConfig

LENGTHS = (64, 256, 1024, 4096)
HIDDEN_SIZES = (64, 128)
BATCH = 32
ROUNDS = 3
LIMIT_S = 10.0  # beyond the rounds that count in any case, for short sequences

GRU, LOOP, PARALLEL = "gru", "mingru, loop", "mingru, parallel"
CELLS = {GRU: ("gru", "auto"), LOOP: ("mingru", "scan"), PARALLEL: ("mingru", "parallel")}
RATIOS = ((PARALLEL, LOOP), (PARALLEL, GRU), (LOOP, GRU))

Sample = dict[str, tuple[float, float | None]]  # milliseconds and megabytes by contestant


def contestants(hidden_size: int) -> dict[str, ModelConfig]:
    """Returns the models that take turns, by what they are called in tables."""
    return {
        name: ModelConfig(cell, 2, 1, hidden_size, recurrence=recurrence)
        for name, (cell, recurrence) in CELLS.items()
    }


def measure_lengths(
    processes: int,
    lengths: Sequence[int] = LENGTHS,
    hidden_sizes: Sequence[int] = HIDDEN_SIZES,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Measures a training step of every contestant at every length and size.

    Args:
        processes: Fresh processes, at least 2 for intervals.
        lengths: Steps of the sequences.
        hidden_sizes: Units of the layer.
        progress: Takes a line before each process.

    Returns:
        The machine, and for each case the milliseconds of a step, with an interval, and the
        megabytes of every contestant, and the ratios of times within a process.
    """
    load_before = os.getloadavg()[0]
    grid = list(itertools.product(hidden_sizes, lengths))
    found = in_processes(_measure_here, grid, processes=processes, progress=progress)
    return {
        "created": machine.now(),
        "environment": machine.describe(),
        "load_before": load_before,
        "processes": processes,
        "batch": BATCH,
        "cases": [
            {"hidden_size": hidden_size, "length": length, **joined(samples)}
            for (hidden_size, length), samples in zip(grid, zip(*found, strict=True), strict=True)
        ],
    }


def _measure_here(number: int, grid: Sequence[tuple[int, int]]) -> list[Sample]:
    machine.set_up_devices()
    with machine.pinned_settings():
        return [measure_case(contestants(size), length, number) for size, length in grid]


def measure_case(models: Mapping[str, ModelConfig], length: int, number: int = 0) -> Sample:
    """Measures a training step of some models on sequences of one length, in this process.

    Args:
        models: The models of the adding problem, by any name.
        length: Steps of the sequences.
        number: That of the process: the order in which models are compiled is drawn from it.
    """
    task = AddingTask(length=length, batch_size=BATCH)
    configs = {
        name: TrainConfig(models[name], OptimConfig(), steps=1, evaluate_every=1)
        for name in shuffled(list(models), number)
    }
    costs = measure_training_steps(configs, task, ROUNDS, LIMIT_S)
    return {name: (float(np.median(cost.step_ms)), cost.memory_mb) for name, cost in costs.items()}


def joined(samples: Sequence[Sample]) -> dict[str, Any]:
    """Returns what several processes measured of one case as one."""

    def times(name: str) -> list[float]:
        return [sample[name][0] for sample in samples]

    return {
        "step_ms": {name: vars(ratio_interval(times(name))) for name in CELLS},
        "memory_mb": {name: samples[0][name][1] for name in CELLS},
        "ratios": [
            {"of": of, "to": to} | vars(ratio_interval((np.array(times(of)) / times(to)).tolist()))
            for of, to in RATIOS
        ],
    }


HEADINGS = (
    "units",
    "steps",
    *(f"{name}, ms" for name in CELLS),
    *(f"{of} / {to}" for of, to in RATIOS),
    *(f"{name}, MB" for name in CELLS),
)


def rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Returns the table as text under `HEADINGS`."""
    return [
        (
            str(case["hidden_size"]),
            f"{case['length']:,}",
            *(f"{case['step_ms'][name]['estimate']:.1f}" for name in CELLS),
            *(_with_interval(ratio) for ratio in case["ratios"]),
            *("" if mb is None else f"{mb:.1f}" for mb in case["memory_mb"].values()),
        )
        for case in result["cases"]
    ]


def _with_interval(found: Mapping[str, Any]) -> str:
    ends = Interval(found["estimate"], found["low"], found["high"])
    if ends.low is None or ends.high is None:
        return f"{ends.estimate:.2f}"
    return f"{ends.estimate:.2f} ({ends.low:.2f}-{ends.high:.2f})"


def remarks(result: Mapping[str, Any]) -> list[str]:
    """Returns what belongs below the table."""
    environment = result["environment"]
    return [
        f"{result['created']}, {environment['processor']}, "
        + ", ".join(f"{name} {version}" for name, version in environment["versions"].items()),
        f"A training step (forward, backward, update) of one layer on the adding problem, batch"
        f" {result['batch']}: geometric means over {result['processes']} processes, ratios with 95%"
        " intervals over them. The three took turns in every process.",
        load_remark(dict(result)),
    ]


def print_lengths(result: Mapping[str, Any], console: Console) -> None:
    """Prints the table without memory, and what belongs below it."""
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    shown = len(HEADINGS) - len(CELLS)
    for heading in HEADINGS[:shown]:
        table.add_column(heading.replace(", ", ",\n").replace(" / ", "\n/ "), justify="right")
    for row in rows(result):
        table.add_row(*row[:shown])
    console.print(table)
    console.print()
    for line in remarks(result):
        console.print(line, markup=False)


def as_markdown(result: Mapping[str, Any]) -> str:
    """Returns the table as Markdown."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows(result)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([table, *remarks(result)]) + "\n"
