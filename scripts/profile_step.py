"""Where the time of a training step goes, on one CPU core: `profile_step.py lstm 16,120,10,128`.

Prints Markdown: for each kind of operation of the compiled program, milliseconds a step (the median
of each operation, times how often it runs) and their share. The shape is batch, time, input size,
hidden size; the batch is what one core has of it.
"""

import argparse
import gzip
import json
import os
import re
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

os.environ["JAX_NUM_CPU_DEVICES"] = os.environ["PJRT_NPROC"] = "1"

import jax
import jax.numpy as jnp
from flax import nnx

from gru_bench.model.model import ModelConfig, make_cell
from gru_bench.recurrence.scan import unroll

STEPS = 4  # steps in one program
RUNS = 5


def main() -> None:
    """Profiles one cell at one shape."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cell")
    parser.add_argument("shape", help="batch,time,input_size,hidden_size")
    options = parser.parse_args()
    batch, length, input_size, hidden_size = map(int, options.shape.split(","))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    program, arguments = compile_steps(options.cell, batch, length, input_size, hidden_size)
    jax.block_until_ready(program(*arguments))
    seconds = []
    for _ in range(RUNS):
        began = time.process_time()
        jax.block_until_ready(program(*arguments))
        seconds.append(time.process_time() - began)
    total_ms = statistics.median(seconds) * 1e3 / STEPS
    kinds = profile(program, arguments, length)
    print(f"{options.cell} at {' x '.join(options.shape.split(','))}: {total_ms:.1f} ms a step.\n")
    print("| operations | runs a step | ms | share |\n| --- | --- | --- | --- |")
    traced_ms = sum(milliseconds for _, milliseconds in kinds.values())
    for kind, (runs, milliseconds) in sorted(kinds.items(), key=lambda item: -item[1][1]):
        print(f"| {kind} | {runs:.0f} | {milliseconds:.2f} | {milliseconds / traced_ms:.0%} |")


def compile_steps(
    cell: str, batch: int, length: int, input_size: int, hidden_size: int
) -> tuple[jax.stages.Compiled, tuple[object, ...]]:
    """Returns training steps of one layer on a mean squared error, as in `gru-bench speed`."""
    layer = make_cell(ModelConfig(cell, input_size, 1, hidden_size), input_size, nnx.Rngs(0))
    graph, params = nnx.split(layer)
    x = jax.random.normal(jax.random.key(0), (length, batch, input_size))
    y = jax.random.normal(jax.random.key(1), (length, batch, hidden_size))

    def loss(params: Any) -> jax.Array:
        layer = nnx.merge(graph, params)
        return jnp.square(unroll(layer, x, layer.zero_state(batch, x.dtype))[0] - y).mean()

    def step(params: Any, _: None) -> tuple[Any, None]:
        return jax.tree.map(lambda p, g: p - 1e-3 * g, params, jax.grad(loss)(params)), None

    steps = jax.jit(lambda params: jax.lax.scan(step, params, None, length=STEPS)[0])
    return steps.lower(params).compile(), (params,)


def profile(
    program: jax.stages.Compiled, arguments: tuple[object, ...], length: int
) -> dict[str, tuple[float, float]]:
    """Returns, by kind of operation, how often it runs in a step and its milliseconds."""
    instructions = dict(re.findall(r"^\s+(?:ROOT )?%(\S+) = (.*)$", program.as_text() or "", re.M))
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            jax.block_until_ready(program(*arguments))
        (path,) = Path(folder).rglob("*.trace.json.gz")
        events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    durations = defaultdict(list)
    for event in events:
        if event.get("ph") == "X" and event["name"] in instructions:
            durations[event["name"]].append(event["dur"])
    runs: defaultdict[str, float] = defaultdict(float)
    milliseconds: defaultdict[str, float] = defaultdict(float)
    for name, microseconds in durations.items():
        if name.startswith(("while", "call", "conditional")):
            continue  # they contain the others
        count = len(microseconds) / STEPS
        kind = kind_of(name, instructions[name], count >= length)
        runs[kind] += count
        milliseconds[kind] += statistics.median(microseconds) * count / 1e3
    return {kind: (runs[kind], milliseconds[kind]) for kind in runs}


def kind_of(name: str, instruction: str, in_loop: bool) -> str:
    """Returns what an instruction is for."""
    where = "in each step of time" if in_loop else "for many steps of time at once"
    if name.startswith("dot") or ("ynn" in name and "dot_general" in instruction):
        return f"matrix products {where}"
    if name.startswith(("copy", "concatenate", "wrapped_broadcast")) or "slice_fusion" in name:
        return f"copies {where}"
    return f"pointwise {where}"


if __name__ == "__main__":
    main()
