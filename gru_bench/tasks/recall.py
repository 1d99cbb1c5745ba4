"""Associative recall: pairs of a key and a value are read, then a key whose value is asked for.

Source: Ba, Hinton, Mnih, Leibo and Ionescu, "Using fast weights to attend to the recent past",
2016, whose keys are letters and whose values are digits. Here one delimiter stands before the
question.
"""

import dataclasses
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.recall import KEYS, SOLVED_ACCURACY, VALUES, RecallConfig
from gru_bench.tasks.base import Batch, static
from gru_bench.tasks.drawn import DrawnFromKeys, draw_different

DELIMITER = KEYS + VALUES


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RecallTask(DrawnFromKeys):
    """Different keys, each followed by its value, a delimiter, then one of the keys once more.

    A sequence has 2 pairs + 2 steps. Keys, values and which key is asked for are drawn uniformly.
    The value is named at the last step: the loss is its cross entropy in nats, the score the share
    of sequences in which it is the most probable.
    """

    pairs: int = static()
    batch_size: int = static()
    score: Score = static()

    input_size: int = static(default=KEYS + VALUES + 1)
    output_size: int = static(default=VALUES)
    tokens: bool = static(default=False)
    readout: Readout = static(default="last")
    examples: None = static(default=None)

    @property
    def sequence_length(self) -> int:
        """Steps of a sequence."""
        return 2 * self.pairs + 2

    def batch(self, item: Key[Array, ""]) -> Batch:
        of_keys, of_values, of_question = jax.random.split(item, 3)
        keys = draw_different(of_keys, self.pairs, KEYS, self.batch_size)
        values = jax.random.randint(of_values, keys.shape, 0, VALUES)
        asked = jax.random.randint(of_question, (self.batch_size,), 0, self.pairs)
        sequence = jnp.arange(self.batch_size)
        pairs = jnp.stack([keys, KEYS + values], axis=1).reshape(-1, self.batch_size)
        question = jnp.stack([jnp.full(self.batch_size, DELIMITER), keys[asked, sequence]])
        return Batch(
            inputs=jax.nn.one_hot(jnp.concatenate([pairs, question]), self.input_size),
            targets=values[asked, sequence],
            lengths=jnp.full(self.batch_size, self.sequence_length),
            weights=jnp.ones(self.batch_size),
        )

    def tally(self, outputs: Float[Array, "batch values"], batch: Batch) -> dict[str, Array]:
        losses = optax.softmax_cross_entropy_with_integer_labels(outputs, batch.targets)
        right = outputs.argmax(-1) == batch.targets
        return {
            "count": batch.weights.sum(),
            "loss": losses @ batch.weights,
            "right": right @ batch.weights,
        }

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        return {
            "loss": tally["loss"] / tally["count"],
            "accuracy": tally["right"] / tally["count"],
        }

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        return scores["accuracy"] >= SOLVED_ACCURACY

    def longer(self, multiple: int) -> "RecallTask | None":
        pairs = multiple * self.pairs
        return dataclasses.replace(self, pairs=pairs) if pairs <= KEYS else None


def make_task(config: RecallConfig, batch_size: int) -> RecallTask:
    """Returns the task as it is configured, with its baseline."""
    score = dataclasses.replace(config.SCORE, baseline=keyless_accuracy(config.pairs))
    return RecallTask(config.pairs, batch_size, score)


def keyless_accuracy(pairs: int) -> float:
    """Returns the largest accuracy that is possible without telling one key from another.

    It is the expected share of the value that comes most often among the pairs. Of all ways to draw
    values, those in which none comes more than m times are counted by the coefficient of x^pairs in
    pairs! (1 + x + ... + x^m / m!)^VALUES.
    """
    powers = [1 / math.factorial(times) for times in range(pairs + 1)]
    at_most = []
    for most in range(pairs + 1):
        ways = np.ones(1)
        for _ in range(VALUES):
            ways = np.convolve(ways, powers[: most + 1])[: pairs + 1]
        count = ways[pairs] if len(ways) > pairs else 0.0
        at_most.append(count * math.factorial(pairs) / VALUES**pairs)
    return float(np.arange(1, pairs + 1) @ np.diff(at_most)) / pairs
