"""Transduction: a string is read, then its answer is put out, one symbol a step.

Source: Deletang et al., "Neural networks and the Chomsky hierarchy", 2023: parity, modular
arithmetic without brackets, reversal and bucket sort, learnt on short strings and tested on longer
ones.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.transduction import SOLVED_ACCURACY, TransductionConfig
from gru_bench.tasks.base import Batch, Split, evaluation_keys, static, step_keys
from gru_bench.tasks.drawn import draw_integers

MODULUS = 5
PLUS, MINUS, TIMES = range(MODULUS, MODULUS + 3)
OPERATORS = 3
UNJUDGED = -1  # a target of steps at which nothing is asked for

Strings = Int[Array, "length batch"]
Within = Bool[Array, "length batch"]  # which symbols are of their string
Lengths = Int[Array, " batch"]
Answers = Int[Array, "answers batch"]
# A key, the length of each string, and the numbers of all places of a string: no news, but their
# number is how `batch` knows the padded length of the split.
Item = tuple[Key[Array, "*items"], Int[Array, "*items batch"], Int[Array, "*items length"]]


@dataclass(frozen=True)
class Problem:
    """What is asked of a string.

    Attributes:
        symbols: Different symbols that are read.
        answers: Different symbols of the answer.
        answer: Takes symbols `[length, batch]`, which of them are of the string, and lengths
            `[batch]`; gives the symbols of the answer, from the first row on.
        is_long: Whether the answer is as long as the string; otherwise it is one symbol.
    """

    symbols: int
    answers: int
    answer: Callable[[Strings, Within, Lengths], Answers]
    is_long: bool


def parity(symbols: Strings, real: Within, lengths: Lengths) -> Answers:
    """Returns whether the number of ones is odd, `[1, batch]`."""
    return (symbols * real).sum(0, keepdims=True) % 2


def evaluate(symbols: Strings, real: Within, lengths: Lengths) -> Answers:
    """Returns the values modulo five of digits with signs between them, `[1, batch]`.

    Products bind more than sums: at each digit, either the last term is multiplied by it, or the
    term is added to the sum and the digit begins a new one.
    """

    def read(
        state: tuple[Array, Array, Array], read: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array, Array], None]:
        total, term, sign = state
        symbol, is_real = read
        is_digit = is_real & (symbol < MODULUS)
        new_total = jnp.where(sign == TIMES, total, total + term)
        product = jnp.where(sign == TIMES, term * symbol, jnp.where(sign == MINUS, -1, 1) * symbol)
        total = jnp.where(is_digit, new_total % MODULUS, total)
        term = jnp.where(is_digit, product % MODULUS, term)
        return (total, term, jnp.where(is_real & ~is_digit, symbol, sign)), None

    nothing = jnp.zeros_like(lengths)
    start = (nothing, nothing, jnp.full_like(lengths, PLUS))
    (total, term, _), _ = jax.lax.scan(read, start, (symbols, real))
    return ((total + term) % MODULUS)[None]


def reverse(symbols: Strings, real: Within, lengths: Lengths) -> Answers:
    """Returns the strings from their last symbol to their first."""
    places = lengths[None] - 1 - jnp.arange(len(symbols))[:, None]
    return jnp.take_along_axis(symbols, jnp.maximum(places, 0), axis=0)


def bucket_sort(symbols: Strings, real: Within, lengths: Lengths) -> Answers:
    """Returns the symbols of each string in rising order."""
    return jnp.sort(jnp.where(real, symbols, symbols.max() + 1), axis=0)


PROBLEMS = {
    "parity": Problem(2, 2, parity, is_long=False),
    "modular_arithmetic": Problem(MODULUS + OPERATORS, MODULUS, evaluate, is_long=False),
    "reverse": Problem(2, 2, reverse, is_long=True),
    "bucket_sort": Problem(5, 5, bucket_sort, is_long=True),
}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TransductionTask:
    """Strings of uniformly drawn symbols and length; the answer is asked for by a marker.

    After the string, a marker is read once for each symbol of the answer. Expressions are digits
    with signs between them, so that their lengths are odd.

    Training and validation have strings of 1 to `length` symbols, the test of more, up to
    `test_length`. The loss is the cross entropy of the answers in nats, averaged over the symbols
    of a string and then over strings; so is the score, `answer_accuracy`, the share of right ones.
    """

    problem: str = static()
    length: int = static()
    test_length: int = static()
    batch_size: int = static()
    score: Score = static()

    tokens: bool = static(default=False)
    readout: Readout = static(default="every")
    examples: None = static(default=None)

    @property
    def input_size(self) -> int:
        """Symbols of a string, and the marker."""
        return PROBLEMS[self.problem].symbols + 1

    @property
    def output_size(self) -> int:
        """Symbols of an answer."""
        return PROBLEMS[self.problem].answers

    @property
    def sequence_length(self) -> int:
        """Steps of the longest training string with its answer."""
        return self.length + (self.length if PROBLEMS[self.problem].is_long else 1)

    def schedule(self, key: Key[Array, ""], first_step: Int[Array, ""], steps: int) -> Item:
        return self._items(step_keys(key, first_step, steps), 1, self.length)

    def evaluation(self, key: Key[Array, ""], split: Split) -> Item:
        """Returns strings of the lengths of the split, all equally likely."""
        keys = evaluation_keys(key, split, self.batch_size)
        if split == "test":
            return self._items(keys, self.length + 1, self.test_length)
        return self._items(keys, 1, self.length)

    def _items(self, keys: Key[Array, " items"], shortest: int, longest: int) -> Item:
        def draw(key: Key[Array, ""]) -> Int[Array, " batch"]:
            of_length = jax.random.fold_in(key, 1)
            if self.problem == "modular_arithmetic":
                # As many signs as are possible within the lengths.
                signs = jax.random.randint(
                    of_length, (self.batch_size,), shortest // 2, (longest - 1) // 2 + 1
                )
                return 2 * signs + 1
            return jax.random.randint(of_length, (self.batch_size,), shortest, longest + 1)

        return keys, jax.vmap(draw)(keys), jnp.tile(jnp.arange(longest), (len(keys), 1))

    def batch(self, item: Item) -> Batch:
        key, lengths, places = item
        problem = PROBLEMS[self.problem]
        symbols = self._symbols(key, len(places))
        answer = problem.answer(symbols, places[:, None] < lengths[None], lengths)
        ends = lengths + (lengths if problem.is_long else 1)
        step = jnp.arange(len(places) + len(answer))[:, None]
        is_read, is_answered = step < lengths[None], (step >= lengths[None]) & (step < ends[None])
        marker = jnp.full((len(answer), self.batch_size), problem.symbols)
        read = jnp.where(is_read, jnp.concatenate([symbols, marker]), problem.symbols)
        of_answer = jnp.clip(step - lengths[None], 0, len(answer) - 1)
        answered = jnp.take_along_axis(answer, of_answer, axis=0)
        return Batch(
            inputs=jax.nn.one_hot(read, self.input_size) * (is_read | is_answered)[..., None],
            targets=jnp.where(is_answered, answered, UNJUDGED),
            lengths=ends,
            weights=jnp.ones(self.batch_size),
        )

    def _symbols(self, key: Key[Array, ""], longest: int) -> Strings:
        """Returns symbols for strings of any length up to the longest."""
        shape = (longest, self.batch_size)
        if self.problem != "modular_arithmetic":
            return jax.random.randint(key, shape, 0, PROBLEMS[self.problem].symbols)
        of_digits, of_signs = jax.random.split(key)
        ranges = (0, MODULUS), (PLUS, PLUS + OPERATORS)
        digits, signs = draw_integers((of_digits, of_signs), shape, ranges)
        return jnp.where(jnp.arange(longest)[:, None] % 2 == 0, digits, signs)

    def tally(self, outputs: Float[Array, "time batch symbols"], batch: Batch) -> dict[str, Array]:
        judged = batch.targets != UNJUDGED
        targets = jnp.maximum(batch.targets, 0)
        losses = optax.softmax_cross_entropy_with_integer_labels(outputs, targets)
        right = outputs.argmax(-1) == targets
        return {
            "count": batch.weights.sum(),
            "loss": losses.mean(0, where=judged) @ batch.weights,
            "right": right.mean(0, where=judged) @ batch.weights,
        }

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        return {
            "loss": tally["loss"] / tally["count"],
            "answer_accuracy": tally["right"] / tally["count"],
        }

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        return scores["answer_accuracy"] >= SOLVED_ACCURACY

    def longer(self, multiple: int) -> None:
        """Returns None: the test split has longer strings in any case."""


def make_task(config: TransductionConfig, batch_size: int) -> TransductionTask:
    """Returns the task as it is configured, with the baseline of its test."""
    return TransductionTask(
        problem=config.problem,
        length=config.length,
        test_length=config.test_length,
        batch_size=batch_size,
        score=dataclasses.replace(config.SCORE, baseline=commonest_answer(config)),
    )


def commonest_answer(config: TransductionConfig) -> float:
    """Returns the share of the commonest symbol in the answers of the test.

    All are equally common but for the value of an expression: a product with 0 makes 0 the most
    common one, above all in short expressions.
    """
    if config.problem != "modular_arithmetic":
        return 1 / PROBLEMS[config.problem].answers
    # Probabilities of the sum of the terms before the last, by row, and of the last, by column.
    state = np.zeros((MODULUS, MODULUS))
    state[0] = 1 / MODULUS
    shares = []
    for signs in range((config.test_length - 1) // 2 + 1):
        if signs >= (config.length + 1) // 2:
            shares.append(sum(state[-term % MODULUS, term] for term in range(MODULUS)))
        following = np.zeros_like(state)
        for total, term, digit in np.ndindex(MODULUS, MODULUS, MODULUS):
            share = state[total, term] / (OPERATORS * MODULUS)
            following[(total + term) % MODULUS, digit] += share
            following[(total + term) % MODULUS, -digit % MODULUS] += share
            following[total, term * digit % MODULUS] += share
        state = following
    return float(np.mean(shares))
