"""Balanced brackets: against strings that are enumerated and parsed in plain Python."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.oracles import Stack, scores_of, scores_of_cell

from gru_bench.config.tasks.dyck import DyckConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks.base import SPLITS
from gru_bench.tasks.dyck import make_task, memoryless_acceptance, opening_table

KEY = jax.random.key(3)
SMALL = DyckConfig(kinds=2, depth=2, test_depth=3, length=8)
DEFAULT = DyckConfig()


def shapes(length, depth):
    """All balanced strings of one kind that reach just this depth, as +1 and -1."""
    for steps in itertools.product((1, -1), repeat=length):
        levels = np.cumsum(steps)
        if levels[-1] == 0 and levels.min() >= 0 and levels.max() == depth:
            yield steps


def parse(symbols, kinds):
    """The innermost open bracket after each symbol, -1 for none, and the greatest depth.

    It fails for a string that is not balanced.
    """
    stack, innermost, depth = [], [], 0
    for symbol in symbols:
        if symbol < kinds:
            stack.append(symbol)
        else:
            assert stack.pop() == symbol - kinds
        innermost.append(stack[-1] if stack else -1)
        depth = max(depth, len(stack))
    assert stack == []
    return innermost, depth


def strings_of(batch):
    """The strings of a batch whole, `[batch, length]`: read up to the last step, then predicted."""
    read = np.array(batch.inputs).argmax(-1)
    following = np.array(batch.targets[..., 0])
    np.testing.assert_array_equal(read[1:], following[:-1])
    return np.concatenate([read, following[-1:]]).T


# Strings


@pytest.mark.parametrize("config", [SMALL, DyckConfig(kinds=5, depth=1, test_depth=6, length=12)])
def test_strings_are_balanced_and_of_the_depth_asked_for(config):
    task = make_task(config, 60)
    depths = 1 + jnp.arange(60) % config.test_depth
    batch = jax.jit(type(task).batch)(task, (KEY, depths, jnp.ones(60)))
    np.testing.assert_array_equal(batch.inputs.sum(-1), 1)
    strings = strings_of(batch)
    assert strings.shape == (60, config.length)
    for string, depth, innermost in zip(strings, depths, batch.targets[..., 1].T, strict=True):
        expected, found = parse(string.tolist(), config.kinds)
        assert found == depth
        np.testing.assert_array_equal(innermost, expected[:-1])


@pytest.mark.parametrize(("length", "depth"), [(8, 1), (8, 3), (10, 2), (10, 5)])
def test_all_strings_of_a_depth_are_equally_likely(length, depth):
    """The product of the probabilities along each string is one over their number."""
    table = np.array(opening_table(length // 2, length), float)
    found = []
    for shape in shapes(length, depth):
        probability, level, reached = 1.0, 0, 0
        for place, step in enumerate(shape):
            opens = table[depth - 1, place, level, reached]
            probability *= opens if step == 1 else 1 - opens
            level += step
            reached |= int(level == depth)
        found.append(probability)
    np.testing.assert_allclose(found, 1 / len(found), rtol=1e-6)


def test_drawn_strings_are_uniform_and_kinds_independent():
    task = make_task(SMALL, 20_000)
    batch = jax.jit(type(task).batch)(task, (KEY, jnp.full(20_000, 2), jnp.ones(20_000)))
    strings, counts = np.unique(strings_of(batch), axis=0, return_counts=True)
    number = len(list(shapes(8, 2))) * 2**4
    assert len(strings) == number == 7 * 16
    expected = 20_000 / number
    np.testing.assert_allclose(counts, expected, atol=5 * expected**0.5)


def test_a_longest_string_can_be_drawn():
    table = opening_table(2, 4000)
    assert bool(((table >= 0) & (table <= 1)).all())
    task = make_task(DyckConfig(depth=1, test_depth=2, length=1000), 2)
    batch = task.batch((KEY, jnp.array([1, 2]), jnp.ones(2)))
    assert [parse(string.tolist(), 2)[1] for string in strings_of(batch)] == [1, 2]


def test_splits_have_their_depths_equally_often():
    task = make_task(DEFAULT, 32)
    assert task.sequence_length == 39
    for split in SPLITS:
        depths = range(5, 9) if split == "test" else range(1, 5)
        _, drawn, weights = task.evaluation(KEY, split)
        values, counts = np.unique(np.array(drawn)[np.array(weights) == 1], return_counts=True)
        assert values.tolist() == list(depths)
        assert np.ptp(counts) <= 1
    _, drawn, weights = task.schedule(KEY, jnp.int32(0), 400)
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(counts / drawn.size, 0.25, atol=4 * (0.19 / drawn.size) ** 0.5)
    assert bool((weights == 1).all())


def test_the_schedule_does_not_depend_on_how_the_steps_are_cut():
    task = make_task(SMALL, 4)
    keys, depths, _ = task.schedule(KEY, jnp.int32(0), 12)
    for first, steps in ((0, 5), (5, 7)):
        part = task.schedule(KEY, jnp.int32(first), steps)
        np.testing.assert_array_equal(part[1], depths[first : first + steps])
        assert bool((part[0] == keys[first : first + steps]).all())


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"depth": 8}, "task.test_depth must be greater than 8"),
        ({"length": 14}, "task.length must be even, and at least 16"),
        ({"length": 41}, "task.length must be even"),
    ],
)
def test_depths_that_do_not_go_together_are_refused(keys, said):
    with pytest.raises(UserError, match=said):
        DyckConfig(**keys)


# Scores


@pytest.mark.parametrize("kinds", [2, 3])
def test_the_baseline_is_the_best_that_the_last_bracket_alone_can_do(kinds):
    """All strings and all ways to guess from a closing bracket, one by one."""
    config = DyckConfig(kinds=kinds, depth=1, test_depth=3, length=6)
    best = 0.0
    for guesses in itertools.product(range(kinds), repeat=kinds):
        of_depth = []
        for depth in (2, 3):
            accepted = []
            for shape in shapes(6, depth):
                for drawn in itertools.product(range(kinds), repeat=3):
                    kind, stack, right = iter(drawn), [], True
                    for step in shape:
                        if step == 1:
                            stack.append(next(kind))
                        else:
                            guess = guesses[stack.pop()]
                            right &= not stack or stack[-1] == guess
                    accepted.append(right)
            of_depth.append(np.mean(accepted))
        best = max(best, np.mean(of_depth))
    assert memoryless_acceptance(config) == pytest.approx(best, rel=1e-12)
    assert make_task(config, 4).score.baseline == memoryless_acceptance(config)


def certain(task, innermost):
    """Logits of the closing bracket, and no idea of anything else."""
    return 10.0 * jax.nn.one_hot(task.kinds + innermost, task.output_size)


def test_a_constant_guess_scores_the_baseline():
    """After an opening bracket its own kind; else always the first one."""
    task = make_task(dataclasses.replace(DEFAULT, depth=1, test_depth=2, length=8), 1000)

    def last_bracket_alone(batch):
        read = batch.inputs.argmax(-1)
        return certain(task, jnp.where(read < 2, read, 0))

    scores = scores_of(task, "test", last_bracket_alone)
    deviation = (task.score.baseline * (1 - task.score.baseline) / 500) ** 0.5
    assert scores["acceptance"] == pytest.approx(task.score.baseline, abs=4 * deviation)
    assert scores["closing_accuracy"] == pytest.approx(1 / 2, abs=0.1)
    assert scores["depth_reached"] == 1  # where a closing bracket never leaves one open


def test_strings_are_accepted_up_to_a_depth_one_by_one():
    """A predictor that knows the innermost bracket up to level 5 and guesses wrong above it."""
    task = make_task(DEFAULT, 50)

    def shallow(batch):
        opened = batch.inputs[..., :2].sum(-1)
        levels = (2 * opened - 1).cumsum(0)
        innermost = batch.targets[..., 1]
        return certain(task, jnp.where(levels > 5, 1 - innermost, innermost))

    scores = scores_of(task, "test", shallow)
    assert scores["acceptance"] == pytest.approx(1 / 4)  # of depths 5, 6, 7, 8
    assert scores["depth_reached"] == 5
    validation = scores_of(task, "validation", shallow)
    assert validation["acceptance"] == validation["closing_accuracy"] == 1
    assert validation["depth_reached"] == 4


def test_whether_the_next_bracket_opens_is_no_matter_of_acceptance():
    task = make_task(SMALL, 50)
    scores = scores_of(task, "test", lambda batch: certain(task, batch.targets[..., 1]))
    assert scores["acceptance"] == 1
    assert scores["loss"] > 1
    knows = scores_of(task, "test", lambda batch: 99 * jax.nn.one_hot(batch.targets[..., 0], 4))
    assert knows["loss"] == 0
    assert knows["acceptance"] < 1  # where a bracket opens it does not say which may close


def test_a_cell_with_a_stack_accepts_strings_of_any_depth():
    head = jnp.zeros((10, 4)).at[jnp.arange(2), 2 + jnp.arange(2)].set(10.0)
    scores = scores_of_cell(Stack, make_task(DEFAULT, 50), 10, head)
    assert [float(scores[split]["acceptance"]) for split in scores] == [1.0, 1.0, 1.0]
    assert scores["test"]["depth_reached"] == 8


def test_longer_strings_are_of_the_same_depths():
    task = make_task(SMALL, 4).longer(3)
    assert task.length == 24
    batch = task.batch((KEY, jnp.array([1, 2, 3, 3]), jnp.ones(4)))
    assert [parse(string.tolist(), 2)[1] for string in strings_of(batch)] == [1, 2, 3, 3]
