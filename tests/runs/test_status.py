"""How far runs are, as another terminal sees it."""

import io
import os
import subprocess
import sys

import msgspec
import pytest
from helpers.made_up import make_result
from rich.console import Console

from gru_bench.runs import status
from gru_bench.runs.folder import write_result
from gru_bench.runs.status import (
    STALE_S,
    STATUS,
    Status,
    clear_status,
    print_status,
    read_status,
    write_status,
)
from gru_bench.system.errors import UserError


def shown(directory):
    text = io.StringIO()
    print_status(directory, Console(file=text, width=200))
    return text.getvalue()


def state(folder):
    found = read_status(folder)
    return None if found is None else found.state


def tell(folder, **changes):
    """A status as another process may have left it."""
    write_status(folder, Status(state="running"))
    known = msgspec.json.decode((folder / STATUS).read_bytes())
    (folder / STATUS).write_bytes(msgspec.json.encode(known | changes))


def test_states(tmp_path):
    for name in ("running", "waiting", "failed"):
        write_status(tmp_path / name, Status(state=name))
        assert state(tmp_path / name) == name
    (tmp_path / "finished").mkdir()
    write_result(tmp_path / "finished", make_result())
    assert state(tmp_path / "finished") == "finished"
    clear_status(tmp_path / "failed")
    clear_status(tmp_path / "failed")
    assert state(tmp_path / "failed") is None


@pytest.mark.process
def test_a_run_whose_process_has_ended_is_broken_off(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    tell(tmp_path, process=ended.pid)
    assert state(tmp_path) == "broken off"
    tell(tmp_path, process=os.getpid())
    assert state(tmp_path) == "running"
    tell(tmp_path, state="failed", process=ended.pid)
    assert state(tmp_path) == "failed"


def test_a_number_given_out_again_is_no_sign_of_life(tmp_path):
    tell(tmp_path, process=os.getpid(), started="long ago")
    assert state(tmp_path) == "broken off"


@pytest.mark.process
def test_what_never_began_does_not_wait(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    tell(tmp_path / "a", state="waiting", process=ended.pid)
    tell(tmp_path / "b", state="waiting")
    assert state(tmp_path / "a") == "not begun"
    text = shown(tmp_path)
    assert "2 runs, " in text
    assert "1 not begun" in text
    assert "1 waiting" in text
    assert len(text.splitlines()) == 1


def test_runs_are_shown_by_what_tells_them_apart(tmp_path):
    for name, label in (("h8-1a2b", "gru · rate=0.1"), ("h8-3c4d", "gru · rate=0.2")):
        write_status(tmp_path / name, Status(state="failed", label=label, reason="why"))
    text = shown(tmp_path)
    assert "rate=0.1" in text
    assert "1a2b" not in text
    write_status(tmp_path / "h8-5e6f", Status(state="failed", label="gru · rate=0.1", reason="why"))
    text = shown(tmp_path)
    assert "h8-1a2b" in text
    assert "h8-5e6f" in text
    assert "rate=0.2" in text


def test_a_status_does_not_wait_for_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("waits for the disk"))
    write_status(tmp_path, Status(state="running"))
    assert state(tmp_path) == "running"


def test_no_more_than_a_sample_of_the_results_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(status, "SAMPLE", 3)
    for number in range(10):
        (tmp_path / f"{number}" / "seed_0").mkdir(parents=True)
        write_result(tmp_path / f"{number}", make_result())
    write_status(tmp_path / "10", Status(state="waiting"))
    read = []
    decode = msgspec.json.decode
    monkeypatch.setattr(
        msgspec.json, "decode", lambda data, type: read.append(type) or decode(data, type=type)
    )
    assert "about 0:00:36 left" in shown(tmp_path)
    assert read.count(status._Finished) <= 4


def test_on_another_machine_news_count(tmp_path):
    tell(tmp_path, host="elsewhere", process=1)
    assert state(tmp_path) == "running"
    known = msgspec.json.decode((tmp_path / STATUS).read_bytes())
    tell(tmp_path, host="elsewhere", process=1, updated=known["updated"] - 2 * STALE_S)
    assert state(tmp_path) == "broken off"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"state": "asleep"}', b"[1]"])
def test_a_damaged_status_tells_nothing(tmp_path, damage):
    (tmp_path / STATUS).write_bytes(damage)
    assert read_status(tmp_path) is None


def test_what_is_printed(tmp_path):
    names = ["a", "b", "c"]
    for name in names:
        (tmp_path / name).mkdir()
        write_result(tmp_path / name, make_result(steps=names.index(name)))
    write_status(tmp_path / "d", Status(state="running", step=250, total_steps=1000, rate=10.0))
    write_status(tmp_path / "e", Status(state="waiting"))
    write_status(tmp_path / "f", Status(state="failed", reason="MemoryError: too large"))
    text = shown(tmp_path)
    assert "3 finished, 1 running, 1 waiting, 1 failed" in text
    assert "step 250 of 1,000, 0:01:15 left" in text
    assert "MemoryError: too large" in text
    # 75 s for the one that runs, and the 36 s of a finished run for the one that waits.
    assert "about 0:01:51 left" in text


def test_waiting_runs_are_shared_out_among_the_processes_at_work(tmp_path):
    (tmp_path / "a").mkdir()
    write_result(tmp_path / "a", make_result())
    write_status(tmp_path / "b", Status(state="running", step=250, total_steps=1000, rate=10.0))
    tell(tmp_path / "c", host="elsewhere", step=250, total_steps=1000, rate=10.0)
    for name in "defg":
        write_status(tmp_path / name, Status(state="waiting"))
    # 75 s for those that run, and the 36 s of the finished run twice.
    assert "about 0:02:27 left" in shown(tmp_path)


def test_without_a_finished_run_there_is_no_telling_what_waiting_ones_take(tmp_path):
    write_status(tmp_path / "e", Status(state="waiting"))
    assert "left" not in shown(tmp_path)


def test_no_runs(tmp_path):
    with pytest.raises(UserError, match="there are no runs below"):
        print_status(tmp_path, Console())
    with pytest.raises(UserError, match="is not a folder"):
        print_status(tmp_path / "none", Console())


def test_a_disk_that_cannot_be_written_to_costs_the_news_alone(tmp_path):
    (tmp_path / "file").write_text("")
    write_status(tmp_path / "file", Status(state="running"))
    assert (tmp_path / "file").read_text() == ""
