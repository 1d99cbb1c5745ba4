"""`gru-bench claims`: what textbooks say of the cells, tested."""

import argparse
import shlex
from pathlib import Path

from gru_bench.cli.arguments import Parser, add_settings, source_words, sources_of
from gru_bench.cli.launch import run_all, set_up, show_plan
from gru_bench.system.errors import UserError
from gru_bench.system.terminal import say

HELP = "test what textbooks claim of the cells"
DESCRIPTION = """\
Judges what textbooks and papers claim of the cells (a GRU has 75% of an LSTM's
parameters, trains faster, needs less memory, performs comparably, ...) by the
rules of conf/claims.yaml, and prints a ledger (supported, refuted, undecided).

  gru-bench claims                 runs made for a first look: gru, lstm, rnn;
                                   10 seeds; one learning rate a task
  gru-bench claims --size full     all cells; 12 seeds; learning rates tuned for
                                   each cell; an hour or more
  gru-bench claims --list          the parts of the reference: 8 hours, in parts
                                   of under 25 minutes
  gru-bench claims --part NAME     makes one; goes on where it was stopped; all
                                   makes every part that is missing
  gru-bench claims DIR             judges a reference again, without training;
                                   --out FILE.md writes every test of each claim

Runs are kept in results/claims; finished ones are skipped.
"""


RUNTIMES = Path("results/speed/runtimes.json")
REFERENCE = Path("results/reference/claims")
PAGE = Path("results/report/claims.html")
ALL = "all"


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    add_settings(parser)
    parser.add_argument("--size", choices=("quick", "full"), default="quick")
    parser.add_argument("--list", action="store_true", help="show the parts of the reference")
    parser.add_argument("--part", metavar="NAME", help="make a part of the reference, or all")
    parser.add_argument(
        "--reference",
        type=Path,
        default=REFERENCE,
        metavar="DIR",
        help=f"folder that parts are written to (default: {REFERENCE})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"the page (default: {PAGE}); of a reference, its ledger as Markdown (FILE.md)",
    )
    parser.add_argument(
        "--runtimes",
        type=Path,
        metavar="FILE.json",
        help="what gru-bench speed --runtimes wrote, from which the claims on time are judged for"
        f" each runtime (default: {RUNTIMES}, if there is one)",
    )


def run(options: argparse.Namespace) -> int:
    """Makes or reads what the claims are tested on, and prints the ledger; returns the status."""
    folders = [word for word in options.overrides if "=" not in word and Path(word).is_dir()]
    if options.list or options.part is not None or folders:
        return _of_reference(options, folders)

    from gru_bench.config.compose import compose_experiments

    preset = "claims" if options.size == "quick" else f"claims_{options.size}"
    words = [f"experiment={preset}", *options.overrides]
    if not any(word.startswith("out_dir=") for word in words):
        words.append("out_dir=results/claims")
    configs = compose_experiments(words, options.multirun, sources_of(options))
    if any(config.dry_run for config in configs):
        show_plan(configs)
        return 0
    page = options.out or PAGE
    if page.suffix != ".html":
        raise UserError(f"--out {page} is not possible: the page is HTML, so name it so")

    from gru_bench.evidence.runtimes import read_runtimes
    from gru_bench.runs.folder import require_writable

    require_writable(page.parent)
    runtimes = None
    if options.runtimes is not None or RUNTIMES.is_file():
        runtimes = read_runtimes(options.runtimes or RUNTIMES)

    from rich.console import Console

    from gru_bench.experiments.seed_budget import describe_ledger_budget
    from gru_bench.report import render
    from gru_bench.report.ledger import print_ledger

    if budget := describe_ledger_budget(configs):
        say(budget)
    size = ["--size", options.size] if options.size != "quick" else []
    flag = ["-m"] if options.multirun else []
    command = shlex.join(
        ["gru-bench", "claims", *source_words(options), *size, *flag, *options.overrides]
    )
    results, failed = run_all(configs, command, options.quiet)
    if results:
        print_ledger(results, Console(highlight=False), runtimes)
        render.render(results, [], "html", page, runtimes)
        print(f"\nThe page: {page}")
    return failed


def _of_reference(options: argparse.Namespace, folders: list[str]) -> int:
    """Lists or makes parts of the reference, or judges one that there is."""
    from rich.console import Console

    from gru_bench.evidence.claims.reference import read_reference
    from gru_bench.evidence.claims.rules import current_rules
    from gru_bench.evidence.runtimes import read_runtimes
    from gru_bench.report.reference_ledger import (
        judge_reference,
        print_parts,
        print_reference,
        to_markdown,
    )
    from gru_bench.system.files import write_named_file

    if len(options.overrides) > len(folders) or len(folders) > 1:
        raise UserError(
            f"{' '.join(options.overrides)} is not possible here: a reference is made and judged as"
            " conf/claims.yaml says, so give its folder alone"
        )
    judging = not options.list and options.part is None
    if options.out is not None and (not judging or options.out.suffix != ".md"):
        raise UserError(
            f"--out {options.out} is not possible here: of a reference it is the ledger as"
            " Markdown, as in gru-bench claims DIR --out ledger.md"
        )
    rules, console = current_rules(), Console(highlight=False)
    folder = Path(folders[0]) if folders else options.reference
    if options.list:
        print_parts(read_reference(folder), rules, console)
        return 0
    if options.part is not None:
        _make(options.part, folder, options.quiet)
        return 0
    runtimes = RUNTIMES if options.runtimes is None and RUNTIMES.is_file() else options.runtimes
    figures = None if runtimes is None else read_runtimes(runtimes)
    judged = judge_reference(read_reference(folder), rules, figures)
    print_reference(judged, console)
    if options.out is not None:
        write_named_file(options.out, to_markdown(judged).encode())
        console.print(f"Every test of each claim: {options.out}")
    return 0


def _make(name: str, folder: Path, quiet: bool) -> None:
    """Makes a part of the reference, or every one that is missing, one after another."""
    from gru_bench.evidence.claims.reference import read_reference
    from gru_bench.evidence.claims.rules import current_rules
    from gru_bench.experiments.claim_parts import configs_of, run_part

    rules, out_dir = current_rules(), Path("results/claims/parts")
    reference = read_reference(folder)
    names = [name]
    if name == ALL:
        names = [each for each in rules.parts if reference.state(each, rules) != "done"]
    for number, each in enumerate(names):
        configs = configs_of(each, rules, out_dir)
        if number == 0:
            set_up(configs)
        run_part(each, configs, rules, folder, quiet)
        print(f"{each}: written to {folder / each}")
