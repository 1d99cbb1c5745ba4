"""Series, split into training, validation and test: those of files, and those of wheels on PyPI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gru_bench.config.corpus import GAPS, CorpusConfig
from gru_bench.config.tasks.series import SeriesConfig
from gru_bench.system.errors import UserError
from gru_bench.system.prose import counted, some
from gru_bench.tasks.base import SPLITS
from gru_bench.tasks.columns import in_order
from gru_bench.tasks.corpus_keys import refuse_keys, refuse_shares, refuse_text_formats
from gru_bench.tasks.corpus_sources import Note
from gru_bench.tasks.digits import read_digits
from gru_bench.tasks.download import wheel_file
from gru_bench.tasks.mnist1d import read_mnist1d
from gru_bench.tasks.recordings import Recordings
from gru_bench.tasks.series_files import Reader, has_columns, read_recordings
from gru_bench.tasks.splits import of_whole_groups, stratified
from gru_bench.tasks.wheels import AEON, MNIST1D, SCIKIT_LEARN, VEGA_DATASETS, Wheel


class Carried(NamedTuple):
    """A corpus that a wheel carries.

    Attributes:
        wheel: The wheel.
        files: Its files, by the split that each is of.
        read: Reads them where they are in a format of their own, as `read_recordings` has it.
    """

    wheel: Wheel
    files: Mapping[str, str]
    read: Reader | None = None


@dataclass(frozen=True)
class SeriesCorpus:
    """Sequences by their splits.

    Attributes:
        splits: Those of training, validation and test.
        missing: How gaps are filled, as `corpus.missing` has it; None if there are none.
        first: The step at which what is forecast of the one sequence of a split begins. Before it
            are steps of the split before, of which windows are made.
    """

    splits: Mapping[str, Recordings]
    missing: str | None
    first: Mapping[str, int] = field(default_factory=dict)


CARRIED = {
    "japanese_vowels": Carried(
        AEON, {"train": "JapaneseVowels_TRAIN.ts", "test": "JapaneseVowels_TEST.ts"}
    ),
    "basic_motions": Carried(
        AEON, {"train": "BasicMotions_TRAIN.ts", "test": "BasicMotions_TEST.ts"}
    ),
    "italy_power_demand": Carried(
        AEON, {"train": "ItalyPowerDemand_TRAIN.ts", "test": "ItalyPowerDemand_TEST.ts"}
    ),
    "digits": Carried(SCIKIT_LEARN, {"train": "digits.csv.gz"}, read_digits),
    "mnist1d": Carried(MNIST1D, {"train": "data.py"}, read_mnist1d),
    "seattle_temperatures": Carried(VEGA_DATASETS, {"train": "seattle-temps.csv"}),
}
OF_TEXT = ("text_column", "drop_empty")
OF_TABLES = ("series_column", "time_column", "channels", "group", "label_column")
OF_SEVERAL = ("series_column", "group", "label_column")  # not of the one series that is forecast


def load_series(
    config: CorpusConfig,
    task: SeriesConfig,
    note: Note = lambda line: None,
    contents: Mapping[str, str] = MappingProxyType({}),
) -> SeriesCorpus:
    """Loads the sequences of a corpus.

    Where there is no validation or test split, a share of the training sequences becomes it: the
    same share of each class, or whole groups that come near to it. The choice is the same in every
    run. A series that is to be forecast is cut by time: first comes training, last the test.

    Args:
        config: The source and its details.
        task: What is said of a sequence.
        note: Takes a line on what is fetched, and on steps of uneven length.
        contents: SHA-256 of what files must hold, by the keys that name them.

    Raises:
        UserError: The data are missing, cannot be read, or cannot be split as they should be.
    """
    predict = task.predict
    _require_series(config)
    _require_effect(config, predict)
    splits = (
        _read_wheel(config, predict, note)
        if config.source == "wheel"
        else _read_files(config, predict, contents)
    )
    for split, found in splits.items():
        if found.channels != splits["train"].channels:
            raise UserError(
                f"{found.where} has {len(found.channels)} channels, and"
                f" {len(splits['train'].channels)} in training"
            )
        if any(not len(values) for values in found.values):
            raise UserError(f"{found.where} has a sequence of length 0 in the {split} split")
    refuse_shares(config, splits, "sequences")
    _check_values(splits, config.missing)
    if predict == "forecast":
        _note_uneven(splits, note)
        first = _cut_by_time(splits, config, task.reach)
        return SeriesCorpus(splits, config.missing, first)
    # The test split is drawn first: it must not depend on how validation is made.
    for split, fraction in (
        ("test", config.test_fraction),
        ("validation", config.validation_fraction),
    ):
        if split not in splits:
            splits["train"], splits[split] = _split(splits["train"], fraction, split, predict)
    _require_separate_groups(splits)
    return SeriesCorpus(splits, config.missing)


def _require_effect(config: CorpusConfig, predict: str) -> None:
    """Raises `UserError` if a key is set that series of this source do not have."""
    tables = _are_tables(config)
    tabular = [name for name, is_table in tables.items() if is_table]
    other = [name for name, is_table in tables.items() if not is_table]
    if tabular and other:
        raise UserError(
            f"{tabular[0]} has columns, by which channels are told, and {other[0]} has none: give"
            " files of one kind"
        )
    refuse_keys(config, OF_TEXT, " with task=series")
    if other:
        refuse_keys(config, OF_TABLES, f": {other[0]} has no columns")
    if predict == "forecast":
        why = " with task.predict=forecast: all rows are steps of one series"
        refuse_keys(config, OF_SEVERAL, why)
    refuse_text_formats(config)


def _are_tables(config: CorpusConfig) -> dict[str, bool]:
    """Returns whether the files of a corpus have columns, by what they are called."""
    if config.source == "wheel":
        _, files, read = CARRIED[config.name]
        are_tables = read is None and all(has_columns(name) for name in files.values())
        return {f"corpus={config.name}": are_tables}
    names = (config.train, config.validation, config.test)
    return {name: has_columns(name) for name in names if name is not None}


def _require_series(config: CorpusConfig) -> None:
    """Raises `UserError` if a corpus is not of series."""
    if config.source == "hub":
        raise UserError(
            f"corpus.source=hub is not possible with task=series: give files, by corpus=files, or"
            f" one of corpus={', '.join(CARRIED)}"
        )
    if config.source == "wheel" and config.name not in CARRIED:
        raise UserError(
            f"corpus={config.name} is not possible with task=series: it must be one of"
            f" {', '.join(CARRIED)}, or files of yours, by corpus=files"
        )


def _read_wheel(config: CorpusConfig, predict: str, note: Note) -> dict[str, Recordings]:
    wheel, files, read = CARRIED[config.name]
    splits = {}
    for split, name in files.items():
        path, where = wheel_file(wheel, name, note), f"{split} of corpus={config.name}"
        splits[split], _ = read_recordings(path, config, predict, where, read)
    return splits


def _read_files(
    config: CorpusConfig, predict: str, contents: Mapping[str, str]
) -> dict[str, Recordings]:
    splits: dict[str, Recordings] = {}
    for split in SPLITS:
        name = getattr(config, split)
        if name is None:
            continue
        key = f"corpus.{split}"
        where = f"{key}={name}"
        splits[split], content = read_recordings(Path(name), config, predict, where)
        if contents.get(key, content) != content:
            raise UserError(f"{where} has changed while it was read: run again")
    return splits


def _split(
    recordings: Recordings, fraction: float, split: str, predict: str
) -> tuple[Recordings, Recordings]:
    """Takes a share of the sequences away for a split."""
    strata = [labels[0] if predict == "class" else "" for labels in recordings.labels]
    classes = _codes(strata)
    if recordings.groups is None:
        away, what = stratified(classes, fraction), f"{len(recordings)} sequences"
    else:
        away = of_whole_groups(classes, _codes(recordings.groups), fraction)
        what = f"{len(set(recordings.groups))} groups"
    if not len(away):
        raise UserError(
            f"{recordings.where} has {what}, too few to split off a {split} set that leaves every"
            f" class in training: give corpus.{split}, or more of them"
        )
    kept = np.setdiff1d(np.arange(len(recordings)), away)
    return recordings.take(kept.tolist()), recordings.take(away.tolist())


def _cut_by_time(
    splits: dict[str, Recordings], config: CorpusConfig, history: int
) -> dict[str, int]:
    """Cuts the splits that are not given off the end of training, with so many steps before them.

    There are more of them if values are missing at the first, so that they can be carried forward.

    Returns:
        The step of each split at which its own ones begin.
    """
    train = replace(splits["train"], times=None)
    first: dict[str, int] = dict.fromkeys(SPLITS, 0)
    (values,) = train.values
    for split, fraction in (
        ("test", config.test_fraction),
        ("validation", config.validation_fraction),
    ):
        if split not in splits:
            begin = len(values) - max(1, round(len(values) * fraction))
            start = _last_known(values[: max(begin - history, 0) + 1])
            first[split] = begin - start
            splits[split] = replace(train, values=[values[start:]])
            values = values[:begin]
    splits["train"] = replace(train, values=[values])
    return first


def _last_known(values: Float[np.ndarray, "steps channels"]) -> int:
    """Returns the latest step from which on each channel has a value, up to the last step."""
    there = np.isfinite(values)
    steps = np.where(there, np.arange(len(values))[:, None], 0)
    return int(steps.max(0).min())


def _note_uneven(splits: Mapping[str, Recordings], note: Note) -> None:
    """Says so if steps of a series that is forecast are not all as long as most of them."""
    for recordings in splits.values():
        for times in recordings.times or ():
            steps = np.diff(times)
            usual = np.median(steps)
            uneven = np.flatnonzero(~np.isclose(steps, usual, rtol=1e-3))
            if len(uneven):
                note(
                    f"{recordings.where}: {len(uneven)} of {len(steps)} steps of time are not as"
                    f" long as most are (the first follows row {uneven[0] + 1}): a step is a row,"
                    " so that a season shifts there"
                )


def _codes(names: Sequence[str]) -> Int[np.ndarray, " names"]:
    """Returns the place of each name among all in order."""
    places = {name: place for place, name in enumerate(in_order(set(names)))}
    return np.array([places[name] for name in names])


def check_gaps(recordings: Recordings, advice: str) -> None:
    """Raises `UserError` if values are missing, with how many and what is right."""
    gaps = [np.isnan(values) for values in recordings.values]
    with_gaps = [place for place, each in enumerate(gaps) if each.any()]
    if not with_gaps:
        return
    step, channel = np.argwhere(gaps[with_gaps[0]])[0]
    raise UserError(
        f"{recordings.where} has {counted(sum(int(each.sum()) for each in gaps), 'missing value')},"
        f" in {len(with_gaps)} of {counted(len(gaps), 'sequence')} (the first of"
        f" {recordings.channels[channel]} at step {step + 1} of sequence"
        f" {recordings.names[with_gaps[0]]}):"
        f" {advice}"
    )


def _check_values(splits: Mapping[str, Recordings], missing: str | None) -> None:
    """Raises `UserError` if values are missing that are not to be filled, or cannot be."""
    if missing is None:
        advice = f"fill them in, or say what becomes of them by corpus.missing={' or '.join(GAPS)}"
        for recordings in splits.values():
            check_gaps(recordings, advice)
    train = splits["train"]
    empty = np.logical_and.reduce([np.isnan(values).all(0) for values in train.values])
    if empty.any():
        raise UserError(f"{train.where} has no value of {train.channels[int(empty.argmax())]}")


def _require_separate_groups(splits: Mapping[str, Recordings]) -> None:
    """Raises `UserError` if a group is in two splits, as where files are given for them."""
    seen: dict[str, str] = {}
    for split, recordings in splits.items():
        shared = [group for group in dict.fromkeys(recordings.groups or ()) if group in seen]
        if shared:
            raise UserError(
                f"corpus.group: {some(shared)} occur in {split} and in {seen[shared[0]]}: a group"
                " must be in one split alone, since its sequences tell of each other"
            )
        seen |= dict.fromkeys(recordings.groups or (), split)
