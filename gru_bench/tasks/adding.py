"""Adding problem: sum the two marked numbers of a long sequence.

Source: Hochreiter and Schmidhuber 1997; in this form Le, Jaitly and Hinton 2015, and Arjovsky, Shah
and Bengio 2016.
"""

import dataclasses
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.adding import SOLVED_MSE, AddingConfig
from gru_bench.tasks.base import Batch, static
from gru_bench.tasks.drawn import DrawnFromKeys, draw_integers

TOLERANCE = 0.04


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AddingTask(DrawnFromKeys):
    """Two features a step: a number from U[0, 1], and a marker that is 1 twice, once in each half.

    The target is the sum of the two marked numbers. Always predicting its mean, 1, gives a mean
    squared error of 1/6. Scores: the mean squared error, and the share of sequences whose error is
    within 0.04.
    """

    length: int = static()
    batch_size: int = static()

    input_size: int = static(default=2)
    output_size: int = static(default=1)
    tokens: bool = static(default=False)
    readout: Readout = static(default="last")
    examples: None = static(default=None)
    score: Score = static(default=AddingConfig.SCORE)

    @property
    def sequence_length(self) -> int:
        """Steps of a sequence."""
        return self.length

    def batch(self, item: Key[Array, ""]) -> Batch:
        of_values, of_first, of_second = jax.random.split(item, 3)
        values = jax.random.uniform(of_values, (self.length, self.batch_size))
        half = self.length // 2
        halves = (0, half), (half, self.length)
        first, second = draw_integers((of_first, of_second), (self.batch_size,), halves)
        steps = jnp.arange(self.length)[:, None]
        markers = ((steps == first[None]) | (steps == second[None])).astype(values.dtype)
        return Batch(
            inputs=jnp.stack([values, markers], axis=-1),
            targets=(values * markers).sum(0),
            lengths=jnp.full(self.batch_size, self.length),
            weights=jnp.ones(self.batch_size),
        )

    def tally(self, outputs: Float[Array, "batch 1"], batch: Batch) -> dict[str, Array]:
        errors = outputs[:, 0] - batch.targets
        return {
            "count": batch.weights.sum(),
            "loss": jnp.square(errors) @ batch.weights,
            "within": (jnp.abs(errors) < TOLERANCE) @ batch.weights,
        }

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        mse = tally["loss"] / tally["count"]
        return {
            "loss": mse,
            "mse": mse,
            f"within_{TOLERANCE}": tally["within"] / tally["count"],
        }

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        return scores["mse"] < SOLVED_MSE

    def longer(self, multiple: int) -> "AddingTask":
        return dataclasses.replace(self, length=multiple * self.length)


def make_task(config: AddingConfig, batch_size: int) -> AddingTask:
    """Returns the task as it is configured."""
    return AddingTask(length=config.length, batch_size=batch_size)
