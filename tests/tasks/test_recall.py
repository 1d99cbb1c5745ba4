"""Associative recall: against pairs that are looked up in plain Python."""

import itertools
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.oracles import Register, one_hot, scores_of_cell

from gru_bench.config.tasks.recall import KEYS, VALUES, RecallConfig
from gru_bench.tasks.recall import DELIMITER, RecallTask, keyless_accuracy, make_task

KEY = jax.random.key(1)


def test_the_answer_is_the_value_of_the_key_that_is_asked_for():
    task = make_task(RecallConfig(pairs=5), 200)
    batch = jax.jit(RecallTask.batch)(task, KEY)
    np.testing.assert_array_equal(batch.inputs.sum(-1), 1)
    places = []
    for *read, delimiter, asked in np.array(batch.inputs.argmax(-1)).T.tolist():
        value_of = dict(zip(read[::2], read[1::2], strict=True))
        assert len(value_of) == 5
        assert max(value_of) < KEYS <= min(value_of.values()) < DELIMITER == delimiter
        places.append((value_of[asked] - KEYS, read.index(asked) // 2))
    answers, asked_places = zip(*places, strict=True)
    assert batch.targets.tolist() == list(answers)
    assert set(answers) == set(range(VALUES))
    assert set(asked_places) == set(range(5))


@pytest.mark.parametrize("pairs", [2, 3, 4])
def test_the_baseline_is_the_best_without_telling_keys_apart(pairs):
    """All values that may be read, one by one."""
    drawn = itertools.product(range(VALUES), repeat=pairs)
    best = np.mean([max(Counter(values).values()) / pairs for values in drawn])
    assert keyless_accuracy(pairs) == pytest.approx(best, rel=1e-12)


class Dictionary(Register):
    """The value of every key that was read, and the key read last; it puts out its value."""

    @staticmethod
    def next_state(state, gates):
        x, (values, last) = gates["x"], jnp.split(state[1], [KEYS], axis=1)
        key, value = x[:, :KEYS], x[:, KEYS : KEYS + VALUES] @ jnp.arange(1.0, VALUES + 1)
        last = jnp.where(key.any(1)[:, None], one_hot(key.argmax(1) + 1, last), last)
        values = values + value[:, None] * last[:, :KEYS]
        answer = (values * last[:, :KEYS]).sum(1)
        return one_hot(answer, state[0]), jnp.concatenate([values, last], axis=1)


def test_a_cell_that_is_a_dictionary_solves_it_for_all_keys():
    task = make_task(RecallConfig(pairs=KEYS), 50)
    units = 2 * KEYS
    scores = scores_of_cell(Dictionary, task, units, 10.0 * jnp.eye(units, VALUES))
    assert [scores[split]["accuracy"] for split in scores] == [1] * len(scores)
    assert bool(task.solved(scores["test"]))


def test_longer_sequences_have_more_pairs_as_far_as_there_are_keys():
    task = make_task(RecallConfig(pairs=8), 4)
    assert task.longer(3).sequence_length == 50
    assert task.longer(4) is None
