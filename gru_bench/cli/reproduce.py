"""`gru-bench reproduce`: published tables, measured again."""

import argparse
import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gru_bench.cli.arguments import GOES_ON, Parser, source_words
from gru_bench.cli.launch import set_up, show_plan, tell_of_unfinished
from gru_bench.system.errors import UserError

if TYPE_CHECKING:
    from gru_bench.config.paper import Paper
    from gru_bench.experiments.reproduce import Chosen
    from gru_bench.runs.result import Result

HELP = "measure published tables again"
DESCRIPTION = """\
Measures published tables again and prints, for each figure, what was published
beside what is measured, with its interval, and what became of it: reproduced,
contradicted, or that something else was measured. Which values count as the
same is fixed in the preset before anything is run.

  NAME       a table: --list says what there is and how long it takes
  NAME/PART  a part of it
  FILE.yaml  a preset of your own, written like those of conf/paper/
  key=value  settings as in gru-bench run, for all parts: seeds=3 takes fewer
             seeds; one that changes the definition, steps=100 say, is judged
             so. dry_run=true estimates time and memory

Runs are kept in results/reproduce; finished ones are skipped."""
EPILOG = """\
examples:
  gru-bench reproduce weiss2018
  gru-bench reproduce bai2018/adding seeds=3 steps=2000"""
PAGE = Path("results/report/reproduce.html")


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    parser.add_argument(
        "overrides", nargs="*", metavar="NAME|key=value", help="tables and settings, as above"
    )
    parser.add_argument("--list", action="store_true", help="says what there is, and runs nothing")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "--config-dir", type=Path, metavar="DIR", help="further presets, besides those of ./conf"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=PAGE,
        metavar="FILE.html",
        help=f"the page with all runs (default: {PAGE})",
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="DIR",
        help="also keeps what was measured of each part in DIR, as NAME.PART.json",
    )
    parser.set_defaults(when_stopped=GOES_ON)


def run(options: argparse.Namespace) -> int:
    """Measures what is named, and prints it beside what was published; returns the exit status."""
    words = [word for word in options.overrides if "=" in word]
    names = [word for word in options.overrides if "=" not in word]
    papers = read_named(names, options.config_dir)
    if options.list or not names:
        if words:
            raise UserError(f"{words[0]} needs a table: name one, weiss2018 say")
        show_list(papers)
        return 0
    if options.out.suffix != ".html":
        raise UserError(f"out={options.out} is not possible: the page is HTML, so name it so")

    from gru_bench.experiments.reproduce import choose

    chosen = [
        choose(name, paper, part_name, part, words, options.config_dir)
        for name, paper in papers.items()
        for part_name, part in paper.parts.items()
    ]
    configs = [config for each in chosen for config in each.configs]
    if words and not configs:
        raise UserError(f"{words[0]} has no effect: nothing of {', '.join(names)} is trained")
    if any(config.dry_run for config in configs):
        show_plan(configs)
        return 0
    from gru_bench.runs.folder import require_writable

    for folder in filter(None, (options.out.parent, options.record)):
        require_writable(folder)
    if configs:
        set_up(configs)
    return measure_all(chosen, words, options)


def read_named(names: Sequence[str], config_dir: Path | None) -> "dict[str, Paper]":
    """Returns the presets that are named, each with the parts that are; all if none is named.

    Raises:
        UserError: There is no such preset or part.
    """
    import msgspec

    from gru_bench.config.paper import paper_names, read_paper

    found: dict[str, Paper] = {}
    parts: dict[str, list[str]] = {}
    for name in names or paper_names(config_dir):
        preset, part = preset_and_part(name)
        paper = read_paper(preset, config_dir)
        if part and part not in paper.parts:
            raise UserError(
                f"{preset} has no part {part}: it must be one of {', '.join(paper.parts)}"
            )
        found[preset] = paper
        parts.setdefault(preset, []).extend([part] if part else paper.parts)
    return {
        preset: msgspec.structs.replace(
            paper, parts={n: p for n, p in paper.parts.items() if n in parts[preset]}
        )
        for preset, paper in found.items()
    }


def preset_and_part(name: str) -> tuple[str, str]:
    """Splits `NAME/PART`; a part that is not named is empty. A file's own folders stay with it."""
    if name.endswith(".yaml"):
        return name, ""
    if ".yaml/" in name:
        preset, _, part = name.rpartition("/")
    else:
        preset, _, part = name.partition("/")
    return preset, part


def show_list(papers: "dict[str, Paper]") -> None:
    """Prints what there is, how long it takes and what is reduced, in 80 columns."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=False, width=79)
    table.add_column("table", no_wrap=True)
    table.add_column("minutes", justify="right", no_wrap=True)
    table.add_column("what it is, and what is reduced")
    for name, paper in papers.items():
        table.add_row(Text(name, "bold"), "", Text(paper.source, "bold"))
        for part_name, part in paper.parts.items():
            minutes = f"{'~' if part.minutes_from == 'estimated' else ''}{part.minutes:g}"
            lines = [part.title]
            if part.reduction:
                lines.append(f"reduced: {part.reduction}")
            if part.differs:
                lines.append("the definition differs")
            table.add_row(f"  {part_name}", minutes, Text("\n".join(lines)))
    console.print(table)
    console.print("Minutes are of two cores; ~ is an estimate. gru-bench reproduce NAME runs one.")


def measure_all(
    chosen: "Sequence[Chosen]", words: Sequence[str], options: argparse.Namespace
) -> int:
    """Measures parts one after another, shows each as it ends, and writes the page.

    Args:
        chosen: The parts.
        words: The settings that were given for all of them.
        options: The arguments of the command.

    Returns:
        The exit status, 1 where a run came to no result.
    """
    from rich.console import Console

    from gru_bench.evidence.papers import write_measurement
    from gru_bench.experiments.reproduce import measure
    from gru_bench.report import render
    from gru_bench.report.formats.terminal import print_details
    from gru_bench.report.papers import part_table

    console = Console(highlight=False)
    results: list[Result] = []
    tables, incomplete = [], False
    for each in chosen:
        command = shlex.join(["gru-bench", "reproduce", each.label, *source_words(options), *words])
        measurement, of_part, sweep = measure(each, command, options.quiet)
        incomplete |= tell_of_unfinished(sweep)
        table = part_table(each.label, each.part, measurement)
        table = dataclasses.replace(table, note=f"{each.paper.source}. {table.note}")
        tables.append(table)
        print_details(table, console)
        if options.record is not None and measurement is not None and measurement.rows:
            write_measurement(options.record, Path(each.name).stem, each.part_name, measurement)
        results.extend(of_part)
    if results:
        render.render(results, [], "html", options.out, published=tables)
        print(f"The page: {options.out}")
    return int(incomplete)
