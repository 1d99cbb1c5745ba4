"""The search: the same trials for each cell, resumed to a total, on validation scores alone."""

import dataclasses
import io
import math
import shlex
from collections import Counter
from pathlib import Path

import pytest
from filelock import FileLock
from helpers.made_up import make_result
from rich.console import Console

from gru_bench.cli.main import main
from gru_bench.config import checks
from gru_bench.config.compose import compose_experiments, compose_search
from gru_bench.config.optim import TuneConfig
from gru_bench.evidence.record import mean_validation_score
from gru_bench.experiments import search
from gru_bench.experiments.run_command import run_command
from gru_bench.experiments.search_journal import JOURNAL, mend
from gru_bench.experiments.sweep import Sweep
from gru_bench.runs.folder import RESULT, read_result, write_result
from gru_bench.system.errors import UserError

WORDS = ["task=adding", "task.length=5", "steps=4"]
SPACE = ["search.hidden_size=[3,6]", "search.seeds=2"]


def start(out_dir, *words, cells="gru,rnn", trials=3):
    """Searches, and gives what came of it, by cell."""
    own = [word for word in words if word.startswith("search.")]
    rest = [word for word in words if word not in own]
    configs = compose_experiments([*WORDS, f"cell={cells}", f"out_dir={out_dir}", *rest], True)
    space = compose_search([*SPACE, f"search.trials={trials}", *own])
    found = search.search(configs, space, "test", True, lambda line: None)
    return {each.config.cell.name: each for each in found}


class Runner:
    """Stands in for training: the nearer a learning rate is to 0.01, the better."""

    def __init__(self, task="adding"):
        self.task = task
        self.configs = []
        self.fail, self.interrupt_at, self.without_score = (), None, ()

    def __call__(self, configs, command, quiet, timed):
        assert not timed
        folders = [Path(config.out_dir) / config.run_name({}) for config in configs]
        sweep = Sweep(folders)
        for config, folder in zip(configs, folders, strict=True):
            if len(self.configs) == self.interrupt_at:
                raise KeyboardInterrupt
            self.configs.append(config)
            if len(self.configs) in self.fail:
                sweep.failures.append((folder, "MemoryError: too large"))
                continue
            distance = abs(math.log(config.optim.learning_rate / 0.01))
            scores = [None if len(self.configs) in self.without_score else distance, distance]
            result = make_result(self.task, config.cell.name, scores)
            name = result.score.name
            seeds = [
                dataclasses.replace(seed, test={name: 0.5}, validation={name: score})
                for seed, score in zip(result.seeds, scores, strict=True)
            ]
            folder.mkdir(parents=True, exist_ok=True)
            write_result(folder, dataclasses.replace(result, seeds=seeds))
        return sweep

    def tried(self, cell):
        """What was tried for a cell, in order."""
        return [
            (c.optim.learning_rate, c.optim.clip_norm, c.cell.initialisation, c.hidden_size)
            for c in self.configs
            if c.cell.name == cell
        ]


@pytest.fixture
def runner(monkeypatch):
    runner = Runner()
    monkeypatch.setattr(search, "run_experiments", runner)
    return runner


def test_a_search_that_trains(tmp_path):
    found = start(tmp_path, cells="rnn", trials=1)["rnn"]
    assert (found.finished, found.failed) == (1, 0)
    (file,) = tmp_path.rglob(RESULT)
    result = read_result(file.parent)
    assert [seed.seed for seed in result.seeds] == TuneConfig(seeds=2).tuning_seeds
    assert result.timing.train_step_ms is None
    assert found.settings["optim.learning_rate"] == result.config["optim"]["learning_rate"]
    assert found.settings["hidden_size"] == result.hidden_size
    # The command that is printed asks for the same, on the seeds of a reported run.
    words = [*WORDS, "cell=gru,rnn", "out_dir=trials"]
    again = run_command(found.config.cell, found.settings, words, ["--config-dir", "my presets"])
    command = shlex.split(again)
    assert command[2:4] == ["--config-dir", "my presets"]
    (config,) = compose_experiments(command[4:], multirun=False)
    assert config.seeds == [0, 1, 2, 3, 4]
    assert config.out_dir == "results/runs"
    assert config.cell.name == "rnn"
    assert dataclasses.asdict(config.optim) == result.config["optim"]
    assert config.hidden_size == result.hidden_size


def test_each_cell_has_as_many_trials_and_starts_with_the_same(tmp_path, runner):
    found = start(tmp_path, trials=4)
    assert Counter(config.cell.name for config in runner.configs) == {"gru": 4, "rnn": 4}
    assert runner.tried("gru") == runner.tried("rnn")
    rates = {rate for rate, *_ in runner.tried("gru")}
    assert len(rates) == 4
    assert all(1e-4 <= rate <= 3e-2 for rate in rates)
    best = min(rates, key=lambda rate: abs(math.log(rate / 0.01)))
    assert found["gru"].settings["optim.learning_rate"] == best


def test_a_search_in_several_starts_tries_the_same_as_one(tmp_path, runner, monkeypatch):
    start(tmp_path / "one", trials=12)
    several = Runner()
    monkeypatch.setattr(search, "run_experiments", several)
    start(tmp_path / "several", trials=2)
    several.interrupt_at = 9  # in the fifth round, when the trial of one cell is done
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "several", trials=12)
    del several.configs[8:]  # what was not told yet is run again: a finished run is skipped
    several.interrupt_at = None
    found = start(tmp_path / "several", trials=12)
    assert found["gru"].finished == found["rnn"].finished == 12
    assert several.tried("gru") == runner.tried("gru")
    assert several.tried("rnn") == runner.tried("rnn")
    # A further start has nothing to do.
    start(tmp_path / "several", trials=12)
    assert len(several.configs) == 24


def test_a_failed_trial_is_counted_and_made_up_for_in_the_next_start(tmp_path, runner):
    runner.fail = (1,)
    found = start(tmp_path, cells="gru")["gru"]
    assert (found.finished, found.failed, len(runner.configs)) == (2, 1, 3)
    found = start(tmp_path, cells="gru")["gru"]
    assert (found.finished, found.failed, len(runner.configs)) == (3, 1, 4)


def test_a_seed_without_a_score_counts_with_the_baseline(tmp_path, runner):
    runner.without_score = (1,)
    found = start(tmp_path, "search.learning_rate=[]", cells="gru", trials=1)["gru"]
    distance = abs(math.log(0.005 / 0.01))
    assert mean_validation_score(found.result) == pytest.approx((1 / 6 + distance) / 2)


def test_a_score_of_which_more_is_better_is_maximised(tmp_path, runner):
    runner.task = "copy"
    found = start(tmp_path, cells="gru", trials=4)["gru"]
    rates = {rate for rate, *_ in runner.tried("gru")}
    worst = max(rates, key=lambda rate: abs(math.log(rate / 0.01)))
    assert found.settings["optim.learning_rate"] == worst


def test_other_ranges_are_another_search_and_empty_ones_leave_a_setting(tmp_path, runner):
    start(tmp_path, cells="gru", trials=1)
    words = ["search.clip_norm=[]", "search.initialisation=[]", "optim.clip_norm=null"]
    found = start(tmp_path, *words, cells="gru", trials=1)["gru"]
    assert len(runner.configs) == 2
    assert list(found.settings) == ["optim.learning_rate", "hidden_size"]
    assert runner.configs[1].optim.clip_norm is None


def test_trials_of_a_cell_side_by_side(tmp_path, runner):
    found = start(tmp_path, "search.parallel=2", cells="gru")["gru"]
    assert found.finished == len(runner.configs) == 3


def test_what_is_printed(tmp_path, runner):
    runner.fail = (2, 4)
    found = start(tmp_path, trials=2)
    text = io.StringIO()
    search.print_search(list(found.values()), WORDS, [], Console(file=text, width=100))
    lines = text.getvalue().splitlines()
    assert any(line.split()[:3] == ["gru", "2", "0"] for line in lines)
    assert any(line.split() == ["rnn", "0", "2"] for line in lines)
    (command,) = (line for line in lines if line.startswith("gru-bench run"))
    assert command.startswith("gru-bench run cell=gru optim.learning_rate=")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["search.trials=0"], "search.trials=0 is not possible"),
        (["search.trial=3"], "search.trial is not a key; did you mean search.trials"),
        (["search.trials=many"], "search.trials must be a whole number"),
        (["search.trials=1,2"], "give one value"),
        (["search.learning_rate=[0.1]"], "must be a range above 0"),
        (["search.learning_rate=[0,0.1]"], "must be a range above 0"),
        (["search.hidden_size=[64,32]"], "must be a range above 0"),
        (["search.hidden_size=64"], "must be a list in brackets"),
        (
            ["search.initialisation=[random]"],
            "must be a list of some of orthogonal, textbook, chrono",
        ),
        (
            ["tune.learning_rates=[0.1]"],
            "tune.learning_rates and tune.keeps do not go with a search",
        ),
        (["seeds=[1000000000]"], "seeds must be below 1000000000"),
        (["task.length=5,6"], "only cell may list several values"),
    ],
)
def test_bad_settings_are_said_in_one_line(tmp_path, runner, words, said):
    with pytest.raises(UserError, match=said) as error:
        start(tmp_path, *words)
    assert "\n" not in str(error.value)
    assert runner.configs == []


def test_two_searches_do_not_share_a_folder(tmp_path, runner):
    with FileLock(tmp_path / search.LOCK), pytest.raises(UserError, match="another process"):
        start(tmp_path)


@pytest.mark.parametrize("damage", [b'{"op_code": 5, "wor', b"\0" * 4096, b'{"op\0\0\0'])
def test_a_journal_whose_last_record_was_cut_goes_on(tmp_path, runner, damage):
    start(tmp_path, cells="gru", trials=2)
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write(damage)
    assert start(tmp_path, cells="gru", trials=3)["gru"].finished == 3
    assert len(runner.configs) == 3
    assert b"\0" not in (tmp_path / JOURNAL).read_bytes()
    lines = []
    mend(tmp_path / JOURNAL, lines.append)
    assert lines == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"Dear diary\n", "line 2 is not a record of Optuna's"),
        (b"[1]\n", "line 2 is not a record of Optuna's"),
        (b"\0\0\n", "line 2 is not a record of Optuna's"),
        (b"\xff\n", "line 2 is not a record of Optuna's"),
        (b'{"op_code": 99, "worker_id": "me"}\n', "cannot be used"),
        (b'{"op_code": 4, "worker_id": "me"}\n', "cannot be used"),
    ],
)
def test_a_line_in_the_journal_that_is_foreign_is_named(tmp_path, runner, line, said):
    start(tmp_path, cells="gru", trials=1)
    first, *rest = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    content = first + line + b"".join(rest)
    (tmp_path / JOURNAL).write_bytes(content)
    with pytest.raises(UserError, match=said) as error:
        start(tmp_path, cells="gru", trials=2)
    assert "\n" not in str(error.value)
    assert (tmp_path / JOURNAL).read_bytes() == content


def test_without_optuna(monkeypatch, capsys):
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert main(["search", "cell=gru"]) == 2
    assert "pip install '.[search]'" in capsys.readouterr().err
