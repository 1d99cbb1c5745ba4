"""Counting: read n times a, then as many b, and know when they are enough.

Source: Weiss, Goldberg and Yahav, "On the practical computational power of finite precision RNNs
for language recognition", 2018: the language a^n b^n, learnt by predicting the next symbol from
strings of small n and tested on larger ones.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from gru_bench.tasks.base import Batch, Readout, Score, Split, static, step_keys

START, A, B = range(3)  # what is read
NEXT_A, NEXT_B, END = range(3)  # what comes next

# The n of each string, its weight, and the steps 0 .. time - 1. They are data, though known
# beforehand, because their number is what tells `batch` the padded length.
Item = tuple[Int[Array, "*items batch"], Float[Array, "*items batch"], Int[Array, "*items time"]]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CountingTask:
    """Next-symbol prediction on the strings a^n b^n, as start, n times a, n times b: 2n + 1 steps.

    After the start and after an a the next symbol cannot be known (of a string that has begun, n
    may be anything); from the first b on it is determined: b after each but the last, and the end
    after that one. A string is *accepted* if each of these n predictions is the most probable of
    the three.

    Training strings have n from 1 to `max_n`, all equally likely. Validation has each of them once;
    test each n from `max_n` + 1 to `test_max_n`. The loss is the mean cross entropy in nats.
    Scores: `acceptance`, the share of strings accepted, and `counts_to`, the largest N of which
    all n <= N were accepted (of the test split up to `test_max_n`).
    """

    max_n: int = static()
    test_max_n: int = static()
    batch_size: int = static()
    all_steps: bool = static(default=False)

    input_size: int = static(default=3)
    output_size: int = static(default=3)
    tokens: bool = static(default=False)
    readout: Readout = static(default="every")
    examples: None = static(default=None)
    score: Score = static(
        default=Score(
            name="acceptance",
            higher_is_better=True,
            baseline=0.0,
            baseline_name="never ending",
            solved_rule="every validation string accepted",
        )
    )

    @property
    def sequence_length(self) -> int:
        """Steps of the longest training string."""
        return 2 * self.max_n + 1

    def schedule(self, key: Key[Array, ""], first_step: Int[Array, ""], steps: int) -> Item:
        def draw(key: Key[Array, ""]) -> Int[Array, " batch"]:
            return jax.random.randint(key, (self.batch_size,), 1, self.max_n + 1)

        n = jax.vmap(draw)(step_keys(key, first_step, steps))
        return n, jnp.ones(n.shape), _steps(steps, self.max_n)

    def evaluation(self, key: Key[Array, ""], split: Split) -> Item:
        seen = {"train": 0, "validation": 0, "test": 2 * self.max_n}[split]
        longest = {"train": self.max_n, "validation": 2 * self.max_n, "test": self.test_max_n}[
            split
        ]
        shape = (-(-longest // self.batch_size), self.batch_size)
        n = 1 + jnp.arange(shape[0] * shape[1])
        counted = (n <= longest) & (n > seen)
        n = jnp.where(n <= longest, n, 1)
        return n.reshape(shape), counted.astype(float).reshape(shape), _steps(shape[0], longest)

    def batch(self, item: Item) -> Batch:
        n, weights, steps = item
        t = steps[:, None]
        symbols = jnp.where(t == 0, START, jnp.where(t <= n, A, B))
        return Batch(
            inputs=jax.nn.one_hot(symbols, self.input_size),
            targets=jnp.where(t < n, NEXT_A, jnp.where(t < 2 * n, NEXT_B, END)),
            lengths=2 * n + 1,
            weights=weights,
        )

    def tally(self, outputs: Float[Array, "time batch symbols"], batch: Batch) -> dict[str, Array]:
        t, n = jnp.arange(len(outputs))[:, None], batch.lengths // 2
        real = t < batch.lengths
        determined = real & (t > n)
        predicted = real if self.all_steps else determined
        losses = optax.softmax_cross_entropy_with_integer_labels(outputs, batch.targets)
        accepted = ((outputs.argmax(-1) == batch.targets) | ~determined).all(0)
        return {
            "count": predicted.sum(0) @ batch.weights,
            "loss": jnp.where(predicted, losses, 0).sum(0) @ batch.weights,
            "strings": batch.weights.sum(),
            "accepted": accepted @ batch.weights,
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


def _steps(items: int, longest: int) -> Int[Array, "items time"]:
    return jnp.tile(jnp.arange(2 * longest + 1), (items, 1))
