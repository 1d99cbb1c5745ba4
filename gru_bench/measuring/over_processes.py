"""Measures in several processes, and gives intervals over them.

Within a process the rounds of a race agree better than two processes do: where code and arrays lie
in memory, and which core a thread is on, stay the same. An interval that is to hold for the next
process is taken over processes, each of which gives one ratio.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

import numpy as np

from gru_bench.evidence.estimates import Interval, mean_interval
from gru_bench.system.processes import safe_path

PROCESSES = 5
T = TypeVar("T")


def in_processes(
    measure: Callable[..., T],
    *arguments: Any,
    processes: int = PROCESSES,
    progress: Callable[[str], None] = lambda line: None,
) -> list[T]:
    """Calls a function in fresh processes, one after another.

    Args:
        measure: A function of a module, called with the number of the process and the arguments.
            It sets JAX up before it uses it.
        *arguments: Plain values.
        processes: How many.
        progress: Takes a line before each process.

    Returns:
        What each process returned.
    """
    results = []
    for number in range(processes):
        progress(f"process {number + 1} of {processes}")
        # Spawned, not forked: JAX's threads do not survive a fork.
        with safe_path(), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            results.append(pool.submit(measure, number, *arguments).result())
    return results


def shuffled(names: Sequence[str], number: int) -> list[str]:
    """Returns the names in an order of the process's own.

    What is compiled first lies elsewhere in memory than what is compiled last. Over processes no
    contestant is favoured by its place.
    """
    return [names[i] for i in np.random.default_rng(number).permutation(len(names))]


def ratio_interval(ratios: Sequence[float]) -> Interval:
    """Returns the geometric mean of a ratio, with the interval of what a process measures of it.

    Args:
        ratios: One a process: the median over its rounds.

    Returns:
        The mean with its 95% interval by Student's t, both of logarithms; a mean alone where there
        is one process.
    """
    found = mean_interval(np.log(ratios).tolist())
    if found.low is None or found.high is None:
        return Interval(float(np.exp(found.estimate)), None, None)
    estimate, low, high = np.exp([found.estimate, found.low, found.high]).tolist()
    return Interval(estimate, low, high)
