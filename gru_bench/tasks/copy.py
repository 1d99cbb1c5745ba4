"""Copy memory: hold ten symbols over a lag, then recall them in order.

Source: Hochreiter and Schmidhuber 1997; in this form Arjovsky, Shah and Bengio 2016. Here there is
one delimiter, and the recall starts at the step after it.
"""

import dataclasses
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.copy import SOLVED_ACCURACY, SYMBOLS, CopyConfig
from gru_bench.tasks.base import Batch, static
from gru_bench.tasks.drawn import RecalledAtTheEnd

RECALLED = 10
BLANK = SYMBOLS
DELIMITER = SYMBOLS + 1


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CopyTask(RecalledAtTheEnd):
    """Ten symbols of eight, `lag` - 1 blanks, a delimiter, then ten steps of recall.

    A sequence has lag + 20 steps. The loss is the cross entropy of all steps, in nats; its value
    without memory is 10 ln 8 / (lag + 20). The score is the accuracy on the ten recalled symbols
    alone, since blanks are trivially right: its chance level is 1/8.
    """

    lag: int = static()
    batch_size: int = static()

    input_size: int = static(default=SYMBOLS + 2)
    output_size: int = static(default=SYMBOLS + 1)
    tokens: bool = static(default=False)
    readout: Readout = static(default="every")
    examples: None = static(default=None)
    score: Score = static(default=CopyConfig.SCORE)

    @property
    def sequence_length(self) -> int:
        """Steps of a sequence."""
        return self.lag + 2 * RECALLED

    @property
    def recalled(self) -> int:
        """Ten symbols are recalled."""
        return RECALLED

    @property
    def judged(self) -> int:
        """The loss is that of all steps."""
        return self.sequence_length

    @property
    def memoryless_loss(self) -> float:
        """Least mean cross entropy without memory, in nats."""
        return RECALLED * math.log(SYMBOLS) / self.sequence_length

    def batch(self, item: Key[Array, ""]) -> Batch:
        symbols = jax.random.randint(item, (RECALLED, self.batch_size), 0, SYMBOLS)
        blanks = jnp.full((self.lag + RECALLED, self.batch_size), BLANK)
        inputs = jnp.concatenate([symbols, blanks.at[self.lag - 1].set(DELIMITER)])
        return Batch(
            inputs=jax.nn.one_hot(inputs, self.input_size),
            targets=jnp.concatenate([blanks, symbols]),
            lengths=jnp.full(self.batch_size, self.sequence_length),
            weights=jnp.ones(self.batch_size),
        )

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        return scores["recall_accuracy"] >= SOLVED_ACCURACY

    def longer(self, multiple: int) -> "CopyTask":
        return dataclasses.replace(self, lag=multiple * self.lag)


def make_task(config: CopyConfig, batch_size: int) -> CopyTask:
    """Returns the task as it is configured."""
    return CopyTask(lag=config.lag, batch_size=batch_size)
