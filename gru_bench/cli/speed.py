"""`gru-bench speed`: the cells against other libraries."""

import argparse
from pathlib import Path

from gru_bench.cli.arguments import Parser, add_cells, positive, sizes
from gru_bench.system.errors import UserError
from gru_bench.system.terminal import say

HELP = "time the cells against other libraries"
DESCRIPTION = """\
Times one layer of each cell, training and inference, in turns with the
libraries that are installed (Flax, and of the extra 'peers' PyTorch, Keras,
Equinox, and for inference ONNX Runtime)."""


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    parser.add_argument("--grid", choices=("quick", "full"), default="quick", help="shapes")
    add_cells(parser, "only this cell")
    parser.add_argument(
        "--end-to-end",
        action="store_true",
        help="time a whole comparison, 3 cells with 5 seeds, against a PyTorch loop instead",
    )
    parser.add_argument(
        "--runtimes",
        action="store_true",
        help="time the cells in this package, PyTorch and ONNX Runtime (extra 'runtimes') instead,"
        " and write results/speed/runtimes.json, .md and .png",
    )
    parser.add_argument(
        "--lengths",
        type=sizes,
        nargs="?",
        const=(),
        metavar="T,T,...",
        help="time GRU, LSTM, minGRU and attention of equal parameters as sequences grow instead,"
        " from 64 to 4096 steps or at the lengths given, and write results/speed/lengths.json, .md"
        " and .png",
    )
    parser.add_argument(
        "--processes",
        type=positive,
        default=5,
        help="that are measured in, for intervals over them; not --end-to-end (default: 5)",
    )
    parser.add_argument(
        "--task",
        choices=("adding", "text"),
        default="adding",
        help="what --end-to-end trains: the adding problem, or Reuters-8 (default: adding)",
    )
    parser.add_argument(
        "--steps",
        type=positive,
        help="updates of each run, with --end-to-end (default: 1000 of adding, 6 epochs of text)",
    )
    parser.add_argument(
        "--hidden-size", type=positive, default=64, help="units of a cell, with --end-to-end"
    )
    parser.add_argument(
        "--no-torch-compile",
        action="store_true",
        help="with --end-to-end: leave out torch.compile, which is given up where it takes a "
        "minute longer than the loop without it",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.json", help="write to FILE, and tables to FILE.md"
    )


def run(options: argparse.Namespace) -> None:
    """Measures, prints and writes."""
    from gru_bench.system.machine import require_devices, set_up_devices

    set_up_devices()
    require_devices()

    from rich.console import Console

    from gru_bench.benchmark import (
        end_to_end,
        layer,
        length_tables,
        lengths,
        runtime_figures,
        runtime_tables,
    )
    from gru_bench.benchmark.layer_processes import measure_in_processes
    from gru_bench.benchmark.workloads import WORKLOADS
    from gru_bench.config.cell import ATTENTION, CELLS, MAIN_CELLS
    from gru_bench.config.user_classes import classes_by_name

    console = Console(highlight=False)
    if options.runtimes:
        out = options.out or Path("results/speed/runtimes.json")
        figures = runtime_figures.measure_runtimes(options.processes, progress=say)
        runtime_tables.print_runtimes(figures, console)
        runtime_tables.write_runtimes(figures, out)
        print(out)
        return
    if options.lengths is not None:
        out = options.out or Path("results/speed/lengths.json")
        measured = sorted(set(options.lengths)) or lengths.LENGTHS
        result = lengths.measure_lengths(options.processes, measured, say)
        length_tables.print_lengths(result, console)
        length_tables.write_lengths(result, out)
        print(out)
        return
    if options.end_to_end:
        steps = {} if options.steps is None else {"steps": options.steps}
        workload = WORKLOADS[options.task](options.hidden_size, **steps)
        result = end_to_end.measure_end_to_end(workload, not options.no_torch_compile, say)
        end_to_end.print_end_to_end(result, console)
        markdown = end_to_end.as_markdown(result)
    else:
        cells = classes_by_name("cell", options.cell or MAIN_CELLS, CELLS)
        if ATTENTION in cells:
            raise UserError("--cell attention is not possible: --lengths times it beside cells")
        result = measure_in_processes(options.processes, options.grid, cells, say)
        layer.print_speed(result, console)
        markdown = layer.as_markdown(result)
    if options.out is not None:
        layer.write(result, markdown, options.out)
        print(options.out)
