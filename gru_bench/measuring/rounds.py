"""The one timing loop: contestants take turns in rounds, and ratios are taken within a round.

Machines drift, so that times taken a minute apart do not compare. Every time that the project
publishes comes from `race`, every ratio from `ratios`.
"""

import time
from collections.abc import Callable, Mapping
from itertools import count

import numpy as np
from jaxtyping import Float

from gru_bench.runs.result import Spread

Seconds = dict[str, Float[np.ndarray, "rounds calls"]]  # by contestant


def race(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    max_rounds: int | None = None,
    limit_s: float = 0.0,
    warm_up: int = 1,
    discarded: int = 1,
    counted: int = 1,
) -> Seconds:
    """Times calls that take turns, A B C, B C A, C A B.

    Each round begins with another contestant, so that none always follows the same predecessor. The
    first call of a turn is discarded: the predecessor's threads may still be waiting for work on
    every core (OpenMP's and Eigen's do for some milliseconds), and the caches are its.

    Args:
        contestants: What is timed, by name; a call returns once its work is done.
        rounds: Rounds that count in any case.
        max_rounds: Rounds that count at most; as many as `rounds` if None.
        limit_s: Beyond `rounds`, no round begins later than so many seconds after the first.
        warm_up: Rounds at the start that do not count.
        discarded: Calls at the start of each turn that do not count.
        counted: Calls of each turn, after these, that are timed one by one.

    Returns:
        Seconds of each call that counts. Row i of all contestants is of the same round.
    """
    names = list(contestants)
    seconds: dict[str, list[list[float]]] = {name: [] for name in names}
    began = time.perf_counter()
    for turn in count(-warm_up):
        late = time.perf_counter() - began > limit_s
        if turn >= rounds and (late or turn >= (max_rounds or rounds)):
            break
        for name in np.roll(names, -turn).tolist():
            call = contestants[name]
            for _ in range(discarded):
                call()
            taken = []
            for _ in range(counted):
                started = time.perf_counter()
                call()
                taken.append(time.perf_counter() - started)
            if turn >= 0:
                seconds[name].append(taken)
    return {name: np.array(rows) for name, rows in seconds.items()}


def by_round(seconds: Float[np.ndarray, "rounds calls"]) -> Float[np.ndarray, " rounds"]:
    """Returns the median seconds of a call in each round."""
    medians: np.ndarray = np.median(seconds, axis=1)
    return medians


def ratios(seconds: Seconds, name: str, reference: str) -> Float[np.ndarray, " rounds"]:
    """Returns the time of a contestant over that of a reference, within each round."""
    quotients: np.ndarray = by_round(seconds[name]) / by_round(seconds[reference])
    return quotients


def spread(values: np.ndarray, scale: float = 1.0) -> Spread:
    """Returns the median and the quartiles of measured values.

    They describe the rounds of one process. They are no interval of what another process would
    measure: see `measuring.over_processes`.

    Args:
        values: One a round.
        scale: What the values are multiplied by, such as 1e3 for milliseconds of seconds.
    """
    low, median, high = np.quantile(scale * values, [0.25, 0.5, 0.75])
    return Spread(median=float(median), low=float(low), high=float(high), repeats=len(values))
