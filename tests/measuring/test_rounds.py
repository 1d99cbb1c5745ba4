"""The timing loop: whose turn it is, what counts, and when it ends."""

import itertools
import time

import numpy as np
import pytest

from gru_bench.measuring.rounds import by_round, race, ratios, spread


@pytest.fixture
def clock(monkeypatch):
    """A clock that calls set forward, by name of what is called."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def calls(durations, called):
        def make(name):
            taken = itertools.cycle(durations[name])

            def call():
                called.append(name)
                now[0] += next(taken)

            return call

        return {name: make(name) for name in durations}

    return calls


def test_rounds_begin_with_another_contestant_and_turns_with_a_call_not_counted(clock):
    called = []
    seconds = race(clock({"a": [9, 1], "b": [9, 2], "c": [9, 3]}, called), 2)
    assert "".join(called) == "ccaabb" + "aabbcc" + "bbccaa"
    assert {name: times.tolist() for name, times in seconds.items()} == {
        "a": [[1], [1]],
        "b": [[2], [2]],
        "c": [[3], [3]],
    }


def test_every_counted_call_of_a_turn_is_timed():
    called = []
    seconds = race({"a": lambda: called.append(1)}, 3, warm_up=0, discarded=2, counted=4)
    assert len(called) == 3 * (2 + 4)
    assert seconds["a"].shape == (3, 4)
    assert (seconds["a"] >= 0).all()


def test_without_warm_up_and_discarded_calls_every_call_counts(clock):
    called = []
    calls = clock({"a": [1], "b": [2]}, called)
    assert race(calls, 1, warm_up=0, discarded=0)["b"].tolist() == [[2]]
    assert called == ["a", "b"]


@pytest.mark.parametrize(("limit_s", "rounds"), [(0, 3), (13, 6), (1000, 10)])
def test_rounds_go_on_until_the_time_is_up_or_they_are_enough(limit_s, rounds, clock):
    """A round takes two seconds, and one is not counted."""
    seconds = race(clock({"a": [1]}, []), 3, max_rounds=10, limit_s=limit_s)
    assert len(seconds["a"]) == rounds


def test_a_ratio_is_taken_within_a_round_between_the_medians_of_its_calls():
    seconds = {"a": np.array([[1, 1, 100], [10, 12, 11]]), "b": np.array([[2, 2, 2], [44, 44, 1]])}
    np.testing.assert_array_equal(by_round(seconds["a"]), [1, 11])
    np.testing.assert_array_equal(ratios(seconds, "a", "b"), [0.5, 0.25])


def test_the_spread_is_the_quartiles():
    found = spread(np.array([1.0, 2, 3, 4, 5]), scale=10)
    assert (found.low, found.median, found.high, found.repeats) == (20, 30, 40, 5)
