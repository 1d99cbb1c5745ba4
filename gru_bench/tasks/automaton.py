"""Finite automata: the state of a machine after each of the symbols that it reads.

Source: parity and counting modulo five as in Deletang et al., "Neural networks and the Chomsky
hierarchy", 2023; the flip-flop and the alternating group A5 as in Liu, Ash, Goel, Krishnamurthy and
Zhang, "Transformers learn shortcuts to automata", 2023.
"""

import dataclasses
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.automaton import SOLVED_ACCURACY, AutomatonConfig
from gru_bench.tasks.base import Batch, register_tree, static
from gru_bench.tasks.drawn import DrawnFromKeys

# The next state by present state and symbol; all machines begin in state 0.
Table = list[list[int]]
Permutation = tuple[int, ...]
# Two even permutations of five things, by which every one of the sixty can be made.
GENERATORS: tuple[Permutation, ...] = ((1, 2, 3, 4, 0), (1, 2, 0, 3, 4))


def transition_table(machine: str) -> Table:
    """Returns the transition table of a machine, by its name.

    - `parity`: symbols 0 and 1; the state is the parity of the ones.
    - `modular`: symbols 0 to 4; the state is their sum modulo five.
    - `flip_flop`: symbols 0 and 1 set the state, 2 leaves it as it is.
    - `a5`: each symbol is a permutation of five things; the state is their product.
    """
    if machine == "parity":
        return [[0, 1], [1, 0]]
    if machine == "modular":
        return [[(state + symbol) % 5 for symbol in range(5)] for state in range(5)]
    if machine == "flip_flop":
        return [[0, 1, 0], [0, 1, 1]]
    return _group_table(GENERATORS)


def _group_table(generators: tuple[Permutation, ...]) -> Table:
    """The machine whose states are all products of permutations, the identity first."""
    numbers: dict[Permutation, int] = {tuple(range(len(generators[0]))): 0}
    table: Table = []
    while len(table) < len(numbers):
        state = list(numbers)[len(table)]
        following = [tuple(symbol[place] for place in state) for symbol in generators]
        table.append([numbers.setdefault(product, len(numbers)) for product in following])
    return table


@register_tree
@dataclass(frozen=True)
class AutomatonTask(DrawnFromKeys):
    """Symbols drawn uniformly and on their own; the state after each is to be named.

    The loss is the cross entropy of the state in nats, averaged over steps. The score,
    `state_accuracy`, is the share of steps at which the right state is the most probable;
    `followed` is the share of sequences in which it is at every step.

    Attributes:
        table: The next state by present state and symbol.
    """

    table: Int[Array, "states symbols"]
    length: int = static()
    batch_size: int = static()
    score: Score = static()

    tokens: bool = static(default=False)
    readout: Readout = static(default="every")
    examples: None = static(default=None)

    @property
    def input_size(self) -> int:
        """Symbols of the machine."""
        return self.table.shape[1]

    @property
    def output_size(self) -> int:
        """States of the machine."""
        return self.table.shape[0]

    @property
    def sequence_length(self) -> int:
        """Steps of a sequence."""
        return self.length

    def batch(self, item: Key[Array, ""]) -> Batch:
        shape = (self.length, self.batch_size)
        symbols = jax.random.randint(item, shape, 0, self.input_size)

        def read(
            state: Int[Array, " batch"], symbol: Int[Array, " batch"]
        ) -> tuple[Int[Array, " batch"], Int[Array, " batch"]]:
            state = self.table[state, symbol]
            return state, state

        _, states = jax.lax.scan(read, jnp.zeros(self.batch_size, self.table.dtype), symbols)
        return Batch(
            inputs=jax.nn.one_hot(symbols, self.input_size),
            targets=states,
            lengths=jnp.full(self.batch_size, self.length),
            weights=jnp.ones(self.batch_size),
        )

    def tally(self, outputs: Float[Array, "time batch states"], batch: Batch) -> dict[str, Array]:
        losses = optax.softmax_cross_entropy_with_integer_labels(outputs, batch.targets)
        right = outputs.argmax(-1) == batch.targets
        return {
            "count": batch.weights.sum(),
            "loss": losses.mean(0) @ batch.weights,
            "right": right.mean(0) @ batch.weights,
            "followed": right.all(0) @ batch.weights,
        }

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        return {
            "loss": tally["loss"] / tally["count"],
            "state_accuracy": tally["right"] / tally["count"],
            "followed": tally["followed"] / tally["count"],
        }

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        return scores["state_accuracy"] >= SOLVED_ACCURACY

    def longer(self, multiple: int) -> "AutomatonTask":
        return dataclasses.replace(self, length=multiple * self.length)


def make_task(config: AutomatonConfig, batch_size: int) -> AutomatonTask:
    """Returns the task as it is configured, with its baseline."""
    table = transition_table(config.machine)
    baseline = memoryless_accuracy(table, config.length)
    score = dataclasses.replace(config.SCORE, baseline=baseline)
    return AutomatonTask(jnp.array(table), config.length, batch_size, score)


def memoryless_accuracy(table: Table, length: int) -> float:
    """Returns the largest accuracy of states that is possible from the last symbol alone.

    It is that of the state which comes most often after each symbol, over all steps.
    """
    following = np.array(table)
    states, symbols = following.shape
    present = np.eye(states)[0]  # the probability of each state
    joint = np.zeros((symbols, states))
    for _ in range(length):
        after = np.zeros_like(joint)
        for symbol in range(symbols):
            np.add.at(after[symbol], following[:, symbol], present / symbols)
        joint += after / length
        present = after.sum(0)
    return float(joint.max(1).sum())
