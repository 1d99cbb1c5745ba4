"""Runs that were broken off with some seeds, and are asked for again with others."""

import pytest
from helpers.unmeasured import leave_unmeasured

from gru_bench.config.compose import compose_experiments
from gru_bench.evidence.choice import Choice
from gru_bench.experiments import population
from gru_bench.experiments.begun import begun_seeds, in_turn
from gru_bench.experiments.choose import Asked, Rounds
from gru_bench.experiments.limits import Limits
from gru_bench.experiments.minutes import Minutes
from gru_bench.experiments.resolve import resolve
from gru_bench.experiments.sweep import run_experiments
from gru_bench.runs.folder import CHECKPOINTS, CONFIG, OWNER, TRAINING, read_result
from gru_bench.training.checkpoints import Checkpoints
from gru_bench.training.fit import fit

WORDS = ["task=adding", "task.length=5", "hidden_size=3", "steps=4", "batch_size=4"]


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch):
    """No test here is about what a step costs."""
    leave_unmeasured(monkeypatch)


@pytest.fixture
def trained(monkeypatch):
    """The seeds of each training, and the step from which it went on."""
    seen = []

    def watched(train, task, seeds, rates, on_evaluation, resume, keep, starts):
        def watch(start):
            snapshot = resume(start)
            seen.append((list(seeds), snapshot.evaluations[-1].step if snapshot.evaluations else 0))
            return snapshot

        return fit(train, task, seeds, rates, on_evaluation, watch, keep, starts)

    monkeypatch.setattr(population, "fit", watched)
    return seen


def compose(folder, *words):
    settings = [*WORDS, "evaluate_every=2", "probes=false", f"out_dir={folder}", *words]
    return compose_experiments(settings, multirun=True)


def break_off(configs):
    """Runs them until the first checkpoint is kept."""
    keep = Checkpoints.keep

    def once(self, snapshot, now=False):
        keep(self, snapshot, now=True)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "keep", once)
        with pytest.raises(KeyboardInterrupt):
            run_experiments(configs, "test", quiet=True)


def scores(folder):
    return {seed.seed: seed.test for seed in read_result(folder).seeds}


def test_more_seeds_leave_what_was_begun_to_go_on(tmp_path, trained, capsys):
    break_off(compose(tmp_path / "a", "cell=rnn", "seeds=2"))
    (folder,) = run_experiments(compose(tmp_path / "a", "cell=rnn", "seeds=3"), "test").finished
    assert trained == [([0, 1], 0), ([0, 1], 2), ([2], 0)]
    told = capsys.readouterr().err
    assert "the seeds that were begun first, then the others" in told
    assert "[1/2]" in told
    assert "[2/2]" in told
    assert "is not used" not in told
    assert not (folder / CHECKPOINTS).exists()
    (whole,) = run_experiments(compose(tmp_path / "b", "cell=rnn", "seeds=3"), "test").finished
    assert scores(folder) == scores(whole)


def test_fewer_seeds_that_are_finished_leave_what_was_begun(tmp_path, trained):
    few, many = (compose(tmp_path, "cell=rnn", f"seeds={n}") for n in (1, 3))
    run_experiments(few, "test", quiet=True)
    break_off(many)
    run_experiments(few, "test", quiet=True)
    run_experiments(many, "test", quiet=True)
    assert trained == [([0], 0), ([1, 2], 0), ([1, 2], 2)]


def test_runs_that_are_trained_together_go_on_together(tmp_path, trained):
    rates = ("cell=rnn", "optim.learning_rate=0.1,0.2")
    break_off(compose(tmp_path, *rates, "seeds=1"))
    sweep = run_experiments(compose(tmp_path, *rates, "seeds=2"), "test", quiet=True)
    assert trained == [([0, 0], 0), ([0, 0], 2), ([1, 1], 0)]
    assert [len(read_result(folder).seeds) for folder in sweep.finished] == [2, 2]


def test_what_is_no_part_of_what_is_asked_for_is_trained_anew(tmp_path):
    break_off(compose(tmp_path, "cell=rnn", "seeds=3"))
    for words in (["seeds=1"], ["seeds=[5,6]"], ["seeds=3"], ["seeds=4", "force=true"]):
        population = resolve(compose(tmp_path, "cell=rnn", *words))
        assert in_turn(population) == [population]
    assert len(in_turn(resolve(compose(tmp_path, "cell=rnn", "seeds=4")))) == 2


@pytest.mark.parametrize("text", ["", "seeds: [a]", "seeds: [1, 1]", "["])
def test_a_folder_that_does_not_tell_has_begun_nothing(tmp_path, text):
    checkpoint = tmp_path / CHECKPOINTS / TRAINING / "1"
    checkpoint.mkdir(parents=True)
    assert begun_seeds(tmp_path, "this") == []
    (tmp_path / CONFIG).write_text(f"{OWNER}this\nseeds: [0, 1]")
    assert begun_seeds(tmp_path, "this") == [0, 1]
    assert begun_seeds(tmp_path, "another") == []
    (tmp_path / CONFIG).write_text(f"{OWNER}this\n{text}")
    assert begun_seeds(tmp_path, "this") == []
    checkpoint.rmdir()
    (tmp_path / CONFIG).write_text(f"{OWNER}this\nseeds: [0, 1]")
    assert begun_seeds(tmp_path, "this") == []


@pytest.fixture
def decided(monkeypatch):
    """A choice is decided after its first round."""
    monkeypatch.setattr(
        "gru_bench.experiments.choose.choose_cell",
        lambda results, *_: Choice(cell="gru", basis="decided", against=[]),
    )


def rounds(settings, notes):
    """The rounds of a choice in settings, with time for two seeds."""
    asked, left = Asked(Limits(), 1e-9, [], True), Minutes(1e-9)
    return Rounds(resolve(settings), [1] * len(settings), asked, left, notes.append)


@pytest.mark.usefixtures("decided")
def test_a_choice_goes_on_with_the_round_that_was_broken_off(tmp_path, trained):
    settings, notes = compose(tmp_path, "cell=gru,rnn", "seeds=3"), []
    run_experiments(settings[:1], "test", quiet=True)
    break_off(settings[1:])
    results, _ = rounds(settings, notes).run()
    assert [len(result.seeds) for result in results] == [3, 3]
    assert notes[0] == "going on with the 3 seeds of each cell that were begun"
    assert trained == [([0, 1, 2], 0), ([0, 1, 2], 0), ([0, 1, 2], 2)]


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize("begun", ["seeds=[4,5,6]", "seeds=3"])
def test_a_choice_goes_on_with_no_seeds_of_others_and_no_finished_ones(tmp_path, trained, begun):
    settings, notes = compose(tmp_path, "cell=rnn", begun), []
    break_off(settings)
    if begun == "seeds=3":
        (folder,) = run_experiments(settings, "test", quiet=True).folders
        (folder / CHECKPOINTS / TRAINING / "1").mkdir(parents=True)  # as of a run killed at its end
    results, _ = rounds(settings, notes).run()
    assert "going on" not in " ".join(notes)
    assert "--minutes leaves time for 2 seeds" in notes[0]
    assert {0, 1} <= {seed.seed for seed in results[0].seeds}
