"""How fast one recurrent layer is, against the same layer in other libraries.

All contestants of a case are compiled first; then they take turns, A B C B C A, and ratios are
taken within each round, since machines drift. Each case also times matrix products, the best of
which says how much of the machine's speed a layer uses.
"""

import json
import os
from collections.abc import Callable, Mapping
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gru_bench.benchmark.peers import LIBRARIES, OURS, SPLIT_SCAN, make_contestants, missing
from gru_bench.benchmark.shape import A_TURN, Shape
from gru_bench.config.cell import MAIN_CELLS
from gru_bench.measuring.rounds import Seconds, by_round, race, ratios, spread
from gru_bench.model.model import cell_class
from gru_bench.runs.result import Spread
from gru_bench.system import machine
from gru_bench.system.machine import pinned_settings

GRIDS = {
    "quick": [Shape(32, 100, 10, 64), Shape(32, 120, 10, 128), Shape(32, 256, 128, 256)],
    "full": [
        *(Shape(32, 100, 10, hidden_size) for hidden_size in (32, 64)),
        *(Shape(batch, 120, 10, 128) for batch in (32, 128)),
        *(Shape(batch, 256, 128, 256) for batch in (8, 32, 128)),
        Shape(32, 128, 512, 512),
    ],
}
ROUNDS = {"quick": 9, "full": 21}
PRODUCT_SIZE = 2048
PRODUCTS = 3  # timed before each race
TRAIN, INFER = "training step", "inference, batch 1"


@pinned_settings()
def measure_speed(
    grid: str,
    progress: Callable[[str], None] = lambda line: None,
    cells: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Measures cells over a grid of shapes.

    Args:
        grid: "quick" or "full".
        progress: Called with a line of text before each case.
        cells: The cells by name, as `user_classes.classes_by_name` gives them; by default the
            built-in ones. The peer of a cell that a user wrote is a plain scan of its equations.

    Returns:
        What `write` writes: the machine, its best matrix product in GFLOP/s, and for each case the
        median and quartiles in milliseconds of every contestant.
    """
    about = about_machine()
    multiply = _matrix_product()
    best_s = float("inf")
    cases = []
    cells = cells or {cell: cell for cell in MAIN_CELLS}
    for shape, (name, cell) in product(GRIDS[grid], cells.items()):
        progress(f"{name} {shape}")
        contestants = make_contestants(cell, shape)
        trains = {who: each.train for who, each in contestants.items() if each.train is not None}
        infers = {who: each.infer for who, each in contestants.items()}
        for work, calls in ((TRAIN, trains), (INFER, infers)):
            best_s = min(best_s, race({"": multiply}, PRODUCTS)[""].min())
            case = summarise_race(race(calls, ROUNDS[grid]), 1e3 / A_TURN)
            flops = _flops(cell, shape, work)
            for who, figures in case["contestants"].items():
                figures["gflops"] = flops / figures["median_ms"] / 1e6
                if work == TRAIN:
                    figures["memory_mb"] = contestants[who].memory_mb
            cases.append({"cell": name, "shape": vars(shape), "work": work} | case)
    return about | {
        "grid": grid,
        "matrix_product_gflops": 2 * PRODUCT_SIZE**3 / best_s / 1e9,
        "cases": cases,
    }


def about_machine() -> dict[str, Any]:
    """Returns when and where the figures are taken, with which libraries, and how busy it was.

    To be called before measuring, which is a load itself.
    """
    environment = machine.describe()
    installed = [name for name in LIBRARIES if name not in missing()]
    environment["versions"] |= {name: metadata.version(name) for name in installed}
    return {
        "created": machine.now(),
        "environment": environment,
        "not_installed": missing(),
        "load_before": os.getloadavg()[0],
    }


def load_remark(result: dict[str, Any]) -> str:
    """Returns how busy the machine was with other things."""
    return (
        f"Load average of the machine before: {result['load_before']:.1f}; with other jobs running "
        "beside, times are longer and ratios less certain."
    )


def summarise_race(seconds: Seconds, scale: float) -> dict[str, Any]:
    """Returns each contestant's median and quartiles, and how much faster ours is than the others.

    Args:
        seconds: The seconds of each contestant, ours among them, with an entry for each round.
        scale: Milliseconds of the result for one second here.

    Returns:
        `contestants` by name, `best_peer` (the one of the least median), and quartiles of another's
        time over ours within each round, above 1 where we are faster: `faster` than the best peer,
        `faster_than` each, and `faster_than_split_scan`.
    """
    contestants = {
        name: _quartiles(spread(by_round(times), scale), "_ms") for name, times in seconds.items()
    }
    peers = [name for name in seconds if name != SPLIT_SCAN and not name.startswith(OURS)]
    best = min(peers, key=lambda name: contestants[name]["median_ms"])

    def faster(than: str) -> dict[str, float]:
        return _quartiles(spread(ratios(seconds, than, OURS)))

    return {
        "contestants": contestants,
        "best_peer": best,
        "faster": faster(best),
        "faster_than": {peer: faster(peer) for peer in peers},
        "faster_than_split_scan": faster(SPLIT_SCAN),
    }


def _quartiles(found: Spread, unit: str = "") -> dict[str, float]:
    return {f"{name}{unit}": getattr(found, name) for name in ("median", "low", "high")}


def _matrix_product() -> Callable[[], object]:
    ones = jnp.ones((PRODUCT_SIZE, PRODUCT_SIZE), jnp.float32)
    multiply = jax.jit(jnp.matmul).lower(ones, ones).compile()
    return lambda: jax.block_until_ready(multiply(ones, ones))


def _flops(cell: str, shape: Shape, work: str) -> int:
    """Returns the operations of the matrix products, a multiplication and an addition being two.

    Training needs the forward products twice more for the recurrent weights (theirs and the state's
    gradient) and once more for the input weights; the inputs need no gradient.
    """
    kind, units = cell_class(cell), shape.hidden_size
    of_inputs = 2 * shape.input_size * kind.input_blocks() * units
    of_state = 2 * units * sum(kind.products) * units
    if work == INFER:
        return shape.time * (of_inputs + of_state)
    return shape.batch * shape.time * (2 * of_inputs + 3 * of_state)


HEADINGS = (
    "cell",
    "batch x time x input x hidden",
    f"{OURS} ms",
    "GFLOP/s (share)",
    "best peer",
    "its ms",
    "times faster",
    "than a plain split scan",
    "memory MB",
    "its MB",
)


def rows(speed: dict[str, Any], work: str) -> list[tuple[str, ...]]:
    """Returns the table of one kind of work, as text under `HEADINGS`."""
    table = []
    for case in speed["cases"]:
        if case["work"] != work:
            continue
        ours, best = case["contestants"][OURS], case["contestants"][case["best_peer"]]
        share = ours["gflops"] / speed["matrix_product_gflops"]
        memory = [case["contestants"][name].get("memory_mb") for name in (OURS, SPLIT_SCAN)]
        table.append(
            (
                case["cell"],
                str(Shape(**case["shape"])),
                _spread(ours, "_ms"),
                f"{ours['gflops']:.0f} ({share:.0%})",
                case["best_peer"],
                _spread(best, "_ms"),
                _spread(case["faster"]),
                _spread(case["faster_than_split_scan"]),
                *("" if figure is None else f"{figure:.1f}" for figure in memory),
            )
        )
    return table


def _spread(figures: Mapping[str, float], unit: str = "") -> str:
    median, low, high = (figures[name + unit] for name in ("median", "low", "high"))
    return f"{median:.2f} ({low:.2f}-{high:.2f})"


def remarks(speed: dict[str, Any]) -> list[str]:
    """Returns what belongs below the tables."""
    environment = speed["environment"]
    spreads = "Medians with quartiles over the rounds of one process"
    if "processes" in speed:
        spreads = f"Means over {speed['processes']} processes with 95% intervals over them"
    lines = [
        f"{speed['created']}, {environment['processor']}, "
        + ", ".join(f"{name} {version}" for name, version in environment["versions"].items()),
        f"{spreads}; all contestants took turns, each of which began with a call that "
        f"is not counted. A training step is forward, backward "
        f"and SGD on a mean squared error, {A_TURN} to a turn. Best matrix product of this "
        f"machine in the same run: {speed['matrix_product_gflops']:.0f} GFLOP/s.",
        "The plain split scan is autodiff of a scan of the same equations, its batch split over "
        "the CPU devices as ours is; in inference nothing is split.",
        load_remark(speed),
    ]
    if speed["not_installed"]:
        lines.append(
            f"Not installed: {', '.join(speed['not_installed'])} (pip install '.[peers,runtimes]')."
        )
    return lines


# Headings of the columns that a terminal of 80 columns has room for.
IN_TERMINAL = ("cell", "batch x time x input x hidden", f"{OURS} ms", "best peer", "times faster")


def print_speed(speed: dict[str, Any], console: Console) -> None:
    """Prints the essential columns of the tables, and what belongs below them."""
    places = [HEADINGS.index(heading) for heading in IN_TERMINAL]
    for work in (TRAIN, INFER):
        table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
        for heading in ("cell", "batch, time,\ninput, hidden", "ms", "best peer", "times faster"):
            right = heading in ("ms", "times faster")
            table.add_column(heading, justify="right" if right else "left", overflow="fold")
        for row in rows(speed, work):
            cell, shape, ours, peer, faster = (row[place] for place in places)
            table.add_row(cell, shape.replace(" x ", ", "), ours.split(" ")[0], peer, faster)
        console.print(f"{work.capitalize()}\n", style="bold")
        console.print(table)
        console.print()
    for line in remarks(speed):
        console.print(line, markup=False)


def as_markdown(speed: dict[str, Any]) -> str:
    """Returns the tables as Markdown."""
    blocks = []
    for work in (TRAIN, INFER):
        lines = [HEADINGS, ("---",) * len(HEADINGS), *rows(speed, work)]
        blocks.append(f"## {work.capitalize()}")
        blocks.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join([*blocks, *remarks(speed)]) + "\n"


def write(result: dict[str, Any], markdown: str, path: Path) -> None:
    """Writes JSON to the path, and the tables beside it with the suffix .md."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    path.with_suffix(".md").write_text(markdown)
