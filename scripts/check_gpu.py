"""Checks and times every way to compute the recurrence on a machine with a GPU.

    python scripts/check_gpu.py

compares the values and all gradients of each recurrence with those of a plain scan that autodiff
differentiates; times training steps of one layer by each recurrence, in turns with PyTorch's layer
(cuDNN); and times a population trained at once against its members one after another. It
writes JSON, and Markdown beside it.

Without a GPU it says so. With --interpret it does the same at a tiny size on any machine, the
kernels in Pallas' interpreter, whose times mean nothing: that shows that the script works.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gru_bench.benchmark import layer
from gru_bench.benchmark.peers import (
    make_contestant,
    make_torch_contestant,
    our_layer,
)
from gru_bench.benchmark.shape import A_TURN, Shape
from gru_bench.cells.builtin import CELLS
from gru_bench.config.cell import MAIN_CELLS
from gru_bench.measuring.recurrence_choice import IMPLEMENTATIONS, layer_gradients, obstacle
from gru_bench.measuring.rounds import race
from gru_bench.model.model import ModelConfig, make_cell
from gru_bench.recurrence import fused
from gru_bench.recurrence.plain import plain_unroll
from gru_bench.recurrence.scan import Implementation, unroll
from gru_bench.system import machine

ROUNDS = 11
# Of a result's largest entry, by dtype and precision of its products. At full precision they
# differ by the order of sums; by default a GPU multiplies float32 with 10 bits of fraction.
TOLERANCES = {
    ("float32", "highest"): 1e-4,
    ("float32", None): 2e-2,
    ("bfloat16", None): 1e-1,
}


@dataclass(frozen=True)
class Sizes:
    """What is checked and timed: cells, shapes of layers, and a population of so many members."""

    cells: tuple[str, ...]
    checked: tuple[Shape, ...]
    timed: tuple[Shape, ...]
    population: Shape
    members: int


FULL = Sizes(
    cells=MAIN_CELLS,
    checked=(Shape(50, 40, 10, 20), Shape(33, 100, 10, 128), Shape(32, 100, 10, 256)),
    timed=tuple(Shape(64, 256, 128, hidden_size) for hidden_size in (128, 256, 512)),
    population=Shape(50, 100, 2, 128),
    members=64,
)
TINY = Sizes(
    cells=("lstm",),
    checked=(Shape(3, 5, 2, 8),),
    timed=(Shape(3, 5, 2, 8),),
    population=Shape(3, 5, 2, 8),
    members=2,
)


def model_of(cell: str, shape: Shape, dtype: str = "float32") -> ModelConfig:
    """Returns a model whose one recurrent layer has the shape."""
    return ModelConfig(cell, shape.input_size, 1, shape.hidden_size, dtype=dtype)


def recurrences_of(model: ModelConfig, interpret: bool) -> list[str]:
    """Returns the recurrences to look at, the scan first."""
    if not interpret:
        return [recurrence for recurrence in IMPLEMENTATIONS if obstacle(recurrence, model) is None]
    fitting = fused.fits(CELLS[model.cell], model.hidden_size, model.dtype)
    return ["scan", "fused"] if fitting else ["scan"]


def results(model: ModelConfig, shape: Shape, run: Callable[..., Any]) -> list[np.ndarray]:
    """Returns outputs, last state, and the gradients of a random combination of them."""
    cell = make_cell(model, shape.input_size, nnx.Rngs(0))
    graph, params = nnx.split(cell)
    random = np.random.default_rng(0)
    states = cell.state_arrays

    def draw(*sizes: int) -> jax.Array:
        return jnp.asarray(random.normal(size=sizes), model.dtype)

    x = draw(shape.time, shape.batch, shape.input_size)
    state = tuple(0.5 * draw(shape.batch, shape.hidden_size) for _ in range(states))
    weights = [draw(shape.time, shape.batch, shape.hidden_size)]
    weights += [draw(shape.batch, shape.hidden_size) for _ in range(states)]

    def loss(params: Any, x: jax.Array, state: Any) -> Any:
        outputs, last = run(nnx.merge(graph, params), x, state)
        found = [outputs, *last]
        terms = [(a * w).sum(dtype=jnp.float32) for a, w in zip(found, weights, strict=True)]
        return sum(terms), found

    taken = jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))(params, x, state)
    return [np.asarray(leaf, np.float32) for leaf in jax.tree.leaves(taken)]


def check(sizes: Sizes, interpret: bool) -> list[dict[str, Any]]:
    """Returns a row for each cell, shape, kind of numbers and recurrence: the largest error."""
    rows = []
    for cell in sizes.cells:
        for shape in sizes.checked:
            with jax.default_matmul_precision("highest"):
                exact = results(model_of(cell, shape), shape, plain_unroll)
            for (dtype, precision), tolerance in TOLERANCES.items():
                model = model_of(cell, shape, dtype)
                for recurrence in recurrences_of(model, interpret):
                    row: dict[str, Any] = {
                        "cell": cell,
                        "shape": str(shape),
                        "dtype": dtype,
                        "recurrence": recurrence,
                        "precision": precision or "default",
                        "tolerance": tolerance,
                    }
                    try:
                        with jax.default_matmul_precision(precision):
                            error = largest_error(recurrence, model, shape, exact)
                        row |= {"error": error, "passed": error <= tolerance}
                    except Exception as error:  # A compiler may raise anything.
                        row |= {"error": str(error).splitlines()[0][:200], "passed": False}
                    print(" ".join(str(value) for value in row.values()), flush=True)
                    rows.append(row)
    return rows


def largest_error(
    recurrence: str, model: ModelConfig, shape: Shape, exact: list[np.ndarray]
) -> float:
    """Returns the largest error of an array, over its largest entry, among values and gradients."""
    run = partial(unroll, implementation=Implementation(recurrence))
    pairs = zip(results(model, shape, run), exact, strict=True)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def time_layers(sizes: Sizes, interpret: bool) -> list[dict[str, Any]]:
    """Returns median milliseconds of a layer's training step, by recurrence and by PyTorch."""
    rows = []
    for cell in sizes.cells:
        for shape in sizes.timed:
            steps: dict[str, Any] = {}
            for recurrence in recurrences_of(model_of(cell, shape), interpret):
                try:
                    contestant = make_contestant(our_layer(cell, shape, recurrence), shape)
                    assert contestant.train is not None
                    contestant.train()
                    steps[recurrence] = contestant.train
                except Exception as error:  # A compiler may raise anything.
                    print(f"{cell} {shape} {recurrence}: {error}", flush=True)
            torch = make_torch_contestant(cell, shape)
            steps |= {name: contestant.train for name, contestant in torch.items()}
            medians = median_ms(steps, A_TURN)
            print(cell, shape, medians, flush=True)
            rows.append({"cell": cell, "shape": str(shape), "ms": medians})
    return rows


def time_population(sizes: Sizes, interpret: bool) -> list[dict[str, Any]]:
    """Returns median milliseconds of a training step of all members at once, and one by one."""
    shape, rows = sizes.population, []
    for cell in sizes.cells:
        model = model_of(cell, shape)
        for recurrence in recurrences_of(model, interpret):
            sizes_of_one = (recurrence, model, shape.batch, shape.time)
            try:
                together = layer_gradients(*sizes_of_one, sizes.members)
                alone = layer_gradients(*sizes_of_one, 1)
                together()
                alone()
            except Exception as error:  # A compiler may raise anything.
                print(f"{cell} {shape} {recurrence}: {error}", flush=True)
                continue
            in_turn = partial(repeat, alone, sizes.members)
            medians = median_ms({"together": together, "in turn": in_turn}, 1)
            print(cell, shape, recurrence, f"{sizes.members} members", medians, flush=True)
            row = {
                "cell": cell,
                "shape": str(shape),
                "recurrence": recurrence,
                "members": sizes.members,
            }
            rows.append(row | {"ms": medians})
    return rows


def repeat(call: Callable[[], object], times: int) -> None:
    """Calls so many times, one after another."""
    for _ in range(times):
        call()


def median_ms(calls: dict[str, Any], steps: int) -> dict[str, float]:
    """Returns median milliseconds of one of the steps that a call makes, all calls in turns."""
    seconds = race(calls, ROUNDS)
    return {name: 1e3 * float(np.median(times)) / steps for name, times in seconds.items()}


def as_markdown(report: dict[str, Any]) -> str:
    """Returns the report's tables."""

    def table(headings: list[str], lines: list[list[str]]) -> str:
        rows = [headings, ["---"] * len(headings), *lines]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def timed(row: dict[str, Any], *keys: str) -> list[str]:
        times = ", ".join(f"{name} {value:.3f}" for name, value in row["ms"].items())
        return [*(str(row[key]) for key in keys), times]

    environment = report["environment"]
    kind = f"{report['created']}, {environment['device_kind']}"
    about = [kind, *(f"{name} {version}" for name, version in environment["versions"].items())]
    if report["interpreted"]:
        about.append("kernels interpreted: the times mean nothing")
    keys = ["cell", "shape", "dtype", "precision", "recurrence", "error", "tolerance", "passed"]
    shape = "batch x time x input x hidden"
    blocks = [
        ", ".join(about),
        "## Largest error against a plain scan at full precision",
        table(keys, [[str(row[key]) for key in keys] for row in report["checks"]]),
        "## A layer's training step, median milliseconds",
        table(
            ["cell", shape, "ms"],
            [timed(row, "cell", "shape") for row in report["layers"]],
        ),
        "## A population's training step, median milliseconds",
        table(
            ["cell", shape, "recurrence", "members", "ms"],
            [timed(row, "cell", "shape", "recurrence", "members") for row in report["population"]],
        ),
    ]
    return "\n\n".join(blocks) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Runs the checks.

    Returns:
        0; 1 if a check failed; 2 without a GPU.
    """
    parser = argparse.ArgumentParser(
        description="Check and time every way to compute the recurrence."
    )
    parser.add_argument("--interpret", action="store_true", help="tiny, without a GPU")
    parser.add_argument("--out", type=Path, default=Path("results/speed/gpu.json"))
    options = parser.parse_args(arguments)
    if jax.default_backend() != "gpu" and not options.interpret:
        print("no GPU: JAX finds none here (pip install '.[cuda]'; --interpret needs none)")
        return 2
    sizes = TINY if options.interpret else FULL
    report = layer.about_machine() | {
        "interpreted": options.interpret,
        "checks": check(sizes, options.interpret),
        "layers": time_layers(sizes, options.interpret),
        "population": time_population(sizes, options.interpret),
    }
    layer.write(report, as_markdown(report), options.out)
    failed = [row for row in report["checks"] if not row["passed"]]
    print(f"{len(report['checks'])} checks, {len(failed)} failed; {options.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    machine.set_up_devices()
    sys.exit(main())
