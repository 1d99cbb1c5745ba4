"""`gru-bench robustness`: whether a verdict survives another start, budget, readout or size."""

import argparse
import shlex
from typing import TYPE_CHECKING

from gru_bench.cli.arguments import Parser, add_settings, source_words, sources_of
from gru_bench.cli.launch import run_all, show_plan
from gru_bench.config.cell import STARTS
from gru_bench.system.errors import UserError

if TYPE_CHECKING:
    from gru_bench.config.experiment import ExperimentConfig

HELP = "see whether a verdict survives other starts, budgets, readouts and sizes"
DESCRIPTION = """\
Trains every cell under several starts, budgets, readouts and sizes, and shows
at which share of these points each verdict holds. Values that you give
yourself, such as hidden_size=32,64,128, stand in the place of these:

  start    cell.initialisation=orthogonal,chrono
  budget   half of the steps, read off the learning curves; trained as a point
           of its own where the learning rate depends on the number of steps
  readout  task.readout=last,mean, of a task that has the key and reads out at
           the end
  size     hidden_size: that of the task, and half of it

A sweep like any other: its points are ordinary runs, finished ones are skipped.
"""
EPILOG = """\
examples:
  gru-bench robustness cell=gru,lstm task=adding seeds=8
  gru-bench robustness cell=gru,lstm task=copy cell.keep=0.5,0.9 \\
    hidden_size=64,128
"""


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    add_settings(parser, has_sweeps=False)


def run(options: argparse.Namespace) -> int:
    """Runs the points, and prints at which of them each verdict holds; returns the exit status."""
    from gru_bench.config.compose import compose_experiments

    sources = sources_of(options, has_default=False)
    asked = compose_experiments(options.overrides, True, sources)
    words = [*options.overrides, *further_points(asked, options.overrides)]
    configs = compose_experiments(words, True, sources)
    if any(config.dry_run for config in configs):
        show_plan(configs)
        return 0

    from gru_bench.report import render

    command = shlex.join(["gru-bench", "run", *source_words(options), "-m", *words])
    results, failed = run_all(configs, command, options.quiet)
    if results:
        render.print_table(results)
        page = shlex.join(["gru-bench", "report", configs[0].out_dir])
        print(f"\nA page with a picture of the points:\n{page} --out report.html")
    return failed


def further_points(asked: "list[ExperimentConfig]", words: list[str]) -> list[str]:
    """Returns the words that make points of a comparison, for what its own words leave open.

    Args:
        asked: The comparison, as its words alone ask for it.
        words: Those words.

    Raises:
        UserError: It is of several tasks, whose values differ, or of one cell.
    """
    first, given = asked[0], {word.lstrip("+").partition("=")[0] for word in words}
    tasks = sorted({config.task_label for config in asked})
    if len(tasks) > 1:
        raise UserError(
            f"robustness is of one task at a time, and these are {', '.join(tasks)}: give"
            " task=copy, say"
        )
    cells = {config.cell.name for config in asked}
    if len(cells) < 2:
        raise UserError(
            f"robustness compares cells, and there is but {first.cell.name}: give cell=gru,lstm"
        )
    points = []
    if not given & set(STARTS) and not first.tune.keeps:
        points.append("cell.initialisation=orthogonal,chrono")
    if "hidden_size" not in given and first.budget is None and first.hidden_size > 1:
        points.append(f"hidden_size={first.hidden_size // 2},{first.hidden_size}")
    if not given & {"steps", "epochs"} and first.optim.schedule != "constant":
        key = "steps" if first.epochs is None else "epochs"
        budget = getattr(first, key)
        points.append(f"{key}={-(-budget // 2)},{budget}")
    if "task.readout" not in given and getattr(first.task, "readout", None) == "last":
        points.append("task.readout=last,mean")
    return points
