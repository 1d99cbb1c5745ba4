"""Models of series out of their folders: raw values in, predictions in their units out."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.recordings import hourly, sensor_table
from helpers.trained import train

import gru_bench
from gru_bench.cli.main import main
from gru_bench.config.compose import compose_experiments
from gru_bench.config.tasks.series import SeriesConfig
from gru_bench.experiments import quantization
from gru_bench.experiments.resolve import resolve
from gru_bench.export.files import export, onnx_call
from gru_bench.runs.folder import read_result
from gru_bench.runs.weights import read_model
from gru_bench.system.errors import UserError
from gru_bench.tasks.series_corpora import load_series

SMALL = ["task=series", "corpus=files", "hidden_size=3", "batch_size=8", "epochs=2", "seeds=1"]


def gappy() -> pd.DataFrame:
    table = sensor_table(40)
    table.loc[::7, "flow"] = np.nan
    return table


WORDS = {
    "class": [
        "corpus.name=pumps", "corpus.series_column=cycle", "corpus.channels=[pressure,flow]",
        "corpus.label_column=fault", "corpus.missing=mask",
    ],
    "every_step": [
        "corpus.name=states", "corpus.series_column=cycle", "corpus.channels=[pressure,flow]",
        "corpus.label_column=state", "corpus.missing=forward", "task.predict=every_step",
    ],
    "value": [
        "corpus.name=wear", "corpus.series_column=cycle", "corpus.channels=[pressure,flow]",
        "corpus.label_column=wear", "corpus.missing=mean", "task.predict=value",
    ],
    "forecast": [
        "corpus.name=hours", "corpus.time_column=date", "corpus.channels=[heat,load]",
        "task.predict=forecast", "task.window=5", "task.horizon=3", "task.season=24",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("data")
    gappy().to_csv(folder / "pumps.csv", index=False)
    hourly(10).to_csv(folder / "hours.csv", index=False)
    return folder


def file_of(data: Path, predict: str) -> Path:
    return data / ("hours.csv" if predict == "forecast" else "pumps.csv")


def words(data: Path, predict: str) -> list[str]:
    return [*SMALL, *WORDS[predict], f"corpus.train={file_of(data, predict)}"]


@pytest.fixture(scope="module")
def folders(data) -> dict[str, Path]:
    return {predict: train(data, *words(data, predict)) for predict in WORDS}


def raw_test(data: Path, predict: str) -> tuple[Any, list[np.ndarray], Any]:
    """Returns the task, and the values and truths of the test as pandas finds them in the file."""
    task: Any = resolve(compose_experiments(words(data, predict), multirun=False))[0].task
    table = pd.read_csv(file_of(data, predict))
    if predict == "forecast":
        values, steps = table[["heat", "load"]].to_numpy(), 48
        origins = range(len(values) - steps, len(values) - 2, 3)
        return (
            task,
            [values[o - 5 : o] for o in origins],
            np.stack([values[o : o + 3] for o in origins]),
        )
    (config,) = compose_experiments(words(data, predict), multirun=False)
    assert isinstance(config.task, SeriesConfig)
    assert config.corpus is not None
    tested = load_series(config.corpus, config.task).splits["test"]
    return task, list(tested.values), tested.labels


@pytest.mark.parametrize("predict", WORDS)
def test_raw_values_score_what_the_result_says(data, folders, predict):
    model = gru_bench.load_model(folders[predict])
    _, values, truth = raw_test(data, predict)
    (seed,) = read_result(folders[predict]).seeds
    said = model.predict(values)
    if predict == "class":
        found = np.mean([a == b for a, (b,) in zip(said, truth, strict=True)])
    elif predict == "every_step":
        found = np.mean(
            [a == b for s, t in zip(said, truth, strict=True) for a, b in zip(s, t, strict=True)]
        )
    elif predict == "value":
        found = np.mean([abs(a - float(b)) for a, (b,) in zip(said, truth, strict=True)])
    else:
        found = np.abs(np.stack(said) - truth).mean()
    name = "mae" if predict in ("value", "forecast") else "accuracy"
    assert found == pytest.approx(seed.test[name], rel=1e-4)


@pytest.mark.parametrize("predict", WORDS)
def test_onnx_and_torch_take_raw_values_and_give_the_same(tmp_path, data, folders, predict):
    model = gru_bench.load_model(folders[predict])
    assert export(model, "onnx", tmp_path / "m.onnx").difference < 1e-5
    assert export(model, "torch", tmp_path / "m.safetensors").difference < 1e-5
    task = quantization.task_of(model, folders[predict])
    call = quantization.of_standardised(onnx_call(str(tmp_path / "m.onnx")), model.series)
    (seed,) = read_result(folders[predict]).seeds
    score = quantization.score_of(task, quantization.tested_batches(task, seed.seed), call)
    assert score == pytest.approx(seed.test[task.score.name], rel=1e-4)


def test_a_stream_takes_raw_values_and_says_what_the_whole_sequence_does(folders):
    model = gru_bench.load_model(folders["class"])
    sequence = np.array([[100.0, 0.2], [np.nan, 0.21], [130.0, np.nan]])
    stream = model.stream()
    for step in range(3):
        found = stream.step(sequence[step : step + 1])[0]
        np.testing.assert_allclose(found, model.outputs([sequence[: step + 1]])[0], atol=1e-6)
    with pytest.raises(UserError, match="give the last one before it"):
        gru_bench.load_model(folders["every_step"]).stream().step(sequence[1:2])


def test_a_gap_is_refused_by_a_model_that_was_trained_without(folders):
    with pytest.raises(UserError, match="sequence 0 holds what is not a finite number"):
        gru_bench.load_model(folders["forecast"]).predict([np.full((5, 2), np.nan)])


def test_what_is_needed_is_kept_with_the_model(folders):
    saved = read_model(folders["class"])
    series = saved.preprocessing.series
    assert saved.preprocessing.class_names == ("leak", "none")
    assert (series.channels, series.missing, series.predicts) == (
        ("pressure", "flow"), "mask", "class",
    )  # fmt: skip
    assert saved.file_format.series_column == "cycle"


def test_predict_reads_files_without_labels_and_writes_what_is_said(tmp_path, data, folders):
    new = tmp_path / "new.csv"
    gappy().drop(columns=["fault", "state", "wear"]).to_csv(new, index=False)
    out, inputs = tmp_path / "out.csv", tmp_path / "inputs.npz"
    run = str(folders["class"])
    assert main(["predict", run, str(new), "--out", str(out), "--inputs", str(inputs)]) == 0
    with out.open() as file:
        rows = list(csv.DictReader(file))
    model = gru_bench.load_model(folders["class"])
    sequences = [
        rows[["pressure", "flow"]].to_numpy() for _, rows in gappy().groupby("cycle", sort=False)
    ]
    assert [row["sequence"] for row in rows] == list(gappy().cycle.unique())
    assert [row["prediction"] for row in rows] == model.predict(sequences)
    arrays = np.load(inputs)
    assert arrays["inputs"].shape == (40, max(map(len, sequences)), 4)
    export(model, "onnx", tmp_path / "m.onnx")
    outputs = onnx_call(str(tmp_path / "m.onnx"))(arrays["inputs"], arrays["lengths"])
    np.testing.assert_allclose(outputs, model.outputs(sequences), atol=1e-5)


def test_predict_forecasts_what_follows_the_file(tmp_path, data, folders):
    out = tmp_path / "out.csv"
    assert (
        main(["predict", str(folders["forecast"]), str(data / "hours.csv"), "--out", str(out)]) == 0
    )
    table = pd.read_csv(out)
    assert list(table.columns) == ["step", "heat", "load"]
    values = hourly(10)[["heat", "load"]].to_numpy()[-5:]
    (wanted,) = gru_bench.load_model(folders["forecast"]).predict([values])
    np.testing.assert_allclose(table[["heat", "load"]], wanted, rtol=1e-6)


def test_predict_fills_gaps_before_it_takes_the_last_window(tmp_path, data):
    table = hourly(10)
    table.loc[len(table) - 5, "heat"] = np.nan  # the first step of the window
    table.to_csv(tmp_path / "gap.csv", index=False)
    folder = train(data, *words(data, "forecast"), "corpus.missing=forward")
    out = tmp_path / "out.csv"
    assert main(["predict", str(folder), str(tmp_path / "gap.csv"), "--out", str(out)]) == 0
    values = table[["heat", "load"]].ffill().to_numpy()[-5:]
    (wanted,) = gru_bench.load_model(folder).predict([values])
    np.testing.assert_allclose(pd.read_csv(out)[["heat", "load"]], wanted, rtol=1e-6)


def test_a_forecast_is_made_of_one_series(tmp_path, folders, capsys):
    file, ts = tmp_path / "several.csv", tmp_path / "several.ts"
    hourly(1).assign(day=[0, 1] * 12).to_csv(file, index=False)
    ts.write_text("@classLabel false\n@data\n1,2:3,4\n1,2:3,4\n")
    for words in ([str(file), "--series-column", "day"], [str(ts)]):
        run = ["predict", str(folders["forecast"]), *words, "--out", str(tmp_path / "o.csv")]
        assert main(run) == 2
        assert "has 2 sequences: this model forecasts one series" in capsys.readouterr().err


@pytest.mark.parametrize("predict", ["every_step", "value"])
def test_predict_has_a_line_for_each_step_or_value(tmp_path, data, folders, predict):
    out = tmp_path / "out.csv"
    assert main(["predict", str(folders[predict]), str(data / "pumps.csv"), "--out", str(out)]) == 0
    table = pd.read_csv(out)
    assert len(table) == (len(gappy()) if predict == "every_step" else 40)
    assert set(table.sequence) == set(gappy().cycle)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tokens", "t.npz"], "--tokens is for models of texts: this one is of series-hours"),
        (["--text-column", "x", "--out", "o.csv"], "--text-column is for models of texts"),
        (["--time-column", "when", "--out", "o.csv"], "--time-column=when is not a column of"),
    ],
)
def test_predict_says_what_is_wrong_in_one_line(data, folders, capsys, words, message):
    assert main(["predict", str(folders["forecast"]), str(data / "hours.csv"), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_file_that_is_too_short_or_has_gaps(tmp_path, folders, capsys):
    short = tmp_path / "short.csv"
    hourly(1).head(4).to_csv(short, index=False)
    arguments = ["predict", str(folders["forecast"]), str(short), "--out", str(tmp_path / "o.csv")]
    assert main(arguments) == 2
    assert "has 4 steps: a forecast is made from the last 5" in capsys.readouterr().err
    hourly(1).assign(load=np.nan).to_csv(short, index=False)
    assert main(arguments) == 2
    assert "has 5 missing values, in 1 of 1 sequence" in capsys.readouterr().err
