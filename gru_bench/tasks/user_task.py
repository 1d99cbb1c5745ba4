"""Tasks that users write: loaded, and checked by running them once."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.config.user_classes import BadClass, faults_as_user_errors, import_class
from gru_bench.tasks.base import SPLITS, Batch, PredictsExamples, Split, Task

# Bytes of arrays that a program may hold besides its arguments, such as small tables.
LARGEST_CONSTANTS = 100_000


def load_task(reference: str, options: Mapping[str, Any], batch_size: int) -> Task:
    """Returns the task named `package.module:Class`, once it has passed its check.

    Args:
        reference: A class that follows the protocol `gru_bench.tasks.base.Task`, or a function
            that returns an instance of one.
        options: What it is made with, besides `batch_size`.
        batch_size: Sequences in a batch.

    Raises:
        UserError: There is no such class, it cannot be made, or the check fails.
    """
    found = import_class("task", reference)
    with faults_as_user_errors("task", reference):
        task = found(batch_size=batch_size, **options)
        missing = [name for name in _members(Task) if not hasattr(task, name)]
        if missing:
            raise BadClass(f"it has no {', '.join(missing)} (see gru_bench.tasks.base.Task)")
        _check_declaration(task)
        _check_tree(task)
        for split in SPLITS:
            program = jax.make_jaxpr(partial(_scores, split))(task, jax.random.key(0))
            _check_constants(program.consts)
    return cast(Task, task)


def _members(protocol: type) -> list[str]:
    return sorted(name for name in vars(protocol) if not name.startswith("_"))


def _check_declaration(task: Task) -> None:
    if not all(isinstance(leaf, Array) for leaf in jax.tree.leaves(task)):
        raise BadClass(
            "it must be a pytree of arrays: a frozen dataclass under"
            " jax.tree_util.register_dataclass, all fields but arrays being static()"
        )
    if task.readout not in get_args(Readout):
        raise BadClass(f"readout={task.readout} must be one of {', '.join(get_args(Readout))}")
    if not isinstance(task.score, Score):
        raise BadClass("score must be a gru_bench.tasks.Score")


def _check_tree(task: Task) -> None:
    """Raises `BadClass` unless the task survives being taken apart and put together again.

    JAX does so with every argument of a compiled program, and with placeholders for the arrays.
    """
    leaves, structure = jax.tree.flatten(task)
    jax.tree.unflatten(structure, [object()] * len(leaves))
    again = jax.tree.unflatten(structure, leaves)
    structures: list[Any] = [structure, jax.tree.structure(again)]
    is_same = type(again) is type(task) and structures[0] == structures[1]
    if not is_same or any(not hasattr(again, name) for name in _members(Task)):
        raise BadClass(
            "it is another task once it was taken apart and put together again by jax.tree: its"
            " tree must hold all that it is made of"
        )


def _check_constants(constants: Sequence[Any]) -> None:
    """Raises `BadClass` if data would be written into the compiled program."""
    size = sum(getattr(constant, "nbytes", 0) for constant in constants)
    if size > LARGEST_CONSTANTS:
        raise BadClass(
            f"{size / 1e6:.1f} MB of data would become constants of the compiled program: make the"
            " arrays fields of the task's tree, neither static() nor outside of the class"
        )


def _scores(split: Split, task: Task, key: Array) -> dict[str, Array]:
    """Returns the scores of zeros as outputs, for the first batch of a split.

    A batch of training is checked as well.
    """
    items = task.evaluation(key, split)
    batch = task.batch(_first(items))
    for drawn in (batch, task.batch(_first(task.schedule(key, jnp.int32(0), 2)))):
        _check_batch(task, drawn)
    of_step = (batch.inputs.shape[0],) if task.readout == "every" else ()
    outputs = jnp.zeros((*of_step, task.batch_size, task.output_size))
    tally = task.tally(outputs, batch)
    scores = task.scores(tally)
    for name, found, wanted in (
        ("tally", tally, ("loss", "count")),
        ("scores", scores, ("loss", task.score.name)),
    ):
        if lacking := [key for key in wanted if key not in found or found[key].shape != ()]:
            raise BadClass(f"{name} must have the single numbers {', '.join(lacking)}")
    if isinstance(task, PredictsExamples):
        predicted = task.predictions(outputs, batch)
        if predicted.shape != (task.batch_size,):
            raise BadClass(
                f"predictions must be one for each sequence, ({task.batch_size},), they are"
                f" {predicted.shape}"
            )
    solved = task.solved(scores)
    if jnp.shape(solved) != () or not jnp.issubdtype(jnp.result_type(solved), jnp.bool):
        raise BadClass("solved must give one true or false")
    return scores


def _first(items: PyTree[Array]) -> PyTree[Array]:
    return jax.tree.map(lambda leaf: leaf[0], items)


def _check_batch(task: Task, batch: Batch) -> None:
    time = batch.inputs.shape[0]
    features = () if task.tokens else (task.input_size,)
    shape = (time, task.batch_size, *features)
    kind = jnp.integer if task.tokens else jnp.floating
    if batch.inputs.shape != shape or not jnp.issubdtype(batch.inputs.dtype, kind):
        whole = "whole numbers" if task.tokens else "floating point numbers"
        raise BadClass(f"inputs of a batch must be {whole} {shape}, they are {batch.inputs.shape}")
    for name in ("lengths", "weights"):
        if getattr(batch, name).shape != (task.batch_size,):
            raise BadClass(f"{name} of a batch must be ({task.batch_size},)")
