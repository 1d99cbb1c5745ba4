"""Finished runs in few and small files, to be committed: all of a folder of runs but its events.

`runs.json.gz` has the results, of which numbers keep seven digits, as many as float32 has; the
predictions of each run lie beside it, as in its own folder.
"""

import dataclasses
import gzip
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from gru_bench.runs import predictions
from gru_bench.runs.folder import DamagedResult
from gru_bench.runs.result import SCHEMA_VERSION, Result
from gru_bench.system.files import read_regular_file, write_atomically

RUNS = "runs.json.gz"
DIGITS = 7
# Bytes that the results of one part may unpack to.
LARGEST = 1 << 30


def write_runs(folder: Path, results: Sequence[Result]) -> None:
    """Writes results and their predictions; equal results give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(results, key=lambda result: result.identity)
    for result in ordered:
        if result.predictions is not None:
            content = predictions.to_bytes(result.predictions)
            write_atomically(folder / _predictions_of(result), content)
    plain = [
        _rounded(msgspec.to_builtins(dataclasses.replace(result, predictions=None)))
        for result in ordered
    ]
    for each in plain:
        del each["predictions"]
    data = gzip.compress(msgspec.json.encode(plain), mtime=0)
    write_atomically(folder / RUNS, data)


def read_runs(folder: Path) -> list[Result]:
    """Reads what `write_runs` wrote.

    Raises:
        DamagedResult: The file is missing, damaged, or of another schema.
    """
    path = folder / RUNS
    try:
        with gzip.open(path) as packed:
            content = packed.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"it unpacks to more than {LARGEST:,} bytes")
        results = msgspec.json.decode(content, type=list[Result])
    except (OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
        raise DamagedResult(f"{path}: cannot be read ({error})") from None
    for result in results:
        if result.schema_version != SCHEMA_VERSION:
            raise DamagedResult(
                f"{path}: `schema_version` is {result.schema_version}, known is {SCHEMA_VERSION}"
            )
    return [_with_predictions(folder, result) for result in results]


def _with_predictions(folder: Path, result: Result) -> Result:
    """Returns the result with its predictions, where there are any."""
    path = folder / _predictions_of(result)
    if not path.exists():
        return result
    try:
        content = read_regular_file(path)
        return dataclasses.replace(result, predictions=predictions.from_bytes(content))
    except (OSError, ValueError) as error:
        raise DamagedResult(f"{path}: cannot be read ({error})") from None


def _predictions_of(result: Result) -> str:
    return f"{result.identity}.npz"


def _rounded(value: Any) -> Any:
    """Returns plain values with their numbers rounded; those that are not finite become null."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
