"""What the commands that train do in common."""

from typing import TYPE_CHECKING

from gru_bench.system.errors import UserError
from gru_bench.system.terminal import say

if TYPE_CHECKING:
    from pathlib import Path

    from gru_bench.config.experiment import ExperimentConfig
    from gru_bench.experiments.sweep import Sweep
    from gru_bench.runs.result import Result


def set_up(configs: "list[ExperimentConfig]") -> None:
    """Sets JAX up for what this process will do of the runs."""
    from gru_bench.system.machine import leave_accelerators, require_devices, set_up_devices

    set_up_devices()
    if configs[0].launcher.name != "local":
        leave_accelerators()
    require_devices()


def show_plan(configs: "list[ExperimentConfig]") -> None:
    """Prints what would run, with an estimate of time and memory."""
    from rich.console import Console

    from gru_bench.experiments.dry_run import plan, print_plan
    from gru_bench.system.machine import require_devices, set_up_devices

    set_up_devices()
    require_devices()
    print_plan(plan(configs), Console(highlight=False))


def run_all(
    configs: "list[ExperimentConfig]", command: str, quiet: bool
) -> "tuple[list[Result], int]":
    """Runs experiments; returns the results there are, and the exit status."""
    from gru_bench.experiments.sweep import run_experiments
    from gru_bench.runs.folder import read_result

    set_up(configs)
    sweep = run_experiments(configs, command, quiet, describe=describe)
    incomplete = tell_of_unfinished(sweep)
    return [read_result(folder) for folder in sweep.finished], int(incomplete)


def tell_of_unfinished(sweep: "Sweep") -> bool:
    """Says which runs came to no result, and why; returns whether there are any."""
    from gru_bench.runs.folder import ERROR

    for folder in sweep.elsewhere:
        say(f"another process is at work on {folder}")
    for folder, reason in sweep.failures:
        say(f"failed: {folder}: {reason} (see {ERROR} there)")
    return bool(sweep.elsewhere or sweep.failures)


def describe(folders: "list[Path]") -> str:
    """Returns the tables of finished runs, without how to read them; nothing if there are none."""
    from gru_bench.report.render import tables_alone
    from gru_bench.runs.folder import read_result

    try:
        return tables_alone([read_result(folder) for folder in folders])
    except UserError:
        return ""  # The report at the end says what is odd about them.
