"""From limits to a cell: sizes, settings with equal budgets, rounds of seeds, a card."""

import dataclasses
import io
import shlex
from pathlib import Path

import pytest
from helpers.made_up import make_result
from helpers.unmeasured import leave_unmeasured
from rich.console import Console

from gru_bench.cli.main import main
from gru_bench.cli.parser import make_parser
from gru_bench.config.compose import compose_experiments
from gru_bench.evidence.estimates import Interval
from gru_bench.experiments import halving, minutes
from gru_bench.experiments.choose import Asked, Rounds, check, choose
from gru_bench.experiments.halving import candidates
from gru_bench.experiments.limits import Limits, largest_sizes, needs, sized
from gru_bench.experiments.resolve import resolve
from gru_bench.experiments.trials import shortened
from gru_bench.model.counts import cell_parameters
from gru_bench.report.choice_card import Card, Contender, card_to_html, card_to_json, print_card
from gru_bench.runs.folder import read_result
from gru_bench.runs.status import run_folders
from gru_bench.runs.weights import read_weights
from gru_bench.system.errors import UserError

WORDS = ["task=adding", "task.length=4", "hidden_size=4", "steps=8", "batch_size=4"]


def compose(*words):
    return compose_experiments([*WORDS, *words], multirun=True)


def models(*cells):
    return {
        each.config.cell.name: each.train.model
        for each in resolve(compose(f"cell={','.join(cells)}"))
    }


def test_parameters_are_counted_exactly_and_at_most():
    found = largest_sizes(models("gru", "lstm", "rnn"), Limits(parameters=500), 100, 10)
    for cell, (size, taken) in found.items():
        whole = [cell_parameters(cell, 2, h) + h + 1 for h in (size, size + 1)]
        assert whole[0] == taken.parameters <= 500 < whole[1]
    assert found["rnn"][0] > found["gru"][0] > found["lstm"][0]


def test_memory_counts_the_weights_and_the_state():
    (model,) = models("lstm").values()
    size, taken = largest_sizes({"lstm": model}, Limits(memory_kb=1.0), 100, 10)["lstm"]
    assert taken.memory_kb == (4 * taken.parameters + 2 * 4 * size) / 1000 <= 1.0
    assert needs(sized(model, size + 1), 10).memory_kb > 1.0


@pytest.mark.parametrize("runtime", ["xla", "onnx", "torch"])
def test_the_latency_is_measured_in_the_runtime_that_is_named(runtime):
    limits = Limits(latency_us=1e6, runtime=runtime)
    assert largest_sizes(models("gru"), limits, 4, 10)["gru"][1].latency_us > 0
    with pytest.raises(UserError, match=r"--latency-us 0\.001 is not possible: gru of \d+ units"):
        largest_sizes(models("gru"), Limits(latency_us=0.001, runtime=runtime), 4, 10)


def test_a_runtime_without_a_form_of_a_cell_is_refused():
    with pytest.raises(UserError, match="--runtime torch is not possible: PyTorch has no layer"):
        largest_sizes(models("lstm_coupled"), Limits(latency_us=9.0, runtime="torch"), 4, 10)


def test_limits_that_no_size_meets_tell_the_nearest():
    with pytest.raises(UserError, match="with a single unit the whole model has 14 parameters"):
        largest_sizes(models("gru"), Limits(parameters=10), 100, 10)


def test_every_cell_has_as_many_candidates():
    for config in compose("cell=gru,lstm,rnn,gru_no_update"):
        tried = candidates(config, 4)
        assert len({repr(each) for each in tried}) == 12
        assert {each.hidden_size for each in tried} == {4, 2}
        assert {each.cell.keep for each in tried} == (
            {0.9} if config.cell.name in ("rnn", "gru_no_update") else {0.5, 0.9}
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cell=gru"], "takes two cells at least"),
        (["cell=gru,lstm", "task.length=4,5"], "only cell may list several values"),
        (["cell=gru,lstm", "match=parameters"], "match=parameters does not go with a choice"),
        (["cell=gru,lstm", "tune.learning_rates=[0.1]"], "tune does not go with a choice"),
    ],
)
def test_what_does_not_go_with_a_choice(words, said):
    with pytest.raises(UserError, match=said):
        check(compose(*words))


@pytest.mark.slow
def test_a_choice_is_made_of_ordinary_runs_and_is_repeated_from_them(tmp_path, monkeypatch):
    leave_unmeasured(monkeypatch)
    # Fewer candidates than a user has.
    monkeypatch.setattr(halving, "CANDIDATES", 2)
    monkeypatch.setattr(halving, "SHARES_OF_SIZE", (1.0,))
    monkeypatch.setattr(halving, "SHARES_KEPT", (0.9,))
    monkeypatch.setattr(halving, "WAVES", 1)
    monkeypatch.setattr(halving, "HALVING", ((0.5, 1),))
    configs = compose("cell=gru,rnn", "margin=0.5", f"out_dir={tmp_path}")
    words = ["cell=gru,rnn", *WORDS, "margin=0.5", f"out_dir={tmp_path}"]
    asked = Asked(Limits(parameters=80), 60.0, words, True)
    notes = []
    card = choose(configs, asked, notes.append)
    assert card.limits == {"parameters": 80}
    assert all(each.parameters <= 80 for each in card.contenders)
    for each in card.contenders:
        result = read_result(tmp_path / "adding" / each.cell / each.folder.rpartition("/")[2])
        assert len(result.seeds) == card.seeds
        assert result.hidden_size == each.hidden_size
    assert read_weights(tmp_path / card.taken.folder).arrays
    assert f"cell={card.cell}" in card.training
    assert f"hidden_size={card.taken.hidden_size}" in card.training
    assert card.command == asked.command
    # Two trials of each cell, and the two runs; trials keep no weights.
    folders = list(run_folders(tmp_path))
    assert len(folders) == 2 * (2 + 1)
    assert sum((folder / "weights.safetensors").exists() for folder in folders) == 2
    again = choose(configs, asked, notes.append)
    assert (again.cell, again.against) == (card.cell, card.against)
    show(card)


def show(card):
    text = io.StringIO()
    print_card(card, Console(file=text, width=80, highlight=False))
    table = text.getvalue().partition("seeds of each")[0]
    assert all(len(line) <= 80 for line in table.splitlines())
    assert card.headline in text.getvalue().replace("\n", " ")
    page = card_to_html(card)
    assert card.headline in page
    assert "<script" not in page
    assert f'"cell": "{card.cell}"' in card_to_json(card).decode()


def test_a_start_that_is_given_is_the_only_one_tried():
    (config, _) = compose("cell=gru,lstm", "cell.keep=0.9")
    tried = candidates(config, 4, start_is_given=True)
    assert {each.cell.keep for each in tried} == {0.9}
    assert len(tried) == len(candidates(config, 4)) == 12
    asked = Asked(Limits(), 1.0, ["cell=gru,lstm", "cell.keep=0.9"], True)
    assert asked.gives("cell.keep")
    assert not asked.gives("keep")


def test_any_part_of_the_candidates_has_rates_from_the_whole_range():
    (config,) = compose("cell=rnn")
    first = [each.optim.learning_rate for each in candidates(config, 4)[:3]]
    everything = sorted(each.optim.learning_rate for each in candidates(config, 4)[:6])
    assert sorted(first) == everything[::2]


def test_a_trial_shortens_its_warm_up_with_its_training():
    (config,) = compose("cell=gru", "steps=100", "optim.warmup_steps=20")
    trial = shortened(config, 0.25)
    assert (trial.steps, trial.optim.warmup_steps) == (25, 5)
    assert (trial.save_weights, trial.probes) == ("none", False)
    assert not set(trial.seeds) & set(config.seeds)


def test_seeds_are_refused_where_rounds_decide_on_them():
    asked = Asked(Limits(), 1.0, ["cell=gru,lstm", "seeds=20"], True)
    with pytest.raises(UserError, match="seeds does not go with a choice, which adds seeds until"):
        choose(compose("cell=gru,lstm", "seeds=20"), asked, lambda line: None)


def test_the_command_repeats_every_option():
    limits = Limits(latency_us=50.0, runtime="onnx", parameters=9000, memory_kb=36.5)
    words = ["task=adding", "cell=gru,lstm", "margin=0.01", "out_dir=my runs"]
    asked = Asked(limits, 2.5, words, True, ["--config-dir", "presets"], Path("card.html"))
    flags = make_parser().parse_args(shlex.split(asked.command)[1:])
    assert (flags.latency_us, flags.runtime) == (50.0, "onnx")
    assert (flags.parameters, flags.memory_kb, flags.minutes) == (9000, 36.5, 2.5)
    assert (str(flags.config_dir), str(flags.out)) == ("presets", "card.html")
    assert flags.overrides == words


class Clock:
    """Trainings that take seconds of a clock of their own."""

    def __init__(self, monkeypatch, seconds_each):
        self.now, self.trials, self._each = 0.0, [], seconds_each
        monkeypatch.setattr("gru_bench.experiments.minutes.time.monotonic", lambda: self.now)
        monkeypatch.setattr(halving, "run_trials", self.run_trials)

    def run_trials(self, trials, command, quiet):
        """Results of which the smallest rate is best."""
        self.trials += trials
        results = []
        for trial in trials:
            took = self._each * trial.steps / 8
            self.now += took
            result = make_result("copy", trial.cell.name, [1 / trial.optim.learning_rate])
            timing = dataclasses.replace(result.timing, train_s=took, wall_s=took)
            results.append(dataclasses.replace(result, timing=timing))
        return results


def halve(monkeypatch, seconds_each, of_minutes):
    clock, notes = Clock(monkeypatch, seconds_each), []
    found = halving.Halving(minutes.Minutes(of_minutes), "test", True, notes.append)
    chosen = found.best(compose("cell=gru,rnn"), {"gru": 4, "rnn": 4}, start_is_given=False)
    return clock, chosen, notes


def test_with_time_enough_every_candidate_is_tried(monkeypatch):
    clock, chosen, notes = halve(monkeypatch, 1.0, 10)
    assert len(clock.trials) == 2 * (12 + 4)
    assert len(notes) == 2  # the setting of each
    for setting in chosen:
        rates = [t.optim.learning_rate for t in clock.trials if t.cell.name == setting.cell.name]
        assert setting.optim.learning_rate == min(rates)


@pytest.mark.parametrize(("seconds_each", "tried"), [(14.0, 6), (1000.0, 3)])
def test_the_minutes_hold_from_the_first_phase_on(monkeypatch, seconds_each, tried):
    clock, chosen, notes = halve(monkeypatch, seconds_each, 2)
    # A quarter of the training each, as many of the one cell as of the other.
    first = [trial.cell.name for trial in clock.trials if trial.steps == 2]
    assert first == (["gru"] * 3 + ["rnn"] * 3) * (tried // 3)
    later = [trial for trial in clock.trials if trial.steps == 4]
    assert len(later) < 2 * 4
    assert clock.now <= max(0.6 * 120, 6 * seconds_each / 4)
    assert f"--minutes leaves time to try {tried} of 12 settings of each cell" in notes[0]
    assert [each.cell.name for each in chosen] == ["gru", "rnn"]


def taking(train_s, wall_s):
    """A run that took so long."""
    result = make_result("copy")
    timing = dataclasses.replace(result.timing, train_s=train_s, wall_s=wall_s)
    return dataclasses.replace(result, timing=timing)


@pytest.mark.parametrize(
    ("of_minutes", "train_s", "compile_s", "seeds"),
    [
        (0.0, 10, 0, 2),
        (1.1, 10, 0, 3),
        (60.0, 10, 0, 6),
        (2.0, 10, 30, 3),  # 60 of 120 s compile two programs
        (0.5, 0.1, 30, 6),  # what hardly adds to the compilation is trained in any case
    ],
)
def test_as_many_seeds_as_there_is_time_for(monkeypatch, of_minutes, train_s, compile_s, seeds):
    monkeypatch.setattr("gru_bench.experiments.minutes.time.monotonic", lambda: 0.0)
    settings, left = resolve(compose("cell=gru,rnn")), minutes.Minutes(of_minutes)
    left.learn([taking(train_s, train_s + compile_s)], programs=1, trainings=1)
    trained = []

    def train(self, count):
        trained.append(count)
        return [make_result("copy", cell, [0.9 - 0.1 * i] * count, margin=None)
                for i, cell in enumerate(["gru", "rnn"])]  # fmt: skip

    monkeypatch.setattr(Rounds, "_train", train)
    notes = []
    Rounds(settings, [1, 1], Asked(Limits(), 1.0, [], True), left, notes.append).run()
    assert trained[0] == seeds
    assert ("leaves time for" in notes[0]) == (seeds < 6)


def make_card(minutes=1.0, run_minutes=1.0, score=None):
    """A card of one cell."""
    taken = Contender(
        cell="gru",
        hidden_size=4,
        largest_size=4,
        settings={},
        score=score,
        parameters=10,
        memory_kb=1.0,
        latency_us=2.0,
        folder="runs",
    )
    return Card(
        task="copy",
        score="accuracy",
        is_share=True,
        margin=None,
        runtime="onnx",
        limits={},
        cell="gru",
        basis="decided",
        against=[],
        contenders=[taken],
        seeds=6,
        minutes=minutes,
        run_minutes=run_minutes,
        minutes_left=None,
        command="again",
        training="alone",
    )


@pytest.mark.parametrize(
    ("minutes", "run_minutes", "effort"),
    [
        (5.2, 5.0, "6 seeds of each cell; this call took 5.2 minutes."),
        (
            0.3,
            5.0,
            "6 seeds of each cell; this call took 0.3 minutes, and its runs come to 5.0.",
        ),
    ],
)
def test_the_minutes_of_runs_that_took_longer_than_the_call_are_told(minutes, run_minutes, effort):
    card = make_card(minutes, run_minutes)
    text = io.StringIO()
    print_card(card, Console(file=text, width=80, highlight=False))
    assert effort in " ".join(text.getvalue().split())
    assert "µs a step" in text.getvalue()
    assert effort in card_to_html(card)


def test_brackets_are_explained_where_there_are_some():
    assert "in brackets" not in card_to_html(make_card())
    card = make_card(score=Interval(0.9, 0.8, 0.95))
    assert "90.0 [80.0, 95.0]" in card_to_html(card)
    assert "in brackets are intervals of 95 %, which hold however often" in card_to_html(card)


def test_what_runs_took_counts_once_however_often_it_is_learnt():
    left = minutes.Minutes(1.0)
    trial, run = (dataclasses.replace(taking(30, s), identity=str(s)) for s in (60, 90))
    for known in ([trial], [run], [run]):
        left.learn(known, programs=1, trainings=1)
    assert left.of_runs == 2.5


def test_bad_flags_are_told_in_one_line(capsys):
    assert main(["choose", "--out", "card.pdf"]) == 2
    assert "name it .html or .json" in capsys.readouterr().err
    for flag in ("--minutes", "--latency-us", "--parameters", "--margin"):
        with pytest.raises(SystemExit):
            main(["choose", flag, "-1"])
        right = "at least 1" if flag == "--parameters" else "above 0"
        assert right in capsys.readouterr().err


def test_the_command_repeats_limits_as_they_were_given():
    limits = Limits(memory_kb=1234.5678, runtime="onnx")
    command = Asked(limits, 2.0, ["task=copy"], True).command
    assert "--memory-kb 1234.5678" in command
    assert "--minutes 2 " in f"{command} "
