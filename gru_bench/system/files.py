"""Files: written atomically, removed by name, hashed, and the folder of the user's cache."""

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

import platformdirs

from gru_bench.system.errors import UserError

UNFINISHED = ".unfinished-"  # begins the names of files that are being written


def expand_home(path: str | Path) -> Path:
    """Returns the path with `~` at its beginning replaced; as it is if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def is_file(path: Path) -> bool:
    """Returns whether the path is a file; False, too, where it cannot be looked at."""
    try:
        return path.is_file()
    except OSError:
        return False


def content_hash(file: str | Path | None) -> str | None:
    """Returns the SHA-256 of a file's content; None if there is no such file."""
    if file is None or not is_file(expand_home(file)):
        return None
    with expand_home(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes, durable: bool = True) -> None:
    """Replaces `path` in one step: readers see the old bytes or the new.

    Args:
        path: The file.
        data: Its new content.
        durable: Whether to wait for the disk, so that this holds for a machine that loses power,
            too. What is soon out of date need not.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{UNFINISHED}{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        # mkstemp makes files private; results are to be shared like any other file.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_named_file(path: Path, content: bytes) -> None:
    """Writes a file that a user has named, whose folder is made if it is missing.

    Raises:
        UserError: It cannot be written.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def read_regular_file(path: Path) -> bytes:
    """Returns the content of a file.

    Raises:
        OSError: It cannot be read, or is something else, such as a pipe, which would never end.
    """
    # Opened without waiting for a pipe's other end, and looked at once it is open.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read()


def refuse_link(path: Path) -> None:
    """Raises `UserError` if the path is a symbolic link.

    Behind a link may lie anything, and gru-bench deletes and replaces files of its own alone.
    """
    if path.is_symlink():
        raise UserError(
            f"{path} is a link to {path.readlink()}: gru-bench writes and deletes nothing behind"
            " links; remove the link, or name another out_dir (which may be a link itself)"
        )


def remove_entries(folder: Path, *patterns: str) -> None:
    """Removes what is directly in a folder under such names, then the folder if nothing is left.

    Other entries stay, and so does everything behind a link. What cannot be removed is left there.

    Args:
        folder: It may be missing.
        patterns: Such as `*.json`.
    """
    if folder.is_symlink():
        return
    for pattern in patterns:
        for path in folder.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.unlink()
    with contextlib.suppress(OSError):  # it is not empty
        folder.rmdir()


def require_working_directory() -> None:
    """Raises `UserError` if the working directory was removed."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise UserError("the working directory was removed: change to one that exists") from None


def cache_dir() -> Path:
    """Returns the cache of fetched corpora: the user's, or the environment's GRU_BENCH_CACHE."""
    override = os.environ.get("GRU_BENCH_CACHE")
    return expand_home(override) if override else platformdirs.user_cache_path("gru-bench")
