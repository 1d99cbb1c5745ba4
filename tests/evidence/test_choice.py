"""Which cell is taken, and what is said of it against the others."""

import numpy as np
import pytest
from helpers.made_up import make_result

from gru_bench.evidence.choice import MOST_SEEDS, choose_cell, first_round, next_round
from gru_bench.evidence.comparison import Comparison

SEEDS = 20
STEADY = 0.9 + 0.001 * np.sin(np.arange(SEEDS))


def runs(**scores):
    return [
        make_result("text", cell, tuple(float(s) for s in values), margin=0.01)
        for cell, values in scores.items()
    ]


def test_the_winner_is_taken_and_said_to_beat_the_others():
    results = runs(gru=STEADY, lstm=STEADY + 0.03, rnn=STEADY - 0.05)
    choice = choose_cell(results, [1, 2, 3], 0.01)
    assert (choice.cell, choice.basis) == ("lstm", "decided")
    assert {each.cell: each.outcome for each in choice.against} == {
        "gru": "better",
        "rnn": "better",
    }
    gains = {each.cell: each.gain.estimate for each in choice.against}
    assert gains == pytest.approx({"gru": 0.03, "rnn": 0.08})
    assert all(each.gain.low <= gains[each.cell] <= each.gain.high for each in choice.against)


def test_of_cells_that_are_as_good_the_cheapest_is_taken():
    wobble = 0.001 * (-1.0) ** np.arange(SEEDS)
    results = runs(gru=STEADY, lstm=STEADY + wobble, rnn=STEADY - 0.05)
    for costs, cell in (([1, 2, 0], "gru"), ([2, 1, 0], "lstm")):
        choice = choose_cell(results, costs, 0.01)
        assert (choice.cell, choice.basis) == (cell, "decided")
        assert sorted(each.outcome for each in choice.against) == ["better", "equivalent"]


def test_what_is_not_known_is_not_decided():
    noise = np.random.default_rng(0).normal(size=(2, SEEDS))
    results = runs(gru=STEADY + 0.02 * noise[0], lstm=STEADY + 0.02 * noise[1])
    choice = choose_cell(results, [1, 2], 0.001)
    assert choice.basis == "undecided"
    assert choice.against[0].outcome == "undecided"


def test_seeds_are_advised_for_the_cell_that_is_taken_alone(monkeypatch):
    noise = np.random.default_rng(0).normal(size=(3, SEEDS))
    names = ("gru", "lstm", "rnn")
    results = runs(**{name: STEADY + 0.02 * own for name, own in zip(names, noise, strict=True)})
    asked = []
    monkeypatch.setattr(
        Comparison, "more_seeds", property(lambda self: asked.append(self) or len(asked))
    )
    choice = choose_cell(results, [1, 2, 3], 0.001)
    pairs = [{each.cell_a, each.cell_b} for each in asked]
    assert pairs == [{choice.cell, each.cell} for each in choice.against]
    assert [each.more_seeds for each in choice.against] == [1, 2]
    assert choose_cell(results, [1, 2, 3], 0.001, advised=False).against[0].more_seeds is None


def test_where_the_error_counts_less_is_better():
    low = np.full(SEEDS, 0.01) + 0.0001 * np.sin(np.arange(SEEDS))
    results = [
        make_result("adding", cell, tuple(values.tolist()), margin=0.002)
        for cell, values in (("gru", low), ("lstm", low + 0.02))
    ]
    choice = choose_cell(results, [1, 1])
    assert choice.cell == "gru"
    assert choice.against[0].gain.estimate == pytest.approx(0.02)


def test_cells_that_learn_nothing_are_not_chosen_between():
    floor = 0.49 + 0.001 * np.sin(np.arange(SEEDS))
    choice = choose_cell(runs(gru=floor, lstm=floor), [1, 2], 0.01)
    assert choice.basis == "not learned"


def test_rounds_begin_where_a_verdict_is_possible_and_end():
    assert [first_round(cells) for cells in (2, 3, 4)] == sorted(first_round(c) for c in (2, 3, 4))
    assert first_round(2) >= 6
    seeds = [first_round(3)]
    while seeds[-1] < MOST_SEEDS:
        seeds.append(next_round(seeds[-1]))
    assert seeds[-1] == MOST_SEEDS
    assert len(seeds) < 8
