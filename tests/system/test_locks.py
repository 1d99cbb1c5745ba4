"""Locks, with and without those of the file system."""

import errno
import os
import socket
import stat
import time

import filelock
import pytest

from gru_bench.system.errors import UserError
from gru_bench.system.locks import Held, lock


@pytest.fixture(params=[None, errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO])
def flock(request, monkeypatch):
    """The error of a file system that has no locks; None for one that has."""

    def fail(descriptor):
        raise OSError(request.param, os.strerror(request.param))

    if request.param is not None:
        monkeypatch.setattr(filelock._unix, "lock_fd_nonblocking", fail)
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

    monkeypatch.setattr(filelock._unix, "lock_fd_nonblocking", fail)


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
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "this").stat().st_mode) == 0o666


def test_a_lock_that_cannot_be_opened_is_said_in_one_line(tmp_path):
    (tmp_path / "this").mkdir()
    with pytest.raises(UserError, match="this cannot be locked") as error, lock(tmp_path / "this"):
        raise AssertionError
    assert "\n" not in str(error.value)
