"""Tasks whose batches are drawn from a key alone, without end."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from gru_bench.tasks.base import Batch, Split, evaluation_keys, step_keys


class DrawnFromKeys:
    """The items of such a task are keys: of the step in training, of the split in evaluation."""

    batch_size: int

    def schedule(
        self, key: Key[Array, ""], first_step: Int[Array, ""], steps: int
    ) -> Key[Array, " steps"]:
        """Returns a key for each training step."""
        return step_keys(key, first_step, steps)

    def evaluation(self, key: Key[Array, ""], split: Split) -> Key[Array, " batches"]:
        """Returns a key for each batch of the split."""
        return evaluation_keys(key, split, self.batch_size)


class RecalledAtTheEnd(DrawnFromKeys, ABC):
    """Symbols that were read are named at the last steps; the score is their accuracy alone."""

    @property
    @abstractmethod
    def recalled(self) -> int:
        """How many symbols are named, one a step."""

    @property
    def judged(self) -> int:
        """The number of last steps over which the loss is averaged: those of recall, or more."""
        return self.recalled

    def tally(self, outputs: Float[Array, "time batch symbols"], batch: Batch) -> dict[str, Array]:
        losses = optax.softmax_cross_entropy_with_integer_labels(outputs, batch.targets)
        right = outputs[-self.recalled :].argmax(-1) == batch.targets[-self.recalled :]
        return {
            "count": batch.weights.sum(),
            "loss": losses[-self.judged :].mean(0) @ batch.weights,
            "recalled": right.mean(0) @ batch.weights,
        }

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        return {
            "loss": tally["loss"] / tally["count"],
            "recall_accuracy": tally["recalled"] / tally["count"],
        }


def draw_integers(
    keys: Sequence[Key[Array, ""]], shape: tuple[int, ...], ranges: Sequence[tuple[int, int]]
) -> Int[Array, "..."]:
    """Returns arrays of one shape, each with a key and a range of its own, the end left out.

    They are what `jax.random.randint` draws. It does so in a loop, so that drawing is compiled once
    for all of them: of a small model it is a good part of what is compiled.
    """

    def draw(
        key_and_range: tuple[Key[Array, ""], Int[Array, ""], Int[Array, ""]],
    ) -> Int[Array, "..."]:
        key, first, end = key_and_range
        return jax.random.randint(key, shape, first, end)

    firsts, ends = jnp.array(ranges).T
    drawn: Array = jax.lax.map(draw, (jnp.stack(keys), firsts, ends))
    return drawn


def draw_different(
    key: Key[Array, ""], count: int, among: int, batch_size: int
) -> Int[Array, "{count} {batch_size}"]:
    """Returns different whole numbers below `among` for each sequence, in random order."""
    chances = jax.random.uniform(key, (among, batch_size))
    return jnp.argsort(chances, axis=0)[:count]
