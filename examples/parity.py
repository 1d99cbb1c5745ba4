"""A task that a user may write: whether an odd number of the marked bits is 1."""

import dataclasses
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key

from gru_bench.tasks import Batch, DrawnFromKeys, Readout, Score, static


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Parity(DrawnFromKeys):
    """Two features a step: a random bit, and a marker that is 1 at every other step or so.

    The class is the parity of the marked bits, so that a single one that is missed spoils all.
    """

    length: int = static()
    batch_size: int = static()

    input_size: int = static(default=2)
    output_size: int = static(default=2)
    tokens: bool = static(default=False)
    readout: Readout = static(default="last")
    examples: None = static(default=None)
    score: Score = static(
        default=Score(
            name="accuracy",
            higher_is_better=True,
            baseline=0.5,
            baseline_name="guessing",
            solved_rule="validation accuracy of at least 0.99",
            is_share=True,
        )
    )

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"length={self.length} must be at least 1")

    @property
    def sequence_length(self) -> int:
        """Steps of a sequence."""
        return self.length

    def batch(self, item: Key[Array, ""]) -> Batch:
        inputs = jax.random.bernoulli(item, shape=(self.length, self.batch_size, 2))
        return Batch(
            inputs=inputs.astype(float),
            targets=inputs.all(-1).sum(0) % 2,
            lengths=jnp.full(self.batch_size, self.length),
            weights=jnp.ones(self.batch_size),
        )

    def tally(self, outputs: Float[Array, "batch classes"], batch: Batch) -> dict[str, Array]:
        losses = optax.softmax_cross_entropy_with_integer_labels(outputs, batch.targets)
        return {
            "count": batch.weights.sum(),
            "loss": losses @ batch.weights,
            "right": (outputs.argmax(-1) == batch.targets) @ batch.weights,
        }

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        return {
            "loss": tally["loss"] / tally["count"],
            "accuracy": tally["right"] / tally["count"],
        }

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        return scores["accuracy"] >= 0.99

    def longer(self, multiple: int) -> "Parity":
        return dataclasses.replace(self, length=multiple * self.length)
