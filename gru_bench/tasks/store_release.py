"""Store and release: hold some symbols while others are put out, and give them back on a cue.

Of the kind of the tasks of Hochreiter and Schmidhuber 1997 in which what is stored must be
protected from what is read meanwhile, and what is put out from what is stored; in this form the
project's own.
"""

import dataclasses
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.store_release import SOLVED_ACCURACY, SYMBOLS, StoreReleaseConfig
from gru_bench.tasks.base import Batch, static
from gru_bench.tasks.drawn import DrawnFromKeys, draw_different

RELEASE = SYMBOLS + 1  # the place of its cue among the features of a step, after that of storing


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class StoreReleaseTask(DrawnFromKeys):
    """A symbol of eight at every step, and at some of them a cue to store it or to release one.

    In the first half of a sequence `values` steps, drawn at random, have a cue to store the symbol
    that is read with it; in the second half as many have a cue to release the symbols stored, in
    the order in which they were. What must be put out at a release is the stored symbol, and at all
    other steps the symbol read one step before (at the first step that of this step): something
    else must be held and put out for a short time while the stored symbols are held, and kept out
    of the output, for a long one. All symbols are drawn uniformly and on their own.

    A sequence has `distractors` + 2 `values` steps. The loss is the cross entropy of all steps, in
    nats. Scores: `release_accuracy` of the released symbols alone, and `echo_accuracy` of what is
    put out at the other steps; the chance level of both is 1/8.
    """

    values: int = static()
    distractors: int = static()
    batch_size: int = static()

    input_size: int = static(default=SYMBOLS + 2)
    output_size: int = static(default=SYMBOLS)
    tokens: bool = static(default=False)
    readout: Readout = static(default="every")
    examples: None = static(default=None)
    score: Score = static(default=StoreReleaseConfig.SCORE)

    @property
    def sequence_length(self) -> int:
        """Steps of a sequence."""
        return self.distractors + 2 * self.values

    def batch(self, item: Key[Array, ""]) -> Batch:
        of_symbols, of_stores, of_releases = jax.random.split(item, 3)
        shape = (self.sequence_length, self.batch_size)
        symbols = jax.random.randint(of_symbols, shape, 0, SYMBOLS)
        half = self.sequence_length // 2
        stores = self._random_steps(of_stores, 0, half)
        releases = self._random_steps(of_releases, half, self.sequence_length)
        sequence = jnp.arange(self.batch_size)
        cues = jnp.zeros((*shape, 2))
        cues = cues.at[stores, sequence, 0].set(1.0).at[releases, sequence, 1].set(1.0)
        echoes = jnp.concatenate([symbols[:1], symbols[:-1]])
        return Batch(
            inputs=jnp.concatenate([jax.nn.one_hot(symbols, SYMBOLS), cues], axis=-1),
            targets=echoes.at[releases, sequence].set(symbols[stores, sequence]),
            lengths=jnp.full(self.batch_size, self.sequence_length),
            weights=jnp.ones(self.batch_size),
        )

    def _random_steps(
        self, key: Key[Array, ""], first: int, end: int
    ) -> Int[Array, "{self.values} {self.batch_size}"]:
        """Returns different steps of each sequence in their order, from `first` to before `end`."""
        places = draw_different(key, self.values, end - first, self.batch_size)
        return first + jnp.sort(places, axis=0)

    def tally(self, outputs: Float[Array, "time batch symbols"], batch: Batch) -> dict[str, Array]:
        losses = optax.softmax_cross_entropy_with_integer_labels(outputs, batch.targets)
        right = outputs.argmax(-1) == batch.targets
        is_release = batch.inputs[..., RELEASE] == 1
        return {
            "count": batch.weights.sum(),
            "loss": losses.mean(0) @ batch.weights,
            "released": (right & is_release).sum(0) @ batch.weights,
            "echoed": (right & ~is_release).sum(0) @ batch.weights,
        }

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        echoes = self.sequence_length - self.values
        return {
            "loss": tally["loss"] / tally["count"],
            "release_accuracy": tally["released"] / (self.values * tally["count"]),
            "echo_accuracy": tally["echoed"] / (echoes * tally["count"]),
        }

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        both = jnp.minimum(scores["release_accuracy"], scores["echo_accuracy"])
        return both >= SOLVED_ACCURACY

    def longer(self, multiple: int) -> "StoreReleaseTask":
        return dataclasses.replace(self, distractors=multiple * self.distractors)


def make_task(config: StoreReleaseConfig, batch_size: int) -> StoreReleaseTask:
    """Returns the task as it is configured."""
    return StoreReleaseTask(config.values, config.distractors, batch_size)
