"""`gru-bench board`: TensorBoard on the runs."""

import argparse
from pathlib import Path

from gru_bench.cli.arguments import Parser

HELP = "open TensorBoard on the runs"
DESCRIPTION = "Opens TensorBoard on the runs under DIR, until Ctrl-C."


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    parser.add_argument("dir", nargs="?", type=Path, default=Path("results/runs"), metavar="DIR")
    parser.add_argument("--port", type=int, help="default: the first free one from 6006 on")
    parser.add_argument("--browser", action="store_true", help="open a browser, too")


def run(options: argparse.Namespace) -> None:
    """Opens TensorBoard."""
    from gru_bench.cli.tensorboard import open_board

    open_board(options.dir, options.port, options.browser)
