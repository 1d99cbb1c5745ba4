"""Runs of models with options: what comes out of them, and what they refuse."""

import numpy as np
import pytest
from helpers import ROOT
from helpers.trained import train

from gru_bench.api import load_model
from gru_bench.cli.main import main
from gru_bench.config.compose import compose_experiments
from gru_bench.experiments.costs import measure_cells
from gru_bench.experiments.resolve import resolve
from gru_bench.export.files import export
from gru_bench.model.counts import stack_parameters
from gru_bench.report.groups import make_groups
from gru_bench.runs.folder import read_result
from gru_bench.system.errors import UserError
from gru_bench.tasks.adding import AddingTask
from gru_bench.tasks.base import may_be_read_backwards

WORDS = ["task=adding", "task.length=6", "cell=lstm", "hidden_size=4", "steps=4", "batch_size=4"]


def experiment(*words):
    (found,) = resolve(compose_experiments([*WORDS, *words], multirun=False))
    return found


# Bidirectional


def test_a_bidirectional_run_counts_both_cells_and_has_no_single_steps(tmp_path):
    folder = train(tmp_path, *WORDS, "bidirectional=true", "layers=2", "probes=true", "seeds=1")
    result = read_result(folder)
    recurrent = stack_parameters("lstm", 2, 4, 2, bidirectional=True)
    assert (result.parameters.cell, result.parameters.lstm) == (recurrent, recurrent)
    assert result.parameters.total == recurrent + 2 * 4 + 1
    assert (result.state_bytes, result.probes) == (None, None)
    model = load_model(folder)
    assert model.config.bidirectional
    with pytest.raises(UserError, match="bidirectional=true is not possible here"):
        model.stream()


def test_its_costs_are_measured_without_a_latency():
    costs = measure_cells([experiment("bidirectional=true")])
    assert costs["lstm"].step_ms is not None
    assert (costs["lstm"].latency, costs["lstm"].state_bytes) == (None, None)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["task=copy"], "its answers follow from the steps before them"),
        (["task=dyck"], "it asks for the next symbol"),
        (["task=adding", "histograms_every=1"], "histograms_every=1 has no effect"),
    ],
)
def test_what_does_not_go_with_two_directions_is_refused_in_one_line(words, why, capsys):
    assert main(["run", *words, "bidirectional=true"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert why in line


@pytest.mark.parametrize("both_ways", [None, True, False])
@pytest.mark.parametrize("readout", ["last", "every"])
def test_a_task_of_the_user_says_whether_it_may_be_read_from_both_ends(readout, both_ways):
    task = AddingTask(length=4, batch_size=2, readout=readout)
    if both_ways is not None:
        object.__setattr__(task, "both_ways", both_ways)
    expected = readout == "last" if both_ways is None else both_ways
    assert may_be_read_backwards(task) == expected


# Recurrent dropout and layer normalisation


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_normalised_run_is_counted_kept_and_taken_step_by_step(tmp_path, cell):
    options = ["layer_norm=true", "recurrent_dropout=0.2", "dropout=0.1", "layers=2"]
    words = [*WORDS, f"cell={cell}", "match=parameters", *options, "probes=true", "seeds=1"]
    folder = train(tmp_path, *words)
    result = read_result(folder)
    recurrent = stack_parameters(cell, 2, result.hidden_size, 2, layer_norm=True)
    assert result.parameters.cell == recurrent
    assert result.parameters.lstm == stack_parameters("lstm", 2, 4, 2, layer_norm=True)
    assert result.environments[0].recurrence == "plain"
    assert result.probes is not None
    (group,) = make_groups([result])
    assert "dropout=0.1, recurrent_dropout=0.2, layer_norm=true" in group.setting()
    model = load_model(folder)
    x = np.random.default_rng(0).normal(size=(5, 1, 2)).astype(np.float32)
    stream = model.stream()
    for step in x:
        last = stream.step(step)
    np.testing.assert_allclose(last[0], model.outputs([x[:, 0]])[0], rtol=1e-5, atol=1e-6)
    exported = export(model, "onnx", tmp_path / "model.onnx")
    assert exported.difference < 1e-5
    with pytest.raises(UserError, match="cannot be exported as torch"):
        export(model, "torch", tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["recurrence=scan", "layer_norm=true"], "recurrence=scan is not possible"),
        (["recurrence=scan", "recurrent_dropout=0.5"], "cannot do recurrent_dropout=0.5"),
        (["recurrent_dropout=1"], "recurrent_dropout=1.0 is not possible"),
        (["dropout=-0.1"], "dropout=-0.1 is not possible"),
        (
            ["cell=custom", "cell.module=mgu:MinimalGatedUnit", "layer_norm=true"],
            "a cell of your own normalises in its own equations",
        ),
    ],
)
def test_what_does_not_go_with_the_others_is_refused_in_one_line(
    words, why, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(ROOT / "examples")
    assert main(["run", *WORDS, *words, f"out_dir={tmp_path}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert why in line
    assert list(tmp_path.iterdir()) == []


# Attention, which is asked for like a cell


def test_a_run_of_attention_is_matched_kept_looked_into_and_taken_step_by_step(tmp_path):
    options = ["match=parameters", "layers=2", "dropout=0.1", "probes=true", "seeds=2"]
    folder = train(tmp_path, *WORDS, "hidden_size=16", *options, "cell=attention")
    result = read_result(folder)
    assert result.parameters.cell == stack_parameters("attention", 2, result.hidden_size, 2)
    assert result.parameters.cell == pytest.approx(result.parameters.lstm, rel=0.1)
    assert result.probes.gates == [{}, {}]
    assert result.probes.gate_ends is None
    assert np.isfinite(result.probes.gradients.trained).all()
    model = load_model(folder)
    x = np.random.default_rng(0).normal(size=(150, 1, 2)).astype(np.float32)
    stream = model.stream()
    for step in x:
        last = stream.step(step)
    np.testing.assert_allclose(last[0], model.outputs([x[:, 0]])[0], rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="cannot be exported as onnx: attention has no form"):
        export(model, "onnx", tmp_path / "model.onnx")
    assert export(model, "safetensors", tmp_path / "model.safetensors").files


def test_a_sweep_leaves_out_of_attention_what_is_a_cells_own():
    words = ["cell=gru,attention", "cell.keep=0.5", "recurrence=plain"]
    gru, attention = resolve(compose_experiments([*WORDS, *words], multirun=True))
    assert (gru.train.model.keep, attention.train.model.keep) == (0.5, None)
    assert (gru.config.recurrence, attention.config.recurrence) == ("plain", "auto")
    assert gru.setting == attention.setting


def test_a_sweep_whose_runs_would_not_be_compared_is_refused():
    words = [*WORDS, "cell=gru,attention", "bidirectional=true"]
    with pytest.raises(UserError, match="bidirectional=true has no effect with cell=attention"):
        compose_experiments(words, multirun=True)


@pytest.mark.parametrize("cells", ["mingru", "gru,minlstm"])
def test_recurrent_dropout_is_refused_for_cells_whose_gates_do_not_read_their_state(cells):
    words = [*WORDS, f"cell={cells}", "recurrent_dropout=0.2"]
    name = cells.rpartition(",")[2]
    with pytest.raises(UserError, match=rf"0\.2 has no effect with cell={name}: its gates do not"):
        compose_experiments(words, multirun=True)


def test_recurrent_dropout_is_refused_for_such_a_cell_of_a_users():
    words = ["cell=custom", "cell.module=gru_bench.cells.linear:MinGRU", "cell.name=own"]
    configs = compose_experiments([*WORDS, *words, "recurrent_dropout=0.2"], multirun=True)
    with pytest.raises(UserError, match="cell=own, whose gates do not read its state"):
        resolve(configs)
