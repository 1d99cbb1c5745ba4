"""`gru-bench tour`: the first three minutes, in the terminal."""

import argparse
import shlex
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from gru_bench.cli.arguments import GOES_ON, Parser
from gru_bench.cli.launch import run_all

if TYPE_CHECKING:
    from gru_bench.runs.result import Result

HELP = "a guided first three minutes"
DESCRIPTION = """\
Trains one small cell, says what the numbers mean, makes the page of the report
and ends with the next command. In a terminal it waits for Enter between steps.
"""
WIDTH = 80
# Small enough for seconds of training, large enough to learn the task.
WORDS = (
    "cell=gru", "task=adding", "task.length=20", "hidden_size=32", "steps=400", "seeds=3",
)  # fmt: skip
QUESTION = """\
Which recurrent cell should I use: a GRU, an LSTM or a plain RNN?
gru-bench trains them on the same data with the same seeds, and counts, times
and tests what comes out.

1. One cell on one task. The adding problem: a sequence of 20 random numbers,
   two of them marked; the cell reads one number at a time and must end with the
   sum of the two. To do so it has to remember. Three seeds train at once;
   compiling the program comes first and takes the longest.
"""
PAGE = """\
3. The page: the same as figures, in one file that can be sent to a colleague.
"""
NEXT = """\
4. What is next. Several cells, seed by seed, with verdicts (a minute or two):

   {compare}

   Three cells on three tasks, one of them real text (minutes):

   gru-bench run

   Every setting is a word key=value: gru-bench run --help lists them.
"""


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    parser.add_argument(
        "--dir",
        type=Path,
        default=Path("results/tour"),
        metavar="DIR",
        help="the folder for the run and its page (default: results/tour)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    parser.set_defaults(when_stopped=GOES_ON)


def run(options: argparse.Namespace) -> int:
    """Goes through the steps; returns the exit status."""
    from gru_bench.config.compose import compose_experiments
    from gru_bench.config.settings import to_words
    from gru_bench.report import render

    words = [*WORDS, *to_words({"out_dir": str(options.dir)})]
    command = shlex.join(["gru-bench", "run", *words])
    configs = compose_experiments(words, multirun=False)
    print(f"{QUESTION}\n{_shown(command)}\n", flush=True)
    _wait()
    results, failed = run_all(configs, command, options.quiet)
    if not results:
        return failed
    render.print_table(results)
    print(f"\n{_meaning(results[0])}", flush=True)
    _wait()

    out = options.dir / "report.html"
    page = shlex.join(["gru-bench", "report", str(options.dir), "--out", str(out)])
    print(f"{PAGE}\n{_shown(page)}\n", flush=True)
    render.render(results, [], out=out)
    print(f"   Open it in a browser: {out.resolve()}\n", flush=True)
    _wait()
    compare = "gru-bench run -m cell=gru,lstm,rnn task=adding task.length=50 seeds=10"
    print(NEXT.format(compare=compare))
    return failed


def _shown(command: str) -> str:
    """Returns a command as it may be copied, in lines that fit."""
    lines = textwrap.wrap(command, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
    return "$ " + " \\\n    ".join(lines)


def _meaning(result: "Result") -> str:
    """Returns what the numbers of the table say of the run."""
    from gru_bench.system.prose import counted

    scores = list(result.test_scores.values())
    seeds = len(result.seeds)
    mean = sum(scores) / len(scores) if scores else float("nan")
    parameters = result.parameters
    share = f"{parameters.cell / parameters.lstm:.0%}"
    return f"""\
2. What the numbers mean.
   mse         The mean squared error on test data is {mean:.2g}, the mean of
               {counted(seeds, "seed")}; always answering the mean of all sums scores
               {result.score.baseline:.2g}. In brackets stands where the mean over all possible
               seeds lies with 95% confidence: wide, as seeds are few.
   solved      {result.solved} of {counted(seeds, "seed")} got below the mark that counts as solved.
   params      The cell has {parameters.cell:,} parameters, {share} of those of an LSTM
               with as many units.
   step        Milliseconds of one training step of one model: forward, backward
               and update.
   latency     Microseconds for one step of one sequence, as in real-time use.
"""


def _wait() -> None:
    """Waits for Enter, if somebody is there to press it."""
    if sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty():
        print("[Enter] ", end="", flush=True)
        sys.stdin.readline()
