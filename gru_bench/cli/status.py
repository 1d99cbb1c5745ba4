"""`gru-bench status`: how far the runs are."""

import argparse
from pathlib import Path

from gru_bench.cli.arguments import Parser

HELP = "how far the runs are"
DESCRIPTION = """\
How far the runs under DIR are, from another terminal: those that run or
failed, with the steps and the time left."""


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    parser.add_argument("dir", nargs="?", type=Path, default=Path("results/runs"), metavar="DIR")


def run(options: argparse.Namespace) -> None:
    """Prints the status of the runs."""
    from rich.console import Console

    from gru_bench.runs.status import print_status

    print_status(options.dir, Console(highlight=False, soft_wrap=True))
