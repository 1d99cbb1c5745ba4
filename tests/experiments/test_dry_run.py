"""What a sweep would take, before it is run."""

import io
from dataclasses import replace

import jax
import pytest
from helpers.made_up import make_result
from rich.console import Console

from gru_bench.config.compose import compose_experiments
from gru_bench.experiments import dry_run
from gru_bench.experiments.dry_run import Planned, plan, print_plan, train_seconds
from gru_bench.experiments.resolve import resolve
from gru_bench.runs.folder import write_result

WORDS = ["cell=gru,rnn", "task=adding", "task.length=5", "hidden_size=3", "steps=10",
         "batch_size=40", "evaluate_every=5", "seeds=3", "probes=false"]  # fmt: skip


def test_seconds_of_training_with_its_evaluations():
    (experiment, _) = resolve(compose_experiments(WORDS, multirun=True))
    # 1000 validation sequences in batches of 40, forward alone, after steps 5 and 10.
    steps = 10 + 2 * 25 / 3
    rounds = -(-3 // jax.device_count())
    found = train_seconds(experiment.task, experiment.train, 0.5, 3)
    assert found == pytest.approx(steps * 0.5 * rounds)
    # Two devices share the batches of a run that is alone.
    alone = train_seconds(experiment.task, experiment.train, 0.5, 1)
    assert alone == pytest.approx(steps * 0.5 / jax.device_count())


def test_what_is_finished_takes_no_time(tmp_path):
    configs = compose_experiments([*WORDS, f"out_dir={tmp_path}"], multirun=True)
    experiment, _ = resolve(configs)
    experiment.folder.mkdir(parents=True)
    result = make_result(scores=[0.1] * 3, hidden_size=3)
    write_result(experiment.folder, replace(result, identity=experiment.identity))
    gru, rnn = plan(configs)
    assert (gru.state, rnn.state) == ("finished", "to do")
    assert (gru.parameters, rnn.parameters) == (3 * 3 * 6, 3 * 6)
    assert gru.seconds == 0 < rnn.seconds
    assert (gru.name, rnn.name) == ("adding · gru · h3", "adding · rnn · h3")
    assert len(list(tmp_path.rglob("result.json"))) == 1


def test_what_cannot_fit_is_said_and_not_measured(monkeypatch):
    measured = []
    monkeypatch.setattr(dry_run, "measure", lambda alike: measured.append(alike))
    words = ["cell=gru", *WORDS[1:], "hidden_size=3000000"]
    (planned,) = plan(compose_experiments(words, multirun=False))
    assert (planned.state, planned.seconds) == ("too large", 0)
    assert measured == []
    text = io.StringIO()
    print_plan([planned], Console(file=text, width=100))
    assert "too large" in text.getvalue()
    assert "1 run, 0 to do" in text.getvalue()


def test_the_sum_is_of_what_is_to_do():
    text = io.StringIO()
    runs = [
        Planned("a", "finished", 3, 54, 0.0, 1.0),
        Planned("b", "to do", 3, 18, 70.0, 2.0),
        Planned("c", "to do", 3, 1800, 20.0, None),
    ]
    print_plan(runs, Console(file=text, width=200))
    assert "3 runs, 2 to do: about 0:01:30 with compilation" in text.getvalue()
    assert "1,800" in text.getvalue()
