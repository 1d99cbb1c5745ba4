"""Run folders: prepared, written atomically, and read with checks."""

import contextlib
import dataclasses
import os
import re
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from gru_bench.runs import predictions
from gru_bench.runs.older_schemas import UPGRADES
from gru_bench.runs.predictions import Predictions
from gru_bench.runs.result import SCHEMA_VERSION, Result
from gru_bench.system.errors import UserError
from gru_bench.system.files import (
    UNFINISHED,
    read_regular_file,
    refuse_link,
    remove_entries,
    write_atomically,
)
from gru_bench.system.printable import printable
from gru_bench.system.prose import counted

RESULT = "result.json"
PREDICTIONS = "predictions.npz"
CONFIG = "config.yaml"
ERROR = "error.txt"
# What JSON holds, escaped or not, where a text in it has control characters.
MAYBE_CONTROLS = re.compile(
    rb"\\u00[0189]|\\u007f|\\u20[26]|\\[bfr]|\x7f|\xc2[\x80-\x9f]|\xe2[\x80\x81]", re.IGNORECASE
)
EVENTS = "events.out.tfevents."  # begins the names of the files that TensorBoard reads
CHECKPOINTS = "checkpoints"
TUNING, TRAINING = "tuning", "training"  # below it: the checkpoints of each
OWNER = "# gru-bench run "  # begins config.yaml, before the identity of the run


class DamagedResult(Exception):  # noqa: N818
    """A `result.json` that cannot be used. The message is one line: the file and what is wrong."""


class ForeignFolder(UserError):  # noqa: N818
    """A folder in which nothing may be written: it is a link, a file, or holds another run."""


class OtherVersion(DamagedResult):
    """A `result.json` of an older or newer gru-bench.

    Args:
        path: The file.
        version: Its `schema_version`.
    """

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(f"{path}: `schema_version` is {version}, known is {SCHEMA_VERSION}")
        self.version = version


def require_writable(out_dir: str | Path) -> None:
    """Raises `UserError` unless files can be made in `out_dir`, which is made if it is missing."""
    try:
        Path(out_dir).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out_dir):
            pass
    except OSError as error:
        raise _unwritable(out_dir, error) from None


def _unwritable(out_dir: str | Path, error: OSError) -> UserError:
    return UserError(
        f"out_dir={out_dir} is not possible: cannot write there ({error.strerror});"
        " out_dir must be a folder you may write to"
    )


def refuse_foreign_folder(out_dir: str | Path, run_name: str, identity: str) -> None:
    """Raises `ForeignFolder` unless a run may be written in its folder. Nothing is changed.

    Args:
        out_dir: The folder of all runs, which may be a link.
        run_name: The run's folder below it.
        identity: The run's identity.
    """
    folder = Path(out_dir) / run_name
    above = [each for each in folder.parents if each.is_relative_to(out_dir)][:-1]
    checkpoints = folder / CHECKPOINTS
    written = [*above, folder, *folder.glob("seed_*"), checkpoints, *checkpoints.glob("*")]
    try:
        for each in written:
            refuse_link(each)
    except UserError as error:
        raise ForeignFolder(str(error)) from None
    for each in [*above, folder, checkpoints]:
        if each.exists() and not each.is_dir():
            raise ForeignFolder(f"{each} is no folder: move it away, or give another out_dir")
    other = identity_of(folder)
    if other not in (None, identity):
        raise ForeignFolder(
            f"{folder} holds another run ({other}, not {identity}), which is not overwritten:"
            " give another out_dir"
        )


def prepare_folder(
    out_dir: str | Path,
    run_name: str,
    identity: str,
    config: Mapping[str, Any],
    finished: Collection[int] = (),
) -> Path:
    """Makes `out_dir/run_name` ready for a run: writes `config.yaml`, clears an earlier attempt.

    What an earlier attempt left of seeds that are not finished is removed, since TensorBoard would
    show its events and the new ones as one run. So is a result without finished seeds; one of
    another version of gru-bench is renamed to `result.schema-<version>.json` instead. Nothing else
    in the folder is touched, so that training can go on from its checkpoints.

    Args:
        out_dir: The folder of all runs.
        run_name: The run's folder below it.
        identity: The run's identity.
        config: What was asked for, as plain values.
        finished: Seeds that a result in the folder has, and that are to be kept.

    Raises:
        UserError: The folder cannot be made or written to; or, as `ForeignFolder`, is not the
            run's.
    """
    folder = Path(out_dir) / run_name
    refuse_foreign_folder(out_dir, run_name, identity)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ERROR).unlink(missing_ok=True)
        if not finished:
            set_other_version_aside(folder)
            (folder / RESULT).unlink(missing_ok=True)
            (folder / PREDICTIONS).unlink(missing_ok=True)
        for half_written in folder.glob(f"{UNFINISHED}*"):
            half_written.unlink()
        kept = {f"seed_{seed}" for seed in finished}
        for events in folder.glob("seed_*/"):
            if events.name not in kept:
                remove_entries(events, f"{EVENTS}*")
        text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
        write_atomically(folder / CONFIG, f"{OWNER}{identity}\n{text}".encode())
    except OSError as error:
        raise _unwritable(out_dir, error) from None
    return folder


def identity_of(folder: Path) -> str | None:
    """Returns the identity of the run that a folder holds, finished or not; None if it has none."""
    with contextlib.suppress(DamagedResult):
        return read_result(folder).identity
    return _read_config(folder)[0]


def asked_seeds(folder: Path, identity: str) -> Any:
    """Returns the seeds that a run was last asked for; None if its folder does not tell."""
    owner, text = _read_config(folder)
    if owner != identity:
        return None
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    return config.get("seeds") if isinstance(config, dict) else None


def _read_config(folder: Path) -> tuple[str | None, str]:
    """Returns the identity that `config.yaml` begins with, None without one, and its YAML."""
    try:
        first, _, text = (folder / CONFIG).read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None, ""
    if not first.startswith(OWNER):
        return None, ""
    return first.removeprefix(OWNER).strip(), text


def set_other_version_aside(folder: Path) -> None:
    """Renames a result that another version of gru-bench made, and can still read."""
    try:
        read_result(folder)
    except OtherVersion as error:
        (folder / RESULT).replace(folder / f"result.schema-{error.version}.json")
    except DamagedResult:
        pass


def write_result(folder: Path, result: Result) -> Path:
    """Writes `result.json` all at once or not at all; non-finite numbers become null.

    NumPy scalars and arrays are accepted as numbers and lists. `predictions.npz` comes first: rows
    of seeds that no result has are of no account.
    """
    if result.predictions is not None:
        write_atomically(folder / PREDICTIONS, predictions.to_bytes(result.predictions))
    plain = msgspec.to_builtins(
        dataclasses.replace(result, predictions=None), enc_hook=lambda value: value.tolist()
    )
    del plain["predictions"]
    data = msgspec.json.encode(plain)
    path = folder / RESULT
    write_atomically(path, msgspec.json.format(data, indent=1) + b"\n")
    return path


def read_result(folder: Path) -> Result:
    """Reads `result.json` in `folder`, with the predictions beside it if these are sound.

    Raises:
        DamagedResult: The file is missing, not JSON or of the wrong types; or, as `OtherVersion`,
            of another schema.
    """
    path = folder / RESULT
    try:
        content = read_regular_file(path)
        data = msgspec.json.decode(content)
    except OSError as error:
        raise DamagedResult(f"{path}: cannot be read ({error.strerror})") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedResult(f"{path}: not JSON ({error})") from None
    if not isinstance(data, dict) or "schema_version" not in data:
        raise DamagedResult(f"{path}: not a result of gru-bench (no `schema_version`)")
    version = data["schema_version"]
    if not isinstance(version, int):
        raise DamagedResult(f"{path}: `schema_version` is {version!r}, known is {SCHEMA_VERSION}")
    if MAYBE_CONTROLS.search(content) and _holds_controls(data):
        raise DamagedResult(f"{path}: a text in it holds control characters")
    try:
        if version in UPGRADES:
            data = UPGRADES[version](data)
        elif version != SCHEMA_VERSION:
            raise OtherVersion(path, version)
        result = msgspec.convert(data, Result)
    except (msgspec.ValidationError, KeyError, TypeError, AttributeError) as error:
        if version in UPGRADES:
            raise OtherVersion(path, version) from None
        raise DamagedResult(f"{path}: {error}") from None
    return dataclasses.replace(result, predictions=_read_predictions(folder))


def _read_predictions(folder: Path) -> Predictions | None:
    """Returns the predictions of a run; None without sound ones: seeds alone are judged then."""
    try:
        return predictions.from_bytes(read_regular_file(folder / PREDICTIONS))
    except (OSError, ValueError):
        return None


def _holds_controls(value: Any) -> bool:
    """Whether a text, or one within a list or mapping, would steer a terminal."""
    if isinstance(value, dict):
        return any(map(_holds_controls, (*value, *value.values())))
    if isinstance(value, list):
        return any(map(_holds_controls, value))
    return isinstance(value, str) and printable(value) != value


def load_results(directory: str | Path) -> tuple[list[Result], list[str]]:
    """Reads every finished run below `directory`.

    Returns:
        The results in the order of their paths, and a line for each file that was passed over
        (damaged, foreign, a copy of another run) and one for the unfinished folders.

    Raises:
        UserError: There is no such directory, or no finished run in it.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise UserError(f"{directory} is not a folder: give one that holds runs")
    results: dict[str, Result] = {}
    warnings: list[str] = []
    unfinished = 0
    for parent, folders, files in os.walk(directory):
        # Hidden folders, such as Hydra's .hydra, hold other tools' files of the same names.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if RESULT not in files:
            unfinished += CONFIG in files
            continue
        try:
            result = read_result(Path(parent))
        except DamagedResult as error:
            warnings.append(f"passed over {error}")
            continue
        if result.identity in results:
            path = Path(parent) / RESULT
            warnings.append(f"passed over {path}: a copy of another run ({result.identity})")
            continue
        results[result.identity] = result
    if unfinished:
        warnings.append(f"passed over {counted(unfinished, 'unfinished run')} under {directory}")
    if not results:
        found = f" ({'; '.join(warnings)})" if warnings else ""
        raise UserError(f"no finished runs under {directory}{found}: start with gru-bench run")
    return list(results.values()), warnings
