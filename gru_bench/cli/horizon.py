"""`gru-bench horizon`: how hard a task may be until half of the seeds do not solve it any more."""

import argparse
import math
import shlex
from typing import TYPE_CHECKING

from gru_bench.cli.arguments import Parser, add_settings, number_above, source_words, sources_of
from gru_bench.cli.launch import set_up
from gru_bench.system.errors import UserError
from gru_bench.system.terminal import say_unless

if TYPE_CHECKING:
    from gru_bench.evidence.horizon import Horizon

HELP = "find the difficulty at which half of the seeds solve a task"
DESCRIPTION = """\
Finds the horizon of each cell: the difficulty of a task, such as the lag of
copy, up to which half of the seeds solve it within the budget. It begins with
the difficulty that the task has, doubles it while half of the seeds solve it,
sixteenfold at most, or halves it while they do not, and then narrows the gap.
Settings are those of gru-bench run: cell=a,b,c alone may list several values
(without it gru,lstm,rnn). Runs are ordinary ones; given again, the command goes
on where it was stopped."""
EPILOG = """\
example:
  gru-bench horizon cell=gru,lstm task=copy task.lag=20 seeds=8 --precision 1.2"""
USUAL = {"cell": "gru,lstm,rnn", "seeds": "8", "out_dir": "results/horizon"}


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    add_settings(parser, has_sweeps=False)
    parser.add_argument(
        "--precision",
        type=number_above(1),
        default=1.25,
        metavar="R",
        help="ends once two difficulties are this factor apart (default: 1.25)",
    )


def run(options: argparse.Namespace) -> None:
    """Searches, and prints each cell's horizon with what was tried."""
    from gru_bench.config.compose import compose_experiments

    given = {word.lstrip("+").partition("=")[0] for word in options.overrides}
    if not given & {"task", "experiment"} and options.config_name is None:
        raise UserError("a horizon is of a task: give one that can be made harder, task=copy, say")
    words = [*options.overrides, *(f"{k}={v}" for k, v in USUAL.items() if k not in given)]
    configs = compose_experiments(words, True, sources_of(options))

    from gru_bench.experiments.horizon import find_horizons, require_axis
    from gru_bench.experiments.sweep import run_experiments

    require_axis(configs)
    if any(config.dry_run for config in configs):
        raise UserError("dry_run=true is not possible: what is run depends on what is solved")
    set_up(configs)
    command = shlex.join(["gru-bench", "horizon", *source_words(options), *words])
    found = find_horizons(
        configs,
        options.precision,
        train=lambda runs: run_experiments(runs, command, options.quiet, timed=False),
        note=say_unless(options.quiet),
    )
    show(found, configs[0].task_label, f"{configs[0].task.AXIS}")
    page = shlex.join(["gru-bench", "report", configs[0].out_dir])
    print(f"\nA page with a curve for each cell:\n{page} --out report.html")


def show(found: "dict[str, Horizon]", task: str, axis: str) -> None:
    """Prints a row a cell, and how to read it."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=False)
    table.add_column("cell", no_wrap=True)
    table.add_column("horizon", justify="right", no_wrap=True)
    table.add_column("95% interval", justify="right", no_wrap=True)
    table.add_column(f"seeds that solve it, by {axis}")
    for cell, horizon in found.items():
        tried = zip(horizon.difficulties, horizon.solved, strict=True)
        shares = ", ".join(f"{difficulty}: {s.sum()}/{len(s)}" for difficulty, s in tried)
        table.add_row(cell, *written_span(horizon), shares)
    console.print(f"\n{task}: the {axis} up to which half of the seeds solve it")
    console.print(table)
    console.print(
        "On a line through the shares that never rises; the interval is over seeds, and no narrower"
        " than the gap between the two values that the horizon lies in."
    )


def written_span(horizon: "Horizon") -> tuple[str, str]:
    """Returns a horizon and its interval; what lies beyond the values tried has no number."""
    first, last = horizon.difficulties[0], horizon.difficulties[-1]
    span = horizon.span
    assert span.low is not None
    assert span.high is not None
    if span.estimate == 0:
        estimate = f"below {first}"
    elif math.isinf(span.estimate):
        estimate = f"at least {last}"
    else:
        estimate = f"{span.estimate:.3g}"
    low = f"{span.low:.3g}" if span.low else f"below {first}"
    high = f"above {last}" if math.isinf(span.high) else f"{span.high:.3g}"
    return estimate, f"{low} to {high}"
