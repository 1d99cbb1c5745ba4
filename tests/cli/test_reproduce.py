"""`gru-bench reproduce` as a user calls it."""

import json
from pathlib import Path

import pytest
from helpers.unmeasured import leave_unmeasured

from gru_bench.cli.main import main
from gru_bench.evidence.papers import read_measurements
from gru_bench.experiments.sweep import Sweep

PRESET = """
source: Somebody 2020
url: https://example.org
parts:
  sums:
    kind: trained
    title: sums of two numbers
    better: lower
    reduction: 4 of 400 updates
    minutes: 0.1
    runs: {task: adding, task.length: 6, cell: "gru,lstm", hidden_size: 4, steps: 4, seeds: 2}
    score: mse
    rows:
      - {label: GRU, cell: gru, published: 0.01, known: recalled, agrees: [0, 0.02]}
      - {label: LSTM, cell: lstm}
"""


@pytest.fixture
def preset(tmp_path, monkeypatch):
    leave_unmeasured(monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(PRESET)
    return "mine.yaml"


def test_published_stands_beside_measured_and_finished_runs_are_kept(preset, tmp_path, capsys):
    assert main(["reproduce", "-q", preset, "--record", "kept"]) == 0
    first = capsys.readouterr().out
    assert "0.01*" in first
    assert "definition differs" in first
    assert "worse with less training" not in first  # the reduction is in the notes
    assert "Reduced: 4 of 400 updates." in " ".join(first.split())
    assert max(map(len, first.splitlines())) <= 80
    page = (tmp_path / "results" / "report" / "reproduce.html").read_text()
    assert "Published figures, measured again" in page
    assert "mine.yaml/sums: sums of two numbers" in page
    assert "gru-bench reproduce mine.yaml/sums" in page
    measured = read_measurements(tmp_path / "kept", "mine")["sums"]
    assert measured.rows["GRU"].seeds == [0, 1]
    (result,) = tmp_path.glob("results/reproduce/adding/gru/*/result.json")
    scores = [seed["test"]["mse"] for seed in json.loads(result.read_text())["seeds"]]
    assert measured.rows["GRU"].values == pytest.approx(scores)

    before = result.stat().st_mtime_ns
    assert main(["reproduce", "-q", f"{preset}/sums"]) == 0
    assert result.stat().st_mtime_ns == before
    assert capsys.readouterr().out == first


def test_settings_that_change_the_definition_are_said_to(preset, capsys):
    words = ["--config-dir", "further presets", "cell=gru", "task.length=4", "seeds=1"]
    Path("further presets").mkdir()
    assert main(["reproduce", "-q", preset, *words]) == 0
    shown = capsys.readouterr().out
    assert "definition differs" in shown
    assert "Run with cell=gru task.length=4" in " ".join(shown.split())
    (result,) = Path().glob("results/reproduce/adding/gru/*/result.json")
    command = f"gru-bench reproduce {preset}/sums --config-dir 'further presets' cell=gru"
    assert json.loads(result.read_text())["command"] == f"{command} task.length=4 seeds=1"


def test_nothing_was_measured_where_no_run_has_finished(preset, tmp_path, monkeypatch, capsys):
    sweep = Sweep([tmp_path / "gru", tmp_path / "lstm"])
    sweep.failures.extend((folder, "no room") for folder in sweep.folders)
    monkeypatch.setattr("gru_bench.experiments.reproduce.run_experiments", lambda *_, **__: sweep)
    assert main(["reproduce", "-q", preset, "--record", "kept", "steps=2"]) == 1
    out, err = capsys.readouterr()
    assert "lstm: no room" in " ".join(err.split())
    assert "Not run: gru-bench reproduce mine.yaml/sums runs it" in " ".join(out.split())
    assert "Run with" not in out
    assert not list((tmp_path / "kept").iterdir())


def test_the_list_says_what_there_is_in_80_columns(capsys):
    assert main(["reproduce", "--list"]) == 0
    shown = capsys.readouterr().out
    assert "weiss2018" in shown
    assert "~24   adding, T = 600" in shown
    assert "reduced:" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "there is no preset nobody: it must be one of"),
        (["weiss2018/nothing"], "weiss2018 has no part nothing: it must be one of anbn"),
        (["seeds=3"], "seeds=3 needs a table"),
        (["chung2014", "seeds=3"], "seeds=3 has no effect: nothing of chung2014 is trained"),
        (["weiss2018", "steps=0"], "steps=0 is not possible"),
        (["weiss2018", "--out", "page.md"], "the page is HTML"),
    ],
)
def test_bad_input_is_one_line(words, said, capsys):
    assert main(["reproduce", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
