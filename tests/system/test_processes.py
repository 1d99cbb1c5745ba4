"""Processes are told apart by more than their number."""

import os
import subprocess
import sys

import pytest

from gru_bench.system import processes
from gru_bench.system.processes import lives, start_of


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
