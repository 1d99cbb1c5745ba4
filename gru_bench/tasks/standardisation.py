"""Measured values as inputs of a model: gaps filled in, channels standardised."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from gru_bench.config.preprocessing import SeriesPreprocessing, Standardisation


def fit_standardisation(
    sequences: Sequence[Float[np.ndarray, "_ features"]],
) -> Standardisation:
    """Returns the mean and standard deviation of each feature over all steps, gaps left out.

    The deviation is that of a population, as in scikit-learn's `StandardScaler`.
    """
    steps = np.concatenate(sequences)
    with np.errstate(invalid="ignore"):
        count = np.isfinite(steps).sum(0)
        means = np.nansum(steps, axis=0) / np.maximum(count, 1)
        deviations = np.sqrt(np.nansum(np.square(steps - means), axis=0) / np.maximum(count, 1))
    # What is left of rounding is no deviation.
    constant = deviations <= 1e-12 * np.maximum(np.abs(means), 1)
    return Standardisation(
        means=tuple(map(float, means)),
        deviations=tuple(map(float, np.where(constant, 1.0, deviations))),
    )


def standardise(
    values: Float[np.ndarray, "*shape features"], by: Standardisation
) -> Float[np.ndarray, "*shape features"]:
    """Returns values with mean 0 and standard deviation 1 on the training data."""
    return np.asarray((values - np.array(by.means)) / np.array(by.deviations))


def in_units(
    values: Float[np.ndarray, "*shape features"], by: Standardisation
) -> Float[np.ndarray, "*shape features"]:
    """Returns standardised values in their own units."""
    return np.asarray(values * np.array(by.deviations) + np.array(by.means))


def with_mask(channels: Standardisation) -> Standardisation:
    """Returns the standardisation of channels and, behind them, of masks that stay as they are."""
    number = len(channels.means)
    return Standardisation(
        means=channels.means + (0.0,) * number, deviations=channels.deviations + (1.0,) * number
    )


def fill_gaps(
    values: Float[np.ndarray, "time channels"], series: SeriesPreprocessing
) -> Float[np.ndarray, "time features"]:
    """Returns the values of a sequence in their units, without gaps.

    Filled by `forward`, a gap has the last value before it, at the beginning the mean of training;
    by `mean` and `mask` that mean. With `mask`, features follow that are 1 where a value was there.
    """
    means = np.array(series.inputs.means[: values.shape[1]])
    there = np.isfinite(values)
    if series.missing == "forward":
        steps = np.where(there, np.arange(len(values))[:, None], -1)
        last = np.maximum.accumulate(steps, axis=0)
        before = np.take_along_axis(values, np.maximum(last, 0), axis=0)
        return np.where(last >= 0, before, means)
    filled = np.where(there, values, means)
    return np.concatenate([filled, there], axis=1) if series.missing == "mask" else filled


def to_inputs(
    values: Float[np.ndarray, "time channels"], series: SeriesPreprocessing
) -> Float[np.ndarray, "time features"]:
    """Returns what a model reads of the values of a sequence, in single precision."""
    return standardise(fill_gaps(values, series), series.inputs).astype(np.float32)
