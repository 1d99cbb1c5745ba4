"""`gru-bench claims`: what textbooks say of the cells, tested."""

import argparse
import shlex
import sys
from pathlib import Path

from gru_bench.cli.arguments import Parser, add_settings, source_words, sources_of
from gru_bench.cli.launch import run_all, show_plan
from gru_bench.system.errors import UserError

HELP = "test what textbooks claim of the cells"
DESCRIPTION = """\
Tests ten textbook claims (a GRU has 75% of an LSTM's parameters, trains faster,
needs less memory, performs comparably, ...) on runs made for it, prints a
ledger (supported, refuted, undecided) and writes a page. Runs are kept in
results/claims; finished ones are skipped.

  --size quick   gru, lstm, rnn; 10 seeds; one learning rate a task
  --size full    all cells; 12 seeds; learning rates tuned for each cell; an
                 hour or more
"""


RUNTIMES = Path("results/speed/runtimes.json")


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    add_settings(parser)
    parser.add_argument("--size", choices=("quick", "full"), default="quick")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results/report/claims.html"),
        metavar="FILE.html",
        help="the page (default: results/report/claims.html)",
    )

    parser.add_argument(
        "--runtimes",
        type=Path,
        metavar="FILE.json",
        help="what gru-bench speed --runtimes wrote, from which the claims on time are judged for"
        f" each runtime (default: {RUNTIMES}, if there is one)",
    )


def run(options: argparse.Namespace) -> int:
    """Runs what the claims are tested on, and prints the ledger; returns the exit status."""
    from gru_bench.config.compose import compose_experiments

    preset = "claims" if options.size == "quick" else f"claims_{options.size}"
    words = [f"experiment={preset}", *options.overrides]
    if not any(word.startswith("out_dir=") for word in words):
        words.append("out_dir=results/claims")
    configs = compose_experiments(words, options.multirun, sources_of(options))
    if any(config.dry_run for config in configs):
        show_plan(configs)
        return 0
    if options.out.suffix != ".html":
        raise UserError(f"out={options.out} is not possible: the page is HTML, so name it so")

    from gru_bench.evidence.runtimes import read_runtimes
    from gru_bench.runs.folder import require_writable

    require_writable(options.out.parent)
    runtimes = None
    if options.runtimes is not None or RUNTIMES.is_file():
        runtimes = read_runtimes(options.runtimes or RUNTIMES)

    from rich.console import Console

    from gru_bench.experiments.seed_budget import describe_ledger_budget
    from gru_bench.report import render
    from gru_bench.report.ledger import print_ledger

    if budget := describe_ledger_budget(configs):
        print(budget, file=sys.stderr)
    size = ["--size", options.size] if options.size != "quick" else []
    flag = ["-m"] if options.multirun else []
    command = shlex.join(
        ["gru-bench", "claims", *source_words(options), *size, *flag, *options.overrides]
    )
    results, failed = run_all(configs, command, options.quiet)
    if results:
        print_ledger(results, Console(highlight=False), runtimes)
        render.render(results, [], "html", options.out, runtimes)
        print(f"\nThe page: {options.out}")
    return failed
