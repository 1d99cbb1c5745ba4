"""Compiled programs on disk: damaged ones go, and those beyond the limit."""

import os
import zlib

import pytest

from gru_bench.system import programs
from gru_bench.system.programs import SOUND, entries, is_whole, tidy

MINE = ("notes.txt", "geo-cache")


def name_of(number):
    """A name as JAX gives it."""
    return f"jit_{number}-{number:064x}-cache"


WHOLE = zlib.compress(b"a program" * 1000)


@pytest.fixture
def folder(tmp_path):
    """Four entries, each used at its number of seconds, and a file of somebody else's."""
    for number in range(1, 5):
        path = tmp_path / name_of(number)
        path.write_bytes(WHOLE)
        os.utime(path, (number, number))
    for name in MINE:
        (tmp_path / name).write_text("mine")
    return tmp_path


def names(folder):
    return sorted(each.path.name for each in entries(folder))


ALL = [name_of(number) for number in range(1, 5)]


@pytest.mark.parametrize("content", [WHOLE[: len(WHOLE) // 2], b"", b"\0" * 99])
def test_a_damaged_entry_goes_so_that_jax_writes_it_anew(folder, content):
    (folder / ALL[1]).write_bytes(content)
    tidy(folder)
    assert names(folder) == [ALL[0], *ALL[2:]]
    assert all((folder / name).read_text() == "mine" for name in MINE)


def test_a_whole_entry_is_read_once(folder, monkeypatch):
    read = []
    monkeypatch.setattr(programs, "is_whole", lambda path: read.append(path.name) or True)
    tidy(folder)
    tidy(folder)
    assert sorted(read) == ALL
    (folder / ALL[2]).write_bytes(WHOLE + b"more")
    tidy(folder)
    assert read[4:] == [ALL[2]]
    (folder / SOUND).write_text("{")
    tidy(folder)
    assert len(read) == 9


def test_those_unused_for_longest_go_beyond_the_limit(folder):
    tidy(folder, limit_bytes=2 * len(WHOLE) + 1)
    assert names(folder) == ALL[2:]


def test_a_folder_that_is_not_there(tmp_path):
    tidy(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_jax_writes_is_whole(tmp_path):
    from jax._src.compilation_cache import compress_executable

    (tmp_path / "x-cache").write_bytes(compress_executable(b"program"))
    assert is_whole(tmp_path / "x-cache")
