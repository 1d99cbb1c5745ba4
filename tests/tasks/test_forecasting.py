"""Forecasts of one series: cut by time, scored against NumPy and the seasonal naive forecast."""

from typing import Any

import jax
import numpy as np
import pytest
from helpers.recordings import hourly, hourly_corpus, series_task

from gru_bench.config.tasks.series import SeriesConfig
from gru_bench.system.errors import UserError

FORECAST: dict[str, Any] = {"predict": "forecast", "window": 30, "horizon": 26, "season": 24}
STEPS = 24 * 20
TRAIN, TEST = 346, 96  # a fifth is the test, a tenth of the rest validation


def windows(task, split):
    """Returns inputs `[windows, time, channels]` and targets of a split, standardised."""
    indices, weights = task.evaluation(jax.random.key(0), split)
    found = [task.batch((i, w)) for i, w in zip(indices, weights, strict=True)]
    real = np.concatenate([np.asarray(b.weights) > 0 for b in found])
    inputs = np.concatenate([np.asarray(b.inputs).swapaxes(0, 1) for b in found])
    targets = np.concatenate([np.asarray(b.targets) for b in found])
    return inputs[real], targets[real]


def test_windows_are_followed_by_their_targets_and_splits_by_time(tmp_path):
    table = hourly()
    task = series_task(hourly_corpus(table, tmp_path / "h.csv"), targets=["load"], **FORECAST)
    raw = table[["heat", "load"]].to_numpy()
    mean, deviation = raw[:TRAIN].mean(0), raw[:TRAIN].std(0)
    series = task.preprocessing.series
    np.testing.assert_allclose(series.inputs.means, mean, rtol=1e-12)
    np.testing.assert_allclose(series.inputs.deviations, deviation, rtol=1e-12)
    assert (task.input_size, task.output_size, task.sequence_length) == (2, 26, 30)
    # Every forecast lies wholly within its split, and its window may begin in the one before.
    validation = STEPS - TEST - TRAIN
    assert task.sizes == (TRAIN - 30 - 25, validation // 26, TEST // 26)
    inputs, targets = windows(task, "test")
    for number in range(TEST // 26):  # Each value is forecast once.
        origin = STEPS - TEST + 26 * number
        wanted = (raw[origin - 30 : origin] - mean) / deviation
        np.testing.assert_allclose(inputs[number], wanted, atol=1e-4)
        after = (raw[origin : origin + 26, 1] - mean[1]) / deviation[1]
        np.testing.assert_allclose(targets[number], after, atol=1e-4)


def test_scores_and_baselines_are_those_of_numpy(tmp_path):
    table = hourly()
    task = series_task(hourly_corpus(table, tmp_path / "h.csv"), **FORECAST)
    raw = table[["heat", "load"]].to_numpy()
    scale = np.abs(raw[24:TRAIN] - raw[: TRAIN - 24]).mean(0)
    origins = np.arange(STEPS - TEST, STEPS - 25, 26)
    truth = np.stack([raw[o : o + 26] for o in origins])
    simple = {
        "the last value": np.stack([np.repeat(raw[o - 1 : o], 26, 0) for o in origins]),
        "the mean of training": raw[:TRAIN].mean(0),
        "the value a season before": np.stack(
            [np.concatenate([raw[o - 24 : o], raw[o - 24 : o - 22]]) for o in origins]
        ),
    }
    mase = {name: (np.abs(truth - made) / scale).mean() for name, made in simple.items()}
    best = min(mase, key=mase.get)
    np.testing.assert_allclose(task.score.baseline, mase[best], rtol=1e-6)
    assert task.score.baseline_name.startswith(f"{best} (")
    # Always the mean of training is an output of zeros.
    indices, weights = task.evaluation(jax.random.key(0), "test")
    tallies = []
    for i, w in zip(indices, weights, strict=True):
        batch = task.batch((i, w))
        tallies.append(task.tally(jax.numpy.zeros_like(batch.targets), batch))
    scores = task.scores(jax.tree.map(lambda *parts: sum(parts), *tallies))
    errors = np.abs(truth - raw[:TRAIN].mean(0))
    np.testing.assert_allclose(scores["mase"], mase["the mean of training"], rtol=1e-4)
    np.testing.assert_allclose(scores["mae"], errors.mean(), rtol=1e-4)
    np.testing.assert_allclose(scores["rmse"], np.sqrt(np.square(errors).mean()), rtol=1e-4)


def test_no_forecast_is_asked_of_values_that_are_missing(tmp_path):
    table = hourly()
    table.loc[STEPS - 50, "heat"] = np.nan
    corpus = hourly_corpus(table, tmp_path / "h.csv", missing="forward")
    notes = []
    task = series_task(corpus, notes=notes, targets=["heat"], **FORECAST)
    assert task.sizes[2] == TEST // 26 - 1
    assert notes == ["1 window left out, of which values to be forecast are missing"]
    # Of the other channel, it is a gap in some windows alone.
    assert series_task(corpus, targets=["load"], **FORECAST).sizes[2] == TEST // 26


def test_a_gap_at_the_first_step_of_a_window_has_the_value_before_it(tmp_path):
    table = hourly()
    first = STEPS - TEST - 30  # of the first window of the test
    table.loc[first - 1 : first, "heat"] = np.nan
    corpus = hourly_corpus(table, tmp_path / "h.csv", missing="forward")
    task = series_task(corpus, targets=["load"], **FORECAST)
    by = task.preprocessing.series.inputs
    wanted = (table.heat[first - 2] - by.means[0]) / by.deviations[0]
    assert windows(task, "test")[0][0, 0, 0] == pytest.approx(wanted, rel=1e-5)


def test_a_series_without_two_values_a_season_apart(tmp_path):
    table = hourly()
    table.loc[table.index // 24 % 2 == 1, "heat"] = np.nan  # every second day
    corpus = hourly_corpus(table, tmp_path / "h.csv", missing="mean")
    message = "task.season=24 is not possible: .* no two values of heat that are 24 steps apart"
    with pytest.raises(UserError, match=message):
        series_task(corpus, **FORECAST)
    assert series_task(corpus, **FORECAST | {"season": 1, "horizon": 2}).sizes[0] > 0


def test_a_missing_hour_is_said(tmp_path):
    notes: list[str] = []
    series_task(hourly_corpus(hourly().drop(index=7), tmp_path / "h.csv"), notes=notes, **FORECAST)
    (line,) = notes
    assert "1 of 478 steps of time are not as long as most are (the first follows row 7)" in line


def test_a_test_file_of_its_own_lends_no_steps(tmp_path):
    table = hourly()
    test = tmp_path / "test.csv"
    table.tail(100).to_csv(test, index=False)
    corpus = hourly_corpus(table.head(300), tmp_path / "train.csv", test=str(test))
    task = series_task(corpus, **FORECAST)
    assert task.sizes == (270 - 30 - 25, 30 // 26, (100 - 30) // 26)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizon": 97}, "task.window=30 with task.horizon=97 is not possible: the train"
                          "|the validation split has 38 steps"),
        ({"horizon": 1000}, "task.horizon=1000 is not possible: the train split has 346 steps"),
        ({"targets": ["cold"]}, r"task.targets=\[cold\] is not possible: it must be of heat, load"),
        ({"season": 400, "horizon": 1}, "is not possible: the train split has 346 steps"),
    ],
)  # fmt: skip
def test_what_a_series_cannot_give_is_said_in_one_line(tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as error:
        series_task(hourly_corpus(hourly(), tmp_path / "h.csv"), **FORECAST | changes)
    assert "\n" not in str(error.value)


def test_a_series_without_change_and_columns_of_several_are_refused(tmp_path):
    corpus = hourly_corpus(hourly().assign(load=7), tmp_path / "h.csv")
    with pytest.raises(UserError, match="load is the same a season of 24 steps later"):
        series_task(corpus, **FORECAST)
    corpus = hourly_corpus(hourly(), tmp_path / "h.csv", series_column="date")
    with pytest.raises(UserError, match=r"corpus.series_column=date has no effect with task.pred"):
        series_task(corpus, **FORECAST)


def test_keys_of_a_forecast_go_with_it():
    with pytest.raises(UserError, match=r"task.horizon=3 has no effect with task.predict=class"):
        SeriesConfig(horizon=3)
    with pytest.raises(UserError, match=r"task.window is missing"):
        SeriesConfig(predict="forecast")
    with pytest.raises(UserError, match=r"task.score=macro_f1 has no effect with task.predict=val"):
        SeriesConfig(predict="value", score="macro_f1")
