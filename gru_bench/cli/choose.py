"""`gru-bench choose`: from data and limits to the cell to take."""

import argparse
from pathlib import Path

from gru_bench.cli.arguments import (
    Parser,
    add_settings,
    number_above,
    positive,
    source_words,
    sources_of,
)
from gru_bench.cli.launch import set_up
from gru_bench.system.errors import UserError
from gru_bench.system.terminal import say_unless

HELP = "choose a cell for data and limits"
DESCRIPTION = """\
Says which cell to take for a task within limits. For each cell: the largest
size that keeps within them; of that size or half, several starts and learning
rates, what does best on validation data, with the same budget for each cell;
then fresh seeds, until the verdict is decided or the minutes are over: only
what will probably end in time is begun, and fewer settings and seeds are tried
where they are short. Settings are those of gru-bench run: cell=a,b,c alone may
list several values (without it gru,lstm,rnn), and hidden_size is the largest
size that is looked at. Given again, the command goes on where it was stopped."""
EPILOG = """\
example:
  gru-bench choose task=text corpus=files corpus.train=tickets.csv \\
      --latency-us 50 --runtime onnx --parameters 200000 --margin 0.01 \\
      --minutes 20"""


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    add_settings(parser, has_sweeps=False)
    parser.add_argument(
        "--latency-us",
        type=number_above(0),
        metavar="US",
        help="of a single step of one sequence, at most",
    )
    parser.add_argument(
        "--runtime",
        choices=("xla", "onnx", "torch"),
        default="xla",
        help="in which the latency is measured (default: xla)",
    )
    parser.add_argument(
        "--parameters", type=positive, metavar="N", help="of the whole model, at most"
    )
    parser.add_argument(
        "--memory-kb",
        type=number_above(0),
        metavar="KB",
        help="thousands of bytes of weights and of the state of one sequence, at most",
    )
    parser.add_argument(
        "--minutes",
        type=number_above(0),
        default=30.0,
        metavar="M",
        help="that all of it may take, as far as can be told beforehand (default: 30)",
    )
    parser.add_argument(
        "--margin",
        type=number_above(0),
        metavar="D",
        help="a difference of the score that does not matter; the setting margin",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="writes the card, too: .html or .json"
    )


def run(options: argparse.Namespace) -> None:
    """Chooses, and prints the card."""
    from gru_bench.config.compose import choice_words, compose_experiments

    if options.out is not None and options.out.suffix not in (".html", ".json"):
        raise UserError(f"--out {options.out} is not possible: name it .html or .json")
    words = choice_words(options.overrides, options.margin)
    configs = compose_experiments(words, True, sources_of(options))
    set_up(configs)

    from rich.console import Console

    from gru_bench.experiments.choose import Asked, choose
    from gru_bench.experiments.limits import Limits
    from gru_bench.report.choice_card import card_to_html, card_to_json, print_card
    from gru_bench.system.files import write_named_file

    limits = Limits(options.latency_us, options.runtime, options.parameters, options.memory_kb)
    asked = Asked(limits, options.minutes, words, options.quiet, source_words(options), options.out)
    card = choose(configs, asked, say_unless(options.quiet))
    print_card(card, Console(highlight=False))
    if options.out is not None:
        page = card_to_json(card) if options.out.suffix == ".json" else card_to_html(card).encode()
        write_named_file(options.out, page)
        print(options.out)
