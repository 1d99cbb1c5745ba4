"""`gru-bench predict`: what a trained model says of the rows or sequences of a file."""

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gru_bench.cli.arguments import Parser
from gru_bench.system.errors import UserError
from gru_bench.system.prose import counted
from gru_bench.system.terminal import say

if TYPE_CHECKING:
    from gru_bench.export.trained_model import TrainedModel

HELP = "let a trained model classify a file, or forecast a series"
DESCRIPTION = """\
Reads FILE as the files that the run RUN was trained on (CSV, TSV, JSON, JSON
Lines or Parquet, and .ts files of series), and writes what the model says: the
class of each row or sequence with its probability, a value, or a forecast of
the steps that follow the file's last ones."""
EPILOG = """\
examples:
  gru-bench predict results/runs/text-tickets/gru/h16-0123456789ab new.csv \\
      --out predictions.csv --tokens tokens.npz
  gru-bench predict results/runs/series-pumps/gru/h16-0123456789ab new.csv \\
      --out predictions.csv --inputs inputs.npz"""
MOST_SHOWN = 8  # classes
OF_TEXT = ("tokens", "text_column")
OF_SERIES = ("inputs", "series_column", "time_column")
FORMAT = ("text_column", "series_column", "time_column", "separator", "encoding")


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    parser.add_argument("file", type=Path, metavar="FILE", help="what is to be predicted from")
    for name, metavar, what in (
        ("out", "FILE.csv", "where the predictions are written"),
        ("tokens", "FILE.npz", "writes the token ids of texts, which an exported model reads"),
        ("inputs", "FILE.npz", "writes the values of series, which an exported model reads"),
    ):
        parser.add_argument(f"--{name}", type=Path, metavar=metavar, help=what)
    for key, what in (
        ("text-column", "column of the texts"),
        ("series-column", "column that tells sequences apart"),
        ("time-column", "column of times"),
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
    for name, ending in (("out", ".csv"), ("tokens", ".npz"), ("inputs", ".npz")):
        path = getattr(options, name)
        if path is not None and path.suffix != ending:
            raise UserError(f"--{name} {path} is not possible: its name must end in {ending}")
    if options.out is None and options.tokens is None and options.inputs is None:
        raise UserError(
            "say where to write: --out predictions.csv, or what an exported model reads, by"
            " --tokens tokens.npz of texts or --inputs inputs.npz of series"
        )

    from gru_bench.export.trained_model import load_model

    trained = load_model(options.run)
    reads_text, reads_series = trained.saved.preprocessing.text, trained.series
    if reads_text is None and reads_series is None:
        raise UserError(
            f"a model of {trained.saved.task} reads no files: use it from Python, by"
            " gru_bench.load_model"
        )
    for name in OF_SERIES if reads_series is None else OF_TEXT:
        if getattr(options, name) is not None:
            flag, kind = name.replace("_", "-"), "series" if reads_series is None else "texts"
            raise UserError(
                f"--{flag} is for models of {kind}: this one is of {trained.saved.task}"
            )
    changes = {name: getattr(options, name) for name in FORMAT}
    changes["quotes"] = None if options.quotes is None else options.quotes == "true"
    given = {name: value for name, value in changes.items() if value is not None}
    (_predict_texts if reads_series is None else _predict_series)(trained, options, given)


def _predict_series(
    trained: "TrainedModel", options: argparse.Namespace, changes: dict[str, Any]
) -> None:
    from gru_bench.export.predictions import write_rows
    from gru_bench.export.series_predictions import (
        prediction_rows,
        read_series,
        write_inputs,
    )

    found = read_series(trained, options.file, changes)
    if options.inputs is not None:
        write_inputs(options.inputs, trained, found)
        print(options.inputs)
    if options.out is None:
        return
    headings, *rows = prediction_rows(trained, found)
    write_rows(options.out, [headings, *rows])
    what = "step" if headings[0] == "step" else "sequence"
    _print_counts(
        trained,
        counted(len(rows) if what == "step" else len(found), what),
        [str(row[-2]) for row in rows] if trained.class_names else [],
    )
    print(options.out)


def _print_counts(trained: "TrainedModel", number: str, classes: list[str]) -> None:
    """Prints of which model how much was predicted, and how often each class."""
    print(f"{trained.saved.cell}, seed {trained.seed}: {number}")
    counts = Counter(classes).most_common()
    for name, count in counts[:MOST_SHOWN]:
        print(f"{count:>8}  {name}")
    if len(counts) > MOST_SHOWN:
        print(f"{'':>8}  and {len(counts) - MOST_SHOWN} more classes")


def _predict_texts(
    trained: "TrainedModel", options: argparse.Namespace, changes: dict[str, Any]
) -> None:
    from gru_bench.export.predictions import (
        predict_texts,
        read_texts,
        text_rows,
        write_rows,
        write_tokens,
    )

    texts = read_texts(trained, options.file, changes)
    if not texts:
        raise UserError(f"{options.file} has no rows")
    if options.tokens is not None:
        write_tokens(options.tokens, trained, texts)
        print(options.tokens)
    if options.out is None:
        return
    found = predict_texts(trained, texts)
    write_rows(options.out, text_rows(found))
    _print_counts(trained, counted(len(texts), "row"), [name for name in found.classes if name])
    if found.empty:
        say(f"no prediction for {counted(found.empty, 'row')} without text")
    print(options.out)
