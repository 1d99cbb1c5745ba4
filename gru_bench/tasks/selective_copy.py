"""Selective copying: recall symbols in their order that were strewn among blanks at random.

Source: Jing et al., "Gated orthogonal recurrent units", 2019 (as the denoise task); in this form Gu
and Dao, "Mamba", 2023, with fourteen symbols, a blank and a marker at which one is recalled.
"""

import dataclasses
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.selective_copy import SOLVED_ACCURACY, SYMBOLS, SelectiveCopyConfig
from gru_bench.tasks.base import Batch, static
from gru_bench.tasks.drawn import RecalledAtTheEnd, draw_different

BLANK = SYMBOLS
MARKER = SYMBOLS + 1


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SelectiveCopyTask(RecalledAtTheEnd):
    """`length` steps, of which `copied`, drawn at random, have a symbol; then as many of recall.

    The rest are blanks, and the steps of recall read a marker. Symbols are drawn uniformly of
    fourteen. The loss is the cross entropy at the steps of recall, in nats; the score is the
    accuracy at these steps, whose chance level is 1/14.
    """

    length: int = static()
    copied: int = static()
    batch_size: int = static()

    input_size: int = static(default=SYMBOLS + 2)
    output_size: int = static(default=SYMBOLS)
    tokens: bool = static(default=False)
    readout: Readout = static(default="every")
    examples: None = static(default=None)
    score: Score = static(default=SelectiveCopyConfig.SCORE)

    @property
    def sequence_length(self) -> int:
        """Steps of a sequence."""
        return self.length + self.copied

    @property
    def recalled(self) -> int:
        """Symbols that are recalled."""
        return self.copied

    def batch(self, item: Key[Array, ""]) -> Batch:
        of_symbols, of_places = jax.random.split(item)
        symbols = jax.random.randint(of_symbols, (self.copied, self.batch_size), 0, SYMBOLS)
        places = jnp.sort(
            draw_different(of_places, self.copied, self.length, self.batch_size), axis=0
        )
        blanks = jnp.full((self.length, self.batch_size), BLANK)
        strewn = blanks.at[places, jnp.arange(self.batch_size)].set(symbols)
        inputs = jnp.concatenate([strewn, jnp.full_like(symbols, MARKER)])
        unjudged = jnp.zeros_like(blanks)
        return Batch(
            inputs=jax.nn.one_hot(inputs, self.input_size),
            targets=jnp.concatenate([unjudged, symbols]),
            lengths=jnp.full(self.batch_size, self.sequence_length),
            weights=jnp.ones(self.batch_size),
        )

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        return scores["recall_accuracy"] >= SOLVED_ACCURACY

    def longer(self, multiple: int) -> "SelectiveCopyTask":
        return dataclasses.replace(self, length=multiple * self.length)


def make_task(config: SelectiveCopyConfig, batch_size: int) -> SelectiveCopyTask:
    """Returns the task as it is configured."""
    return SelectiveCopyTask(config.length, config.copied, batch_size)
