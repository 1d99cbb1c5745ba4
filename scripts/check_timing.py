"""Times each cell against itself: how often would it be called faster or slower than itself?

    python scripts/check_timing.py

measures every cell at several sizes in four slots that hold the same model, compiled four times,
by the project's own timing: a training step, a step of a program of many, and single calls. The
slots are compared two by two, so that no two comparisons share a measurement, with the interval
over processes that published ratios have, and with one over the rounds of a single process. A
difference is false where the interval leaves out 1. The table is written as Markdown, too.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.config.cell import MAIN_CELLS
from gru_bench.config.optim import OptimConfig
from gru_bench.evidence.claims.findings import from_spread
from gru_bench.evidence.estimates import Interval, wilson_interval
from gru_bench.measuring.latency import measure_latency
from gru_bench.measuring.over_processes import PROCESSES, in_processes, ratio_interval, shuffled
from gru_bench.measuring.rounds import spread
from gru_bench.measuring.training_step import measure_training_steps
from gru_bench.model.model import ModelConfig, make_model
from gru_bench.system import machine
from gru_bench.tasks.adding import AddingTask
from gru_bench.training.state import TrainConfig
from gru_bench.training.step import init_state

SIZES = (16, 64, 128)
EXPERIMENTS = 3
SLOTS = "abcd"
PAIRS = (("a", "b"), ("c", "d"))
STEP, IN_PROGRAM, CALL = QUANTITIES = ("training step", "step in a program", "single call")
TASK = AddingTask(length=20, batch_size=16)
NOMINAL = 0.05


class Comparison(NamedTuple):
    """Two slots of one cell at one size, as one process saw them: ratios by round."""

    cell: str
    size: int
    quantity: str
    pair: int
    ratios: list[float]


def measure_here(number: int, first: int, sizes: Sequence[int]) -> list[Comparison]:
    """Measures all cells in this process, which has not used JAX before.

    Args:
        number: Number of the process in its experiment.
        first: Number of the experiment's first process among all.
        sizes: Hidden sizes.
    """
    machine.set_up_devices()
    return [
        comparison
        for cell in MAIN_CELLS
        for size in sizes
        for comparison in compare_slots(cell, size, shuffled(SLOTS, first + number))
    ]


def compare_slots(cell: str, size: int, slots: Sequence[str]) -> list[Comparison]:
    """Measures one cell in all slots, which are compiled in the given order."""
    model = ModelConfig(cell, TASK.input_size, TASK.output_size, size)
    config = TrainConfig(model, OptimConfig(), steps=10**6, evaluate_every=10**6)
    state = init_state(config, TASK, jnp.int32(0), jnp.float32(0.001))
    steps = measure_training_steps(dict.fromkeys(slots, config), TASK, limit_s=0)
    models = {slot: make_model(model, jax.tree.map(jnp.copy, state.params)) for slot in slots}
    latencies = measure_latency(models, TASK.sequence_length, limit_s=0)
    by_quantity = {
        STEP: {slot: cost.step_ms for slot, cost in steps.items()},
        IN_PROGRAM: {slot: latency.in_program_us for slot, latency in latencies.items()},
        CALL: {slot: np.median(latency.call_us, axis=1) for slot, latency in latencies.items()},
    }
    return [
        Comparison(cell, size, quantity, pair, (times[one] / times[other]).tolist())
        for quantity, times in by_quantity.items()
        for pair, (one, other) in enumerate(PAIRS)
    ]


def is_false(interval: Interval) -> bool:
    """Whether an interval of a cell's time over its own leaves out 1."""
    assert interval.low is not None
    assert interval.high is not None
    return not interval.low <= 1 <= interval.high


def judge(processes: Sequence[Sequence[Comparison]]) -> list[tuple[str, bool, bool]]:
    """Returns quantity, and falsehood over processes and in the first, of each comparison."""
    judged = []
    for seen in zip(*processes, strict=True):
        over = ratio_interval([float(np.median(comparison.ratios)) for comparison in seen])
        within = from_spread(spread(np.array(seen[0].ratios)))
        judged.append((seen[0].quantity, is_false(over), is_false(within)))
    return judged


def as_markdown(judged: Sequence[tuple[str, bool, bool]], about: str) -> str:
    """Returns the table of false differences, with 95% Wilson intervals of their rate."""
    lines = [
        "| what is timed | comparisons | false over processes | false within one process |",
        "| --- | --- | --- | --- |",
    ]
    for quantity in (*QUANTITIES, "all"):
        found = [each for each in judged if quantity in (each[0], "all")]
        if not found:
            continue
        columns = [quantity, str(len(found))]
        for place in (1, 2):
            count = sum(bool(each[place]) for each in found)
            rate = wilson_interval(count, len(found))
            columns.append(f"{count} ({rate.estimate:.1%} [{rate.low:.1%}, {rate.high:.1%}])")
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines) + f"\n\n{about}\n"


def main(arguments: list[str] | None = None) -> int:
    """Runs the check.

    Returns:
        0; 1 if the interval of the rate over processes lies above what is promised.
    """
    parser = argparse.ArgumentParser(description="Time each cell against itself.")
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS)
    parser.add_argument("--processes", type=int, default=PROCESSES, help="of each experiment")
    parser.add_argument("--size", type=int, action="append", help="a hidden size; may be repeated")
    parser.add_argument("--out", type=Path, default=Path("results/speed/timing.md"))
    options = parser.parse_args(arguments)
    sizes = tuple(options.size or SIZES)
    judged = []
    for experiment in range(options.experiments):
        title = f"experiment {experiment + 1} of {options.experiments}"
        found = in_processes(
            measure_here,
            experiment * options.processes,
            sizes,
            processes=options.processes,
            progress=partial(print, f"{title},", flush=True),
        )
        judged += judge(found)
    about = (
        f"Each cell ({', '.join(MAIN_CELLS)}) against itself at {', '.join(map(str, sizes))} units;"
        f" {options.processes} processes an experiment, {options.experiments} experiments. Rates"
        f" have 95% Wilson intervals; {NOMINAL:.0%} is what a 95% interval promises."
        f" {machine.now()}, {machine.processor()}."
    )
    table = as_markdown(judged, about)
    print(table)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(table)
    rate = wilson_interval(sum(each[1] for each in judged), len(judged))
    assert rate.low is not None
    return int(rate.low > NOMINAL)


if __name__ == "__main__":
    sys.exit(main())
