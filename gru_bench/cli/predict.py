"""`gru-bench predict`: the classes that a trained model gives to the rows of a file."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from gru_bench.cli.arguments import Parser
from gru_bench.system.errors import UserError
from gru_bench.system.prose import counted

HELP = "let a trained model classify a file"
DESCRIPTION = """\
Reads FILE (CSV, TSV, JSON, JSON Lines or Parquet) as the files that the run RUN
was trained on, and writes the class of each row with its probability."""
EPILOG = """\
example:
  gru-bench predict results/runs/text-tickets/gru/h16-0123456789ab new.csv \\
      --out predictions.csv --tokens tokens.npz"""
MOST_SHOWN = 8  # classes


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    parser.add_argument("file", type=Path, metavar="FILE", help="what is to be classified")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.csv", help="where the predictions are written"
    )
    parser.add_argument(
        "--tokens",
        type=Path,
        metavar="FILE.npz",
        help="writes the token ids, too, which an exported model reads",
    )
    for key, what in (
        ("text-column", "column of the texts"),
        ("separator", "character between fields"),
        ("encoding", "of a text file"),
    ):
        parser.add_argument(f"--{key}", help=f"{what} (default: as in training)")
    parser.add_argument(
        "--quotes",
        choices=("true", "false"),
        help="whether quotes are more than characters (default: as in training)",
    )


def run(options: argparse.Namespace) -> None:
    """Writes the predictions, and prints how often each class was given."""
    for flag, path, ending in (("out", options.out, ".csv"), ("tokens", options.tokens, ".npz")):
        if path is not None and path.suffix != ending:
            raise UserError(f"--{flag} {path} is not possible: its name must end in {ending}")
    if options.out is None and options.tokens is None:
        raise UserError("say where to write: --out predictions.csv, or --tokens tokens.npz")

    from gru_bench.export.predictions import (
        predict_texts,
        read_texts,
        write_predictions,
        write_tokens,
    )
    from gru_bench.export.trained_model import load_model

    trained = load_model(options.run)
    changes = {name: getattr(options, name) for name in ("text_column", "separator", "encoding")}
    changes["quotes"] = None if options.quotes is None else options.quotes == "true"
    given = {name: value for name, value in changes.items() if value is not None}
    texts = read_texts(trained, options.file, given)
    if not texts:
        raise UserError(f"{options.file} has no rows")
    if options.tokens is not None:
        write_tokens(options.tokens, trained, texts)
        print(options.tokens)
    if options.out is None:
        return
    found = predict_texts(trained, texts)
    write_predictions(options.out, found)
    print(f"{trained.saved.cell}, seed {trained.seed}: {counted(len(texts), 'row')}")
    counts = Counter(name for name in found.classes if name).most_common()
    for name, count in counts[:MOST_SHOWN]:
        print(f"{count:>8}  {name}")
    if len(counts) > MOST_SHOWN:
        print(f"{'':>8}  and {len(counts) - MOST_SHOWN} more classes")
    if found.empty:
        print(f"no prediction for {counted(found.empty, 'row')} without text", file=sys.stderr)
    print(options.out)
