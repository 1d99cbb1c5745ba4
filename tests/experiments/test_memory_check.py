"""Runs too large for the machine, found from shapes; and those that died of it."""

import dataclasses
from pathlib import Path

import pytest

from gru_bench.config.optim import OptimConfig
from gru_bench.experiments import memory_check
from gru_bench.experiments.memory_check import (
    attempted,
    least_bytes,
    require_memory,
    require_survivor,
)
from gru_bench.model.model import ModelConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks.adding import AddingTask
from gru_bench.training.state import TrainConfig

TASK = AddingTask(length=10, batch_size=4)
GRU = ModelConfig("gru", input_size=2, output_size=1, hidden_size=8)
TRAIN = TrainConfig(GRU, OptimConfig(), steps=1, evaluate_every=1)


def test_what_is_held_follows_from_shapes():
    parameters = 3 * 8 * (2 + 8 + 1) + 8 + 1
    # Parameters, the best ones and the two moments of Adam, each run; a gradient; states.
    at_least = 4 * (4 * parameters)
    one, two = (least_bytes(TRAIN, TASK, runs) for runs in (1, 2))
    assert at_least <= two - one < at_least + 500
    assert one == two - one + 4 * parameters + 4 * (4 * 10 * 8)


def test_what_cannot_fit_is_refused_with_figures_and_nothing_is_allocated():
    huge = dataclasses.replace(TRAIN, model=dataclasses.replace(GRU, hidden_size=3_000_000))
    with pytest.raises(
        UserError, match=r"5 seeds at hidden_size=3000000, in .* hold at least 2,268,003"
    ) as e:
        require_memory(huge, TASK, 5)
    assert "\n" not in str(e.value)
    require_memory(TRAIN, TASK, 5)


def test_where_the_memory_is_not_known_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(memory_check, "memory_bytes", lambda: None)
    require_memory(
        dataclasses.replace(TRAIN, model=dataclasses.replace(GRU, hidden_size=10**6)), TASK, 1
    )


@pytest.fixture
def kills(monkeypatch):
    """How many processes the system has killed, as a test wants it."""
    count = [5]
    monkeypatch.setattr(memory_check, "out_of_memory_kills", lambda: count[0])
    return count


class Killed(BaseException):
    """Ends a process without a word: whatever is to be done at the end is not."""


def die(folder, monkeypatch, force=False):
    """An attempt at a run whose process is killed."""
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(Killed), attempted([folder], force):
            raise Killed


def test_a_run_that_died_twice_for_want_of_memory_is_passed_over(tmp_path, monkeypatch, kills):
    for _ in range(2):
        require_survivor(tmp_path, force=False)
        die(tmp_path, monkeypatch)
        kills[0] += 1
    with pytest.raises(UserError, match="passed over: its process was killed 2 times"):
        require_survivor(tmp_path, force=False)
    require_survivor(tmp_path, force=True)
    with attempted([tmp_path], force=True):
        assert memory_check.deaths(tmp_path) == 0
    require_survivor(tmp_path, force=False)
    assert list(tmp_path.iterdir()) == []


def test_other_deaths_do_not_count(tmp_path, monkeypatch, kills):
    for _ in range(3):
        die(tmp_path, monkeypatch)
    require_survivor(tmp_path, force=False)
    assert kills == [5]
