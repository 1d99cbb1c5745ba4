"""Counting: read n times a, then as many b, and predict when they end.

Source: Weiss, Goldberg and Yahav, "On the practical computational power of finite precision RNNs
for language recognition", 2018: the language a^n b^n, learnt by predicting the next symbol from
strings of small n and tested on larger ones.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.counting import CountingConfig
from gru_bench.tasks.base import Batch, Split, number_of_batches, static, step_keys

START, A, B = range(3)  # the symbols that are read
NEXT_A, NEXT_B, END = range(3)  # the symbols that are predicted

# The n of each string, its weight, and the steps 0 .. time - 1: no news, but their number is how
# `batch` knows the padded length of the split.
Item = tuple[Int[Array, "*items batch"], Float[Array, "*items batch"], Int[Array, "*items time"]]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CountingTask:
    """Next-symbol prediction on the strings a^n b^n: start, n times a, n times b; 2n + 1 steps.

    The loss is the cross entropy in nats, averaged over the real steps of all strings. While there
    are only a's, the next symbol is a matter of chance; from the first b on it is determined: a b,
    but after the last one the end. A string is *accepted* if each of these n predictions is the
    most probable of the three symbols.

    Training strings have n from 1 to `max_n`, all equally likely. Validation has every n to twice
    `max_n`, so that what is kept and called solved is counting, not a table of the strings seen;
    test has every n from there to `test_max_n`. Scores: `acceptance`, the share of the split's
    strings that are accepted, and `counts_to`, the largest N such that every n <= N is accepted,
    which is at most the largest n of the split.
    """

    max_n: int = static()
    test_max_n: int = static()
    batch_size: int = static()

    input_size: int = static(default=3)
    output_size: int = static(default=3)
    tokens: bool = static(default=False)
    readout: Readout = static(default="every")
    examples: None = static(default=None)
    score: Score = static(default=CountingConfig.SCORE)

    @property
    def sequence_length(self) -> int:
        """Steps of the longest training string."""
        return 2 * self.max_n + 1

    @property
    def least_loss(self) -> float:
        """Least loss on training strings, in nats: all that is unknown of a string is its n."""
        return math.log(self.max_n) / (self.max_n + 2)

    def schedule(self, key: Key[Array, ""], first_step: Int[Array, ""], steps: int) -> Item:
        def draw(key: Key[Array, ""]) -> Int[Array, " batch"]:
            return jax.random.randint(key, (self.batch_size,), 1, self.max_n + 1)

        n = jax.vmap(draw)(step_keys(key, first_step, steps))
        return n, jnp.ones(n.shape), _numbered_steps(steps, self.max_n)

    def evaluation(self, key: Key[Array, ""], split: Split) -> Item:
        """Returns every n from 1, in order; those of no split, and fillers, have weight zero."""
        twice = 2 * self.max_n
        first, last = {
            "train": (1, self.max_n),
            "validation": (1, twice),
            "test": (twice + 1, self.test_max_n),
        }[split]
        shape = (number_of_batches(last, self.batch_size), self.batch_size)
        n = 1 + jnp.arange(shape[0] * shape[1]).reshape(shape)
        weights = ((n >= first) & (n <= last)).astype(float)
        return jnp.minimum(n, last), weights, _numbered_steps(shape[0], last)

    def batch(self, item: Item) -> Batch:
        n, weights, steps = item
        t, n = steps[:, None], n[None]
        symbols = jnp.where(t == 0, START, jnp.where(t <= n, A, B))
        return Batch(
            inputs=jax.nn.one_hot(symbols, self.input_size),
            targets=jnp.where(t < n, NEXT_A, jnp.where(t < 2 * n, NEXT_B, END)),
            lengths=2 * n[0] + 1,
            weights=weights,
        )

    def tally(self, outputs: Float[Array, "time batch symbols"], batch: Batch) -> dict[str, Array]:
        t, n = jnp.arange(len(outputs))[:, None], batch.lengths // 2
        real = t < batch.lengths[None]
        losses = optax.softmax_cross_entropy_with_integer_labels(outputs, batch.targets)
        right = outputs.argmax(-1) == batch.targets
        accepted = (right | (t <= n[None]) | ~real).all(0)
        return {
            "count": batch.lengths @ batch.weights,
            "loss": jnp.where(real, losses, 0).sum(0) @ batch.weights,
            "strings": batch.weights.sum(),
            "accepted": accepted @ batch.weights,
            # Whatever the weights: for `counts_to`, the test split reads all strings from n = 1.
            "accepted_n": jnp.zeros(self.test_max_n).at[n - 1].add(accepted),
        }

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        return {
            "loss": tally["loss"] / tally["count"],
            "acceptance": tally["accepted"] / tally["strings"],
            "counts_to": (tally["accepted_n"] > 0).cumprod().sum().astype(float),
        }

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        return scores["acceptance"] == 1

    def longer(self, multiple: int) -> None:
        """Returns None: the test split has longer strings in any case."""


def make_task(config: CountingConfig, batch_size: int) -> CountingTask:
    """Returns the task as it is configured."""
    return CountingTask(config.max_n, config.test_max_n, batch_size)


def _numbered_steps(items: int, longest: int) -> Int[Array, "items time"]:
    return jnp.tile(jnp.arange(2 * longest + 1), (items, 1))
