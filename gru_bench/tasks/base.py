"""What a task is: batches drawn on the device, outputs scored by sums that add up over batches."""

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from gru_bench.config.preprocessing import Preprocessing
from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
EVALUATED_SEQUENCES = 1000  # sequences in each split of a task drawn without end

T = TypeVar("T")


class Batch(NamedTuple):
    """A batch of sequences, time first, padded at the end.

    Attributes:
        inputs: Features `[time, batch, input_size]`, or token ids `[time, batch]`.
        targets: Whatever the task's `tally` compares the outputs with.
        lengths: Number of real steps of each sequence, `[batch]`.
        weights: 1 for a real sequence, 0 for one that only fills up an evaluation batch.
    """

    inputs: Array
    targets: Array
    lengths: Int[Array, " batch"]
    weights: Float[Array, " batch"]


@runtime_checkable
class Task(Protocol):
    """A task is a pytree: its data are leaves, everything else is static.

    It is therefore passed to compiled functions as an argument, so that a corpus is never baked
    into a program as a constant. `schedule` and `evaluation` lay out *items*, one a batch, as
    arrays with a leading axis for `lax.scan`; `batch` turns one item into a batch.

    Attributes:
        input_size: Features a step, or the number of distinct tokens if `tokens` is true.
        output_size: Outputs a step.
        tokens: Whether inputs are token ids (the model then embeds them).
        readout: Where the head reads the hidden states: at the last real step, at their mean or
            maximum over the real steps, or at every step.
        batch_size: Sequences a batch.
        sequence_length: Steps of the longest sequence.
        examples: Training examples in an epoch; None if they are drawn without end.
        score: The number by which runs are ranked.
    """

    @property
    def input_size(self) -> int: ...
    @property
    def output_size(self) -> int: ...
    @property
    def tokens(self) -> bool: ...
    @property
    def readout(self) -> Readout: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def sequence_length(self) -> int: ...
    @property
    def examples(self) -> int | None: ...
    @property
    def score(self) -> Score: ...

    def schedule(
        self, key: Key[Array, ""], first_step: Int[Array, ""], steps: int
    ) -> PyTree[Array]:
        """Returns the items of the training steps `first_step .. first_step + steps - 1`.

        A pure function of its arguments: step s of key k is the same batch however the steps are
        cut into calls.
        """
        ...

    def evaluation(self, key: Key[Array, ""], split: Split) -> PyTree[Array]:
        """Returns the items of one pass over the split; for "train", over a sample of it."""
        ...

    def batch(self, item: PyTree[Array]) -> Batch:
        """Returns the batch of one item."""
        ...

    def tally(self, outputs: Float[Array, "..."], batch: Batch) -> dict[str, Array]:
        """Returns sums over the batch, from which `scores` follow; always with "loss" and "count".

        The training loss of a batch is `tally["loss"] / tally["count"]`, in nats or squared units.
        """
        ...

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        """Returns the scores of a split from the sums of its batches' tallies, with "loss"."""
        ...

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        """Returns whether these validation scores count as solving the task (a boolean scalar)."""
        ...

    def longer(self, multiple: int) -> "Task | None":
        """Returns the task on sequences so many times as long; None if it cannot be made longer."""
        ...


@runtime_checkable
class PredictsExamples(Protocol):
    """What a task offers besides if every seed is tested on the same sequences.

    Its predictions are then stored with a run, and verdicts hold for other sequences as well.
    """

    def predictions(self, outputs: Float[Array, "..."], batch: Batch) -> Array:
        """Returns what is predicted of each sequence, `[batch]`.

        Its class, in the smallest unsigned integer type, where `batch.targets` are classes; else
        the error made on it, of which the score is the mean, in float32.
        """
        ...


def preprocessing_of(task: Task) -> Preprocessing:
    """Returns how the inputs of a task come about, where it has a `preprocessing` that says so."""
    found = getattr(task, "preprocessing", None)
    return found if isinstance(found, Preprocessing) else Preprocessing()


def may_be_read_backwards(task: Task) -> bool:
    """Whether later steps of a sequence may be known to what answers at a step.

    A task says so by its `both_ways`. Without it, that is taken for granted where one answer is
    given for the whole sequence, and nowhere else.
    """
    return bool(getattr(task, "both_ways", task.readout != "every"))


def step_keys(key: Key[Array, ""], first_step: Int[Array, ""], steps: int) -> Key[Array, " steps"]:
    """Returns a key for each step, derived from the step's number."""
    return jax.vmap(jax.random.fold_in, (None, 0))(key, first_step + jnp.arange(steps))


def evaluation_keys(key: Key[Array, ""], split: Split, batch_size: int) -> Key[Array, " batches"]:
    """Returns the keys of the batches on which a task drawn without end is evaluated."""
    key = jax.random.fold_in(key, SPLITS.index(split))
    return jax.random.split(key, number_of_batches(EVALUATED_SEQUENCES, batch_size))


def number_of_batches(sequences: int, batch_size: int) -> int:
    """Returns how many batches it takes to hold so many sequences; the last may not be full."""
    return -(-sequences // batch_size)


def static(**options: Any) -> Any:
    """Returns a dataclass field that belongs to the tree's structure, not to its leaves."""
    return dataclasses.field(metadata={"static": True}, **options)


def register_tree(cls: type[T]) -> type[T]:
    """Registers a dataclass as a JAX tree that may hold anything in the place of its arrays.

    JAX puts trees together of shapes, shardings and placeholders, too. They are made without
    `__init__`, which under test checks every array against its annotation. Fields that are
    `static()` belong to the structure.
    """
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    static_names = [field.name for field in fields if field.metadata.get("static")]
    names = [field.name for field in fields if field.name not in static_names]
    keys = [jax.tree_util.GetAttrKey(name) for name in names]

    def flatten(tree: T) -> tuple[list[object], tuple[object, ...]]:
        structure = tuple(getattr(tree, name) for name in static_names)
        return [getattr(tree, name) for name in names], structure

    def flatten_with_keys(tree: T) -> tuple[list[tuple[object, object]], tuple[object, ...]]:
        leaves, structure = flatten(tree)
        return list(zip(keys, leaves, strict=True)), structure

    def unflatten(structure: tuple[object, ...], children: Iterable[object]) -> T:
        tree = object.__new__(cls)
        for name, child in zip([*static_names, *names], [*structure, *children], strict=True):
            object.__setattr__(tree, name, child)
        return tree

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls
