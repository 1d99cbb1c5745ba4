"""Refuses runs that this machine has not the memory for, before they begin where possible."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import msgspec
import numpy as np

from gru_bench.model.attention_counts import heads
from gru_bench.system.errors import UserError
from gru_bench.system.files import write_atomically
from gru_bench.system.memory import memory_bytes, out_of_memory_kills
from gru_bench.system.prose import counted
from gru_bench.tasks.base import Task
from gru_bench.training.state import TrainConfig
from gru_bench.training.step import init_state

ATTEMPT = "attempt.json"  # lies in the run folder while an attempt lasts
DEATHS = 2  # for want of memory, after which a run is not tried again


class Attempt(msgspec.Struct):
    """What an attempt at a run leaves if its process is killed.

    Attributes:
        kills: `out_of_memory_kills` at its beginning.
        deaths: Attempts before it, one after another, in which the memory has run out.
    """

    kills: int
    deaths: int


def least_bytes(train: TrainConfig, task: Task, members: int) -> int:
    """Returns what training holds at the least, from shapes alone: nothing is allocated.

    That is all that each member carries, the gradient of one, and of one the states of all steps,
    which the backward pass needs, and of attention the weight of each step for each other. What
    compiled programs hold besides is not known beforehand.

    Args:
        train: How each member is trained.
        task: The task.
        members: How many seeds are trained at once, each at one learning rate.
    """
    state = jax.eval_shape(lambda: init_state(train, task, jnp.int32(0), jnp.float32(0)))
    params = _bytes(state.params)
    model = train.model
    width = np.dtype(jnp.bfloat16 if model.dtype == "bfloat16" else jnp.float32).itemsize
    steps = task.batch_size * task.sequence_length * model.layers
    of_a_step = model.layer_output_size
    if not model.is_recurrent:
        of_a_step += heads(model.hidden_size) * task.sequence_length
    states: int = steps * of_a_step * width
    return members * _bytes(state) + params + states


def _bytes(tree: object) -> int:
    found: int = sum(
        leaf.size * (8 if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf.dtype.itemsize)
        for leaf in jax.tree.leaves(tree)
    )
    return found


def device_bytes() -> int | None:
    """Returns the memory of the devices that runs are trained on; None where that is not known."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return memory_bytes()
    about = device.memory_stats() or {}
    limit = about.get("bytes_limit")
    return None if limit is None else int(limit) * jax.device_count()


def require_memory(train: TrainConfig, task: Task, members: int) -> None:
    """Raises `UserError` if training needs more memory than there is, whatever else it needs."""
    there = device_bytes()
    needed = least_bytes(train, task, members)
    if there is not None and needed > there:
        count = counted(members, "seed")
        raise UserError(
            f"too large for this machine: {count} at hidden_size={train.model.hidden_size}, in"
            f" batches of {task.batch_size} x {counted(task.sequence_length, 'step')}, hold at"
            f" least {needed / 1e9:,.1f} GB, and there are {there / 1e9:,.1f} GB; give smaller"
            " ones, or fewer seeds at a time"
        )


def fits(train: TrainConfig, task: Task, members: int) -> bool:
    """Whether `require_memory` has nothing against a training."""
    try:
        require_memory(train, task, members)
    except UserError:
        return False
    return True


def deaths(folder: Path) -> int:
    """Returns how many attempts at a run have ended, in succession, because the memory ran out."""
    try:
        earlier = msgspec.json.decode((folder / ATTEMPT).read_bytes(), type=Attempt)
    except (OSError, msgspec.MsgspecError):
        return 0
    kills = out_of_memory_kills()
    return earlier.deaths + (kills is not None and kills > earlier.kills)


def require_survivor(folder: Path, force: bool) -> None:
    """Raises `UserError` if the memory ran out twice over the run in a folder.

    Args:
        folder: The run folder.
        force: Whether it is to be tried all the same.
    """
    if not force and deaths(folder) >= DEATHS:
        raise UserError(
            f"passed over: its process was killed {DEATHS} times while the memory ran out;"
            " force=true tries it again, such as on a machine with more memory"
        )


@contextlib.contextmanager
def attempted(folders: list[Path], force: bool) -> Iterator[None]:
    """Leaves a trace in each folder while the context is open, for whoever comes after a kill."""
    kills = out_of_memory_kills()
    if kills is not None:
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                attempt = Attempt(kills, 0 if force else deaths(folder))
                write_atomically(folder / ATTEMPT, msgspec.json.encode(attempt), durable=False)
    try:
        yield
    finally:
        for folder in folders:
            forget_attempts(folder)


def forget_attempts(folder: Path) -> None:
    """Removes the trace of an attempt."""
    with contextlib.suppress(OSError):
        (folder / ATTEMPT).unlink(missing_ok=True)
