"""From one long series to the task of forecasting it, split by time and never at random."""

from dataclasses import replace
from typing import NamedTuple, cast

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from gru_bench.config.preprocessing import Preprocessing, SeriesPreprocessing, Standardisation
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.series import SeriesConfig
from gru_bench.system.errors import UserError
from gru_bench.system.prose import counted
from gru_bench.tasks.base import SPLITS
from gru_bench.tasks.corpus_sources import Note
from gru_bench.tasks.fixed_data import split_sizes
from gru_bench.tasks.regression import Forecasting, scored_against_best
from gru_bench.tasks.series_corpora import SeriesCorpus
from gru_bench.tasks.standardisation import fill_gaps, to_inputs


def make_forecasting(
    config: SeriesConfig,
    corpus: SeriesCorpus,
    series: SeriesPreprocessing,
    batch_size: int,
    note: Note,
) -> Forecasting:
    """Returns the task of forecasting channels of a series.

    In training a forecast begins at every step. In validation and test the next one begins where
    the one before ends, so that each value is forecast once. Even so, errors of forecasts that
    follow each other are not independent, as an interval over examples takes them to be: it is a
    little short. Nothing is asked for where a value to be forecast is missing: what was filled in
    is no truth.

    Args:
        config: Window, horizon, targets and season.
        corpus: The series, cut by time.
        series: How its values become inputs.
        batch_size: Windows a batch.
        note: Takes a line on the windows that are left out.

    Raises:
        UserError: A split is too short, or there is no such channel.
    """
    places = target_places(config, series.channels)
    parts = [_part(split, config, corpus, series, places) for split in SPLITS]
    left_out = sum(part.left_out for part in parts)
    if left_out:
        note(f"{counted(left_out, 'window')} left out, of which values to be forecast are missing")
    train, _, test = parts
    naive_error = seasonal_naive_error(train.truth, config.season)
    if np.isnan(naive_error).any():
        without = series.channels[places[int(np.isnan(naive_error).argmax())]]
        raise UserError(
            f"task.season={config.season} is not possible: the training split has no two values of"
            f" {without} that are {counted(config.season, 'step')} apart, by which errors are"
            " divided; fill in what is missing, or give another season"
        )
    if not (naive_error > 0).all():
        constant = series.channels[places[int(np.argmin(naive_error))]]
        raise UserError(
            f"{constant} is the same a season of {counted(config.season, 'step')} later throughout"
            " the training split: there is nothing to forecast"
        )
    means, deviations = np.array(series.inputs.means), np.array(series.inputs.deviations)
    outputs = Standardisation(
        means=tuple(means[list(places)].tolist()) * config.horizon,
        deviations=tuple(deviations[list(places)].tolist()) * config.horizon,
    )
    offsets = np.cumsum([0, *(len(part.inputs) for part in parts[:-1])])
    origins = [part.origins + offset for part, offset in zip(parts, offsets, strict=True)]
    return Forecasting(
        series=jnp.asarray(np.concatenate([part.inputs for part in parts])),
        origins=jnp.asarray(np.concatenate(origins), jnp.int32),
        window=config.window or 0,
        horizon=config.horizon,
        target_places=places,
        unit=jnp.asarray(outputs.deviations, jnp.float32),
        naive_error=jnp.asarray(np.tile(naive_error, config.horizon), jnp.float32),
        score=scored_against_best(
            "mase", _simple_forecasts(test, config, means[list(places)], naive_error)
        ),
        sizes=split_sizes([len(part.origins) for part in parts], batch_size, "windows"),
        input_size=train.inputs.shape[1],
        output_size=len(places) * config.horizon,
        readout=cast(Readout, config.readout),
        batch_size=batch_size,
        preprocessing=Preprocessing(
            series=replace(
                series,
                outputs=outputs,
                targets=tuple(series.channels[place] for place in places),
                window=config.window,
            )
        ),
    )


def target_places(config: SeriesConfig, channels: tuple[str, ...]) -> tuple[int, ...]:
    """Returns the places of the channels that are forecast.

    Raises:
        UserError: One is not among them, or is named twice.
    """
    targets = config.targets or list(channels)
    for target in targets:
        if target not in channels or targets.count(target) > 1:
            raise UserError(
                f"task.targets=[{','.join(targets)}] is not possible: it must be of"
                f" {', '.join(channels)}, each once at most"
            )
    return tuple(channels.index(target) for target in targets)


class _Part(NamedTuple):
    """A split of a series.

    Attributes:
        inputs: What the model reads of each step.
        truth: The values of the channels that are forecast, with their gaps.
        filled: The same, with gaps filled in.
        origins: The steps at which a forecast begins.
        left_out: How many begin nowhere, since a value to be forecast is missing.
    """

    inputs: Float[np.ndarray, "steps features"]
    truth: Float[np.ndarray, "steps targets"]
    filled: Float[np.ndarray, "steps targets"]
    origins: Int[np.ndarray, " windows"]
    left_out: int


def _part(
    split: str,
    config: SeriesConfig,
    corpus: SeriesCorpus,
    series: SeriesPreprocessing,
    places: tuple[int, ...],
) -> _Part:
    (values,) = corpus.splits[split].values
    first = corpus.first[split]
    stride = 1 if split == "train" else config.horizon
    origins = np.arange(max(first, config.reach), len(values) - config.horizon + 1, stride)
    if not len(origins):
        raise UserError(
            f"task.window={config.window} with task.horizon={config.horizon} is not possible: the"
            f" {split} split has {counted(len(values) - first, 'step')}, and {first} before them;"
            " give a longer series, or a smaller window or horizon"
        )
    truth = values[:, list(places)]
    after = origins[:, None] + np.arange(config.horizon)
    complete = ~np.isnan(truth).any(1)[after].any(1)
    return _Part(
        inputs=to_inputs(values, series),
        truth=truth,
        filled=fill_gaps(values, series)[:, list(places)],
        origins=origins[complete],
        left_out=int((~complete).sum()),
    )


def seasonal_naive_error(
    values: Float[np.ndarray, "steps targets"], season: int
) -> Float[np.ndarray, " targets"]:
    """Returns the mean error of each channel if the value a season before is repeated.

    It is what errors are divided by in the MASE of Hyndman and Koehler 2006; not a number where of
    two values that are a season apart one is always missing.

    Raises:
        UserError: The series is no longer than a season.
    """
    if len(values) <= season:
        raise UserError(
            f"task.season={season} is not possible: it must be below {len(values)}, the steps of"
            " the training split"
        )
    errors = np.abs(values[season:] - values[:-season])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(errors, axis=0) / np.isfinite(errors).sum(0))


def _simple_forecasts(
    test: _Part,
    config: SeriesConfig,
    means: Float[np.ndarray, " targets"],
    naive_error: Float[np.ndarray, " targets"],
) -> dict[str, float]:
    """Returns the MASE on the test windows of forecasts that are made without learning."""
    ahead = np.arange(config.horizon)
    origins = test.origins[:, None]
    forecasts = {
        "the last value": test.filled[origins - 1],
        "the mean of training": means,
    }
    if config.season > 1:
        seasons_back = config.season * (ahead // config.season + 1)
        forecasts["the value a season before"] = test.filled[origins + ahead - seasons_back]
    truth = test.truth[origins + ahead]
    return {
        name: float((np.abs(truth - forecast) / naive_error).mean())
        for name, forecast in forecasts.items()
    }
