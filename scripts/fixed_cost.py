"""What a run costs besides its training, by part, in a first start and with its programs kept.

    python scripts/fixed_cost.py --out results/speed/fixed_cost.json

takes the smallest run and a comparison of three cells, each in a fresh process with an empty cache
and then in another one with the cache that it has left. A process notes when it is in which part;
parts lie within parts, and a moment counts for the innermost. Between the two starts the comparison
is trained as a loop in PyTorch, where that is installed, by as many updates of the same sizes, and
scored once. A run that is refused for a bad value is timed, too. It takes a few minutes, and times
mean something on a quiet machine alone.
"""

import argparse
import builtins
import functools
import importlib
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Interval = tuple[float, float, str]  # beginning and end in seconds, and the part

CELLS = ("gru_reset_after", "lstm", "rnn")  # those that PyTorch has, too
SEEDS, UPDATES, HIDDEN_SIZE = 5, 300, 64
SMALLEST = "smallest run, 5 updates"
COMPARISON = f"adding, {len(CELLS)} cells x {SEEDS} seeds x {UPDATES} updates"
RUNS = {
    SMALLEST: ["cell=gru", "task=adding", "seeds=1", "steps=5"],
    COMPARISON: [
        "-m", f"cell={','.join(CELLS)}", "task=adding", f"seeds={SEEDS}", f"steps={UPDATES}",
        f"hidden_size={HIDDEN_SIZE}", "task.length=100", "batch_size=50",
    ],
}  # fmt: skip
REFUSED = ["cell=gru", "task=adding", "hidden_size=-3"]
REFUSALS = 5
STARTS = ("first", "warm")
# Functions, by the part that their time belongs to.
FUNCTIONS = {
    "compose": ["gru_bench.config.compose:compose_experiments"],
    "data": ["gru_bench.experiments.resolve:resolve"],
    "timing": ["gru_bench.experiments.costs:measure_cells"],
    "training and scoring": ["gru_bench.training.fit:fit"],
    "probes": ["gru_bench.analysis.probes:probe"],
    "writing": [
        "gru_bench.experiments.population:run_population",
        "gru_bench.training.checkpoints:write",
        "gru_bench.experiments.curves:Curves.add",
    ],
    "report": ["gru_bench.report.render:print_table"],
    "lowering": ["gru_bench.system.lowered:_lowered"],
}
# What JAX tells of every program.
EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": "lowering",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lowering",
    "/jax/core/compile/backend_compile_duration": "compiling or loading",
}
PARTS = ("imports", *FUNCTIONS, "compiling or loading", "the rest")
TRAINING = "training"  # what is no fixed cost
# What processes of this script are told to do.
WITHIN, IN_TORCH = "--within", "--in-torch"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--smallest", action="store_true", help="the smallest run alone")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="and tables to FILE.md")
    options = parser.parse_args(arguments)
    from gru_bench.benchmark import layer
    from gru_bench.system.machine import set_up_devices

    set_up_devices()
    result = layer.about_machine()
    result["comparison"] = {"run": COMPARISON, "cells": CELLS, "seeds": SEEDS, "updates": UPDATES}
    result["torch_s"] = None
    result["runs"] = {}
    for name in [SMALLEST] if options.smallest else RUNS:
        with tempfile.TemporaryDirectory() as folder:
            first = measure(RUNS[name], Path(folder), STARTS[0])
            if name == COMPARISON and importlib.util.find_spec("torch"):
                result["torch_s"] = torch_s()
            warm = measure(RUNS[name], Path(folder), STARTS[1])
        result["runs"][name] = dict(zip(STARTS, (first, warm), strict=True))
    result["refused_s"] = float(np.median([refusal_s() for _ in range(REFUSALS)]))
    text = as_markdown(result) + f"\n{layer.load_remark(result)}\n"
    print(text)
    if options.out is not None:
        layer.write(result, text, options.out)


def measure(words: Sequence[str], folder: Path, start: str) -> dict[str, float]:
    """Returns the seconds of each part of a run in a process of its own.

    Args:
        words: What is run.
        folder: Where its cache is, and what starts before have left.
        start: A name for this start, under which the folder gets what the run writes.
    """
    environment = os.environ | {"GRU_BENCH_CACHE": str(folder / "cache")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    noted, runs = folder / f"{start}.json", folder / start
    command = [sys.executable, __file__, WITHIN, str(noted), *words, f"out_dir={runs}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    results = [json.loads(path.read_bytes()) for path in runs.rglob("result.json")]
    found = parts(
        [tuple(interval) for interval in json.loads(noted.read_bytes())],
        seconds,
        sum(result["timing"]["train_s"] for result in results),
    )
    found["cpu"] = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return found


def torch_s() -> float:
    """Returns the seconds of the comparison as a loop in PyTorch."""
    command = [sys.executable, __file__, IN_TORCH]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return float(done.stdout)


def refusal_s() -> float:
    """Returns the seconds until a run is refused for a bad value."""
    command = [sys.executable, "-m", "gru_bench", "run", *REFUSED]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 2, done.stderr
    return time.perf_counter() - began


def parts(intervals: Sequence[Interval], seconds: float, train_s: float) -> dict[str, float]:
    """Returns the seconds of each part.

    Args:
        intervals: When the process was in which part.
        seconds: What it took as a whole.
        train_s: How much of that was training.
    """
    found = dict.fromkeys(PARTS, 0.0) | own_seconds(intervals)
    found["the rest"] = seconds - sum(found.values())
    found["training and scoring"] -= train_s
    found["scoring"] = found.pop("training and scoring")
    return found | {"fixed cost": seconds - train_s, TRAINING: train_s, "all": seconds}


def own_seconds(intervals: Iterable[Interval]) -> dict[str, float]:
    """Returns the seconds of each part without those of the parts within it."""
    found: dict[str, float] = defaultdict(float)
    around: list[Interval] = []
    for begin, end, part in sorted(intervals, key=lambda each: (each[0], -each[1])):
        while around and around[-1][1] <= begin:
            around.pop()
        if around:
            found[around[-1][2]] -= end - begin
        found[part] += end - begin
        around.append((begin, end, part))
    return dict(found)


def as_markdown(result: dict[str, Any]) -> str:
    """Returns the tables."""
    names = list(result["runs"])
    columns = [(name, start) for name in names for start in STARTS]
    rows = [
        ("seconds", *(f"{name}, {start}" for name, start in columns)),
        ("---", *("---:" for _ in columns)),
    ]
    for part in result["runs"][names[0]][STARTS[0]]:
        label = "CPU seconds of both cores" if part == "cpu" else part
        seconds = (f"{result['runs'][name][start][part]:.2f}" for name, start in columns)
        rows.append((label, *seconds))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        f"{table}\n\n{beside_these(result)} {result['created']},"
        f" {result['environment']['processor']}."
    )


def beside_these(result: dict[str, Any]) -> str:
    """Returns what a loop in PyTorch took, if that was trained, and what a refusal takes."""
    beside = ""
    if result["torch_s"] is not None:
        starts = result["runs"][result["comparison"]["run"]]
        first, warm = (result["torch_s"] / starts[start]["all"] for start in STARTS)
        beside = (
            "The same updates as a loop in PyTorch, scored once and not looked into, trained"
            f" between the two starts: {result['torch_s']:.1f} seconds, {first:.2f} of the first"
            f" start and {warm:.2f} of the warm one. "
        )
    return (
        f"{beside}A run that is refused for a bad value ends after"
        f" {result['refused_s']:.1f} seconds."
    )


def run_within(noted: Path, words: Sequence[str]) -> None:
    """Runs `gru-bench run` in this process, and notes when it is in which part."""
    intervals: list[Interval] = []
    main_thread = threading.get_ident()

    def note(began: float, ended: float, part: str) -> None:
        if threading.get_ident() == main_thread:
            intervals.append((began, ended, part))

    def timed(function: Callable[..., Any], part: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                note(began, time.perf_counter(), part)

        return call

    real_import = builtins.__import__

    def noted_import(name: str, *rest: Any, **options: Any) -> Any:
        if name in sys.modules:
            return real_import(name, *rest, **options)
        return timed(real_import, "imports")(name, *rest, **options)

    builtins.__import__ = noted_import
    for part, functions in FUNCTIONS.items():
        for place in functions:
            timed(replace, "imports")(place, functools.partial(timed, part=part))
    import jax

    def on_event(event: str, duration_secs: float, **about: Any) -> None:
        if event in EVENTS:
            ended = time.perf_counter()
            note(ended - duration_secs, ended, EVENTS[event])

    jax.monitoring.register_event_duration_secs_listener(on_event)
    from gru_bench.cli.main import main as gru_bench

    status = gru_bench(["run", *words])
    noted.write_text(json.dumps(intervals))
    sys.exit(status)


def run_in_torch() -> None:
    """Trains the comparison as a loop in PyTorch; prints the seconds, with those of its import."""
    from gru_bench.benchmark.workloads import Adding

    workload = Adding(HIDDEN_SIZE, steps=UPDATES)
    for seed in range(SEEDS):
        workload.batches(seed)  # What is drawn beforehand takes none of its time.
    began = time.perf_counter()
    from gru_bench.benchmark.torch_loop import train_in_torch

    for cell in CELLS:
        for seed in range(SEEDS):
            train_in_torch(cell, workload, seed, compiled=False)
    print(time.perf_counter() - began)


def replace(place: str, wrapped: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Puts a wrapped function, named `module:name` or `module:Class.name`, in its own place.

    Modules that have imported it by name get the wrapped one, too.
    """
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    function = getattr(owner, name)
    new = wrapped(function)
    for other in [owner, *list(sys.modules.values())]:
        if getattr(other, "__dict__", {}).get(name) is function:
            setattr(other, name, new)


if __name__ == "__main__":
    if sys.argv[1:2] == [WITHIN]:
        run_within(Path(sys.argv[2]), sys.argv[3:])
    elif sys.argv[1:] == [IN_TORCH]:
        run_in_torch()
    else:
        main()
