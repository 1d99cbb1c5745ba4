"""Times of several calls, taken in turns, since machines drift."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

WARM_UP_ROUNDS = 1
Seconds = dict[str, list[float]]


def race(calls: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """Seconds of each call, one entry a round; they take turns.

    Each round begins with another one, so that none always follows the same predecessor. A turn is
    two calls, of which the second counts: at first the predecessor's threads may still be waiting
    for work on every core (OpenMP's and Eigen's do for some milliseconds), and the caches are its.
    """
    names = list(calls)
    seconds: Seconds = {name: [] for name in names}
    for turn in range(WARM_UP_ROUNDS + rounds):
        for name in np.roll(names, -turn):
            calls[name]()
            started = time.perf_counter()
            calls[name]()
            if turn >= WARM_UP_ROUNDS:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def program_memory_mb(program: Any) -> float | None:
    """Megabytes (10^6 bytes) that a compiled program holds at its peak, on one device."""
    analysis = program.memory_analysis()
    if analysis is None:
        return None
    held = (
        analysis.argument_size_in_bytes
        + analysis.output_size_in_bytes
        + analysis.temp_size_in_bytes
        - analysis.alias_size_in_bytes
    )
    return float(held) / 1e6
