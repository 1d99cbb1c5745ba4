"""Which ways of computing the recurrence are possible, and which is the fastest here.

On a CPU it is the scan: the parallel one, of cells that are linear in their state, takes longer at
every length from 64 to 4,096 steps (`gru-bench speed --lengths`, results/speed/lengths.md). On a
GPU the fastest is not known beforehand: it depends on the cell, on every size, on how many members
are trained at once, and on the device. So each is timed once, and the times are kept in the user's
cache.
"""

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from flax import nnx
from jaxtyping import Array, PyTree

from gru_bench.cells.linear import LinearCell
from gru_bench.config.execution import RECURRENCES
from gru_bench.config.user_classes import source_file
from gru_bench.measuring.rounds import race
from gru_bench.model.model import ModelConfig, cell_class, make_cell
from gru_bench.recurrence import cudnn
from gru_bench.recurrence.scan import Implementation, unroll
from gru_bench.recurrence.tiles import NotPointwise
from gru_bench.system.errors import UserError, first_line
from gru_bench.system.files import cache_dir, content_hash, write_atomically
from gru_bench.system.version import __version__
from gru_bench.tasks.base import Task
from gru_bench.training.state import TrainConfig

AUTO, *IMPLEMENTATIONS = RECURRENCES
PARALLEL, PLAIN = "parallel", "plain"
ROUNDS = 9

Times = dict[str, float]  # milliseconds that the gradients of a layer take, by recurrence


def choose_recurrence(train: TrainConfig, task: Task, members: int) -> TrainConfig:
    """Returns the training with a recurrence chosen: `auto` becomes the one that is fastest here.

    Args:
        train: The training.
        task: Its task, whose batches the recurrences are timed on.
        members: How many members are trained at once.

    Raises:
        UserError: The recurrence that is asked for is not possible.
    """
    model = train.model
    check_recurrence(model)
    if model.recurrence == AUTO:
        on_each = -(-members // jax.device_count())
        model = dataclasses.replace(
            model, recurrence=fastest(model, task.batch_size, task.sequence_length, on_each)
        )
    return dataclasses.replace(train, model=model)


def check_recurrence(model: ModelConfig) -> None:
    """Raises `UserError` if the recurrence that a model asks for is not possible for it here."""
    reason = None if model.recurrence == AUTO else obstacle(model.recurrence, model)
    if reason is not None:
        right = " or ".join([AUTO, *possible_recurrences(model)])
        raise UserError(
            f"recurrence={model.recurrence} is not possible: {reason}; here recurrence must be"
            f" {right}"
        )


def possible_recurrences(model: ModelConfig) -> list[str]:
    """Returns the recurrences that nothing is known to stand in the way of, the scan first."""
    return [recurrence for recurrence in IMPLEMENTATIONS if obstacle(recurrence, model) is None]


def obstacle(recurrence: str, model: ModelConfig) -> str | None:
    """Returns why a recurrence is not possible for a model here; None if nothing is known."""
    if recurrence == PLAIN:
        return None
    if (option := model.plain_alone) is not None:
        return f"it cannot do {option}"
    if recurrence == "scan":
        return None
    if not model.is_recurrent:
        return f"{model.cell} has no loop over time"
    cell = cell_class(model.cell)
    if recurrence == PARALLEL:
        return None if issubclass(cell, LinearCell) else f"{model.cell} is not linear in its state"
    device = jax.default_backend()
    if device != "gpu":
        return f"it needs an NVIDIA GPU, and the device is a {device}"
    if recurrence == "cudnn":
        supported = cudnn.supports(cell, model.dtype)
        return None if supported else "it has the LSTM alone, in float32"
    if not cell.products:
        return "the cell has no recurrent weights, which it would keep on the chip"
    from gru_bench.recurrence import fused  # Pallas takes 0.2 s, which a CPU does without

    if not fused.fits(cell, model.hidden_size, model.dtype):
        return (
            f"in {model.dtype} the recurrent weights of {model.hidden_size} units are too large to"
            " stay on the chip"
        )
    try:
        fused.require_tiles(cell, _projected_columns(model) // model.hidden_size)
    except NotPointwise as error:
        return f"the cell cannot be fused: {error}"
    return None


def fastest(model: ModelConfig, batch: int, time: int, members: int) -> str:
    """Returns the recurrence that takes the least time for so many members on one device."""
    times = recurrence_times(model, batch, time, members)
    return min(
        times, key=lambda recurrence: times[recurrence], default=possible_recurrences(model)[0]
    )


def recurrence_times(model: ModelConfig, batch: int, time: int, members: int) -> Times:
    """Returns what each recurrence takes, kept or measured now; nothing where none can be chosen.

    A recurrence that fails to compile or to run is left out, with a warning.

    Args:
        model: The model; what counts is its first recurrent layer.
        batch: Sequences in a batch.
        time: Steps in a sequence.
        members: How many members are trained at once on one device.
    """
    # The plain one is there for what no other can do, and slower than the scan.
    slower = {PLAIN, PARALLEL} if jax.default_backend() == "cpu" else {PLAIN}
    recurrences = [each for each in possible_recurrences(model) if each not in slower]
    if len(recurrences) < 2:
        return {}
    file = cache_dir() / "recurrence.json"
    key = _key(model, batch, time, members)
    times = _read(file).get(key)
    if times is None:
        times = _measure(recurrences, model, batch, time, members)
        # Where nothing can be kept, or something else lies in the table's place, nothing is kept.
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.is_file() or not os.path.lexists(file):
                write_atomically(file, msgspec.json.encode(_read(file) | {key: times}))
    return times


def _key(model: ModelConfig, batch: int, time: int, members: int) -> str:
    """Returns what the times depend on, as text."""
    cell = model.cell
    source = content_hash(source_file(cell)) or "built in"
    sizes = (batch, time, model.cell_input_size, model.hidden_size)
    kind = jax.devices()[0].device_kind
    return (
        f"{kind}, jax {jax.__version__}, gru-bench {__version__}: {cell} ({source}),"
        f" {' x '.join(map(str, sizes))}, {model.dtype}, {members} at once"
    )


def _read(file: Path) -> dict[str, Times]:
    """Returns the table of times; an empty one if there is none or it is damaged."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        if file.is_file():  # A pipe would keep the reader waiting.
            return msgspec.json.decode(file.read_bytes(), type=dict[str, Times])
    return {}


def _measure(
    recurrences: Sequence[str], model: ModelConfig, batch: int, time: int, members: int
) -> Times:
    """Returns the medians of rounds in which all recurrences that work take turns."""
    steps = {}
    for recurrence in recurrences:
        try:
            steps[recurrence] = layer_gradients(recurrence, model, batch, time, members)
            steps[recurrence]()
        except Exception as error:  # A compiler may raise anything.
            steps.pop(recurrence, None)
            reason = first_line(error)
            message = f"recurrence={recurrence} is passed over for {model.cell}: {reason}"
            warnings.warn(message, stacklevel=2)
    return {recurrence: 1e3 * float(np.median(s)) for recurrence, s in race(steps, ROUNDS).items()}


def layer_gradients(
    recurrence: str, model: ModelConfig, batch: int, time: int, members: int
) -> Callable[[], object]:
    """Returns a compiled call that takes all gradients of one layer, for so many members."""
    cell = make_cell(model, model.cell_input_size, nnx.Rngs(0))
    graph, params = nnx.split(cell)

    def gradient(params: PyTree[Array], x: Array) -> Any:
        def loss(params: PyTree[Array], x: Array) -> Array:
            layer = nnx.merge(graph, params)
            outputs, _ = unroll(layer, x, layer.zero_state(batch, x.dtype), implementation)
            return jnp.square(outputs.astype(jnp.float32)).sum()

        return jax.grad(loss, (0, 1))(params, x)

    implementation = Implementation(recurrence)
    shape = (members, time, batch, model.cell_input_size)
    x = jax.random.normal(jax.random.key(0), shape).astype(model.dtype)
    params = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (members, *leaf.shape)), params)
    program = jax.jit(jax.vmap(gradient)).lower(params, x).compile()
    return lambda: jax.block_until_ready(program(params, x))


def _projected_columns(model: ModelConfig) -> int:
    """Returns how many columns the projected input of the model's first layer has."""
    cell = nnx.eval_shape(lambda: make_cell(model, model.cell_input_size, nnx.Rngs(0)))
    x = jax.ShapeDtypeStruct((1, model.cell_input_size), jnp.float32)
    columns: int = nnx.eval_shape(lambda cell, x: cell.project(x), cell, x).shape[-1]
    return columns
