"""What several commands take as arguments."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gru_bench.config.presets import Sources

GOES_ON = (
    "; the same command, without force=true, goes on from here: finished runs are skipped, a"
    " broken-off one is taken up from its last checkpoint"
)


class Parser(argparse.ArgumentParser):
    """A parser whose description may be made when somebody asks for help."""

    describe: Callable[[], str] | None = None

    def format_help(self) -> str:
        if self.describe is not None:
            self.description = self.describe()
        return super().format_help()


def add_settings(parser: Parser, has_sweeps: bool = True) -> None:
    """Adds settings, and the flags that name further sources of them.

    Args:
        parser: The command's.
        has_sweeps: Whether `-m` is to be given for a sweep.
    """
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings, as above")
    if has_sweeps:
        parser.add_argument("-m", "--multirun", action="store_true", help="run every combination")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "--config-dir", type=Path, metavar="DIR", help="further presets, besides those of ./conf"
    )
    parser.add_argument(
        "--config-name",
        metavar="FILE",
        help="what to start from: a run's config.yaml, or the name of a file of presets",
    )
    parser.set_defaults(when_stopped=GOES_ON)


def sources_of(options: argparse.Namespace, has_default: bool = True) -> "Sources":
    """Returns where a command's settings come from, besides its words.

    Args:
        options: The arguments of the command.
        has_default: Whether the command is about the quickstart where nothing else is named.
    """
    from gru_bench.config.presets import Sources

    return Sources(options.config_dir, options.config_name, has_default)


def source_words(options: argparse.Namespace) -> list[str]:
    """Returns those of the flags of sources that were given, as they are to be given again."""
    names = {"--config-dir": "config_dir", "--config-name": "config_name"}
    given = {flag: getattr(options, name, None) for flag, name in names.items()}
    return [str(word) for flag, value in given.items() if value for word in (flag, value)]


def add_cells(parser: Parser, what: str) -> None:
    """Adds `--cell`, which may be repeated."""
    parser.add_argument(
        "--cell",
        action="append",
        default=[],
        metavar="CELL",
        help=f"{what}: a name, or package.module:Class for a cell that you wrote (may be repeated)",
    )


def sizes(text: str) -> list[int]:
    """Reads a list of sizes, `64,128`."""
    try:
        read = [int(word) for word in text.split(",")]
    except ValueError:
        read = [0]
    if min(read) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of sizes of at least 1: 64,128")
    return read


def positive(text: str) -> int:
    """Reads a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def number_above(bound: float) -> Callable[[str], float]:
    """Returns what reads a finite number that is greater than the bound."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not bound < number < math.inf:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number above {bound:g}")
        return number

    return read
