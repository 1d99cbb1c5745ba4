"""The gru-bench command: reads its arguments and hands them to the module of the subcommand."""

import argparse
import gc
import sys
from collections.abc import Sequence

from gru_bench.cli.parser import COMMANDS, make_parser
from gru_bench.system.errors import UserError
from gru_bench.system.files import require_working_directory
from gru_bench.system.terminal import displayed


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
        Its exit status: 0, 1 if runs failed or were left to another process, 2 for bad input or
        output that cannot be written, 130 for Ctrl-C. A reader of the output that has seen enough,
        such as `head`, changes nothing.
    """
    # Importing JAX and tracing make millions of objects that stay: looking through them again and
    # again takes a tenth of a small run.
    gc.set_threshold(100_000, 50, 100)
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
    if options.command is None and not rest:
        parser.print_help()
        return 0
    # argparse ends the list of overrides at the first flag; those that follow it belong there, too.
    if rest and "overrides" in options and not any(word.startswith("-") for word in rest):
        options.overrides += rest
    elif rest:
        parser.error(f"not understood: {' '.join(rest)}{meant(rest, options)}")
    if blanks := {"=", ""} & {*getattr(options, "overrides", [])}:
        parser.error(f"{blanks.pop()!r} stands alone: write key=value, without blanks around =")
    try:
        require_working_directory()
        status: int = COMMANDS[options.command].run(options) or 0
        return status
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"stopped{options.when_stopped}", file=sys.stderr)
        return 130


def meant(rest: Sequence[str], options: argparse.Namespace) -> str:
    """Returns what to write instead of flags that do not exist; settings are no flags."""
    flag, *values = next((rest[i:] for i, word in enumerate(rest) if word.startswith("--")), [""])
    key, sign, value = flag.removeprefix("--").partition("=")
    if not flag or "overrides" not in options:
        return f" (see {' '.join(filter(None, ('gru-bench', options.command)))} --help)"
    key = key.replace("-", "_")
    if not sign:
        from gru_bench.config.reference import every_key  # Read for this message alone.

        switches = {each.name for each in every_key() if each.kind is bool}
        follows = values and not values[0].startswith("-") and "=" not in values[0]
        value = values[0] if follows else "true" if key in switches else "..."
    return f": settings are words without dashes, such as {key}={value}"
