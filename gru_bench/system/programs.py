"""The compiled programs that JAX keeps on disk: damaged ones and old ones are removed.

JAX itself never replaces an entry that it cannot read, and writes one in place, so that a kill
leaves half of it. Its own bound on the size relies on a second file for each entry, which a kill
may leave out, too.
"""

import contextlib
import importlib
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from gru_bench.system.files import cache_dir, write_atomically

ENTRY = re.compile(r".+-[0-9a-f]{64}-cache")  # what JAX calls its files
LIMIT_BYTES = 2 * 2**30
SOUND = ".sound.json"  # size and time of the entries that were found to be whole
ZSTANDARD = b"\x28\xb5\x2f\xfd"  # how such a file begins


def programs_dir() -> Path:
    """Returns the folder of compiled programs in the user's cache."""
    return cache_dir() / "programs"


@dataclass(frozen=True)
class CachedProgram:
    """A file of one compiled program."""

    path: Path
    size: int
    written_ns: int
    used_ns: int


def entries(folder: Path) -> list[CachedProgram]:
    """Returns the entries in a folder, which may be missing."""
    found = []
    for path in folder.glob("*-cache"):
        if not ENTRY.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError):  # Another process removes entries, too.
            about = path.lstat()
            used = max(about.st_atime_ns, about.st_mtime_ns)
            found.append(CachedProgram(path, about.st_size, about.st_mtime_ns, used))
    return found


def tidy(folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
    """Removes entries that are not whole, and those unused for longest beyond a limit.

    An entry is read once: it is whole as long as its size and its time are the same.

    Args:
        folder: Where the entries are; it may be missing.
        limit_bytes: What all of them may take up.
    """
    known: dict[str, list[int]] = {}
    with contextlib.suppress(OSError, ValueError):
        known = json.loads((folder / SOUND).read_bytes())
    sound: dict[str, list[int]] = {}
    left = limit_bytes
    for entry in sorted(entries(folder), key=lambda each: -each.used_ns):
        mark = [entry.size, entry.written_ns]
        if entry.size <= left and (known.get(entry.path.name) == mark or is_whole(entry.path)):
            sound[entry.path.name] = mark
            left -= entry.size
        else:
            with contextlib.suppress(OSError):
                entry.path.unlink()
    if sound != known:
        with contextlib.suppress(OSError):
            write_atomically(folder / SOUND, json.dumps(sound).encode(), durable=False)


def is_whole(path: Path) -> bool:
    """Whether a file can be decompressed to its end, as JAX does."""
    try:
        content = path.read_bytes()
        if content.startswith(ZSTANDARD):
            importlib.import_module("zstandard").ZstdDecompressor().decompress(content)
        else:
            zlib.decompress(content)
    except ImportError:  # Then JAX has another reader of it.
        return True
    except Exception:  # Whatever a decompressor makes of foreign bytes.
        return False
    return True
