"""Transduction: against answers in plain Python."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.oracles import Register, one_hot, scores_of_cell

from gru_bench.config.tasks.transduction import PROBLEMS, TransductionConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks.transduction import UNJUDGED, TransductionTask, commonest_answer, make_task

KEY = jax.random.key(1)
SIGNS = "01234+-*"


def in_python(problem, string):
    if problem == "parity":
        return [sum(string) % 2]
    if problem == "reverse":
        return string[::-1]
    if problem == "bucket_sort":
        return sorted(string)
    return [eval("".join(SIGNS[symbol] for symbol in string)) % 5]  # of digits and signs alone


def task_of(problem, batch_size, **keys):
    return make_task(TransductionConfig(problem=problem, **keys), batch_size)


def batches(task, split):
    items = task.evaluation(KEY, split)
    return [
        jax.jit(TransductionTask.batch)(task, jax.tree.map(lambda leaf: leaf[place], items))  # noqa: B023
        for place in range(len(items[1]))
    ]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_answer_follows_the_string(problem, split):
    task = task_of(problem, 500, length=8, test_length=17)
    seen = set()
    for batch in batches(task, split):
        read, targets = np.array(batch.inputs.argmax(-1)).T, np.array(batch.targets).T
        for row, answer, end in zip(read.tolist(), targets.tolist(), batch.lengths, strict=True):
            string = [symbol for symbol in row[:end] if symbol != task.input_size - 1]
            expected = in_python(problem, string)
            assert row[: len(string)] == string
            assert end == len(string) + len(expected)
            assert answer[len(string) : end] == expected
            assert {*answer[: len(string)], *answer[end:]} <= {UNJUDGED}
            seen.add(len(string))
        np.testing.assert_array_equal(
            batch.inputs.sum(-1), np.arange(len(batch.inputs))[:, None] < np.array(batch.lengths)
        )
    lengths = range(1, 9) if split == "validation" else range(9, 18)
    step = 2 if problem == "modular_arithmetic" else 1
    assert seen == set(lengths[::step])


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_baseline_is_what_the_commonest_symbol_scores(problem):
    task = task_of(problem, 500, length=3, test_length=9)
    tested = [np.array(batch.targets) for batch in batches(task, "test")]
    # Every string counts as much, however long its answer is.
    shares = [(targets == 0).sum(0) / (targets != UNJUDGED).sum(0) for targets in tested]
    error = np.std(shares) / np.sqrt(np.size(shares))
    assert np.mean(shares) == pytest.approx(task.score.baseline, abs=4 * error)


def test_the_value_of_short_expressions_is_counted_exactly():
    config = TransductionConfig(problem="modular_arithmetic", length=3, test_length=5)
    values = [
        in_python("modular_arithmetic", [a, s, b, t, c])[0]
        for a, s, b, t, c in np.ndindex(5, 3, 5, 3, 5)
        for s, t in [(s + 5, t + 5)]
    ]
    assert commonest_answer(config) == pytest.approx(np.mean(np.array(values) == 0))
    assert commonest_answer(config) == max(np.bincount(values)) / len(values)


def test_only_answers_are_judged_and_strings_count_alike():
    task = task_of("reverse", 50, length=6, test_length=9)
    (batch, *_) = batches(task, "validation")
    judged = batch.targets != UNJUDGED
    right = jax.nn.one_hot(jnp.maximum(batch.targets, 0), 2)
    noise = jax.random.normal(KEY, right.shape)
    logits = jnp.where(judged[..., None], 3.0 * right, noise)
    scores = task.scores(task.tally(logits, batch))
    assert scores["answer_accuracy"] == 1
    assert scores["loss"] == pytest.approx(np.log1p(np.exp(-3)), rel=1e-5)
    # One wrong symbol in a string of n costs 1/n of it.
    first = int(batch.lengths[0]) // 2
    wrong = logits.at[first, 0].multiply(-1)
    accuracy = task.scores(task.tally(wrong, batch))["answer_accuracy"]
    assert accuracy == pytest.approx(1 - 1 / first / 50)


def test_the_schedule_does_not_depend_on_how_the_steps_are_cut():
    task = task_of("reverse", 4, length=5, test_length=9)
    whole = task.schedule(KEY, jnp.array(0), 4)
    half = task.schedule(KEY, jnp.array(2), 2)
    for one, other in zip(whole[1:], half[1:], strict=True):
        np.testing.assert_array_equal(one[2:], other)
    assert jnp.array_equal(jax.random.key_data(whole[0][2:]), jax.random.key_data(half[0]))


class Pile(Register):
    """The symbols that were read and not yet put out, the last one first."""

    @staticmethod
    def next_state(state, gates):
        pile, symbol = state[1], gates["x"][:, :2] @ jnp.array([1.0, 2.0])
        pushed = jnp.roll(pile, 1, axis=1).at[:, 0].set(symbol)
        popped = jnp.roll(pile, -1, axis=1).at[:, -1].set(0.0)
        return one_hot(pile[:, 0], pile), jnp.where(symbol[:, None] > 0, pushed, popped)


def test_a_cell_that_is_a_pile_reverses_strings_of_any_length():
    task = task_of("reverse", 50, length=6, test_length=20)
    scores = scores_of_cell(Pile, task, 24, 10.0 * jnp.eye(24, 2))
    assert [scores[split]["answer_accuracy"] for split in scores] == [1] * len(scores)
    assert bool(task.solved(scores["test"]))


def test_the_test_is_on_longer_strings():
    with pytest.raises(UserError, match=r"task\.test_length=21 is not possible: .* than 21"):
        TransductionConfig(length=20, test_length=21)
