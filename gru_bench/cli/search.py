"""`gru-bench search`: good settings for each cell."""

import argparse
import shlex

from gru_bench.cli.arguments import Parser, add_settings, source_words, sources_of
from gru_bench.cli.launch import set_up
from gru_bench.system.errors import UserError
from gru_bench.system.terminal import say_unless

HELP = "search good settings for each cell"
DESCRIPTION = """\
Searches good settings for each cell with Optuna, with the same number of trials
for each, and prints the best of each with the command that runs it on fresh
seeds. What counts is the validation score; trials train on seeds that no
reported run shares. Started again, it goes on to the total of trials. Settings
are those of gru-bench run, cell=a,b,c alone may list several values, and these:

"""
EPILOG = "example: gru-bench search cell=gru,lstm,rnn task=adding search.trials=20"


def describe() -> str:
    """Returns the description, with the keys of a search."""
    from gru_bench.cli.key_help import search_help

    return DESCRIPTION + search_help()


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    add_settings(parser, has_sweeps=False)


def run(options: argparse.Namespace) -> int:
    """Runs the command; returns its exit status."""
    from gru_bench.config.checks import require_installed
    from gru_bench.config.compose import compose_experiments, compose_search

    require_installed("gru-bench search", "optuna", extra="search")
    space = compose_search([word for word in options.overrides if word.startswith("search.")])
    words = [word for word in options.overrides if not word.startswith("search.")]
    space.refuse_drawn(words)
    own_folder = [word for word in words if word.startswith("out_dir=")]
    configs = compose_experiments(
        [*words, *(own_folder or ["out_dir=results/search"])],
        True,
        sources_of(options, has_default=False),
    )
    if any(config.dry_run for config in configs):
        raise UserError("dry_run=true is not possible here: what is tried depends on the trials")

    from rich.console import Console

    from gru_bench.experiments.search import print_search, search

    set_up(configs)
    command = shlex.join(["gru-bench", "search", *source_words(options), *options.overrides])
    searched = search(configs, space, command, options.quiet, say_unless(options.quiet))
    print_search(searched, words, source_words(options), Console(highlight=False))
    return int(any(each.finished < space.trials for each in searched))
