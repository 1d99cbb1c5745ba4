"""Runs the commands of a page of docs/, in a copy of the examples."""

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from helpers import ROOT


def commands(page):
    """The blocks of shell commands in docs/<page>."""
    text = (ROOT / "docs" / page).read_text()
    return re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def runner(page, folder):
    """A function that runs a block of the page, once and after those before it."""
    shutil.copytree(ROOT / "examples", folder)
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        # Compiling takes longer than training here.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }

    @functools.cache
    def run(number):
        if number:
            run(number - 1)
        done = subprocess.run(
            ["bash", "-ec", commands(page)[number]],
            cwd=folder, capture_output=True, text=True, env=environment,
        )  # fmt: skip
        return folder, done

    return run
