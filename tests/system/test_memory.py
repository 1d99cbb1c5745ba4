"""The memory that there is, as the system tells."""

import pytest

from gru_bench.system import memory


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Control groups as a file system, in place of the machine's."""
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    monkeypatch.setattr(memory, "MEMBER", tmp_path / "cgroup")
    return tmp_path


def test_the_machine_has_memory():
    found = memory.memory_bytes()
    assert found is not None
    assert found > 10**8


def test_the_least_limit_of_all_groups_counts(groups):
    (groups / "cgroup").write_text("0::/slice/job\n")
    (groups / "slice" / "job").mkdir(parents=True)
    (groups / "slice" / "job" / "memory.max").write_text("max\n")
    (groups / "slice" / "memory.max").write_text("30000000\n")
    assert memory.memory_bytes() == 30_000_000


def test_the_first_version_of_groups(groups):
    (groups / "cgroup").write_text("5:cpu:/a\n4:memory:/job\n")
    (groups / "memory" / "job").mkdir(parents=True)
    (groups / "memory" / "job" / "memory.limit_in_bytes").write_text("20000000\n")
    assert memory.memory_bytes() == 20_000_000


def test_kills_are_counted_where_the_system_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "EVENTS", tmp_path / "vmstat")
    assert memory.out_of_memory_kills() is None
    (tmp_path / "vmstat").write_text("pgfault 9\noom_kill 3\n")
    assert memory.out_of_memory_kills() == 3
    (tmp_path / "vmstat").write_text("pgfault 9\n")
    assert memory.out_of_memory_kills() is None
