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
TRIES = 5  # A holder may remove its file after another process has opened it.


class Held(Exception):  # noqa: N818
    """Another process holds a lock. The message is empty, or says which and how to take over."""


@contextmanager
def lock(path: Path, wait: bool = False) -> Iterator[None]:
    """Holds a lock while the context is open.

    The operating system frees the lock of a process that is killed. Where the file system has no
    locks, a file beside it names the holder instead: that of a process of this machine that has
    ended is passed over, that of another machine has to be removed by the user.

    Its file is removed at the end, so a lock counts only if the path still names the file that was
    locked. On a local file system no two processes hold it at once unless a user removes its file
    meanwhile. A machine that works over a network may take a removed file for one that is still
    there, as long as it remembers names, which is some seconds: there this is not guaranteed.

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
        held, own = _acquire(path, WAIT_S if wait else 0.0)
    except OSError as error:
        raise UserError(
            f"{path} cannot be locked ({error.strerror}): it must be a file that you may write to"
        ) from None
    try:
        yield
    finally:
        if own is not None:
            _remove(path, own)
        held.release()


def _remove(path: Path, own: os.stat_result) -> None:
    """Removes the file of a lock that is still held, unless the path names another one now.

    Whoever has opened it before and locks it afterwards holds nothing: the path does not name it
    any more, and they open the file that it names then.
    """
    with contextlib.suppress(OSError):  # a user may have removed it, and another process made one
        if os.path.samestat(path.lstat(), own):
            path.unlink()


def _acquire(path: Path, timeout_s: float) -> tuple[BaseFileLock, os.stat_result | None]:
    """Returns a lock, held, and the status of its file; None of one that its release removes."""
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
    return soft, None


def _native(path: Path, timeout_s: float) -> tuple[FileLock, os.stat_result]:
    """Returns the lock of the file system, held, and the status of its file.

    Raises:
        Held: Another process holds it.
        OSError: The file cannot be opened, or is removed again and again before it is locked, or
            the file system has no locks.
    """
    own: list[os.stat_result] = []
    native = FileLock(
        path,
        mode=SHARED,
        fallback_to_soft=False,
        on_acquired=lambda descriptor: own.append(_status_if_named(path, descriptor)),
    )
    ends = time.monotonic() + timeout_s
    reason: Held | OSError = Held()
    for _ in range(TRIES):
        try:
            native.acquire(timeout=max(ends - time.monotonic(), 0.0))
        except Timeout:
            reason = Held()
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
            reason = error
        else:
            return native, own[0]
    raise reason


def _status_if_named(path: Path, descriptor: int) -> os.stat_result:
    """Returns the status of the open file that a lock is on.

    Raises:
        OSError: With `errno.ESTALE`, as network file systems call a removed file, if the path does
            not name it any more.
    """
    own = os.fstat(descriptor)
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(path.lstat(), own):
            return own
    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))


def _holder(marker: Path) -> str:
    """Returns who holds the lock that a file stands for, since when, and how to take it over."""
    try:
        process, host, *_ = marker.read_text().splitlines()
        minutes = (time.time() - marker.stat().st_mtime) / 60
    except (OSError, ValueError):
        return f"{marker} says so; remove it if no process is"
    return f"process {process} on {host}, for {minutes:.0f} minutes; if it is gone, remove {marker}"
