"""The gru-bench command. Each subcommand imports what it needs only once it runs."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gru_bench.cli.parser import make_parser
from gru_bench.system.errors import UserError
from gru_bench.system.files import require_working_directory
from gru_bench.system.terminal import displayed

if TYPE_CHECKING:
    from gru_bench.config.experiment import ExperimentConfig
    from gru_bench.runs.result import Result


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
        Its exit status: 0, 1 if runs failed or were left to another process, 2 for bad input or
        output that cannot be written, 130 for Ctrl-C. A reader of the output that has seen enough,
        such as `head`, changes nothing.
    """
    with displayed() as (out, err):
        status = _command(arguments)
        out.flush()
        if out.error is not None and not isinstance(out.error, BrokenPipeError):
            print(f"error: the output cannot be written: {out.error.strerror}", file=err)
            status = status or 2
    return status


def _command(arguments: Sequence[str] | None) -> int:
    """Runs the command line; returns its exit status, but for what goes wrong with the output."""
    parser = make_parser()
    options, rest = parser.parse_known_args(arguments)
    # argparse ends the list of overrides at the first flag; those that follow it belong there, too.
    if rest and "overrides" in options and not any(word.startswith("-") for word in rest):
        options.overrides += rest
    elif rest:
        parser.error(f"not understood: {' '.join(rest)} (see gru-bench --help)")
    try:
        require_working_directory()
        return COMMANDS[options.command](options) or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"stopped{options.when_stopped}", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    from gru_bench.config.compose import compose_experiments

    configs = compose_experiments(options.overrides, options.multirun)
    if any(config.dry_run for config in configs):
        _plan(configs)
        return 0

    from gru_bench.report import render

    flag = ["-m"] if options.multirun else []
    command = shlex.join(["gru-bench", "run", *flag, *options.overrides])
    results, failed = _run_all(configs, command, options.quiet)
    if results:
        render.print_table(results)
        print(f"\n{len(results)} run{'s' if len(results) > 1 else ''} in {configs[0].out_dir}")
        page = shlex.join(["gru-bench", "report", configs[0].out_dir])
        print(f"A page with figures: {page} --out report.html")
    return failed


def _search(options: argparse.Namespace) -> int:
    from gru_bench.config.checks import require_installed
    from gru_bench.config.compose import compose_experiments, compose_search

    require_installed("gru-bench search", "optuna", extra="search")
    space = compose_search([word for word in options.overrides if word.startswith("search.")])
    words = [word for word in options.overrides if not word.startswith("search.")]
    own_folder = [word for word in words if word.startswith("out_dir=")]
    configs = compose_experiments(
        [*words, *(own_folder or ["out_dir=results/search"])], multirun=True
    )
    if any(config.dry_run for config in configs):
        raise UserError("dry_run=true is not possible here: what is tried depends on the trials")

    from rich.console import Console

    from gru_bench.experiments.search import print_search, search

    def note(line: str) -> None:
        if not options.quiet:
            print(line, file=sys.stderr, flush=True)

    _set_up(configs)
    command = shlex.join(["gru-bench", "search", *options.overrides])
    searched = search(configs, space, command, options.quiet, note)
    print_search(searched, words, Console(highlight=False))
    return int(any(each.finished < space.trials for each in searched))


def _set_up(configs: "list[ExperimentConfig]") -> None:
    """Sets JAX up for what this process will do of the runs."""
    from gru_bench.system.machine import leave_accelerators, require_devices, set_up_devices

    set_up_devices()
    if configs[0].launcher.name != "local":
        leave_accelerators()
    require_devices()


def _plan(configs: "list[ExperimentConfig]") -> None:
    from rich.console import Console

    from gru_bench.experiments.dry_run import plan, print_plan
    from gru_bench.system.machine import require_devices, set_up_devices

    set_up_devices()
    require_devices()
    print_plan(plan(configs), Console(highlight=False))


def _claims(options: argparse.Namespace) -> int:
    from gru_bench.config.compose import compose_experiments

    preset = "claims" if options.size == "quick" else f"claims_{options.size}"
    words = [f"experiment={preset}", *options.overrides]
    if not any(word.startswith("out_dir=") for word in words):
        words.append("out_dir=results/claims")
    configs = compose_experiments(words, multirun=options.multirun)
    if any(config.dry_run for config in configs):
        _plan(configs)
        return 0
    if options.out.suffix != ".html":
        raise UserError(f"out={options.out} is not possible: the page is HTML, so name it so")

    from gru_bench.runs.folder import require_writable

    require_writable(options.out.parent)

    from rich.console import Console

    from gru_bench.report import render
    from gru_bench.report.ledger import print_ledger

    size = ["--size", options.size] if options.size != "quick" else []
    flag = ["-m"] if options.multirun else []
    command = shlex.join(["gru-bench", "claims", *size, *flag, *options.overrides])
    results, failed = _run_all(configs, command, options.quiet)
    if results:
        print_ledger(results, Console(highlight=False))
        render.render(results, [], "html", options.out)
        print(f"\nThe page: {options.out}")
    return failed


def _run_all(
    configs: "list[ExperimentConfig]", command: str, quiet: bool
) -> "tuple[list[Result], int]":
    """Runs experiments; returns the results there are, and the exit status."""
    from gru_bench.experiments.sweep import run_experiments
    from gru_bench.runs.folder import ERROR, read_result

    _set_up(configs)
    sweep = run_experiments(configs, command, quiet)
    for folder in sweep.elsewhere:
        print(f"another process is at work on {folder}", file=sys.stderr)
    for folder, reason in sweep.failures:
        print(f"failed: {folder}: {reason} (see {ERROR} there)", file=sys.stderr)
    incomplete = bool(sweep.failures or sweep.elsewhere)
    return [read_result(folder) for folder in sweep.finished], int(incomplete)


def _status(options: argparse.Namespace) -> None:
    from rich.console import Console

    from gru_bench.runs.status import print_status

    print_status(options.dir, Console(highlight=False, soft_wrap=True))


def _report(options: argparse.Namespace) -> None:
    from gru_bench.report import render
    from gru_bench.runs.folder import load_results

    out = None if options.out == Path("-") else options.out
    format = render.choose_format(options.format, out)
    results, warnings = load_results(options.dir)
    render.render(results, warnings, format, out)
    if out is not None:
        print(out)


def _params(options: argparse.Namespace) -> None:
    import json

    from gru_bench.config.cell import CELLS
    from gru_bench.config.user_classes import classes_by_name
    from gru_bench.model.counts import budget_table, parameter_table

    own = classes_by_name("cell", options.cell, CELLS)
    if options.budget is None:
        hidden_sizes = options.hidden_size or [128, 256]
        rows = parameter_table(options.input_size, hidden_sizes, options.match or "hidden", own)
    elif options.hidden_size is not None:
        raise UserError("give either --hidden-size or --budget: a budget sets the hidden sizes")
    elif options.match not in (None, "parameters"):
        raise UserError(f"--budget counts parameters: leave out --match {options.match}")
    else:
        rows = budget_table(options.input_size, options.budget, own)
    if options.format == "json":
        print(json.dumps(rows, indent=1))
        return
    width = max(16, 1 + max(len(str(row["cell"])) for row in rows))
    print(
        f"{'input':>6} {'hidden':>6}  {'cell':<{width}}{'parameters':>14} {'vs LSTM':>9}"
        f"{'FLOPs/step':>14} {'vs LSTM':>9}"
    )
    for row in rows:
        print(
            f"{row['input_size']:>6} {row['hidden_size']:>6}  {row['cell']:<{width}}"
            f"{row['parameters']:>14,} {row['ratio_to_lstm']:>9.4f}"
            f"{row['flops']:>14,} {row['flops_ratio_to_lstm']:>9.4f}"
        )


def _speed(options: argparse.Namespace) -> None:
    from gru_bench.system.machine import require_devices, set_up_devices

    set_up_devices()
    require_devices()

    from rich.console import Console

    from gru_bench.benchmark import end_to_end, layer, runtime_figures, runtime_tables
    from gru_bench.config.cell import CELLS
    from gru_bench.config.user_classes import classes_by_name

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    console = Console(highlight=False)
    if options.runtimes:
        out = options.out or Path("results/speed/runtimes.json")
        figures = runtime_figures.measure_runtimes(options.processes, progress=progress)
        runtime_tables.print_runtimes(figures, console)
        runtime_tables.write_runtimes(figures, out)
        print(out)
        return
    if options.end_to_end:
        result = end_to_end.measure_end_to_end(
            options.steps, options.hidden_size, not options.no_torch_compile, progress
        )
        end_to_end.print_end_to_end(result, console)
        markdown = end_to_end.as_markdown(result)
    else:
        cells = classes_by_name("cell", options.cell, CELLS)
        result = layer.measure_speed(options.grid, progress, cells)
        layer.print_speed(result, console)
        markdown = layer.as_markdown(result)
    if options.out is not None:
        layer.write(result, markdown, options.out)
        print(options.out)


def _board(options: argparse.Namespace) -> None:
    from gru_bench.cli.tensorboard import open_board

    open_board(options.dir, options.port, options.browser)


def _completion(options: argparse.Namespace) -> None:
    from gru_bench.cli.completion import script

    print(script(make_parser(), options.shell))


def _info(options: argparse.Namespace) -> None:
    from gru_bench.config.reference import conf_dir
    from gru_bench.system import machine, programs
    from gru_bench.system.files import cache_dir

    machine.set_up_devices()
    about = machine.describe()
    rows = about.pop("versions") | about | {"cache": cache_dir(), "configuration": conf_dir()}
    folder = programs.programs_dir()
    size = sum(entry.size for entry in programs.entries(folder))
    rows["programs"] = (
        f"{size / 2**20:.0f} MB of at most {programs.LIMIT_BYTES / 2**20:.0f}, compiled for later"
        f" starts; to clear them: {shlex.join(['rm', '-r', str(folder)])}"
    )
    for name, value in rows.items():
        print(f"{name.replace('_', ' '):<16}{value}")


COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "run": _run,
    "search": _search,
    "claims": _claims,
    "status": _status,
    "report": _report,
    "params": _params,
    "speed": _speed,
    "board": _board,
    "completion": _completion,
    "info": _info,
}
