"""Processes of this machine: told apart by number and start, started with a safe search path."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

SAFE_PATH = "PYTHONSAFEPATH"


@contextlib.contextmanager
def safe_path() -> Iterator[None]:
    """Has no Python that is started in the meantime take modules from the working directory.

    Where a file such as `random.py` lies in that directory, it would replace Python's own module.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SAFE_PATH, None)
        else:
            os.environ[SAFE_PATH] = before


def start_of(process: int) -> str:
    """Returns when a process began, as text that is another for every process of its number.

    It is empty where that is not known, and for a process that does not exist.
    """
    try:
        # The name of the program, in parentheses, may hold anything; after it follow figures.
        figures = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _start_by_ps(process)
    return f"{boot} {figures[19]}"


def _start_by_ps(process: int) -> str:
    command = ["ps", "-o", "lstart=", "-p", str(process)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def lives(process: int, start: str) -> bool:
    """Whether a process of this machine has not ended.

    Args:
        process: Its number.
        start: Its `start_of`; empty if that is not known, and the number has to do.
    """
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # It lives, under another user.
    now = start_of(process)
    return not (start and now) or start == now
