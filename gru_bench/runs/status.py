"""How far each run of a sweep is, for other terminals to see: one small file in every run folder.

It is there from the moment that a sweep has planned the run until its result is.
"""

import math
import os
import platform
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gru_bench.runs.folder import RESULT, DamagedResult, read_result
from gru_bench.system.errors import UserError
from gru_bench.system.files import write_atomically
from gru_bench.system.progress import show_clock

STATUS = "status.json"
STALE_S = 600.0  # without news for so long, a run on another machine is taken for broken off

State = Literal["running", "waiting", "failed", "broken off", "finished"]


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a run is.

    Attributes:
        state: as the process says that runs it; whether it still lives is for `state_of` to see.
        step: training steps made, those of tuning included.
        total_steps: to make, if nothing stops it early.
        rate: steps a second of late; None if not known.
        reason: in one line, why it failed.
        host: name of the machine.
        process: number of the process there.
        updated: seconds since 1970.
    """

    state: State
    step: int = 0
    total_steps: int = 0
    rate: float | None = None
    reason: str | None = None
    host: str = ""
    process: int = 0
    updated: float = 0.0


def write_status(folder: Path, status: Status) -> None:
    """Writes a run's status; a disk that is full costs the news, not the run."""
    known = replace(status, host=platform.node(), process=os.getpid(), updated=time.time())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / STATUS, msgspec.json.encode(known))
    except OSError:
        return


def clear_status(folder: Path) -> None:
    """Removes it, once there is a result."""
    (folder / STATUS).unlink(missing_ok=True)


def read_status(folder: Path) -> Status | None:
    """A run's status as it is now; None if the folder tells nothing."""
    if (folder / RESULT).exists():
        return Status(state="finished")
    try:
        status = msgspec.json.decode((folder / STATUS).read_bytes(), type=Status)
    except (OSError, msgspec.MsgspecError):
        return None
    return status if is_alive(status) else replace(status, state="broken off")


def is_alive(status: Status) -> bool:
    """Whether a run that waits or runs has a process that will go on with it."""
    if status.state not in ("waiting", "running"):
        return True
    if status.host != platform.node():
        return time.time() - status.updated < STALE_S
    try:
        os.kill(status.process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives, under another user
    return True


def read_all(directory: Path) -> dict[Path, Status]:
    """The status of every run below a directory, by the path from there.

    Raises:
        UserError: There is no such directory, or no run in it.
    """
    if not directory.is_dir():
        raise UserError(f"{directory} is not a folder: give one that holds runs")
    folders = {path.parent for name in (STATUS, RESULT) for path in directory.rglob(name)}
    found = {folder: read_status(folder) for folder in sorted(folders)}
    if not found:
        raise UserError(f"there are no runs below {directory}: start with gru-bench run")
    return {
        folder.relative_to(directory): status
        for folder, status in found.items()
        if status is not None
    }


def print_status(directory: Path, console: Console) -> None:
    """Prints how many runs are in which state, and a line for each that is neither done nor to do.

    Raises:
        UserError: There is no such directory, or no run in it.
    """
    statuses = read_all(directory)
    count = Counter(status.state for status in statuses.values())
    console.print(f"{directory}: {', '.join(f'{n} {state}' for state, n in count.most_common())}")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for folder, status in statuses.items():
        if status.state not in ("finished", "waiting"):
            table.add_row(Text(status.state), Text(str(folder)), Text(_details(status)))
    if table.row_count:
        console.print(table)
    left = seconds_left(directory, statuses)
    if left is not None:
        console.print(f"about {show_clock(left)} left, if all take as long as those finished")


def seconds_left(directory: Path, statuses: dict[Path, Status]) -> float | None:
    """What the runs that wait or run will take; None if that is not known.

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
    """What finished runs took."""
    seconds = []
    for folder in folders:
        try:
            seconds.append(read_result(folder).timing.wall_s)
        except DamagedResult:
            continue
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
