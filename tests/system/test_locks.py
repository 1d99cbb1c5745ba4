"""Locks, with and without those of the file system."""

import contextlib
import errno
import fcntl
import os
import socket
import stat
import subprocess
import sys
import time

import pytest

from gru_bench.system import locks
from gru_bench.system.errors import UserError
from gru_bench.system.locks import Held, lock

FLOCK = fcntl.flock


def locked_by(monkeypatch, taking):
    """Has a function of the descriptor take the locks of the file system, which still lets go."""

    def flock(descriptor, operation):
        if operation & fcntl.LOCK_NB:
            taking(descriptor)
        else:
            FLOCK(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)


def take(descriptor):
    """Takes a lock as the file system does."""
    FLOCK(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.fixture(params=[None, errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO])
def flock(request, monkeypatch):
    """The error of a file system that has no locks; None for one that has."""

    def fail(descriptor):
        raise OSError(request.param, os.strerror(request.param))

    if request.param is not None:
        locked_by(monkeypatch, fail)
    return request.param


def test_one_at_a_time(tmp_path, flock):
    path = tmp_path / "locks" / "this"
    with lock(path):
        with lock(path.with_name("another")):
            pass
        with pytest.raises(Held) as holder, lock(path):
            raise AssertionError
    assert ("" if flock is None else f"process {os.getpid()} on ") in str(holder.value)
    with lock(path):
        pass


@pytest.fixture
def without_flock(monkeypatch):
    def fail(descriptor):
        raise OSError(errno.ENOLCK, "No locks available")

    locked_by(monkeypatch, fail)


@pytest.mark.usefixtures("without_flock")
def test_the_holder_on_another_machine_is_named_and_can_be_taken_over(tmp_path):
    marker = tmp_path / "this.held"
    marker.write_text("17\nnode7\n")
    two_hours_ago = time.time() - 7200
    os.utime(marker, (two_hours_ago, two_hours_ago))
    with pytest.raises(Held) as holder, lock(tmp_path / "this"):
        raise AssertionError
    assert str(holder.value) == (
        f"process 17 on node7, for 120 minutes; if it is gone, remove {marker}"
    )
    marker.unlink()
    with lock(tmp_path / "this"):
        pass
    assert not marker.exists()


@pytest.mark.usefixtures("without_flock")
def test_a_holder_of_this_machine_that_has_ended_is_passed_over(tmp_path):
    (tmp_path / "this.held").write_text(f"{2**22 + 1}\n{socket.gethostname()}\n")  # no such process
    with lock(tmp_path / "this", wait=True):
        pass


def test_a_link_in_the_place_of_a_lock_is_refused(tmp_path):
    document = tmp_path / "document"
    document.write_text("years of work")
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "this").symlink_to(document)
    with pytest.raises(UserError, match="is a link to"), lock(tmp_path / "locks" / "this"):
        raise AssertionError
    (tmp_path / "linked").symlink_to(tmp_path / "locks")
    with pytest.raises(UserError, match="is a link to"), lock(tmp_path / "linked" / "another"):
        raise AssertionError
    assert document.read_text() == "years of work"


def test_users_share_locks_whatever_their_umask(tmp_path):
    before = os.umask(0o077)
    try:
        with lock(tmp_path / "this"):
            mode = (tmp_path / "this").stat().st_mode
    finally:
        os.umask(before)
    assert stat.S_IMODE(mode) == 0o666


def test_a_lock_that_cannot_be_opened_is_said_in_one_line(tmp_path):
    (tmp_path / "this").mkdir()
    with pytest.raises(UserError, match="this cannot be locked") as error, lock(tmp_path / "this"):
        raise AssertionError
    assert "\n" not in str(error.value)


def test_nothing_is_left_of_a_lock_that_was_let_go(tmp_path):
    for wait in (False, True):
        with lock(tmp_path / "locks" / "this", wait):
            pass
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_file_that_its_holder_removes_once_it_is_opened_is_no_lock(tmp_path, monkeypatch):
    path = tmp_path / "this"
    holder = contextlib.ExitStack()
    holder.enter_context(lock(path))

    def after_the_holder(descriptor):
        holder.close()
        take(descriptor)

    locked_by(monkeypatch, after_the_holder)
    with lock(path):
        assert path.exists()
        with pytest.raises(Held), lock(path):
            raise AssertionError


def test_who_waits_does_so_once(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "WAIT_S", 0.5)
    with lock(tmp_path / "this"):
        began = time.monotonic()
        with pytest.raises(Held), lock(tmp_path / "this", wait=True):
            raise AssertionError
        assert 0.5 <= time.monotonic() - began < 0.9


@pytest.mark.parametrize("wait", [False, True])
def test_a_file_that_is_always_removed_is_no_lock_of_another_process(tmp_path, monkeypatch, wait):
    answers = [errno.ESTALE]

    def stale(descriptor):
        if answers:
            raise OSError(answers[-1], os.strerror(answers[-1]))
        take(descriptor)

    locked_by(monkeypatch, stale)
    with pytest.raises(UserError, match="Stale file handle"), lock(tmp_path / "this", wait):
        raise AssertionError
    answers.clear()
    with lock(tmp_path / "this", wait):
        pass


@pytest.mark.parametrize("wait", [False, True])
def test_a_removed_file_that_a_network_keeps_under_another_name_is_no_lock(
    tmp_path, monkeypatch, wait
):
    """NFS renames a file that is removed while it is open, so its count of names stays at one."""
    path = tmp_path / "this"
    monkeypatch.setattr(locks, "WAIT_S", 0.1)
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    first.enter_context(lock(path))

    def after_the_first(descriptor):
        locked_by(monkeypatch, take)
        path.rename(tmp_path / ".nfs17")
        first.close()
        second.enter_context(lock(path))
        take(descriptor)

    locked_by(monkeypatch, after_the_first)
    with second, pytest.raises(Held), lock(path, wait):
        raise AssertionError
    with lock(path, wait):
        assert path.exists()
    assert [left.name for left in tmp_path.iterdir()] == [".nfs17"]


def test_a_file_that_was_replaced_is_left_to_who_holds_it(tmp_path):
    path = tmp_path / "this"
    with lock(path):
        path.unlink()  # as a user may
        other = contextlib.ExitStack()
        other.enter_context(lock(path))
    with other, pytest.raises(Held), lock(path):
        raise AssertionError


# Holds the lock so many times, while it makes a file that nobody else may have made.
IN_TURNS = """
import os, sys
from pathlib import Path
from gru_bench.system.locks import Held, lock
folder, times = Path(sys.argv[1]), int(sys.argv[2])
refused = 0
while times:
    try:
        with lock(folder / "lock"):
            os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))
            (folder / "inside").unlink()
            times -= 1
    except Held:
        refused += 1
print(refused)
"""


def test_no_two_processes_hold_a_lock_whose_file_is_removed_each_time(tmp_path):
    words = [sys.executable, "-c", IN_TURNS, str(tmp_path), "1000"]
    processes = [
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ends = [process.communicate(timeout=120) for process in processes]
    assert [error for _, error in ends] == ["", ""]
    assert any(int(refused) for refused, _ in ends), "they never met"
    assert list(tmp_path.iterdir()) == []
