"""Locks between processes, on file systems with and without locks of their own."""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from gru_bench.system.errors import UserError
from gru_bench.system.files import refuse_link

# What file systems without flock answer; network ones that have lost their lock server say EIO.
WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO, errno.EINVAL)
SHARED = 0o666  # A lock file holds nothing: whoever may work in the folder may lock there.
WAIT_S = 600.0


class Held(Exception):  # noqa: N818
    """Another process holds a lock. The message is empty, or says which and how to take over."""


@contextmanager
def lock(path: Path, wait: bool = False) -> Iterator[None]:
    """Holds a lock while the context is open.

    The operating system frees the lock of a process that is killed. Where the file system has no
    locks, a file beside it names the holder instead: that of a process of this machine that has
    ended is passed over, that of another machine has to be removed by the user.

    Args:
        path: The lock's file, whose folder is made if it is missing. The file is removed at the
            end; it stays where the file system has no locks.
        wait: Whether to wait for another process, for ten minutes at most.

    Raises:
        Held: Another process holds it.
        UserError: The file is a link, or cannot be made or opened.
    """
    refuse_link(path.parent)
    refuse_link(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = _acquire(path, WAIT_S if wait else 0.0)
        own = path.stat()
    except OSError as error:
        raise UserError(
            f"{path} cannot be locked ({error.strerror}): it must be a file that you may write to"
        ) from None
    try:
        yield
    finally:
        if isinstance(held, FileLock):
            _remove(path, own)
        held.release()


def _remove(path: Path, own: os.stat_result) -> None:
    """Removes the file of a lock that is still held.

    Whoever has opened it before and locks it afterwards holds nothing, since it has no name any
    more: `FileLock` looks for that and opens the file that is there then.
    """
    with contextlib.suppress(OSError):  # a user may have removed it, and another process made one
        if os.path.samestat(path.stat(), own):
            path.unlink()


def _acquire(path: Path, timeout_s: float) -> BaseFileLock:
    try:
        return _native(path, timeout_s)
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
    marker = path.with_name(f"{path.name}.held")
    soft = SoftFileLock(marker, timeout_s)
    try:
        soft.acquire()
    except Timeout:
        raise Held(_holder(marker)) from None
    return soft


def _native(path: Path, timeout_s: float) -> FileLock:
    """Returns the lock of the file system, held.

    Raises:
        Held: Another process holds it.
        OSError: The file cannot be opened, or the file system has no locks.
    """
    native = FileLock(path, timeout_s, SHARED, fallback_to_soft=False)
    for _ in range(2):  # The first try may have opened a file that its holder removed.
        try:
            native.acquire()
        except Timeout:
            continue
        except OSError as error:
            if error.errno != errno.ESTALE:  # as network file systems call a removed one
                raise
        else:
            return native
    raise Held


def _holder(marker: Path) -> str:
    """Returns who holds the lock that a file stands for, since when, and how to take it over."""
    try:
        process, host, *_ = marker.read_text().splitlines()
        minutes = (time.time() - marker.stat().st_mtime) / 60
    except (OSError, ValueError):
        return f"{marker} says so; remove it if no process is"
    return f"process {process} on {host}, for {minutes:.0f} minutes; if it is gone, remove {marker}"
