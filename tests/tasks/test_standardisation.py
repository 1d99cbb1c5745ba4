"""Gaps and standardisation, against pandas and NumPy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.config.preprocessing import SeriesPreprocessing
from gru_bench.tasks.standardisation import (
    fill_gaps,
    fit_standardisation,
    in_units,
    standardise,
    to_inputs,
    with_mask,
)

GAPPY = st.lists(
    st.tuples(*[st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6))] * 2), min_size=1
)
SAMPLE = np.random.default_rng(0).normal([3, 1e5], [2, 5], (50, 2))


def preprocessing(missing: str | None) -> SeriesPreprocessing:
    inputs = fit_standardisation([SAMPLE])
    return SeriesPreprocessing(
        channels=("a", "b"),
        missing=missing,
        inputs=with_mask(inputs) if missing == "mask" else inputs,
        predicts="class",
    )


def test_statistics_are_those_of_pandas_over_all_steps_that_are_there():
    gappy = SAMPLE.copy()
    gappy[::3, 0] = np.nan
    found = fit_standardisation([gappy[:7], gappy[7:8], gappy[8:]])
    table = pd.DataFrame(gappy)
    np.testing.assert_allclose(found.means, table.mean(), rtol=1e-12)
    np.testing.assert_allclose(found.deviations, table.std(ddof=0), rtol=1e-12)


def test_a_constant_channel_is_divided_by_one():
    found = fit_standardisation([np.full((9, 1), 0.1)])
    assert found.deviations == (1.0,)
    np.testing.assert_allclose(standardise(np.full((2, 1), 0.1), found), 0, atol=1e-15)


def test_standardised_values_have_mean_0_and_deviation_1_and_come_back():
    by = fit_standardisation([SAMPLE])
    values = standardise(SAMPLE, by)
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(values.std(0), 1, rtol=1e-9)
    np.testing.assert_allclose(in_units(values, by), SAMPLE, rtol=1e-12)


@given(GAPPY)
def test_gaps_are_filled_as_pandas_fills_them(rows):
    values = np.array(rows)
    for missing in ("forward", "mean", "mask"):
        series = preprocessing(missing)
        table, means = pd.DataFrame(values), pd.Series(series.inputs.means[:2])
        wanted = (table.ffill() if missing == "forward" else table).fillna(means).to_numpy()
        found = fill_gaps(values, series)
        np.testing.assert_array_equal(found[:, :2], wanted)
        if missing == "mask":
            np.testing.assert_array_equal(found[:, 2:], table.notna())


@pytest.mark.parametrize("missing", [None, "mask"])
def test_inputs_are_standardised_in_double_precision(missing):
    values = SAMPLE[:4].copy()
    inputs = to_inputs(values, preprocessing(missing))
    assert inputs.dtype == np.float32
    wanted = (values - SAMPLE.mean(0)) / SAMPLE.std(0)
    np.testing.assert_allclose(inputs[:, :2], wanted, rtol=1e-6)
    assert missing is None or (inputs[:, 2:] == 1).all()
