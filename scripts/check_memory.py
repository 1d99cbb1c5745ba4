"""Checks that a long run does not grow in host memory.

    python scripts/check_memory.py --steps 100000

trains a tiny model for many steps as `gru-bench run` does, with TensorBoard events, histograms,
checkpoints and status, and samples the process's resident memory. After the first fifth of the run
it may grow by no more than a megabyte per 10,000 steps, 100 evaluations: what is kept of one is its
scores, about a kilobyte. The exit status is 1 if it grows by more. It takes a minute or two.
"""

import argparse
import os
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
from scipy.stats import theilslopes

from gru_bench.config.compose import compose_experiments
from gru_bench.experiments.sweep import run_experiments
from gru_bench.runs.status import read_status
from gru_bench.system import machine

WORDS = [
    "cell=gru", "task=adding", "task.length=8", "hidden_size=8", "batch_size=8", "seeds=2",
    "evaluate_every=100", "checkpoint_s=1", "histograms_every=10",
]  # fmt: skip
BOUND_MB = 1.0  # per INTERVAL steps
INTERVAL = 10_000
WARM_UP = 0.2  # share of the run that does not count
SAMPLE_S = 0.1
BAR = 50  # columns


def resident_mb() -> float:
    """Returns resident memory of this process in megabytes (10^6 bytes)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def sample(run: Path, samples: list[tuple[int, float]], ended: threading.Event) -> None:
    """Notes the run's step and the process's memory while it trains."""
    while not ended.wait(SAMPLE_S):
        status = read_status(run)
        if status is not None and 0 < status.step < status.total_steps:
            samples.append((status.step, resident_mb()))


def measure(steps: int) -> np.ndarray:
    """Trains for so many steps; returns step and megabytes, shape `[samples, 2]`."""
    samples: list[tuple[int, float]] = []
    ended = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        words = [*WORDS, f"steps={steps}", f"out_dir={folder}"]
        configs = compose_experiments(words, multirun=False)
        run = Path(folder) / configs[0].run_name({})
        thread = threading.Thread(target=sample, args=(run, samples, ended))
        thread.start()
        try:
            sweep = run_experiments(configs, "check_memory", quiet=True)
        finally:
            ended.set()
            thread.join()
        if sweep.failures:
            sys.exit(f"the run failed: {sweep.failures[0][1]}")
    return np.array(samples)


def main() -> int:
    """Prints memory over steps, and what it grows by."""
    parser = argparse.ArgumentParser(description="Check that long runs stay flat in memory.")
    parser.add_argument("--steps", type=int, default=100_000)
    steps = parser.parse_args().steps

    machine.set_up_devices()
    step, mb = measure(steps).T
    print(f"{'steps':>8}  resident memory, the median of {INTERVAL:,} steps")
    for first in range(0, steps, INTERVAL):
        within = mb[(step > first) & (step <= first + INTERVAL)]
        if within.size:
            median = np.median(within)
            print(f"{first + INTERVAL:>8}  {median:6.1f} MB {'#' * round(BAR * median / mb.max())}")
    late = step > WARM_UP * steps
    slope, _, low, high = (INTERVAL * value for value in theilslopes(mb[late], step[late]))
    flat = slope <= BOUND_MB
    print(
        f"growth after the first {WARM_UP:.0%}: {slope:.3f} MB [{low:.3f}, {high:.3f}] per"
        f" {INTERVAL:,} steps, {late.sum()} samples; at most {BOUND_MB} allowed:"
        f" {'flat' if flat else 'IT GROWS'}"
    )
    return int(not flat)


if __name__ == "__main__":
    sys.exit(main())
