"""Processes of this machine, identified by number and start, since numbers are used again."""

import os
import subprocess
from pathlib import Path


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
