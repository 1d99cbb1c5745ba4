"""Finite automata: against machines that are followed in plain Python."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.oracles import Register, one_hot, scores_of, scores_of_cell

from gru_bench.config.tasks.automaton import MACHINES, AutomatonConfig
from gru_bench.tasks.automaton import (
    GENERATORS,
    AutomatonTask,
    make_task,
    memoryless_accuracy,
    transition_table,
)

KEY = jax.random.key(1)
STATES = {"parity": 2, "modular": 5, "flip_flop": 2, "a5": 60}


def followed(machine, symbols):
    """The machine's state after each symbol, by its definition: a number or a permutation."""
    if machine == "parity":
        return [sum(symbols[: t + 1]) % 2 for t in range(len(symbols))]
    if machine == "modular":
        return [sum(symbols[: t + 1]) % 5 for t in range(len(symbols))]
    if machine == "flip_flop":
        held = [[0, *(s for s in symbols[: t + 1] if s < 2)][-1] for t in range(len(symbols))]
        return held
    states, things = [], list("abcde")
    for symbol in symbols:  # Things are moved about, whatever the numbers of states are.
        moved = [""] * 5
        for place, thing in enumerate(things):
            moved[GENERATORS[symbol][place]] = thing
        things = moved
        states.append("".join(things))
    return states


@pytest.mark.parametrize("machine", MACHINES)
def test_states_are_those_of_the_machine(machine):
    task = make_task(AutomatonConfig(machine=machine, length=30), 50)
    assert task.output_size == STATES[machine]
    batch = jax.jit(AutomatonTask.batch)(task, KEY)
    symbols, states = np.array(batch.inputs.argmax(-1)).T, np.array(batch.targets).T
    np.testing.assert_array_equal(batch.inputs.sum(-1), 1)
    if machine != "a5":
        assert states.tolist() == [followed(machine, row.tolist()) for row in symbols]
        return
    # The numbers of states are names: there is one for each order of the things, and back.
    expected = [name for row in symbols for name in followed("a5", row.tolist())]
    pairs = set(zip(expected, states.ravel().tolist(), strict=True))
    assert len({name for name, _ in pairs}) == len({state for _, state in pairs}) == len(pairs)


def test_a5_is_the_group_of_all_even_permutations():
    table = np.array(transition_table("a5"))
    assert table.shape == (60, 2)
    for column in table.T:
        assert sorted(column.tolist()) == list(range(60))  # A symbol can be undone.
    # The generators are a cycle of five and a cycle of three.
    for symbol, order in enumerate((5, 3)):
        state = 0
        for _ in range(order):
            state = table[state, symbol]
        assert state == 0


@pytest.mark.parametrize("machine", ["parity", "flip_flop"])
def test_the_baseline_is_the_best_that_the_last_symbol_alone_can_do(machine):
    """All sequences of five symbols and all ways to answer a symbol, one by one."""
    table = transition_table(machine)
    runs = [
        list(zip(symbols, followed(machine, symbols), strict=True))
        for symbols in itertools.product(range(len(table[0])), repeat=5)
    ]
    best = max(
        np.mean([answers[symbol] == state for run in runs for symbol, state in run])
        for answers in itertools.product(range(len(table)), repeat=len(table[0]))
    )
    assert memoryless_accuracy(table, 5) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize(("machine", "least"), [("modular", 1 / 5), ("a5", 1 / 60)])
def test_over_long_sequences_a_group_leaves_nothing_to_the_last_symbol(machine, least):
    table = transition_table(machine)
    assert memoryless_accuracy(table, 8000) == pytest.approx(least, rel=0.1)


def lookup(machine):
    """A cell that has the table."""
    table = jnp.array(transition_table(machine))

    class Lookup(Register):
        @staticmethod
        def next_state(state, gates):
            present = state[1].argmax(-1)
            symbol = gates["x"][:, : table.shape[1]].argmax(-1)
            after = one_hot(table[present, symbol] + 1.0, state[1])
            return after, after

    return Lookup


def test_a_cell_with_the_table_follows_it_over_any_length():
    task = make_task(AutomatonConfig(machine="a5", length=100), 50)
    scores = scores_of_cell(lookup("a5"), task, 60, 10.0 * jnp.eye(60))
    for split in scores:
        assert scores[split]["state_accuracy"] == scores[split]["followed"] == 1


def test_a_single_wrong_state_loses_a_sequence_but_not_the_others():
    task = make_task(AutomatonConfig(machine="modular", length=20), 50)

    def all_but_the_last(batch):
        states = batch.targets.at[-1, :10].add(1) % 5
        return 99.0 * jax.nn.one_hot(states, 5)

    scores = scores_of(task, "test", all_but_the_last)
    assert scores["followed"] == pytest.approx(0.8)
    assert scores["state_accuracy"] == pytest.approx(1 - 0.2 / 20)
    assert bool(task.solved({name: jnp.float32(value) for name, value in scores.items()}))
