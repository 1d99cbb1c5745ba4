"""`gru-bench info`: versions, devices and folders."""

import argparse
import shlex

from gru_bench.cli.arguments import Parser

HELP = "versions, devices, cache folder"
DESCRIPTION = "What gru-bench runs on."


def add_arguments(parser: Parser) -> None:
    """Adds nothing: the command takes no arguments."""


def run(options: argparse.Namespace) -> None:
    """Prints versions, devices and folders."""
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
        print(f"{name.replace('_', ' '):<16}{'unknown' if value is None else value}")
