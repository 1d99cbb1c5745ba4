# ruff: noqa: RUF001
"""Output that is not UTF-8, closed, broken or full: shown as well as may be, and never raised."""

import io
import os
import sys

import pytest
from rich.console import Console

from gru_bench.cli.main import main
from gru_bench.system.progress import Progress
from gru_bench.system.terminal import Display, displayed, say, say_unless, wrapped


class Dead(io.StringIO):
    """A stream whose other end is gone."""

    def __init__(self, error):
        super().__init__()
        self.raised, self.calls = error, 0

    def write(self, text):
        self.calls += 1
        raise self.raised

    flush = None

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "a - 2x +-0.5 ??"),
        ("latin-1", "a · 2× ±0.5 ??"),
        ("cp1252", "a · 2× ±0.5 ??"),
        ("utf-8", "a · 2× ±0.5 中\udcff"),
    ],
)
def test_what_an_encoding_lacks_becomes_what_looks_like_it(encoding, shown):
    buffer = io.BytesIO()
    display = Display(io.TextIOWrapper(buffer, encoding=encoding))
    display.write("a · 2× ±0.5 中\udcff")
    display.flush()
    assert display.error is None
    assert buffer.getvalue().decode(encoding) == shown.replace("\udcff", "?")


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OSError(5, "I/O error")])
def test_a_dead_terminal_is_written_to_once(error):
    stream = Dead(error)
    display = Display(stream)
    assert display.isatty()
    assert display.write("one") == 3
    display.write("two")
    display.flush()
    assert display.error is error
    assert stream.calls == 1
    assert not display.isatty()


def test_a_closed_stream_and_none_at_all():
    closed = io.StringIO()
    closed.close()
    for stream in (closed, None):
        display = Display(stream)
        display.write("lost")
        display.flush()
        assert not display.isatty()


def test_training_goes_on_when_its_terminal_is_gone(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Dead(OSError(5, "Input/output error")))
    done = []
    with Progress(2) as progress:
        for name in ("a", "b"):
            with progress.run(name, 100, "mse") as bar:
                bar.update(50)
                progress.note("a line")
                done.append(name)
    assert done == ["a", "b"]


@pytest.fixture
def pipe():
    """The writing end of a pipe whose reader is gone, as Python's standard output has it."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        yield stream


def test_a_reader_that_has_seen_enough_changes_nothing(pipe, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", pipe)
    assert main(["params"]) == 0
    assert sys.stdout is pipe
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_disk_is_said_in_one_line(monkeypatch, capsys):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["params"]) == 2
    assert capsys.readouterr().err == (
        "error: the output cannot be written: No space left on device\n"
    )


def test_the_streams_are_put_back():
    before = sys.stdout, sys.stderr
    with displayed():
        assert sys.stdout is not before[0]
    assert (sys.stdout, sys.stderr) == before


def test_lines_for_people_keep_within_the_width_and_commands_stay_whole():
    command = f"gru-bench run cell=gru task=adding out_dir={'x' * 90}"
    table = "gru    0.1\nlstm   0.2"
    text = f"{'words of-a sentence ' * 8}\n{command}\n{table}"
    lines = wrapped(text, 40).split("\n")
    assert command in lines
    assert lines[-2:] == table.split("\n")
    assert all(len(line) <= 40 for line in lines if line != command)
    assert " ".join(lines[:-3]).split() == text.split("\n")[0].split()
    assert wrapped("x" * 50, 40) == "x" * 50  # a word, such as a path, is not broken


def test_what_is_said_has_80_columns_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "__stdout__", io.StringIO())
    say("word " * 40)
    progress = Progress(0, console=Console(file=sys.stderr))
    progress.note("word " * 40)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert max(map(len, lines)) <= 80


def test_notes_on_progress_are_said_unless_quiet_is_asked_for(capsys):
    for quiet in (False, True):
        say_unless(quiet)(f"quiet is {quiet}")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "quiet is False\n")
