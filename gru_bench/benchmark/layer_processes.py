"""One layer against other libraries, measured in several processes.

The rounds of one process agree better than two processes do, so the intervals of what is published
are over processes.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gru_bench.benchmark.layer import measure_speed
from gru_bench.measuring.over_processes import in_processes, ratio_interval
from gru_bench.system import machine


def measure_in_processes(
    processes: int,
    grid: str,
    cells: Mapping[str, str],
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Returns what `measure_speed` does, with intervals over processes.

    Args:
        processes: Fresh processes, at least 2 for intervals.
        grid: "quick" or "full".
        cells: The cells by name.
        progress: Takes a line before each process.
    """
    # Processes that came before are no load of others.
    load_before = os.getloadavg()[0]
    found = in_processes(_measure_here, grid, cells, processes=processes, progress=progress)
    return joined(found) | {"load_before": load_before}


def _measure_here(number: int, grid: str, cells: Mapping[str, str]) -> dict[str, Any]:
    machine.set_up_devices()
    return measure_speed(grid, cells=cells)


def joined(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the results of several processes as one.

    Medians become geometric means over processes, and quartiles the ends of their 95% intervals.
    The best peer is that of the least time over all processes.

    Args:
        found: What each process measured, the same cases in the same order.
    """
    return found[0] | {
        "processes": len(found),
        "matrix_product_gflops": max(each["matrix_product_gflops"] for each in found),
        "cases": [
            _joined_case(same) for same in zip(*(each["cases"] for each in found), strict=True)
        ],
    }


def _joined_case(cases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = cases[0]
    contestants = {
        name: figures | _interval([case["contestants"][name] for case in cases], "_ms")
        for name, figures in first["contestants"].items()
    }
    for name, figures in contestants.items():
        figures["gflops"] = float(
            np.exp(np.mean([np.log(case["contestants"][name]["gflops"]) for case in cases]))
        )
    best = min(first["faster_than"], key=lambda name: contestants[name]["median_ms"])
    by_peer = {
        name: _interval([case["faster_than"][name] for case in cases])
        for name in first["faster_than"]
    }
    split_scan = _interval([case["faster_than_split_scan"] for case in cases])
    return first | {
        "contestants": contestants,
        "best_peer": best,
        "faster": by_peer[best],
        "faster_than": by_peer,
        "faster_than_split_scan": split_scan,
    }


def _interval(figures: Sequence[Mapping[str, float]], unit: str = "") -> dict[str, float]:
    """Returns the mean of medians with its interval, under the names of median and quartiles."""
    found = ratio_interval([each[f"median{unit}"] for each in figures])
    low = found.estimate if found.low is None else found.low
    high = found.estimate if found.high is None else found.high
    return {f"median{unit}": found.estimate, f"low{unit}": low, f"high{unit}": high}
