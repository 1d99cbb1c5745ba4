"""A whole comparison against the PyTorch loop that a user would write.

Three cells, five seeds each: here `train.fit`, there one run after another with PyTorch's own
layers and Adam, on the same batches (see `workloads`).
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import jax
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gru_bench.benchmark.layer import about_machine, load_remark
from gru_bench.benchmark.peers import OURS, missing
from gru_bench.benchmark.workloads import Workload
from gru_bench.measuring.rounds import race
from gru_bench.system.machine import pinned_settings
from gru_bench.training.fit import fit
from gru_bench.training.state import Fit

COMPARED = ("gru_reset_after", "lstm", "rnn")  # the cells that PyTorch has
SEEDS = range(5)
OURS_COMPILED = f"{OURS} without compilation"
TORCH, TORCH_COMPILED = "PyTorch", "PyTorch with torch.compile"
# torch.compile is given up once it has taken so much longer than the loop without it.
PATIENCE_S = 60.0


@pinned_settings()
def measure_end_to_end(
    workload: Workload,
    compiled: bool = True,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Trains every cell and seed here, in PyTorch, and in PyTorch with `torch.compile`.

    The contestants take turns cell by cell.

    Args:
        workload: What is trained.
        compiled: Whether torch.compile takes part.
        progress: Called with a line of text before each turn.

    Returns:
        What `speed.write` writes: the machine, and for each cell the seconds of every contestant.
        Ours are given with and without compilation; torch.compile's include it, or are a text where
        it does not work or is given up.
    """
    about = about_machine()
    for seed in SEEDS:
        workload.batches(seed)  # What is drawn beforehand for PyTorch takes none of its time.
    with _first_start():
        cells = {cell: _measure_cell(cell, workload, compiled, progress) for cell in COMPARED}
    return about | {
        "task": workload.described(),
        "summary": workload.summary,
        "hidden_size": workload.model.hidden_size,
        "seeds": len(SEEDS),
        "steps": workload.steps,
        "cells": cells,
    }


@contextmanager
def _first_start() -> Iterator[None]:
    """Compiles every program anew, as in a first start; afterwards the cache is as it was."""
    before = jax.config.jax_enable_compilation_cache  # type: ignore[attr-defined]
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", before)


def _measure_cell(
    cell: str, workload: Workload, compiled: bool, progress: Callable[[str], None]
) -> dict[str, float | str]:
    """Trains one cell here, in PyTorch and with `torch.compile`; returns the seconds of each."""
    config = replace(workload.train, model=replace(workload.model, cell=cell))
    rates = [workload.optim.learning_rate] * len(SEEDS)
    trained: list[Fit] = []

    def ours() -> None:
        progress(f"{cell}: {OURS}")
        trained.append(fit(config, workload.task, SEEDS, rates))

    def torch_loop() -> None:
        progress(f"{cell}: {TORCH}")
        _train_seeds_in_torch(cell, workload, compiled=False)

    contestants = {OURS: ours} if "torch" in missing() else {OURS: ours, TORCH: torch_loop}
    # A first start is no first start the second time: one round, and every call counts.
    raced = race(contestants, 1, warm_up=0, discarded=0)
    seconds: dict[str, float | str] = {name: times.item() for name, times in raced.items()}
    found = {OURS: seconds.pop(OURS), OURS_COMPILED: trained[0].train_s} | seconds
    if compiled and TORCH in seconds:
        progress(f"{cell}: {TORCH_COMPILED}")
        limit_s = raced[TORCH].item() + PATIENCE_S
        found[TORCH_COMPILED] = _compiled_seconds(cell, workload, limit_s)
    return found


def _train_seeds_in_torch(cell: str, workload: Workload, compiled: bool) -> None:
    from gru_bench.benchmark.torch_loop import train_in_torch  # where PyTorch is installed

    for seed in SEEDS:
        train_in_torch(cell, workload, seed, compiled)


def _compiled_seconds(cell: str, workload: Workload, limit_s: float) -> float | str:
    """Returns the seconds with torch.compile, or why there are none."""
    started = time.perf_counter()
    try:
        with _time_limit(limit_s):
            _train_seeds_in_torch(cell, workload, compiled=True)
    except Exception as error:  # torch.compile fails in many ways, all of them its own
        if time.perf_counter() - started >= limit_s:
            return f"given up after {limit_s:.0f} s"
        return f"does not work here: {type(error).__name__}"
    return time.perf_counter() - started


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raises a TimeoutError in what takes longer, where the system has a timer for that.

    To be used in the main thread. It is raised once a second from then on, in case that somebody
    catches it and goes on.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return

    def give_up(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Returns the table as text, headings first; the last row is the whole comparison."""
    cells = result["cells"]
    names = list(next(iter(cells.values())))
    whole: dict[str, float | str] = {}
    for name in names:
        seconds = [of_cell[name] for of_cell in cells.values()]
        whole[name] = "" if any(isinstance(s, str) for s in seconds) else sum(seconds)
    faster = ("times faster than PyTorch", "without compilation")
    table = [("cell", *(f"{name}, s" for name in names), *faster)]
    for cell, of_cell in (cells | {"all": whole}).items():
        times = (s if isinstance(s, str) else f"{s:.1f}" for s in (of_cell[n] for n in names))
        ratios = (
            f"{of_cell[TORCH] / of_cell[ours]:.2f}" if TORCH in of_cell else ""
            for ours in (OURS, OURS_COMPILED)
        )
        table.append((cell, *times, *ratios))
    return table


def remarks(result: dict[str, Any]) -> str:
    """Returns what belongs below the table."""
    environment = result["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    return (
        f"{result['summary']}, hidden size {result['hidden_size']}; {result['seeds']}"
        f" seeds a cell, {result['steps']} updates each, the same batches. Seconds"
        " with compilation, but where it says without. "
        f"{result['created']}, {environment['processor']}, {versions}. {load_remark(result)}"
    )


def print_end_to_end(result: dict[str, Any], console: Console) -> None:
    """Prints the table, in 80 columns."""
    headings, *body = rows(result)
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading != "cell" else "left", overflow="fold")
    for row in body:
        table.add_row(*row)
    console.print(table)
    console.print(remarks(result), markup=False)


def as_markdown(result: dict[str, Any]) -> str:
    """Returns the table as Markdown."""
    headings, *body = rows(result)
    lines = [headings, ("---",) * len(headings), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{remarks(result)}\n"
