"""Processes are told apart by more than their number."""

import os
import subprocess
import sys

import pytest

from gru_bench.measuring.over_processes import in_processes
from gru_bench.system import processes
from gru_bench.system.processes import SAFE_PATH, lives, safe_path, start_of


@pytest.mark.process
def test_a_process_lives_until_it_ends():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = start_of(child.pid)
    assert start
    assert lives(child.pid, start)
    assert lives(child.pid, "")
    child.communicate(b"\n")
    assert not lives(child.pid, start)
    assert not lives(child.pid, "")
    assert start_of(child.pid) == ""


def test_a_number_that_was_given_out_again_is_another_process():
    assert lives(os.getpid(), start_of(os.getpid()))
    assert not lives(os.getpid(), "another start")


def test_where_the_start_is_not_known_the_number_has_to_do(monkeypatch):
    monkeypatch.setattr(processes, "start_of", lambda process: "")
    assert lives(os.getpid(), "a start")


def test_ps_tells_the_start_too():
    assert processes._start_by_ps(os.getpid()) == processes._start_by_ps(os.getpid())


@pytest.fixture
def strange_directory(tmp_path, monkeypatch):
    """A working directory with files that are named as modules are."""
    for name in ("random", "optax", "datasets", "json", "typing", "argparse", "socket", "tempfile"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('code of the working directory')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SAFE_PATH, raising=False)


@pytest.mark.process
@pytest.mark.usefixtures("strange_directory")
def test_the_module_as_a_command_takes_nothing_from_the_working_directory():
    words = ["run", "cell=gru", "task=adding", "--cfg", "job"]
    done = subprocess.run(
        [sys.executable, "-m", "gru_bench", *words], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "name: adding" in done.stdout


@pytest.mark.process
@pytest.mark.usefixtures("strange_directory")
def test_a_process_that_measures_takes_nothing_from_the_working_directory():
    assert in_processes(divmod, 7, processes=1) == [(0, 0)]
    assert SAFE_PATH not in os.environ


@pytest.mark.parametrize("before", [None, "", "1"])
def test_the_environment_of_the_caller_is_as_before(monkeypatch, before):
    monkeypatch.delenv(SAFE_PATH, raising=False)
    if before is not None:
        monkeypatch.setenv(SAFE_PATH, before)
    with safe_path():
        assert os.environ[SAFE_PATH] == "1"
    assert os.environ.get(SAFE_PATH) == before
