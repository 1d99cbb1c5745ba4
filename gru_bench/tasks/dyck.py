"""Balanced brackets: which bracket closes next, in strings nested deeper than any trained on.

Source: the languages Dyck-(k, m) of k kinds of brackets and a bounded depth m of Hewitt, Hahn,
Ganguli, Liang and Manning, "RNNs can generate bounded hierarchical languages with optimal memory",
2020, who judge which closing bracket a model prefers, too.
"""

import dataclasses
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.dyck import SOLVED_ACCEPTANCE, DyckConfig
from gru_bench.tasks.base import (
    Batch,
    Split,
    evaluation_keys,
    register_tree,
    static,
    step_keys,
)

NOTHING_OPEN = -1  # the kind of the innermost open bracket where there is none
ACCEPTED_DEPTH = 0.9  # share of a depth's strings that must be accepted for it to be reached

# A key, the deepest nesting of each string, and its weight.
Item = tuple[Key[Array, "*items"], Int[Array, "*items batch"], Float[Array, "*items batch"]]


@register_tree
@dataclass(frozen=True)
class DyckTask:
    """Next-symbol prediction on balanced strings of `length` brackets of several `kinds`.

    The deepest nesting of a string is drawn first, each possible depth equally likely; then all
    balanced strings of that length which reach just this depth are. Training and validation have
    depths from 1 to `depth`, the test those from there to `test_depth`. A symbol below `kinds`
    opens a bracket, the symbol `kinds` above it closes that bracket.

    The loss is the cross entropy of the next bracket in nats, averaged over steps. Whether the next
    bracket opens or closes is a matter of chance, but which one may close is determined wherever
    any is open: a string is *accepted* if at each of these steps it is the most probable of the
    closing brackets. Scores: `acceptance`, the share of the split's strings that are accepted;
    `closing_accuracy`, the share of the steps after a closing bracket at which the right one is
    the most probable, of which guessing gets 1 / kinds; and `depth_reached`, the largest depth up
    to which nine of ten strings of each depth are accepted.

    Attributes:
        opens: Probability that the next bracket opens one, by deepest nesting, number of brackets
            so far, present depth, and whether the deepest nesting has been reached.
    """

    opens: Float[Array, "depths length levels 2"]
    kinds: int = static()
    depth: int = static()
    length: int = static()
    batch_size: int = static()
    score: Score = static()

    tokens: bool = static(default=False)
    readout: Readout = static(default="every")
    examples: None = static(default=None)

    @property
    def test_depth(self) -> int:
        """Deepest nesting of the test."""
        return self.opens.shape[0]

    @property
    def input_size(self) -> int:
        """Opening and closing brackets."""
        return 2 * self.kinds

    @property
    def output_size(self) -> int:
        """Opening and closing brackets."""
        return 2 * self.kinds

    @property
    def sequence_length(self) -> int:
        """Steps of a sequence; the last bracket is predicted, but not read."""
        return self.length - 1

    def schedule(self, key: Key[Array, ""], first_step: Int[Array, ""], steps: int) -> Item:
        keys = step_keys(key, first_step, steps)

        def draw(key: Key[Array, ""]) -> Int[Array, " batch"]:
            of_depth = jax.random.fold_in(key, 1)
            return jax.random.randint(of_depth, (self.batch_size,), 1, self.depth + 1)

        depths = jax.vmap(draw)(keys)
        return keys, depths, jnp.ones(depths.shape)

    def evaluation(self, key: Key[Array, ""], split: Split) -> Item:
        """Returns every depth equally often; what is not of the split has weight zero."""
        first, last = (self.depth + 1, self.test_depth) if split == "test" else (1, self.depth)
        keys = evaluation_keys(key, split, self.batch_size)
        # Whatever the weights: for `depth_reached`, the test split has strings from depth 1.
        depths = 1 + jnp.arange(len(keys) * self.batch_size).reshape(len(keys), -1) % last
        return keys, depths, (depths >= first).astype(float)

    def batch(self, item: Item) -> Batch:
        key, depths, weights = item
        symbols, innermost = self._strings(key, depths)
        return Batch(
            inputs=jax.nn.one_hot(symbols[:-1], self.input_size),
            targets=jnp.stack([symbols[1:], innermost[:-1]], axis=-1),
            lengths=jnp.full(self.batch_size, self.sequence_length),
            weights=weights,
        )

    def _strings(
        self, key: Key[Array, ""], depths: Int[Array, " batch"]
    ) -> tuple[Int[Array, "length batch"], Int[Array, "length batch"]]:
        """Returns the symbols of strings of given depths, and what is innermost after each."""
        of_opening, of_kind = jax.random.split(key)
        shape = (self.length, self.batch_size)
        chances = jax.random.uniform(of_opening, shape)
        kinds = jax.random.randint(of_kind, shape, 0, self.kinds)
        string = jnp.arange(self.batch_size)

        def add_bracket(
            state: tuple[Array, Array, Array], drawn: tuple[Array, Array, Array]
        ) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
            stack, level, reached = state
            place, chance, kind = drawn
            opens = chance < self.opens[depths - 1, place, level, reached.astype(int)]
            closed = stack[string, level - 1]
            # A closed bracket stays in the stack, above the level, until another one replaces it.
            stack = stack.at[string, level].set(jnp.where(opens, kind, stack[string, level]))
            level = jnp.where(opens, level + 1, level - 1)
            innermost = jnp.where(level > 0, stack[string, level - 1], NOTHING_OPEN)
            symbol = jnp.where(opens, kind, self.kinds + closed)
            return (stack, level, reached | (level == depths)), (symbol, innermost)

        nothing = jnp.zeros(self.batch_size, int)
        start = (jnp.zeros((self.batch_size, self.test_depth + 1), int), nothing, nothing > 0)
        _, strings = jax.lax.scan(add_bracket, start, (jnp.arange(self.length), chances, kinds))
        symbols, innermost = strings
        return symbols, innermost

    def tally(self, outputs: Float[Array, "time batch symbols"], batch: Batch) -> dict[str, Array]:
        following, innermost = batch.targets[..., 0], batch.targets[..., 1]
        losses = optax.softmax_cross_entropy_with_integer_labels(outputs, following)
        opened = batch.inputs[..., : self.kinds].sum(-1)
        depths = (2 * opened - 1).cumsum(0).max(0).astype(int)
        is_open = innermost != NOTHING_OPEN
        right = (outputs[..., self.kinds :].argmax(-1) == innermost) | ~is_open
        recalls = is_open & (opened == 0)
        accepted = right.all(0)
        by_depth = jnp.zeros(self.test_depth)
        return {
            "count": batch.weights.sum(),
            "loss": losses.mean(0) @ batch.weights,
            "accepted": accepted @ batch.weights,
            "recalls": recalls.sum(0) @ batch.weights,
            "recalled": (recalls & right).sum(0) @ batch.weights,
            "strings_of_depth": by_depth.at[depths - 1].add(1.0),
            "accepted_of_depth": by_depth.at[depths - 1].add(accepted),
        }

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        of_depth = tally["strings_of_depth"]
        reached = (tally["accepted_of_depth"] >= ACCEPTED_DEPTH * of_depth) & (of_depth > 0)
        return {
            "loss": tally["loss"] / tally["count"],
            "acceptance": tally["accepted"] / tally["count"],
            "closing_accuracy": tally["recalled"] / jnp.maximum(tally["recalls"], 1),
            "depth_reached": reached.cumprod().sum().astype(float),
        }

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        return scores["acceptance"] >= SOLVED_ACCEPTANCE

    def longer(self, multiple: int) -> "DyckTask":
        length = multiple * self.length
        return dataclasses.replace(
            self, length=length, opens=opening_table(self.test_depth, length)
        )


def make_task(config: DyckConfig, batch_size: int) -> DyckTask:
    """Returns the task as it is configured, with the baseline of its test."""
    return DyckTask(
        opens=opening_table(config.test_depth, config.length),
        kinds=config.kinds,
        depth=config.depth,
        length=config.length,
        batch_size=batch_size,
        score=dataclasses.replace(config.SCORE, baseline=memoryless_acceptance(config)),
    )


def opening_table(deepest: int, length: int) -> Float[Array, "{deepest} {length} {deepest}+1 2"]:
    """Returns the probabilities that the next bracket opens one, as `DyckTask.opens` has them.

    It opens one in as many of the equally likely strings as can still follow then.
    """
    tables = np.zeros((deepest, length, deepest + 1, 2))
    for depth in range(1, deepest + 1):
        following = completions(depth, length)
        for place in range(length):
            opened, closed = _next_counts(following[place + 1], depth)
            total = opened + closed
            np.divide(opened, total, out=tables[depth - 1, place, : depth + 1], where=total > 0)
    return jnp.asarray(tables, jnp.float32)


def completions(depth: int, length: int) -> Float[np.ndarray, "{length}+1 {depth}+1 2"]:
    """Returns how many ways there are to complete a string of one kind, by its beginning.

    They are counted by the number of brackets so far, the present level and whether the deepest
    nesting `depth` has been reached, up to a factor for each number of brackets.
    """
    counts = np.zeros((length + 1, depth + 1, 2))
    counts[length, 0, 1] = 1.0
    for place in reversed(range(length)):
        opened, closed = _next_counts(counts[place + 1], depth)
        counts[place] = opened + closed
        counts[place] /= counts[place].max()  # There may be more than a float can hold.
    return counts


def _next_counts(
    following: Float[np.ndarray, "levels 2"], depth: int
) -> tuple[Float[np.ndarray, "levels 2"], Float[np.ndarray, "levels 2"]]:
    """Returns the completions that open a bracket next and those that close one."""
    opened, closed = np.zeros_like(following), np.zeros_like(following)
    opened[:-1] = following[1:]
    opened[depth - 1, 0] = following[depth, 1]  # With this bracket the depth is reached.
    closed[1:] = following[:-1]
    return opened, closed


def memoryless_acceptance(config: DyckConfig) -> float:
    """Returns the largest acceptance on the test that is possible from the last bracket alone.

    After an opening bracket it is known which one may close. After a closing bracket it is the one
    of which this was a part, whose kind was drawn on its own: the best guess is the same kind each
    time. It is right throughout if all brackets that have parts are of this kind, as many as there
    are pairs of opening brackets next to each other.
    """
    depths = range(config.depth + 1, config.test_depth + 1)
    return math.fsum(
        _mean_of_powers(depth, config.length, 1 / config.kinds) for depth in depths
    ) / len(depths)


def _mean_of_powers(depth: int, length: int, power: float) -> float:
    """Returns the mean of `power` to the number of neighbouring opening brackets, over strings."""
    following = completions(depth, length)
    # Weight of the strings begun so far, by level, whether the depth is reached, and whether the
    # last bracket opened one.
    weight = np.zeros((depth + 1, 2, 2))
    weight[0, 0, 0] = 1.0
    for place in range(length):
        opened, closed = _next_counts(following[place + 1], depth)
        total = opened + closed
        opens = np.divide(opened, total, out=np.zeros_like(total), where=total > 0)[..., None]
        moved = np.zeros_like(weight)
        after_opening = opens * weight * np.array([1.0, power])
        moved[1:, :, 1] = after_opening[:-1].sum(-1)
        moved[depth, 1, 1] += moved[depth, 0, 1]
        moved[depth, 0, 1] = 0.0
        moved[:-1, :, 0] = ((1 - opens) * weight)[1:].sum(-1)
        weight = moved
    return float(weight[0, 1].sum())
