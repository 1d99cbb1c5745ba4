"""How much memory there is for this process, and how often the system has run out of it."""

import contextlib
import os
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
MEMBER = Path("/proc/self/cgroup")
EVENTS = Path("/proc/vmstat")


def memory_bytes() -> int | None:
    """Returns the memory that this process may have at most; None where the system does not tell.

    It is that of the machine, or less where the process is in a group with a limit, such as a
    container or a job of a cluster.
    """
    limits = []
    with contextlib.suppress(ValueError, OSError, AttributeError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    limits += _group_limits()
    return min(limits, default=None)


def _group_limits() -> list[int]:
    """Returns the limits of the groups that the process is in, of either version of cgroups."""
    limits = []
    try:
        lines = MEMBER.read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root, name = (GROUPS, "memory.max") if not controllers else (
            GROUPS / "memory", "memory.limit_in_bytes"
        )  # fmt: skip
        group = root / path.lstrip("/")
        for each in (group, *group.parents):
            with contextlib.suppress(OSError, ValueError):  # "max" stands for no limit.
                limits.append(int((each / name).read_text()))
            if each == root:
                break
    return limits


def out_of_memory_kills() -> int | None:
    """Returns how many processes the system has killed for want of memory since it was started.

    None where it does not tell.
    """
    try:
        lines = EVENTS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
