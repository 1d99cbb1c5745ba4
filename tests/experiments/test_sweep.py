"""Sweeps: what is run together, what fails alone, what another process has."""

import signal
from unittest.mock import create_autospec

import pytest
from filelock import FileLock
from helpers.unmeasured import leave_unmeasured

from gru_bench.config.compose import compose_experiments
from gru_bench.config.run import RunConfig
from gru_bench.experiments.costs import Cost, measure_cells
from gru_bench.experiments.memory_check import ATTEMPT, least_bytes
from gru_bench.experiments.resolve import SIZES, resolve
from gru_bench.experiments.run_locks import lock_of
from gru_bench.experiments.sweep import KEPT_POPULATIONS, run_experiments
from gru_bench.measuring.equal_time import TimeMatch, match_training_time
from gru_bench.report.group_notes import group_notes
from gru_bench.report.groups import make_groups
from gru_bench.runs.folder import CHECKPOINTS, CONFIG, ERROR, OWNER, RESULT, read_result
from gru_bench.runs.status import Status, read_status, write_status
from gru_bench.runs.weights import MODEL, WEIGHTS
from gru_bench.system.errors import UserError
from gru_bench.training.checkpoints import Checkpoints
from gru_bench.training.fit import fit

WORDS = ["task=adding", "task.length=5", "hidden_size=3", "steps=4", "batch_size=4", "seeds=2"]


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch):
    """No test here is about what a step costs."""
    leave_unmeasured(monkeypatch)


def compose(*words, multirun=True):
    return compose_experiments([*WORDS, "probes=false", *words], multirun=multirun)


def scores(folder):
    return {seed.seed: seed.test for seed in read_result(folder).seeds}


def test_a_task_is_described_once_it_has_ended_and_others_are_to_come(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("gru_bench.experiments.sweep.run_population", lambda *_: None)
    configs = [
        config
        for task in ("adding", "copy", "counting")
        for config in compose_experiments(
            ["cell=gru,rnn", f"task={task}", "hidden_size=4", f"out_dir={tmp_path}"], multirun=True
        )
    ]
    described = []

    def describe(folders):
        described.append([folder.relative_to(tmp_path).parts[:2] for folder in folders])
        return "what they come to"

    run_experiments(configs, "test", describe=describe)
    tasks = [{task.partition("-")[0] for task, _ in folders} for folders in described]
    assert tasks == [{"adding"}, {"copy"}]  # the report has the last at once
    assert [[cell for _, cell in folders] for folders in described] == [["gru", "rnn"]] * 2
    assert capsys.readouterr().err.count("what they come to") == 2


def test_what_changes_no_shape_is_one_population():
    words = ["cell=gru,rnn", "optim.learning_rate=0.1,0.2", "hidden_size=3,4"]
    experiments = resolve(compose(*words))
    populations = {}
    for experiment in experiments:
        populations.setdefault(experiment.population, []).append(experiment.config)
    assert len(populations) == 4
    for configs in populations.values():
        assert {config.optim.learning_rate for config in configs} == {0.1, 0.2}
        assert len({(config.cell.name, config.hidden_size) for config in configs}) == 1
    # A rate that is sought is not known beforehand, so that such runs stand alone.
    tuned = compose("optim.clip_norm=1,2", "tune.learning_rates=[0.1]")
    assert len({experiment.population for experiment in resolve(tuned)}) == 2


@pytest.mark.optimised
def test_a_run_ends_the_same_alone_and_in_a_population(tmp_path):
    rates = "optim.learning_rate=0.02,0.05"
    together = run_experiments(compose(rates, f"out_dir={tmp_path}/together"), "test", quiet=True)
    alone = run_experiments(
        compose("optim.learning_rate=0.05", f"out_dir={tmp_path}/alone"), "test", quiet=True
    )
    assert len(together.finished) == 2
    assert scores(together.folders[1]) == scores(alone.folders[0])
    assert scores(together.folders[0]) != scores(alone.folders[0])
    # A second start has nothing to do.
    before = [(folder / RESULT).stat().st_mtime_ns for folder in together.folders]
    again = run_experiments(compose(rates, f"out_dir={tmp_path}/together"), "again", quiet=True)
    assert [(folder / RESULT).stat().st_mtime_ns for folder in again.finished] == before


@pytest.mark.optimised
def test_a_sweep_over_an_option_of_the_cell_trains_each_as_it_says(tmp_path):
    bias = "cell.forget_bias=0,5"
    together = run_experiments(compose("cell=lstm", bias, f"out_dir={tmp_path}/a"), "t", quiet=True)
    words = ["cell=lstm", "cell.forget_bias=5", f"out_dir={tmp_path}/b"]
    alone = run_experiments(compose(*words), "t", quiet=True)
    assert scores(together.folders[1]) == scores(alone.folders[0])
    assert scores(together.folders[0]) != scores(together.folders[1])


def test_without_tensorboard_a_run_is_four_files_and_the_same(tmp_path):
    for folder, words in (("with", []), ("without", ["tensorboard=false"])):
        run_experiments(compose("cell=gru", *words, f"out_dir={tmp_path / folder}"), "test")
    (logged,), (bare,) = (list((tmp_path / each).rglob(RESULT)) for each in ("with", "without"))
    assert {file.name for file in bare.parent.rglob("*")} == {
        CONFIG, MODEL, RESULT, WEIGHTS,
    }  # fmt: skip
    assert scores(bare.parent) == scores(logged.parent)


def test_seconds_of_a_population_are_shared_out(tmp_path):
    words = ["optim.learning_rate=0.02,0.03,0.05", "seeds=1", f"out_dir={tmp_path}"]
    sweep = run_experiments(compose(*words), "test", quiet=True)
    results = [read_result(folder) for folder in sweep.finished]
    assert len({result.timing.train_s for result in results}) == 1
    for result in results:
        (seed,) = result.seeds
        assert seed.curve.time_s[-1] == pytest.approx(result.timing.train_s)


def test_tuned_runs_use_the_best_rate_on_seeds_of_their_own(tmp_path):
    words = ["tune.learning_rates=[1e-5,0.05]", "tune.seeds=1", "steps=40", f"out_dir={tmp_path}"]
    sweep = run_experiments(compose(*words, multirun=False), "test", quiet=True)
    result = read_result(sweep.folders[0])
    assert result.tuning is not None
    slow, fast = (row[0] for row in result.tuning.scores)
    assert fast < slow
    assert result.tuning.chosen == 0.05
    assert [seed.learning_rate for seed in result.seeds] == [0.05, 0.05]
    assert not set(result.tuning.seeds) & {seed.seed for seed in result.seeds}


def test_the_start_is_tuned_with_the_rate_and_used(tmp_path):
    """A run that is given the chosen start comes out the same, seeds that are added included."""

    def run(*words, seeds):
        asked = ["cell=lstm", "optim.learning_rate=0.05", "steps=10", f"out_dir={tmp_path}"]
        configs = compose(*asked, *words, f"seeds={seeds}", multirun=False)
        return read_result(run_experiments(configs, "test", quiet=True).folders[0])

    grid = ["tune.keeps=[0.999,0.3]", "tune.seeds=1"]
    tuning = run(*grid, seeds=1).tuning
    assert tuning is not None
    (first,), (second,) = tuning.scores
    assert first != second
    keep = 0.999 if first < second else 0.3  # of errors
    assert (tuning.chosen, tuning.chosen_keep) == (0.05, keep)
    tuned = run(*grid, seeds=2)
    assert tuned.tuning == tuning
    given = [run(f"cell.keep={keep}", seeds=seeds) for seeds in (1, 2)][-1]
    assert tuned.test_scores == given.test_scores


@pytest.mark.parametrize("match", ["parameters", "flops"])
def test_matched_runs_say_how_large_they_are(tmp_path, match):
    words = ["cell=gru", "hidden_size=8", f"match={match}", f"out_dir={tmp_path}"]
    sweep = run_experiments(compose(*words, multirun=False), "test", quiet=True)
    result = read_result(sweep.folders[0])
    # By hand: of 352 parameters 324 at 9 units, 390 at 10; of 776 operations 720 and 860.
    assert (result.nominal_size, result.hidden_size) == (8, 9)
    assert result.parameters.cell == 3 * result.hidden_size * (2 + result.hidden_size + 1)
    assert result.parameters.lstm == 4 * 8 * (2 + 8 + 1)


def test_sizes_of_equal_time_are_measured_once(tmp_path, monkeypatch):
    found = {"rnn": TimeMatch(hidden_size=7, ratio=0.8, ratios={7: 0.8})}
    measure = create_autospec(match_training_time, return_value=found)
    monkeypatch.setattr("gru_bench.experiments.resolve.match_training_time", measure)
    configs = compose("cell=rnn", "match=time", "steps=2", f"out_dir={tmp_path}")
    (experiment,) = resolve(configs)
    assert experiment.train.model.hidden_size == 7
    # What is kept is used, whatever a second measurement would find.
    measure.return_value = {"rnn": TimeMatch(hidden_size=8, ratio=1.0, ratios={8: 1.0})}
    sweep = run_experiments(configs, "test", quiet=True)
    measure.assert_called_once()
    assert len(list((tmp_path / SIZES).glob("*.json"))) == 1
    result = read_result(sweep.folders[0])
    assert (result.hidden_size, result.equal_time_ratio) == (7, 0.8)
    assert result.misses_equal_time
    (group,) = make_groups([result])
    assert any(
        "took 0.80 of the LSTM's time: equal time was missed" in n for n in group_notes(group)
    )


def test_what_jax_keeps_of_programs_does_not_grow_with_the_runs(tmp_path, monkeypatch):
    dropped = []
    monkeypatch.setattr("gru_bench.experiments.sweep.run_population", lambda *_: dropped.append(0))
    monkeypatch.setattr("jax.clear_caches", lambda: dropped.append(1))
    lengths = ",".join(str(length) for length in range(3, 3 + 2 * KEPT_POPULATIONS))
    words = ["cell=gru", f"task.length={lengths}", f"out_dir={tmp_path}"]
    run_experiments(compose(*words), "test", quiet=True)
    assert dropped.count(0) == 2 * KEPT_POPULATIONS
    between = "".join(map(str, dropped)).split("1")[:-1]
    assert [len(each) for each in between[1:]] == [KEPT_POPULATIONS]


def test_one_failure_does_not_stop_the_others(tmp_path):
    configs = compose("cell=gru,rnn", f"out_dir={tmp_path}")
    bad, good = (tmp_path / config.run_name({}) for config in configs)
    (bad / RESULT).mkdir(parents=True)  # a folder stands where the result is to be
    sweep = run_experiments(configs, "test", quiet=True)
    assert sweep.finished == [good]
    ((folder, reason),) = sweep.failures
    assert folder == bad
    assert "cannot write there" in reason
    assert "Traceback" in (bad / ERROR).read_text()
    status = read_status(good)
    assert status is not None
    assert status.state == "finished"
    # Once what was wrong is put right, only the missing one is run, and the traceback goes.
    (bad / RESULT).rmdir()
    written = (good / RESULT).stat().st_mtime_ns
    assert run_experiments(configs, "test", quiet=True).finished == [bad, good]
    assert (good / RESULT).stat().st_mtime_ns == written
    assert not (bad / ERROR).exists()


def test_ctrl_c_while_a_run_fails_ends_the_sweep(tmp_path, monkeypatch):
    started = []

    def fail(experiments, *rest):
        started.extend(experiments)
        signal.raise_signal(signal.SIGINT)
        raise ZeroDivisionError

    monkeypatch.setattr("gru_bench.experiments.sweep.run_population", fail)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_experiments(compose("cell=gru,rnn", f"out_dir={tmp_path}"), "test", quiet=True)
    finally:
        signal.signal(signal.SIGINT, before)
    (failed,) = started
    status = read_status(failed.folder)
    assert status is not None
    assert (status.state, status.reason) == ("failed", "ZeroDivisionError")


def test_what_a_kill_on_the_last_line_left_behind_goes(tmp_path):
    configs = compose("cell=gru", f"out_dir={tmp_path}", multirun=False)
    (folder,) = run_experiments(configs, "test", quiet=True).finished
    there = sorted(folder.iterdir())
    (folder / CHECKPOINTS / "training").mkdir(parents=True)
    write_status(folder, Status(state="running"))
    run_experiments(configs, "test", quiet=True)
    assert sorted(folder.iterdir()) == there


@pytest.mark.parametrize(("worth_s", "kept"), [(0.0, True), (60.0, False)])
def test_a_complete_training_is_kept_if_it_took_its_time(tmp_path, monkeypatch, worth_s, kept):
    monkeypatch.setattr("gru_bench.experiments.population.WORTH_KEEPING_S", worth_s)
    asked = []
    monkeypatch.setattr(Checkpoints, "keep", lambda self, snapshot, now: asked.append(now))
    run_experiments(compose("cell=rnn", "evaluate_every=2", f"out_dir={tmp_path}"), "test")
    assert asked == [False, kept]


@pytest.mark.parametrize(
    "linked", ["..", "", CHECKPOINTS, f"{CHECKPOINTS}/training", "seed_0", "seed_7"]
)
def test_nothing_is_written_where_a_link_is(tmp_path, linked):
    documents = tmp_path / "documents"
    for name in ("1/arrays", "training/1/arrays", f"{CHECKPOINTS}/training/1/arrays", "seed_1"):
        (documents / name).mkdir(parents=True)
        (documents / name / "events.out.tfevents.1").write_text("years of work")
    (run,) = compose("cell=gru", multirun=False)
    name = run.run_name({})
    runs = tmp_path / "disk"
    (tmp_path / "runs").symlink_to(runs)  # out_dir itself may be a link
    link = (runs / name / linked).resolve()
    link.parent.mkdir(parents=True)
    link.symlink_to(documents)
    before = sorted(tmp_path.rglob("*"))
    configs = compose("cell=gru,lstm", f"out_dir={tmp_path}/runs")
    with pytest.raises(UserError, match="is a link to"):
        run_experiments(configs, "test", quiet=True)
    assert sorted(tmp_path.rglob("*")) == before


def hold_another_run(folder):
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(f"{OWNER}0123456789abcdef\n")


def be_a_file(folder):
    folder.parent.mkdir(parents=True)
    folder.write_text("a letter")


@pytest.mark.parametrize("make", [hold_another_run, be_a_file])
@pytest.mark.parametrize("force", ["true", "false"])
def test_nothing_is_written_where_a_folder_is_not_the_runs(tmp_path, make, force):
    configs = compose("cell=gru,lstm", f"out_dir={tmp_path}", f"force={force}")
    make(tmp_path / configs[0].run_name({}))
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(UserError, match=r"holds another run|is no folder"):
        run_experiments(configs, "test", quiet=True)
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_a_folder_that_is_taken_meanwhile_is_left_as_it_is(tmp_path, monkeypatch):
    configs = compose("cell=gru", f"out_dir={tmp_path}")
    folder = tmp_path / configs[0].run_name({})

    def measure(*_):
        (folder / CONFIG).write_text(f"{OWNER}0123456789abcdef\n")
        return {"gru": Cost(3, 12), "lstm": Cost(3, 12)}

    monkeypatch.setattr("gru_bench.experiments.sweep.measure_cells", measure)
    ((_, reason),) = run_experiments(configs, "test", quiet=True).failures
    assert "holds another run" in reason
    assert not (folder / ERROR).exists()


def test_a_traceback_replaces_a_link_and_not_what_is_behind_it(tmp_path, monkeypatch):
    monkeypatch.setattr("gru_bench.experiments.sweep.measure_cells", lambda *_: 1 / 0)
    configs = compose("cell=gru", f"out_dir={tmp_path}/runs", multirun=False)
    (experiment,) = resolve(configs)
    experiment.folder.mkdir(parents=True)
    (tmp_path / "document").write_text("years of work")
    (experiment.folder / ERROR).symlink_to(tmp_path / "document")
    sweep = run_experiments(configs, "test", quiet=True)
    assert sweep.failures == [(experiment.folder, "ZeroDivisionError: division by zero")]
    assert (tmp_path / "document").read_text() == "years of work"
    assert "Traceback" in (experiment.folder / ERROR).read_text()


def test_what_cannot_fit_is_passed_over_and_the_others_go_on(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(
        "gru_bench.experiments.sweep.run_population",
        lambda experiments, *rest: trained.extend(experiments),
    )
    configs = compose("cell=gru", "hidden_size=3,3000000", f"out_dir={tmp_path}")
    sweep = run_experiments(configs, "test", quiet=True)
    ((folder, reason),) = sweep.failures
    assert folder == sweep.folders[1]
    assert reason.startswith("too large for this machine: 2 seeds at hidden_size=3000000, in")
    assert [experiment.config for experiment in trained] == [configs[0]]
    status = read_status(folder)
    assert status is not None
    assert status.state == "failed"
    assert not list(tmp_path.rglob(ATTEMPT))


def test_an_lstm_that_is_too_large_to_compare_with_is_named(tmp_path, monkeypatch):
    (gru,) = resolve(compose("cell=rnn", f"out_dir={tmp_path}", multirun=False))
    needed = least_bytes(gru.train, gru.task, members=1)
    monkeypatch.setattr("gru_bench.experiments.memory_check.device_bytes", lambda: needed)
    with pytest.raises(UserError, match=r"^lstm, which a step's costs are compared with"):
        measure_cells([gru])


def test_a_run_of_another_process_is_left_to_it(tmp_path):
    configs = compose("cell=gru", f"out_dir={tmp_path}", multirun=False)
    (experiment,) = resolve(configs)
    lock_of(experiment).parent.mkdir()
    with FileLock(lock_of(experiment)):
        sweep = run_experiments(configs, "test", quiet=True)
    assert sweep.elsewhere == [experiment.folder]
    assert sweep.finished == []
    assert not experiment.folder.exists()


def test_a_setting_is_the_same_for_all_cells():
    experiments = resolve(compose("cell=gru,lstm", "hidden_size=4,5"))
    settings = {
        size: {e.setting for e in experiments if e.config.hidden_size == size} for size in (4, 5)
    }
    assert len(experiments) == 4
    assert [len(found) for found in settings.values()] == [1, 1]
    assert settings[4] != settings[5]


@pytest.mark.optimised
def test_a_run_that_grows_is_the_same_as_with_all_seeds_at_once(tmp_path):
    """Bit for bit, since as many seeds as there are devices share no batch."""
    rates = "optim.learning_rate=0.02,0.05"

    def sweep(folder, seeds, *words):
        configs = compose(rates, f"seeds={seeds}", f"out_dir={tmp_path}/{folder}", *words)
        return run_experiments(configs, "test", quiet=True)

    sweep("grown", 2)
    before = [read_result(folder) for folder in sweep("grown", 2).folders]
    after = [read_result(folder) for folder in sweep("grown", 4).folders]
    at_once = [read_result(folder) for folder in sweep("at_once", 4).folders]
    for small, large, whole in zip(before, after, at_once, strict=True):
        assert small.identity == large.identity == whole.identity
        assert [seed.seed for seed in large.seeds] == [0, 1, 2, 3]
        assert large.seeds[:2] == small.seeds
        for ours, theirs in zip(large.seeds, whole.seeds, strict=True):
            assert ours.test == theirs.test
            assert ours.curve.train_loss == theirs.curve.train_loss
        assert len(large.environments) == 1
    # Fewer seeds than there are: nothing to do, and nothing is lost.
    assert [read_result(folder) for folder in sweep("grown", 3).folders] == after
    # All anew, and only those asked for.
    anew = [read_result(folder) for folder in sweep("grown", 1, "force=true").folders]
    assert [[seed.seed for seed in result.seeds] for result in anew] == [[0], [0]]


def test_a_rate_that_was_chosen_is_chosen_once(tmp_path):
    words = ("cell=gru", "tune.learning_rates=[0.01,0.05]", f"out_dir={tmp_path}")
    (folder,) = run_experiments(compose(*words, "seeds=2"), "test", quiet=True).folders
    tuning = read_result(folder).tuning
    run_experiments(compose(*words, "seeds=3"), "test", quiet=True)
    grown = read_result(folder)
    assert grown.tuning == tuning
    assert {seed.learning_rate for seed in grown.seeds} == {tuning.chosen}


def test_a_run_whose_data_change_meanwhile_fails_and_leaves_no_result(tmp_path, monkeypatch):
    file = tmp_path / "train.csv"
    file.write_text("text,label")
    monkeypatch.setattr(RunConfig, "data_files", lambda self: {"task.length": file})
    configs = compose("cell=gru", f"out_dir={tmp_path}/runs", multirun=False)

    def fit_while_the_file_changes(*arguments):
        file.write_text("text,label\nanother,1")
        return fit(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("gru_bench.experiments.population.fit", fit_while_the_file_changes)
        sweep = run_experiments(configs, "test", quiet=True, timed=False)
    ((folder, reason),) = sweep.failures
    assert f"task.length={file} has changed since it was read" in reason
    assert not (folder / RESULT).exists()
    (anew,) = run_experiments(configs, "test", quiet=True, timed=False).finished
    assert anew != folder  # another identity
