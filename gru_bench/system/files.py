"""Files: written atomically, hashed, and the folder of the user's cache."""

import hashlib
import os
import tempfile
from pathlib import Path

import platformdirs


def content_hash(file: str | None) -> str | None:
    """SHA-256 of a file's content; None if there is no such file."""
    if file is None or not Path(file).expanduser().is_file():
        return None
    with Path(file).expanduser().open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


UNFINISHED = ".unfinished-"  # begins the names of files that are being written


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces `path` in one step that survives a crash: readers see the old bytes or the new."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{UNFINISHED}{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private; results are to be shared like any other file.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def cache_dir() -> Path:
    """Folder of fetched corpora: the user's cache, or the environment's GRU_BENCH_CACHE."""
    override = os.environ.get("GRU_BENCH_CACHE")
    return Path(override).expanduser() if override else platformdirs.user_cache_path("gru-bench")
