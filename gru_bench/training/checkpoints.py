"""Checkpoints, from which training that was broken off goes on to the same result.

A checkpoint is a numbered folder: in `arrays/`, by Orbax, all numbers of a snapshot, and written
last `about.json`, which says what it is a checkpoint of and holds a digest of every file.

The numbering is not left to Orbax's `CheckpointManager`: it takes every numbered folder for one of
its checkpoints, links included, and deletes the oldest with all that is in them; and a damaged
checkpoint counts as one of those that it keeps, so that the sound one before it goes.
"""

import contextlib
import dataclasses
import hashlib
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from gru_bench.system.files import refuse_link, remove_entries
from gru_bench.training.state import Evaluation, Snapshot, TrainState

if TYPE_CHECKING:
    import orbax.checkpoint

ARRAYS, ABOUT = "arrays", "about.json"
CONFIGURATION = "configuration"  # names, in the origin of a checkpoint, what was to be trained
WRITTEN = (f"{ARRAYS}*", f"{ABOUT}*")  # all that is in a checkpoint, half-written ones included
ROOM = 2**20  # bytes that a checkpoint may take up besides those of its arrays
KEPT = 2  # checkpoints that are kept: one is left if the newest is damaged


class UnusableCheckpoint(Exception):  # noqa: N818
    """A checkpoint that training cannot go on from. The message is a short reason."""


class Checkpoints:
    """The checkpoints of one call of `fit`, whose `resume` and `keep` are the methods here.

    What goes wrong with the disk costs a checkpoint and a warning, never the training.

    Args:
        folder: Where to, made with the first checkpoint. What else lies there is left alone.
        identity: Equal exactly for calls of `fit` with the same arguments.
        interval_s: Seconds from one checkpoint to the next, at the least.
        note: Takes a line for the user.

    Raises:
        UserError: The folder, or the one that it is in, is a link.
    """

    def __init__(
        self, folder: Path, identity: str, interval_s: float, note: Callable[[str], None]
    ) -> None:
        for each in (folder.parent, folder):
            refuse_link(each)
        self._folder = folder.absolute()
        self._identity = identity
        self._interval_s = interval_s
        self._note = note
        self._saved_s = time.monotonic()
        self._sound: list[Path] = []

    def resume(self, start: Snapshot) -> Snapshot:
        """Returns the newest snapshot that is sound and fits the start, or the start itself.

        A line goes to the user for each that is passed over.
        """
        for number in sorted(numbers(self._folder), reverse=True):
            path = self._folder / str(number)
            if not (path / ABOUT).exists():
                continue
            try:
                snapshot = read(path, self._identity, start)
            except UnusableCheckpoint as reason:
                self._note(f"warning: checkpoint {path} is not used: {reason}")
                continue
            self._sound = [path]
            return snapshot
        return start

    def keep(self, snapshot: Snapshot, now: bool = False) -> None:
        """Saves the snapshot if the interval has passed, or in any case if it is to be `now`."""
        if now or time.monotonic() - self._saved_s >= self._interval_s:
            self._save(snapshot)
            self._saved_s = time.monotonic()

    def _save(self, snapshot: Snapshot) -> None:
        earlier = numbers(self._folder)
        taken = [int(path.name) for path in self._folder.glob("*") if path.name.isdecimal()]
        path = self._folder / str(1 + max(taken, default=0))
        try:
            write(path, self._identity, snapshot)
        except Exception as error:  # Orbax passes on those of several libraries.
            reason = str(error).partition("\n")[0]
            self._note(f"warning: no checkpoint was saved, training goes on: {reason}")
            remove_entries(path, *WRITTEN)
        else:
            self._sound = [*self._sound, path][-KEPT:]
            for unwanted in {self._folder / str(n) for n in earlier} - set(self._sound):
                remove_entries(unwanted, *WRITTEN)


def numbers(folder: Path) -> list[int]:
    """Returns the numbers of the checkpoints in a folder, half-written and damaged ones included.

    A link is none, and neither is a folder that holds anything else than a checkpoint does.
    """
    return [
        int(path.name)
        for path in folder.glob("*/")
        if path.name.isdecimal()
        and not path.is_symlink()
        and all(each.name.startswith((ARRAYS, ABOUT)) for each in path.iterdir())
    ]


def remove_checkpoints(folder: Path) -> None:
    """Removes the checkpoints of a run, and every folder in which nothing else is left.

    Args:
        folder: What the folders of all its `Checkpoints` are in. Nothing is removed behind links.
    """
    if folder.parent.is_symlink() or folder.is_symlink():
        return
    for population in folder.glob("*/"):
        if not population.is_symlink():
            for number in numbers(population):
                remove_entries(population / str(number), *WRITTEN)
            remove_entries(population)
    remove_entries(folder)


def write(path: Path, identity: str, snapshot: Snapshot) -> None:
    """Writes a checkpoint. It is one from the moment that its `about.json` is there.

    Raises:
        OSError: The disk is full, or the folder cannot be written to.
        Exception: Whatever else Orbax raises.
    """
    evaluations = [dataclasses.asdict(evaluation) for evaluation in snapshot.evaluations]
    arrays = {
        "runs": [on_host(leaf) for leaf in jax.tree.leaves(snapshot.state)],
        "evaluations": jax.tree.map(lambda *column: np.stack(column), *evaluations),
        "compile_s": np.float64(snapshot.compile_s),
    }
    path.mkdir(parents=True)
    # Orbax's threads meet a full disk with pages of tracebacks: a plain file finds out first.
    with tempfile.TemporaryFile(dir=path) as file:
        file.write(bytes(ROOM + sum(array.nbytes for array in jax.tree.leaves(arrays))))
    with quiet_orbax() as checkpointer:
        checkpointer.save(path / ARRAYS, arrays)
    about = {"origin": origin(identity, snapshot.state), "digests": digests(path / ARRAYS)}
    unfinished = path / f"{ABOUT}.unfinished"
    unfinished.write_text(json.dumps(about, indent=1))
    unfinished.replace(path / ABOUT)


def read(path: Path, identity: str, start: Snapshot) -> Snapshot:
    """Reads a checkpoint, its arrays onto the devices where those of the start are.

    Raises:
        UnusableCheckpoint: It is damaged, or belongs to something else.
    """
    try:
        about = json.loads((path / ABOUT).read_bytes())
        theirs = dict(about["origin"])
        sound = about["digests"] == digests(path / ARRAYS)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableCheckpoint(f"{ABOUT} is damaged") from error
    if not sound:
        raise UnusableCheckpoint("a file of it is damaged or missing")
    for name, ours in origin(identity, start.state).items():
        if theirs.get(name) != ours:
            seeds = " or other seeds" if name == CONFIGURATION else ""
            raise UnusableCheckpoint(f"it was made with another {name}{seeds}")
    try:
        with quiet_orbax() as checkpointer:
            arrays = checkpointer.restore(path / ARRAYS)
    except Exception as error:  # Such as of another version of its format.
        raise UnusableCheckpoint(f"Orbax cannot read it ({type(error).__name__})") from error
    leaves, structure = jax.tree.flatten(start.state)
    columns = arrays["evaluations"]
    return Snapshot(
        state=jax.tree.unflatten(structure, map(placed_like, leaves, arrays["runs"])),
        evaluations=[evaluation(columns, row) for row in range(len(columns["step"]))],
        compile_s=float(arrays["compile_s"]),
    )


@contextlib.contextmanager
def quiet_orbax() -> Iterator["orbax.checkpoint.Checkpointer"]:
    """Yields a checkpointer whose threads do not print a traceback of each error it raises, too."""
    import orbax.checkpoint as ocp  # 0.3 s, which short trainings do without

    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with ocp.Checkpointer(ocp.StandardCheckpointHandler()) as checkpointer:
            yield checkpointer
    finally:
        log.setLevel(level)


def origin(identity: str, state: TrainState) -> dict[str, Any]:
    """Returns what must be the same for training to go on to the same result, as JSON."""
    arrays = jax.tree.leaves_with_path(state)
    return {
        CONFIGURATION: identity,
        "set of devices": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "version of JAX": jax.__version__,
        "set of arrays": [
            f"{jax.tree_util.keystr(path)} {leaf.dtype} {leaf.shape}" for path, leaf in arrays
        ],
    }


def digests(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file below a folder, by its path there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def is_key(leaf: Array) -> bool:
    """Returns whether an array holds random keys, which only JAX itself has a type for."""
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def on_host(leaf: Array) -> np.ndarray:
    """Returns the numbers of an array, those behind random keys included, on the host."""
    return np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)


def placed_like(leaf: Array, array: np.ndarray) -> Array:
    """Returns an array of the given numbers, of the type and on the devices of the leaf."""
    numbers = jnp.asarray(array)
    if is_key(leaf):
        numbers = jax.random.wrap_key_data(numbers, impl=jax.random.key_impl(leaf))
    placed: Array = jax.device_put(numbers, leaf.sharding)
    return placed


def evaluation(columns: dict[str, Any], row: int) -> Evaluation:
    """Returns one of the evaluations that were stacked to columns."""
    fields = jax.tree.map(lambda column: column[row], columns)
    return Evaluation(**fields | {"step": int(fields["step"]), "time_s": float(fields["time_s"])})
