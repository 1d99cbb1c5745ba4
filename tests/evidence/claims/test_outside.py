"""Claims on lengths and on what stands outside, on made-up runs with a known truth."""

from dataclasses import replace

import pytest
from helpers.claims import claim_of, findings, solving_at, spread, verdict, with_timing
from helpers.made_up import make_result

N = 12


def of_length(cell, length, task="adding", step=1.0, steps=800, score=0.001, **keys):
    """A run at a length, with the time of its step over the LSTM's and its steps to solve it."""
    key = {"copy": "lag", "adding": "length"}[task]
    run = make_result(task, cell, [score] * N, task={key: length}, **keys)
    run = with_timing(run, train_step_vs_lstm=spread(step, half=0.0))
    seeds = [replace(seed, steps=1000) for seed in run.seeds]
    return solving_at(replace(run, seeds=seeds), [steps] * N)


def lengths(gru, step=1.0, task="adding"):
    """A GRU and an LSTM at two lengths, whose validation scores are these at the end."""
    curves = {"gru": [[0.1, score] for score in [gru] * N], "lstm": [[0.1, 0.05]] * N}
    return [
        of_length(cell, length, step=step, curves=curves[cell], margin=0.002)
        for cell in ("gru", "lstm")
        for length in (50, 100)
    ]


@pytest.mark.parametrize(
    ("gru", "expected"), [(0.05, "for"), (0.01, "for"), (0.09, "against"), (0.0519, "for")]
)
def test_moderate_lengths_ask_that_nothing_is_lost_in_equal_time(gru, expected):
    assert set(findings("moderate_lengths", lengths(gru))) == {expected}


def test_longer_sequences_are_not_moderate():
    far = [of_length(cell, 400) for cell in ("gru", "lstm")]
    assert claim_of("moderate_lengths", far).verdict == "not measured"


def recalled(task, match, **scores):
    runs = []
    for cell, score in scores.items():
        made = make_result("copy", "gru", [score] * N, task={"name": task}, solved=0, match=match)
        config = made.config | {"cell": {"name": cell}}
        runs.append(replace(made, config=config, task_label=task, margin=0.01))
    return runs


def recalled_at(**attention):
    """Both tasks, matched in these ways, in each of which attention has this score."""
    return [
        run
        for task in ("recall", "selective_copy")
        for match, score in attention.items()
        for run in recalled(task, match, attention=score, gru=0.6, lstm=0.5)
    ]


@pytest.mark.parametrize(
    ("attention", "expected"), [(0.9, "supported"), (0.3, "refuted"), (0.6, "refuted")]
)
def test_recall_is_won_by_attention_against_both(attention, expected):
    assert verdict("recall", recalled_at(parameters=attention, state=attention)) == expected
    elsewhere = recalled("copy", "state", attention=0.9, gru=0.6, lstm=0.5)
    assert verdict("recall", elsewhere) == "not measured"


def test_recall_has_to_be_won_at_equal_parameters_and_at_equal_state():
    lost = claim_of("recall", recalled_at(parameters=0.9, state=0.3))
    assert lost.part_verdicts == {
        "a GRU of equal parameters": "supported",
        "an LSTM of equal parameters": "supported",
        "a GRU of equal state": "refuted",
        "an LSTM of equal state": "refuted",
    }
    assert verdict("recall", recalled_at(parameters=0.9)) == "undecided here"
    assert verdict("recall", recalled_at(hidden=0.9)) == "not measured"


@pytest.mark.parametrize(
    ("step", "steps", "memory", "expected"),
    [
        (0.5, 800, 8.0, {"time": "for", "memory": "for"}),
        (0.5, 2000, 8.0, {"time": "against", "memory": "for"}),
        (1.0, 800, 32.0, {"time": "open", "memory": "against"}),
    ],
)
def test_cost_against_attention_is_that_of_the_same_score(step, steps, memory, expected):
    gru = replace(of_length("gru", 100, step=step, steps=steps), memory_mb=memory)
    lstm = of_length("lstm", 100)
    attention = replace(lstm, config=lstm.config | {"cell": {"name": "attention"}}, memory_mb=16.0)
    claim = claim_of("cheaper_than_attention", [gru, attention])
    assert {test.part: test.finding for test in claim.voting} == expected


def minimal(step, score):
    gru = of_length("gru", 100, step=1.0, score=0.05)
    run = of_length("lstm", 100, step=step, score=score)
    return [gru, replace(run, config=run.config | {"cell": {"name": "mingru"}})]


@pytest.mark.parametrize(
    ("step", "score", "expected"),
    [
        (1 / 200, 0.05, ["for", "for"]),
        (1 / 3, 0.05, ["against", "for"]),
        (1 / 200, 0.09, ["for", "against"]),
        (1 / 200, 0.01, ["for", "for"]),
    ],
)
def test_minimal_gru_is_as_fast_as_it_says_and_loses_nothing(step, score, expected):
    claim = claim_of("minimal_gru", minimal(step, score))
    assert [test.part for test in claim.voting] == ["faster in gru-bench", "score"]
    assert [test.finding for test in claim.voting] == expected
