"""The search for a horizon: with made-up outcomes in the place of training."""

from types import SimpleNamespace

import pytest

from gru_bench.cli.horizon import written_span
from gru_bench.config.compose import compose_experiments
from gru_bench.experiments import horizon
from gru_bench.experiments.sweep import Sweep
from gru_bench.system.errors import UserError

LIMITS = {"gru": 55, "lstm": 13, "rnn": 0}


@pytest.fixture
def trained(monkeypatch):
    """What was run, by cell. Seed s solves the task up to the limit of its cell, less s."""
    made = {}

    def train(configs):
        for config in configs:
            made.setdefault(config.cell.name, []).append(config.task.lag)
        return Sweep(list(configs))

    def read(config):
        limit = LIMITS[config.cell.name]
        seeds = [
            SimpleNamespace(seed=s, solved_step=3 if config.task.lag <= limit - s else None)
            for s in config.seeds
        ]
        return SimpleNamespace(seeds=seeds)

    monkeypatch.setattr(horizon, "read_result", read)
    return SimpleNamespace(made=made, train=train)


def search(trained, *words, precision=1.25):
    configs = compose_experiments(["task=copy", "task.lag=20", "seeds=4", *words], True)
    lines = []
    return horizon.find_horizons(configs, precision, trained.train, lines.append), lines


def test_each_cell_is_asked_until_its_gap_is_narrow(trained):
    found, lines = search(trained, "cell=gru,lstm,rnn")
    assert trained.made["gru"] == [20, 40, 80, 57, 48]
    assert trained.made["lstm"] == [20, 10, 14, 12]
    assert trained.made["rnn"] == [20, 10, 5, 2, 1]
    assert "gru: lag=40 is solved by 4 of 4 seeds" in lines
    assert 48 <= found["gru"].span.estimate <= 57
    assert written_span(found["rnn"]) == ("below 1", "below 1 to 1")


def test_it_ends_where_the_task_cannot_be_had(trained, monkeypatch):
    monkeypatch.setitem(LIMITS, "gru", 10_000)
    found, _ = search(trained, "cell=gru")
    assert trained.made["gru"] == [20, 40, 80, 160, 320]
    assert written_span(found["gru"]) == ("at least 320", "320 to above 320")


def test_the_last_difficulty_that_is_possible_is_tried_and_the_reason_said(trained, monkeypatch):
    monkeypatch.setitem(LIMITS, "gru", 10_000)
    monkeypatch.setattr(horizon, "DOUBLINGS", 9)
    configs = compose_experiments(["task=recall", "task.pairs=5", "seeds=4", "cell=gru"], True)
    lines = []

    def train(runs):
        trained.made.setdefault("gru", []).extend(run.task.pairs for run in runs)
        return Sweep(list(runs))

    monkeypatch.setattr(
        horizon,
        "read_result",
        lambda run: SimpleNamespace(
            seeds=[SimpleNamespace(seed=seed, solved_step=1) for seed in run.seeds]
        ),
    )
    found = horizon.find_horizons(configs, 1.25, train, lines.append)
    assert trained.made["gru"] == [5, 10, 20, 26]  # there are 26 keys
    assert written_span(found["gru"])[0] == "at least 26"
    assert "no further, since task.pairs=" in lines[-1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["task=copy,adding"], "one task at a time, and these are adding, copy"),
        (["task=copy", "task.lag=5,10"], "one setting a cell"),
        (["task=text"], "task=text has no horizon"),
        (["task=copy", "hidden_size=4,8"], "one setting a cell"),
    ],
)
def test_what_has_no_horizon_is_refused(words, line):
    with pytest.raises(UserError, match=line):
        horizon.require_axis(compose_experiments([*words, "cell=gru"], True))
