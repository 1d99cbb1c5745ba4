"""The status of each run of a sweep, for other terminals: one small file in every run folder.

It is there from the planning of a run until its result is written.
"""

import math
import os
import platform
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gru_bench.runs.folder import RESULT
from gru_bench.system.errors import UserError
from gru_bench.system.files import read_regular_file, write_atomically
from gru_bench.system.printable import printable
from gru_bench.system.processes import lives, start_of
from gru_bench.system.progress import show_clock
from gru_bench.system.prose import counted

STATUS = "status.json"
STALE_S = 600.0  # a run on another machine without news for so long is taken for broken off
SAMPLE = 50  # finished runs that the time of a run is estimated from

State = Literal["running", "waiting", "failed", "broken off", "not begun", "finished"]


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a run is.

    Attributes:
        state: As the process that runs it says. If that process has ended, `read_status` calls
            the run `broken off`, or `not begun` if it was waiting.
        label: What tells the run from the others of its sweep.
        step: Training steps made, those of tuning included.
        total_steps: Training steps to make, if nothing stops it early.
        rate: Steps per second lately; None if not known.
        reason: Why it failed, in one line.
        host: Name of the machine.
        process: Number of the process there.
        started: When that process began, since numbers are given out again.
        updated: Seconds since 1970.
    """

    state: State
    label: str = ""
    step: int = 0
    total_steps: int = 0
    rate: float | None = None
    reason: str | None = None
    host: str = ""
    process: int = 0
    started: str = ""
    updated: float = 0.0


@dataclass(frozen=True)
class _Timing:
    wall_s: float


@dataclass(frozen=True)
class _Finished:
    """All of a result that is needed here."""

    timing: _Timing


def write_status(folder: Path, status: Status) -> None:
    """Writes a run's status; on a full disk it is left out, and the run goes on."""
    known = replace(
        status,
        host=platform.node(),
        process=os.getpid(),
        started=start_of(os.getpid()),
        updated=time.time(),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # It is written at every evaluation, so that it may be lost with the power.
        write_atomically(folder / STATUS, msgspec.json.encode(known), durable=False)
    except OSError:
        return


def clear_status(folder: Path) -> None:
    """Removes a run's status, once there is a result."""
    (folder / STATUS).unlink(missing_ok=True)


def read_status(folder: Path) -> Status | None:
    """Returns a run's status as it is now; None if the folder tells nothing."""
    finished = (folder / RESULT).exists()
    try:
        status = msgspec.json.decode(read_regular_file(folder / STATUS), type=Status)
    except (OSError, msgspec.MsgspecError):
        return Status(state="finished") if finished else None
    # A run with a result has a newer status where more seeds are being added to it.
    if finished and (folder / RESULT).stat().st_mtime >= status.updated:
        return Status(state="finished")
    if is_alive(status):
        return status
    return replace(status, state="broken off" if status.state == "running" else "not begun")


def is_alive(status: Status) -> bool:
    """Returns whether a run that waits or runs has a process that will go on with it."""
    if status.state not in ("waiting", "running"):
        return True
    if status.host != platform.node():
        return time.time() - status.updated < STALE_S
    return lives(status.process, status.started)


def run_folders(directory: Path) -> Iterator[Path]:
    """Yields the run folders below a directory, in the order of their paths."""
    for parent, folders, files in os.walk(directory):
        if RESULT in files or STATUS in files:
            folders.clear()  # What is in a run folder is no run.
            yield Path(parent)
        folders[:] = sorted(name for name in folders if not name.startswith("."))


def read_all(directory: Path) -> dict[Path, Status]:
    """Returns the status of every run below a directory, by the path from there.

    Raises:
        UserError: There is no such directory, or no run in it.
    """
    if not directory.is_dir():
        raise UserError(f"{directory} is not a folder: give one that holds runs")
    found = {folder: read_status(folder) for folder in run_folders(directory)}
    if not found:
        raise UserError(f"there are no runs below {directory}: start with gru-bench run")
    return {
        folder.relative_to(directory): status
        for folder, status in found.items()
        if status is not None
    }


def print_status(directory: Path, console: Console) -> None:
    """Prints how many runs are in which state, and a line for each that runs or has failed.

    A run is shown by its label where no other has the same, else by its folder.

    Raises:
        UserError: There is no such directory, or no run in it.
    """
    statuses = read_all(directory)
    count = Counter(status.state for status in statuses.values())
    states = ", ".join(f"{number} {state}" for state, number in count.most_common())
    runs = counted(len(statuses), "run")
    console.print(f"{directory}: {runs}, {states}")
    shown = {
        folder: status
        for folder, status in statuses.items()
        if status.state in ("running", "failed", "broken off")
    }
    labels = Counter(status.label for status in shown.values())
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for folder, status in shown.items():
        distinct = status.label and labels[status.label] == 1
        label = status.label if distinct else str(folder)
        entries = (status.state, label, _details(status))
        table.add_row(*(Text(printable(entry)) for entry in entries))
    if table.row_count:
        console.print(table)
    left = seconds_left(directory, statuses)
    if left is not None:
        console.print(f"about {show_clock(left)} left, if all take as long as those finished")


def seconds_left(directory: Path, statuses: dict[Path, Status]) -> float | None:
    """Returns the seconds that waiting and running runs will take; None if that is not known.

    Those that wait follow one another in as many processes as there are at work.
    """
    waiting = [status for status in statuses.values() if status.state == "waiting"]
    running = [_seconds_of(status) for status in statuses.values() if status.state == "running"]
    taken = _wall_seconds([directory / f for f, s in statuses.items() if s.state == "finished"])
    if not (waiting or running) or None in running or (waiting and not taken):
        return None
    mean = sum(taken) / len(taken) if taken else 0.0
    longest = max((seconds for seconds in running if seconds is not None), default=0.0)
    at_work = {(s.host, s.process) for s in statuses.values() if s.state == "running"}
    return longest + mean * math.ceil(len(waiting) / max(len(at_work), 1))


def _wall_seconds(folders: Sequence[Path]) -> list[float]:
    """Returns the seconds that a sample of the finished runs took."""
    seconds = []
    for folder in folders[:: max(len(folders) // SAMPLE, 1)]:
        try:
            result = msgspec.json.decode((folder / RESULT).read_bytes(), type=_Finished)
        except (OSError, msgspec.MsgspecError):
            continue
        seconds.append(result.timing.wall_s)
    return seconds


def _seconds_of(status: Status) -> float | None:
    return (status.total_steps - status.step) / status.rate if status.rate else None


def _details(status: Status) -> str:
    if status.state == "failed":
        return status.reason or ""
    if not status.total_steps:
        return "before its first step"
    steps = f"step {status.step:,} of {status.total_steps:,}"
    left = _seconds_of(status) if status.state == "running" else None
    return steps if left is None else f"{steps}, {show_clock(left)} left"
