"""Tasks over fixed data: every epoch has the same examples, split once and for all.

The data lie on the device, examples of training first, then those of validation, then those of the
test; a batch is a gather from them. A task says what `tally` and `scores` its examples have.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, Shaped

from gru_bench.config.preprocessing import Preprocessing
from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.system.errors import UserError
from gru_bench.tasks.base import SPLITS, Batch, Split, number_of_batches, static

Item = tuple[Int[Array, "*steps batch"], Float[Array, "*steps batch"]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedSplits:
    """What tasks over fixed examples share: splits, epochs, the last batch.

    Attributes:
        sizes: Examples in training, validation and test, whose places follow each other.
        preprocessing: How inputs come about, and the names of the classes, for the saved model.
    """

    sizes: tuple[int, int, int] = static()
    input_size: int = static()
    output_size: int = static()
    readout: Readout = static()
    batch_size: int = static()
    score: Score = static()
    preprocessing: Preprocessing = static(default=Preprocessing())
    tokens: bool = static(default=False)

    @property
    def examples(self) -> int:
        """Training examples, each used at most once an epoch."""
        return self.sizes[0]

    def schedule(self, key: Key[Array, ""], first_step: Int[Array, ""], steps: int) -> Item:
        """Returns the items of training steps: an example at most once an epoch, in a new order.

        Examples left over when an epoch is cut into whole batches wait for another epoch.

        Args:
            key: Decides the order in every epoch.
            first_step: Number of the first step, counted from the start of training.
            steps: Number of steps.

        Returns:
            Places of examples and weights of one, `[steps, batch]` both.
        """
        epoch_steps = self.examples // self.batch_size
        # The first step may be the last of its epoch, so this many epochs can be touched.
        epochs = (epoch_steps - 1 + steps + epoch_steps - 1) // epoch_steps
        first_epoch = first_step // epoch_steps

        def batches_of(epoch: Int[Array, ""]) -> Int[Array, "epoch_steps batch"]:
            order = jax.random.permutation(jax.random.fold_in(key, epoch), self.examples)
            return order[: epoch_steps * self.batch_size].reshape(epoch_steps, self.batch_size)

        batches = jax.vmap(batches_of)(first_epoch + jnp.arange(epochs))
        indices = jax.lax.dynamic_slice_in_dim(
            batches.reshape(-1, self.batch_size), first_step % epoch_steps, steps
        )
        return indices, jnp.ones(indices.shape)

    def evaluation(self, key: Key[Array, ""], split: Split) -> Item:
        """Returns items that cover the split; for "train", a sample as large as validation.

        Rows that fill up the last batch have weight zero.
        """
        train, validation, test = self.sizes
        if split == "train":
            rows = jax.random.permutation(key, train)[:validation]
        elif split == "validation":
            rows = train + jnp.arange(validation)
        else:
            rows = train + validation + jnp.arange(test)
        shape = (number_of_batches(len(rows), self.batch_size), self.batch_size)
        filler = shape[0] * shape[1] - len(rows)
        indices = jnp.pad(rows, (0, filler))
        weights = jnp.pad(jnp.ones(len(rows)), (0, filler))
        return indices.reshape(shape), weights.reshape(shape)

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        """Returns False: no mark says when such a task counts as solved."""
        return jnp.array(False)

    def longer(self, multiple: int) -> None:
        """Returns None: examples are as long as they are."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedData(FixedSplits):
    """Examples that lie side by side, each padded to the length of the longest.

    Attributes:
        inputs: Features of each step, or token ids, of any type that holds them; padded at the end.
        targets: What is to come out of each example.
        lengths: Real steps of each example, at least 1.
    """

    inputs: Shaped[Array, "examples time ..."]
    targets: Shaped[Array, "examples ..."]
    lengths: Int[Array, " examples"]

    @property
    def sequence_length(self) -> int:
        """Steps of the longest example."""
        return int(self.inputs.shape[1])

    def batch(self, item: Item) -> Batch:
        """Returns the examples of one item: token ids `[time, batch]`, or features."""
        indices, weights = item
        inputs = jnp.swapaxes(self.inputs[indices], 0, 1)
        targets = self.targets[indices]
        return Batch(
            inputs=inputs.astype(jnp.int32) if self.tokens else inputs,
            targets=jnp.swapaxes(targets, 0, 1) if self.readout == "every" else targets,
            lengths=self.lengths[indices],
            weights=weights,
        )


def split_sizes(sizes: Sequence[int], batch_size: int, what: str) -> tuple[int, int, int]:
    """Returns the sizes of the three splits, once they have been found large enough.

    Args:
        sizes: Examples in training, validation and test.
        batch_size: Examples a batch.
        what: What an example is called, in the plural.

    Raises:
        UserError: A split is empty, or an epoch does not hold a single batch.
    """
    for split, size in zip(SPLITS, sizes, strict=True):
        if size == 0:
            raise UserError(f"the {split} split has no {what}: each split needs some")
    train, validation, test = sizes
    if train < batch_size:
        raise UserError(
            f"batch_size={batch_size} is not possible: batch_size must be at most {train},"
            f" the {what} to train on"
        )
    return train, validation, test


def pad(
    sequences: Sequence[np.ndarray], kind: type[np.generic] = np.float32
) -> tuple[Shaped[np.ndarray, "examples time ..."], Int[np.ndarray, " examples"]]:
    """Returns sequences `[time, ...]` as one array, zeros behind them, and their lengths."""
    lengths = np.array([len(each) for each in sequences], np.int32)
    padded = np.zeros((len(sequences), lengths.max(), *sequences[0].shape[1:]), kind)
    for row, each in zip(padded, sequences, strict=True):
        row[: len(each)] = each
    return padded, lengths


def smallest_type(values: int) -> type[np.unsignedinteger | np.signedinteger]:
    """Returns the smallest integer type for the numbers 0 to `values - 1`."""
    if values <= 2**8:
        return np.uint8
    return np.uint16 if values <= 2**16 else np.int32
