"""The trained parameters of a run, and what is needed to use them.

`weights.safetensors` has the parameters of the seed that is best on validation data, `model.json`
what they are the parameters of. The two alone make a model; neither holds code.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from gru_bench.config.preprocessing import Preprocessing
from gru_bench.config.score import Score
from gru_bench.system.errors import UserError
from gru_bench.system.files import read_regular_file, refuse_link, write_atomically

WEIGHTS = "weights.safetensors"
MODEL = "model.json"
MODEL_SCHEMA = 1
SEED, VALIDATION = "seed", "validation"  # entries of the metadata of weights


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """How files are written that the model's inputs were read from; see `CorpusConfig`."""

    text_column: str = "text"
    series_column: str | None = None
    time_column: str | None = None
    separator: str | None = None
    encoding: str = "utf-8"
    quotes: bool = True


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """Everything in `model.json`: all of a trained model but its parameters.

    Attributes:
        schema_version: The version of this schema.
        identity: The identity of the run that it comes from.
        task: The label of the task that it was trained on.
        cell: The name of its cell.
        cell_source: SHA-256 of the file that defines the cell; None for a built-in one.
        architecture: Sizes and choices, by the names of `gru_bench.model.model.ModelConfig`.
        preprocessing: How its inputs come about, and what its outputs are called.
        file_format: How files of its inputs are written; None if there are none.
        score: The score by which its parameters were chosen, on validation data.
        versions: The versions of the packages that it was trained with.
    """

    schema_version: int = MODEL_SCHEMA
    identity: str
    task: str
    cell: str
    cell_source: str | None
    architecture: dict[str, Any]
    preprocessing: Preprocessing
    file_format: FileFormat | None
    score: Score
    versions: dict[str, str]


@dataclass(frozen=True)
class SeedWeights:
    """The best parameters of one seed.

    Attributes:
        seed: The seed.
        validation: Their score on validation data; None if it is not finite.
        arrays: The parameters by their names in the model, such as `layers.0.bias`.
    """

    seed: int
    validation: float | None
    arrays: Mapping[str, np.ndarray]


def keep_weights(
    folder: Path,
    which: str,
    model: SavedModel,
    added: Sequence[SeedWeights],
    finished: Collection[int] = (),
) -> None:
    """Writes the parameters that are to be kept of a run. It is called before its result is there.

    Args:
        folder: The run folder.
        which: `best` keeps the best seed of those trained now and the one that is kept already,
            `all` each seed besides, in `seed_<n>/`, `none` nothing new.
        model: What they are parameters of.
        added: The seeds that were trained now.
        finished: Those that the run has had before. Weights of any other are of no use: the attempt
            that they come from was broken off.
    """
    kept = _kept_score(folder, finished)
    if kept is None:
        for name in (WEIGHTS, MODEL):
            (folder / name).unlink(missing_ok=True)
    if which == "none":
        return
    if which == "all":
        for each in added:
            seed_folder = folder / f"seed_{each.seed}"
            refuse_link(seed_folder)
            seed_folder.mkdir(exist_ok=True)
            _write_weights(seed_folder / WEIGHTS, each)
    sign = 1 if model.score.higher_is_better else -1
    scored = [(sign * each.validation, each) for each in added if each.validation is not None]
    # Of equal ones the first, however the seeds are spread over several starts.
    best = max(scored, key=lambda pair: pair[0], default=None)
    if best is None or (kept is not None and best[0] <= sign * kept):
        return
    write_atomically(
        folder / MODEL, msgspec.json.format(msgspec.json.encode(model), indent=1) + b"\n"
    )
    _write_weights(folder / WEIGHTS, best[1])


def _kept_score(folder: Path, finished: Collection[int]) -> float | None:
    """Returns the validation score of the weights in a folder; None if there are none to keep."""
    try:
        read_model(folder)
        kept = read_weights(folder)
    except UserError:
        return None
    return kept.validation if kept.seed in finished else None


def _write_weights(path: Path, weights: SeedWeights) -> None:
    metadata = {SEED: str(weights.seed)}
    if weights.validation is not None:
        metadata[VALIDATION] = repr(weights.validation)
    arrays = {name: np.ascontiguousarray(array) for name, array in weights.arrays.items()}
    write_atomically(path, save(arrays, metadata))


def read_model(folder: Path) -> SavedModel:
    """Reads `model.json`.

    Raises:
        UserError: There is none, or it is damaged or of another version.
    """
    path = folder / MODEL
    if not path.is_file():
        raise UserError(_no_model(folder))
    try:
        model = msgspec.json.decode(read_regular_file(path), type=SavedModel)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {error}") from None
    if model.schema_version != MODEL_SCHEMA:
        raise UserError(
            f"{path} is of version {model.schema_version}, and this gru-bench reads version"
            f" {MODEL_SCHEMA}"
        )
    return model


def _no_model(folder: Path) -> str:
    """Says why a folder has no model, and how it would get one."""
    if not folder.is_dir():
        return f"{folder} is not a folder: give the folder of a finished run"
    if (folder / "result.json").is_file():
        return (
            f"{folder} holds no weights: train it anew with the same words and save_weights=best"
            " force=true"
        )
    below = sorted(path.parent for path in folder.glob(f"**/{MODEL}"))
    if below:
        return f"{folder} is not the folder of one run: give one of those below it, as {below[0]}"
    return f"{folder} holds no trained model: give the folder of a finished run"


def read_weights(folder: Path, seed: int | None = None) -> SeedWeights:
    """Reads the parameters of the best seed, or of the one given.

    Raises:
        UserError: There are none, or they are damaged.
    """
    path = folder / WEIGHTS if seed is None else folder / f"seed_{seed}" / WEIGHTS
    if not path.is_file():
        if seed is None:
            raise UserError(_no_model(folder))
        raise UserError(f"{folder} holds no weights of seed {seed}: train with save_weights=all")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            validation = float(metadata.get(VALIDATION, "nan"))
            return SeedWeights(
                int(metadata[SEED]),
                validation if math.isfinite(validation) else None,
                {name: file.get_tensor(name) for name in file.keys()},  # noqa: SIM118
            )
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path} is damaged: {' '.join(str(error).split())}") from None
