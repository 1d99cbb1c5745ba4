"""`gru-bench report`: tables, pages and figures of finished runs."""

import argparse
from pathlib import Path

from gru_bench.cli.arguments import Parser

HELP = "tabulate finished runs"
DESCRIPTION = "Tabulates the finished runs under DIR: parameters, accuracy, time, memory."


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    parser.add_argument("dir", nargs="?", type=Path, default=Path("results/runs"), metavar="DIR")
    parser.add_argument(
        "--format",
        choices=("table", "markdown", "latex", "csv", "json", "html", "long", "card"),
        metavar="FORMAT",
        help="table (default), markdown, csv or json; html: one self-contained page with figures;"
        " latex: tables for a paper; long: a table of every evaluation, as CSV, or Parquet with"
        " --out FILE.parquet; card: the verdict as a picture",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write to FILE, whose ending names the format: .txt, .md, .tex, .csv, .json, .html,"
        " .parquet, .svg, .png; - is standard output",
    )


def run(options: argparse.Namespace) -> None:
    """Writes the report."""
    from gru_bench.report import render
    from gru_bench.report.trials import without_trials
    from gru_bench.runs.folder import load_results

    out = None if options.out == Path("-") else options.out
    format = render.choose_format(options.format, out)
    results, warnings = load_results(options.dir)
    reported, left_out = without_trials(results)
    render.render(reported, [*warnings, *left_out], format, out)
    if out is not None:
        print(out)
