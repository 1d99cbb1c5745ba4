"""From limits to a cell: sizes, settings with equal budgets, rounds of seeds, a card."""

import io

import pytest
from rich.console import Console

from gru_bench.cli.main import main
from gru_bench.config.compose import compose_experiments
from gru_bench.experiments import halving
from gru_bench.experiments.choose import Asked, check, choose
from gru_bench.experiments.halving import candidates
from gru_bench.experiments.limits import Limits, largest_sizes, needs, sized
from gru_bench.experiments.resolve import resolve
from gru_bench.model.counts import cell_parameters
from gru_bench.report.choice_card import card_to_html, card_to_json, print_card
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
    found = largest_sizes(models("gru", "lstm", "rnn"), Limits(parameters=500), 100)
    for cell, (size, taken) in found.items():
        whole = [cell_parameters(cell, 2, h) + h + 1 for h in (size, size + 1)]
        assert whole[0] == taken.parameters <= 500 < whole[1]
    assert found["rnn"][0] > found["gru"][0] > found["lstm"][0]


def test_memory_counts_the_weights_and_the_state():
    (model,) = models("lstm").values()
    size, taken = largest_sizes({"lstm": model}, Limits(memory_kb=1.0), 100)["lstm"]
    assert taken.memory_kb == (4 * taken.parameters + 2 * 4 * size) / 1000 <= 1.0
    assert needs(sized(model, size + 1)).memory_kb > 1.0


@pytest.mark.parametrize("runtime", ["xla", "onnx", "torch"])
def test_the_latency_is_measured_in_the_runtime_that_is_named(runtime):
    limits = Limits(latency_us=1e6, runtime=runtime)
    assert largest_sizes(models("gru"), limits, 4)["gru"][1].latency_us > 0
    with pytest.raises(UserError, match=r"--latency-us 0\.001 is not possible: gru of \d+ units"):
        largest_sizes(models("gru"), Limits(latency_us=0.001, runtime=runtime), 4)


def test_a_runtime_without_a_form_of_a_cell_is_refused():
    with pytest.raises(UserError, match="--runtime torch is not possible: PyTorch has no layer"):
        largest_sizes(models("lstm_coupled"), Limits(latency_us=9.0, runtime="torch"), 4)


def test_limits_that_no_size_meets_tell_the_nearest():
    with pytest.raises(UserError, match="with a single unit the whole model has 14 parameters"):
        largest_sizes(models("gru"), Limits(parameters=10), 100)


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
    # Fewer candidates than a user has.
    monkeypatch.setattr(halving, "CANDIDATES", 2)
    monkeypatch.setattr(halving, "SHARES_OF_SIZE", (1.0,))
    monkeypatch.setattr(halving, "SHARES_KEPT", (0.9,))
    monkeypatch.setattr(halving, "HALVING", ((0.5, 1),))
    configs = compose("cell=gru,rnn", "margin=0.5", f"out_dir={tmp_path}")
    asked = Asked(Limits(parameters=80), 1.0, "gru-bench choose", ["cell=gru,rnn", *WORDS], True)
    notes = []
    card = choose(configs, asked, notes.append)
    assert card.limits == {"parameters": 80}
    assert all(each.parameters <= 80 for each in card.contenders)
    for each in card.contenders:
        result = read_result(tmp_path / "adding" / each.cell / each.folder.rpartition("/")[2])
        assert len(result.seeds) == card.seeds
        assert result.hidden_size == each.hidden_size
    assert read_weights(tmp_path / card.taken.folder).arrays
    assert f"cell={card.cell}" in card.command
    assert f"hidden_size={card.taken.hidden_size}" in card.command
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


def test_bad_flags_are_told_in_one_line(capsys):
    assert main(["choose", "--out", "card.pdf"]) == 2
    assert "name it .html or .json" in capsys.readouterr().err
    for flag in ("--minutes", "--latency-us", "--parameters", "--margin"):
        with pytest.raises(SystemExit):
            main(["choose", flag, "-1"])
        assert "above 0" in capsys.readouterr().err
