"""Files: what is removed is what was written, and nothing behind a link."""

import pytest

from gru_bench.system.errors import UserError
from gru_bench.system.files import (
    refuse_link,
    remove_entries,
    require_working_directory,
    write_atomically,
)


@pytest.fixture
def documents(tmp_path):
    """A folder of somebody else's, with entries under names that gru-bench uses, too."""
    folder = tmp_path / "documents"
    (folder / "1" / "arrays").mkdir(parents=True)
    (folder / "1" / "arrays" / "thesis.txt").write_text("years of work")
    (folder / "events.out.tfevents.1").write_text("mine")
    return folder


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_entries_are_removed_by_name_and_a_folder_once_it_is_empty(tmp_path):
    folder = tmp_path / "written"
    (folder / "arrays" / "deep").mkdir(parents=True)
    (folder / "arrays" / "deep" / "file").touch()
    for name in ("about.json", "notes.txt"):
        (folder / name).touch()
    remove_entries(folder, "arrays*", "about.json*")
    assert everything(folder) == ["notes.txt"]
    remove_entries(folder, "notes.txt")
    assert not folder.exists()
    remove_entries(folder, "*")


def test_nothing_behind_a_link_is_removed(tmp_path, documents):
    before = everything(documents)
    link = tmp_path / "link"
    link.symlink_to(documents)
    remove_entries(link, "*")
    assert everything(documents) == before
    own = tmp_path / "own"
    own.mkdir()
    (own / "1").symlink_to(documents / "1")
    remove_entries(own, "1")
    assert not own.exists()
    assert everything(documents) == before


def test_a_link_is_refused_in_one_line(tmp_path, documents):
    refuse_link(documents)
    refuse_link(tmp_path / "missing")
    (tmp_path / "link").symlink_to(documents)
    with pytest.raises(UserError, match=r"is a link to .*documents: ") as error:
        refuse_link(tmp_path / "link")
    assert "\n" not in str(error.value)


def test_a_working_directory_that_was_removed(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    require_working_directory()
    (tmp_path / "gone").rmdir()
    with pytest.raises(UserError, match="the working directory was removed"):
        require_working_directory()


@pytest.mark.parametrize("durable", [True, False])
def test_only_what_must_outlive_a_loss_of_power_waits_for_the_disk(tmp_path, monkeypatch, durable):
    waited = []
    monkeypatch.setattr("os.fsync", waited.append)
    write_atomically(tmp_path / "file", b"data", durable)
    assert (tmp_path / "file").read_bytes() == b"data"
    assert bool(waited) == durable
    assert everything(tmp_path) == ["file"]
