"""Measures what many runs cost: many seeds at once, and whether run 500 costs what run 5 does.

    python scripts/measure_scale.py --part seeds --out results/speed/scale.json

takes the time of training 1 to 64 seeds at once, in turns, in minutes on a machine that should be
quiet. `--part sweep`, which takes about an hour, trains 500 tiny runs in one process, each with
batches of a size of its own, so that each is compiled as in any sweep over a setting, and notes the
processor time and the memory at the end of every run. Sizes are in no order, and no program is
there from before, so that early and late runs do the same. Ctrl-C ends the sweep with the runs that
are done. Then it counts the files and bytes that runs leave, and takes the processor time of the
commands that read a history: of these runs, and of ten thousand made up from them. Processor time,
unlike the clock's, does not count waiting for other programs. What was measured of the other part
stays in the file.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from scipy.stats import theilslopes

from gru_bench.benchmark.workloads import Adding
from gru_bench.config.cell import MAIN_CELLS
from gru_bench.config.compose import compose_experiments
from gru_bench.experiments import population
from gru_bench.experiments.sweep import run_experiments
from gru_bench.runs.folder import RESULT, write_result
from gru_bench.runs.result import Result
from gru_bench.system import machine
from gru_bench.system.files import write_atomically
from gru_bench.training.fit import fit

# The LSTM is the reference of timing, so that no other cell is compiled beside it.
WORDS = [
    "cell=lstm", "task=adding", "task.length=10", "hidden_size=8", "seeds=1", "steps=20",
    "probes=false", "save_weights=best",
]  # fmt: skip
SMALLEST = 8  # sequences of the smallest batches
FEWEST = 10  # runs in which early ones can be told from late ones
HISTORY = 10_000
POPULATIONS = (1, 2, 4, 8, 16, 32, 64)  # seeds that are trained at once
UPDATES, ROUNDS = 50, 3
READERS = ("status", "report", "report --format csv")


def words_of(sizes: Sequence[int], out_dir: Path) -> list[str]:
    """Returns the words of the sweep over sizes of batches."""
    return [*WORDS, f"batch_size={','.join(map(str, sizes))}", f"out_dir={out_dir}"]


def resident_mb() -> float:
    """Returns resident memory of this process in megabytes (10^6 bytes)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def sweep(sizes: Sequence[int], out_dir: Path) -> dict[str, Any]:
    """Trains the sweep; returns processor seconds and memory of early and of late runs.

    Both are noted when a run has written its result, which is the last that it does.
    """
    began, samples = time.process_time(), list[tuple[float, float]]()

    def write_and_note(folder: Path, result: Result) -> None:
        write_result(folder, result)
        samples.append((time.process_time(), resident_mb()))

    with (
        mock.patch.object(population, "write_result", write_and_note),
        contextlib.suppress(KeyboardInterrupt),
    ):
        run_experiments(compose_experiments(words_of(sizes, out_dir), multirun=True), "scale")
    at, memory = np.array(samples).T
    seconds = np.diff(at, prepend=began)
    numbers = np.arange(1, len(at) + 1)
    fifth = max(len(at) // 5, 1)
    settled = numbers > fifth  # The first runs fill caches.
    return {
        "runs": len(at),
        "first_run_s": float(seconds[0]),
        "early_s": float(np.median(seconds[1 : 1 + fifth])),
        "late_s": float(np.median(seconds[-fifth:])),
        "slope_s_a_run": float(theilslopes(seconds[settled], numbers[settled]).slope),
        "memory_mb": [float(memory[min(fifth, len(at) - 1)]), float(memory[-1])],
    }


def left_behind(out_dir: Path) -> dict[str, float]:
    """Returns the files and bytes that a finished run leaves."""
    runs = [path.parent for path in out_dir.rglob(RESULT)]
    files = [path for run in runs for path in run.rglob("*") if path.is_file()]
    return {
        "files_a_run": len(files) / len(runs),
        "kilobytes_a_run": sum(path.stat().st_size for path in files) / len(runs) / 1e3,
    }


def processor_seconds(words: list[str]) -> float:
    """Returns the processor seconds of a command of gru-bench in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "gru_bench", *words], check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def make_up(history: Path, source: Path, number: int) -> None:
    """Writes so many finished runs, each with the result of one that was trained."""
    results = [json.loads(path.read_bytes()) for path in source.rglob(RESULT)]
    for each in range(number):
        result = results[each % len(results)]
        result["identity"] = f"{each:016x}"
        folder = history / "adding" / "gru" / f"h8-{each:08x}"
        folder.mkdir(parents=True)
        (folder / RESULT).write_text(json.dumps(result))


def seconds_a_seed(cell: str) -> dict[int, float]:
    """Returns the seconds of training that a seed takes, by how many are trained at once.

    Each is the median over rounds in which populations take turns; compilation is left out.
    """
    workload = Adding(hidden_size=64, steps=UPDATES)
    config = replace(workload.train, model=replace(workload.model, cell=cell))
    taken: dict[int, list[float]] = {seeds: [] for seeds in POPULATIONS}
    for _ in range(ROUNDS):
        for seeds, times in taken.items():
            rates = [workload.optim.learning_rate] * seeds
            times.append(fit(config, workload.task, range(seeds), rates).train_s / seeds)
    return {seeds: float(np.median(times)) for seeds, times in taken.items()}


def measure_seeds() -> dict[str, Any]:
    """Measures many seeds at once."""
    return {
        "environment": machine.describe(),
        "of": Adding(hidden_size=64, steps=UPDATES).summary,
        "updates": UPDATES,
        "cells": {cell: seconds_a_seed(cell) for cell in MAIN_CELLS},
    }


def measure_sweep(runs: int) -> dict[str, Any]:
    """Measures many runs, what they leave behind, and what it takes to read a history."""
    sizes = (SMALLEST + np.random.default_rng(0).permutation(runs)).tolist()
    with tempfile.TemporaryDirectory() as folder:
        out_dir, history = Path(folder) / "runs", Path(folder) / "history"
        found = {"environment": machine.describe(), **sweep(sizes, out_dir)}
        done = sizes[: found["runs"]]
        found |= left_behind(out_dir)
        found["again_s"] = processor_seconds(["run", "-m", "-q", *words_of(done, out_dir)])
        make_up(history, out_dir, HISTORY)
        found["history"] = {
            "runs": HISTORY,
            "seconds": {
                words: processor_seconds([*words.split(), str(history)]) for words in READERS
            },
        }
    return found


def main() -> None:
    """Prints the figures, and writes them where asked."""
    parser = argparse.ArgumentParser(description="Measure what many runs cost.")
    parser.add_argument("--part", choices=("seeds", "sweep"), required=True)
    parser.add_argument("--runs", type=int, default=500, help="runs of the sweep")
    parser.add_argument("--out", type=Path, help="a file of JSON")
    options = parser.parse_args()
    if options.runs < FEWEST:
        parser.error(f"--runs is to be at least {FEWEST}")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["GRU_BENCH_CACHE"] = cache
        os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
        machine.set_up_devices()
        measured = measure_seeds() if options.part == "seeds" else measure_sweep(options.runs)
    found = {options.part: measured}
    print(json.dumps(found, indent=1))
    if options.out is not None:
        kept = json.loads(options.out.read_bytes()) if options.out.exists() else {}
        write_atomically(options.out, json.dumps(kept | found, indent=1).encode() + b"\n")


if __name__ == "__main__":
    main()
