"""Classification of fixed data: one class for a sequence, or one for each of its steps."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Integer

from gru_bench.config.checks import require_one_of
from gru_bench.config.preprocessing import Preprocessing
from gru_bench.config.score import ACCURACY, CLASSIFICATION_SCORES, Score
from gru_bench.system.errors import UserError
from gru_bench.tasks.base import SPLITS, Batch, register_tree
from gru_bench.tasks.fixed_data import FixedData, pad, smallest_type, split_sizes


@register_tree
@dataclasses.dataclass(frozen=True, kw_only=True)
class Labelling(FixedData):
    """A `Task` whose outputs are classes: of every real step with the readout "every".

    Attributes:
        class_weights: By which the loss of each class is multiplied; None weighs all alike.
        both_ways: Whether later steps may be known to what answers at a step. They may: whole
            recordings are labelled once they are finished, and no label is an input.
    """

    class_weights: Float[Array, " classes"] | None = None

    both_ways: ClassVar[bool] = True

    def tally(self, outputs: Float[Array, "*time batch classes"], batch: Batch) -> dict[str, Array]:
        """Returns sums over the batch: cross entropy in nats, decisions, and counts of each class.

        The cross entropy is that by which training goes, each class by its weight.
        These are `correct`, the decisions for a class that were right; `actual`, those that should
        have been for it; and `predicted`, those that were.
        """
        loss = optax.softmax_cross_entropy_with_integer_labels(
            outputs.astype(jnp.float32), batch.targets
        )
        if self.class_weights is not None:
            loss *= self.class_weights[batch.targets]
        guesses = outputs.argmax(-1)
        weights = batch.weights
        if self.readout == "every":
            real = jnp.arange(len(outputs))[:, None] < batch.lengths[None]
            weights = real * batch.weights[None]

        def count(classes: Int[Array, "*time batch"], weights: Array) -> Float[Array, " classes"]:
            return jnp.zeros(self.output_size).at[classes].add(weights)

        return {
            "loss": jnp.sum(weights * loss),
            "count": jnp.sum(weights),
            "correct": count(batch.targets, weights * (guesses == batch.targets)),
            "actual": count(batch.targets, weights),
            "predicted": count(guesses, weights),
        }

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        """Returns mean cross entropy in nats, accuracy, macro F1 and balanced accuracy.

        F1 of a class is 2 TP / (2 TP + FP + FN); macro F1 is its plain mean over the classes that
        occur among the targets or the predictions, which is scikit-learn's `f1_score` with
        `average="macro"`. Balanced accuracy is the plain mean over the classes of the targets of
        the share of each that is recognised, its `balanced_accuracy_score`.
        """
        correct, actual = tally["correct"], tally["actual"]
        occurrences = tally["actual"] + tally["predicted"]
        occurs = occurrences > 0
        f1 = 2 * correct / jnp.where(occurs, occurrences, 1)
        return {
            "loss": tally["loss"] / tally["count"],
            "accuracy": correct.sum() / tally["count"],
            "macro_f1": f1.sum() / occurs.sum(),
            "balanced_accuracy": (correct / jnp.maximum(actual, 1)).sum() / (actual > 0).sum(),
        }


@register_tree
@dataclasses.dataclass(frozen=True, kw_only=True)
class Classification(Labelling):
    """A `Task` of one class for each sequence, so that what is predicted of each can be kept.

    Attributes:
        token_vectors: What the embedding of each token starts from, nan where it starts at random;
            None if all do.
    """

    token_vectors: Float[Array, "tokens embedding"] | None = None

    def predictions(
        self, outputs: Float[Array, "batch classes"], batch: Batch
    ) -> Integer[Array, " batch"]:
        """Returns the class predicted for each sequence."""
        return outputs.argmax(-1).astype(smallest_type(self.output_size))


Examples = tuple[Sequence[np.ndarray], Sequence[int]]


def make_classification(
    splits: Mapping[str, Examples],
    batch_size: int,
    class_names: Sequence[str] = (),
    readout: Literal["last", "mean", "max"] = "last",
    score: str = ACCURACY.name,
    class_weights: str | None = None,
) -> Classification:
    """Returns the task of telling the classes of sequences that are at hand as arrays.

    Args:
        splits: For "train", "validation" and "test" the sequences, each `[time, features]` and of
            any length, and their classes, counted from 0.
        batch_size: Sequences a batch.
        class_names: Their names, for the saved model.
        readout: Which hidden states the class is read from.
        score: The score that decides, one of `CLASSIFICATION_SCORES`.
        class_weights: As `weights_of` takes it.

    Raises:
        UserError: There is no such score, a split is empty, an epoch does not hold a single batch,
            sequences and classes differ in number, a class has no name, or a sequence is not of
            finite features.
    """
    require_one_of("score", score, CLASSIFICATION_SCORES)
    sizes = split_sizes([len(splits[split][0]) for split in SPLITS], batch_size, "sequences")
    for split in SPLITS:
        _check(split, *splits[split], class_names)
    inputs, lengths = pad([each for split in SPLITS for each in splits[split][0]])
    labels = [np.asarray(splits[split][1], np.int32) for split in SPLITS]
    classes = np.concatenate(labels)
    output_size = len(class_names) or int(classes.max()) + 1
    return Classification(
        inputs=jnp.asarray(inputs),
        targets=jnp.asarray(classes),
        lengths=jnp.asarray(lengths),
        sizes=sizes,
        input_size=inputs.shape[-1],
        output_size=output_size,
        readout=readout,
        batch_size=batch_size,
        score=scored_against_commonest(score, labels[0], labels[2]),
        preprocessing=Preprocessing(class_names=tuple(class_names)),
        class_weights=weights_of(class_weights, labels[0], output_size),
    )


def _check(
    split: str, sequences: Sequence[np.ndarray], classes: Sequence[int], names: Sequence[str]
) -> None:
    """Raises `UserError` unless every sequence has features and a class that there is."""
    if len(classes) != len(sequences):
        raise UserError(
            f"the {split} split has {len(sequences)} sequences and {len(classes)} classes: give a"
            " class for each"
        )
    for number, (sequence, label) in enumerate(zip(sequences, classes, strict=True)):
        what = f"sequence {number} of the {split} split"
        shape = np.shape(sequence)
        if len(shape) != 2 or 0 in shape:
            raise UserError(
                f"{what} is of shape {shape}: it must be [time, features], both above 0"
            )
        if not np.isfinite(sequence).all():
            raise UserError(f"{what} has values that are missing or not finite: fill them")
        if not 0 <= label < (len(names) or math.inf):
            known = f"0 to {len(names) - 1}, of which there are names" if names else "at least 0"
            raise UserError(f"{what} is of class {label}: it must be {known}")


def scored_against_commonest(
    score: str, train: Int[np.ndarray, " decisions"], test: Int[np.ndarray, " tested"]
) -> Score:
    """Returns a score, whose baseline is that of the commonest class of training on the test.

    Args:
        score: Its name, one of `CLASSIFICATION_SCORES`.
        train: The classes of training.
        test: The classes of the test.
    """
    share = float(np.mean(test == np.bincount(train).argmax()))
    classes = len(np.unique(test))
    # Of the commonest class all are found, and its share is the precision; of the others none.
    f1 = 2 * share / (1 + share) / classes
    recall = float(share > 0) / classes
    baseline = {"accuracy": share, "macro_f1": f1, "balanced_accuracy": recall}[score]
    return dataclasses.replace(ACCURACY, name=score, baseline=baseline)


def weights_of(
    asked: str | None, train: Int[np.ndarray, " decisions"], classes: int
) -> Float[Array, " classes"] | None:
    """Returns the weights of classes that are asked for; None where all count alike.

    Args:
        asked: "balanced" for n / (number of classes times n of the class) as scikit-learn's
            `compute_class_weight`, so that every class has the same part in the loss of training; a
            class without an example in training has none. None for no weights.
        train: The classes of training.
        classes: How many there are.
    """
    if asked is None:
        return None
    counts = np.bincount(train, minlength=classes)
    present = counts > 0
    weights = len(train) / (present.sum() * np.maximum(counts, 1)) * present
    return jnp.asarray(weights, jnp.float32)
