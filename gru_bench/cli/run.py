"""`gru-bench run`: trains and compares cells."""

import argparse
import shlex

from gru_bench.cli.arguments import Parser, add_settings, source_words, sources_of
from gru_bench.cli.launch import run_all, show_plan
from gru_bench.system.errors import UserError
from gru_bench.system.prose import counted

HELP = "train and compare cells"
DESCRIPTION = """\
Trains one cell on one task with several seeds at once, or with -m every
combination of the values given as key=a,b. Words that name no cell, task or
experiment, or none at all, mean experiment=quickstart: three cells on three
tasks. Finished runs are recognised and skipped. Keys and their defaults:

"""
EPILOG = """\
examples:
  gru-bench run
  gru-bench run seeds=20
  gru-bench run cell=gru task=adding hidden_size=128 seeds=5
  gru-bench run -m cell=gru,lstm,rnn task=adding task.length=50,200
  gru-bench run -m cell=gru,lstm task=text corpus=files corpus.train=my.csv \\
    corpus.name=mine
"""


def describe() -> str:
    """Returns the description, with all keys."""
    from gru_bench.cli.key_help import run_help

    return DESCRIPTION + run_help()


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    add_settings(parser)
    parser.add_argument(
        "--cfg",
        choices=("job",),
        help="print the configuration of each run as YAML, and run nothing",
    )
    parser.add_argument(
        "--resolve", action="store_true", help="with --cfg: what ${...} stands for in its place"
    )


def run(options: argparse.Namespace) -> int:
    """Runs the command; returns its exit status."""
    from gru_bench.config.compose import compose_experiments, show_experiments

    sources = sources_of(options)
    if options.cfg:
        shown = show_experiments(options.overrides, options.multirun, sources, options.resolve)
        print(shown, end="")
        return 0
    if options.resolve:
        raise UserError("--resolve goes with --cfg job, which prints the configuration")
    configs = compose_experiments(options.overrides, options.multirun, sources)
    if any(config.dry_run for config in configs):
        show_plan(configs)
        return 0

    from gru_bench.report import render

    flag = ["-m"] if options.multirun else []
    command = shlex.join(["gru-bench", "run", *source_words(options), *flag, *options.overrides])
    results, failed = run_all(configs, command, options.quiet)
    if results:
        render.print_table(results)
        print(f"\n{counted(len(results), 'run')} in {configs[0].out_dir}")
        page = shlex.join(["gru-bench", "report", configs[0].out_dir])
        print(f"A page with figures:\n{page} --out report.html")
    return failed
