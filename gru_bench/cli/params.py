"""`gru-bench params`: exact counts of parameters and operations."""

import argparse

from gru_bench.cli.arguments import Parser, add_cells, positive, sizes
from gru_bench.system.errors import UserError

HELP = "exact parameter counts, and sizes that match"
DESCRIPTION = """\
Parameters of one layer, operations (FLOPs) of a forward step of one sequence,
and bytes of state kept between two steps, in float32: for GRUs, LSTM and plain
RNN at every pair of sizes, or at the sizes that match an LSTM."""
EPILOG = "example: gru-bench params --input-size 100 --budget 20000 --cell attention"
LENGTH = 100  # steps of a sequence, unless --length says otherwise


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    parser.add_argument("--input-size", type=sizes, default=[2, 64], metavar="I[,I...]")
    parser.add_argument(
        "--hidden-size", type=sizes, metavar="H[,H...]", help="of the LSTM (default: 128,256)"
    )
    parser.add_argument(
        "--match",
        choices=("hidden", "parameters", "flops", "state"),
        help="what each cell's size is to have in common with the LSTM's (default: hidden)",
    )
    parser.add_argument(
        "--budget",
        type=positive,
        metavar="P",
        help="the sizes nearest to P parameters instead, the LSTM's too",
    )
    add_cells(parser, "a further cell")
    parser.add_argument(
        "--length",
        type=positive,
        metavar="T",
        help="steps of a sequence, with which FLOPs and state of attention grow"
        f" (default: {LENGTH})",
    )
    parser.add_argument("--format", choices=("table", "json"), default="table")


def run(options: argparse.Namespace) -> None:
    """Prints the counts."""
    import json

    from gru_bench.config.cell import ATTENTION, CELLS
    from gru_bench.config.user_classes import classes_by_name
    from gru_bench.model.counts import budget_table, parameter_table

    own = classes_by_name("cell", options.cell, CELLS)
    if options.length is not None and ATTENTION not in own:
        raise UserError("--length has an effect on attention alone: add --cell attention")
    length = options.length or LENGTH
    if options.budget is None:
        hidden_sizes = options.hidden_size or [128, 256]
        match = options.match or "hidden"
        rows = parameter_table(options.input_size, hidden_sizes, match, own, length)
    elif options.hidden_size is not None:
        raise UserError("give either --hidden-size or --budget: a budget sets the hidden sizes")
    elif options.match not in (None, "parameters"):
        raise UserError(f"--budget counts parameters: leave out --match {options.match}")
    else:
        rows = budget_table(options.input_size, options.budget, own, length)
    if options.format == "json":
        print(json.dumps(rows, indent=1))
        return
    width = max(16, 1 + max(len(str(row["cell"])) for row in rows))
    print(
        f"{'input':>6} {'hidden':>6}  {'cell':<{width}}{'parameters':>12} {'vs LSTM':>7}"
        f"{'FLOPs/step':>12} {'vs LSTM':>7}{'state B':>9}"
    )
    for row in rows:
        print(
            f"{row['input_size']:>6} {row['hidden_size']:>6}  {row['cell']:<{width}}"
            f"{row['parameters']:>12,} {row['ratio_to_lstm']:>7.4f}"
            f"{row['flops']:>12,} {row['flops_ratio_to_lstm']:>7.4f}{row['state_bytes']:>9,}"
        )
    if ATTENTION in own:
        print(
            f"attention: FLOPs are the mean over a sequence of {length} steps, state is at its end"
        )
