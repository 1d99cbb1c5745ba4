"""Files of series in, files of predictions out."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.config.preprocessing import SeriesPreprocessing
from gru_bench.export.predictions import Row, file_format, flags_for_keys, write_padded
from gru_bench.export.trained_model import TrainedModel
from gru_bench.system.errors import UserError
from gru_bench.system.prose import counted
from gru_bench.tasks.recordings import Recordings
from gru_bench.tasks.series_corpora import check_gaps
from gru_bench.tasks.series_files import WITHOUT, read_recordings
from gru_bench.tasks.standardisation import fill_gaps


def read_series(trained: TrainedModel, path: Path, changes: Mapping[str, Any]) -> Recordings:
    """Reads the sequences of a file as they were read for training, without their labels.

    Of a series that is to be forecast only the last steps are kept, from which the model forecasts.

    Args:
        trained: A model of series, which knows how its files were written.
        path: A file of any kind that training reads.
        changes: What is different in this file, by the names of `FileFormat`.

    Raises:
        UserError: The file cannot be read, is too short, or has gaps or channels that the model has
            not learnt.
    """
    series = _series_of(trained)
    corpus = file_format(trained, path, {**changes})
    corpus.channels = list(series.channels)
    with flags_for_keys():
        found, _ = read_recordings(path, corpus, WITHOUT, str(path))
    if len(found.channels) != len(series.channels):
        raise UserError(
            f"{path} has {len(found.channels)} channels, and the model reads {len(series.channels)}"
        )
    if series.window is not None:
        if len(found) > 1:
            raise UserError(
                f"{path} has {len(found)} sequences: this model forecasts one series, of which all"
                " rows are steps; give each in a file of its own"
            )
        (values,) = found.values
        if len(values) < series.window:
            raise UserError(
                f"{path} has {counted(len(values), 'step')}: a forecast is made from the last"
                f" {series.window}"
            )
        if series.missing == "forward":
            values = fill_gaps(values, series)  # The last value may lie before the window.
        found = replace(found, values=[values[-series.window :]], times=None)
    if series.missing is None:
        check_gaps(found, "train with corpus.missing=forward, mean or mask to fill them")
    return found


def _series_of(trained: TrainedModel) -> SeriesPreprocessing:
    assert trained.series is not None
    return trained.series


def prediction_rows(trained: TrainedModel, recordings: Recordings) -> Iterator[Row]:
    """Yields the lines of a table of predictions, the headings first.

    A class has its probability beside it. A forecast has a line a step, and a column a channel.
    """
    series, values = _series_of(trained), list(recordings.values)
    if series.predicts == "forecast":
        yield ["step", *series.targets]
        (forecast,) = trained.predict(values)
        for step, row in enumerate(forecast, start=1):
            yield [step, *(f"{number:.7g}" for number in row)]
    elif series.predicts == "value":
        yield ["sequence", "prediction"]
        for name, value in zip(recordings.names, trained.predict(values), strict=True):
            yield [name, f"{value:.7g}"]
    else:
        steps = series.predicts == "every_step"
        yield ["sequence", *(["step"] if steps else []), "prediction", "probability"]
        for name, shares in zip(recordings.names, trained.predict_proba(values), strict=True):
            for step, of_step in enumerate(shares if steps else shares[None], start=1):
                place = [step] if steps else []
                said = trained.class_names[of_step.argmax()]
                yield [name, *place, said, f"{of_step.max():.6f}"]


def write_inputs(path: Path, trained: TrainedModel, recordings: Recordings) -> None:
    """Writes what an exported model reads: `inputs` and `lengths` in a file of NumPy.

    Row i of `inputs` is of sequence i: its values in their units with gaps filled in, padded with
    zeros behind its `lengths[i]` steps.

    Raises:
        UserError: It cannot be written.
    """
    write_padded(path, "inputs", trained.features(list(recordings.values)), np.float32)
