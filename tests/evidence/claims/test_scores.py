"""Claims on scores, on made-up runs of which they are true, false, or not to be told."""

from dataclasses import replace

import pytest
from helpers.claims import (
    ahead,
    claim_of,
    counting,
    findings,
    on_tasks,
    only_test,
    starting,
    verdict,
)
from helpers.made_up import make_result

LOW, HIGH, FULL = [0.2, 0.3] * 6, [0.9, 0.8] * 6, [1.0] * 12
UNLEARNED = "; neither learned the task"


@pytest.mark.parametrize(
    ("gains", "finding"),
    [
        ([-0.004, -0.006] * 4, "for"),  # surely worse, but by less than the margin of one point
        ([0.004, 0.006] * 4, "for"),
        ([0.02, 0.03] * 4, "against"),  # better is no more comparable than worse
        ([-0.02, -0.03] * 4, "against"),
        ([-0.006, -0.014] * 4, "open"),  # surely worse, perhaps by less than the margin
        ([-0.02, 0.02] * 4, "open"),
        ([-0.02, -0.03, -0.02, -0.03, -0.02], "open"),  # 5 pairs
    ],
)
def test_comparable_is_equivalence_on_both_sides(gains, finding):
    assert only_test("comparable", ahead(gains, margin=0.01)).finding == finding


def test_without_a_margin_nothing_is_comparable():
    for gains in ([0.02] * 8, [0.0] * 8, [-0.1] * 8):
        assert only_test("comparable", ahead(gains, margin=None)).finding == "open"


def test_comparable_in_its_own_unit_and_direction():
    test = only_test("comparable", ahead([-0.02] * 8, margin=0.01))
    reliability = "learned by 8 and 8 of 8 seeds"
    assert test.figure == f"ahead by -2 points [-2, -2], 8 pairs, margin 1 point; {reliability}"
    # A lower MSE is better.
    test = only_test("comparable", ahead([-0.02] * 8, "adding", base=0.1, margin=0.002))
    assert test.figure.startswith("ahead by 0.02 [0.02, 0.02], 8 pairs, margin 0.002; solved by 8")
    assert test.finding == "against"


def test_a_cell_that_is_less_reliable_is_not_comparable():
    gru, lstm = ahead([0.0] * 12, "copy", margin=0.01)
    fails = replace(gru, seeds=[replace(seed, solved_step=None) for seed in gru.seeds])
    assert only_test("comparable", [fails, lstm]).finding == "against"


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ({"a": [0.0], "b": [0.0], "c": [-0.1]}, "supported"),
        ({"a": [0.0, 0.0, -0.1], "b": [0.0], "c": [0.0]}, "supported"),  # a is open
        ({"a": [0.0], "b": [-0.1]}, "refuted"),
        ({"a": [0.0], "b": [None]}, "undecided here"),
        ({"a": [0.0, 0.0, 0.0]}, "undecided here"),
        ({"a": [-0.1, -0.1, -0.1]}, "undecided here"),
    ],
)
def test_comparable_on_most_tasks(gains, expected):
    results = []
    for corpus, of_settings in gains.items():
        for length, gain in enumerate(of_settings, start=10):
            by_seed = [-0.02, 0.02] * 5 if gain is None else [gain] * 10
            results += ahead(by_seed, margin=0.01, corpus=corpus, task={"max_length": length})
    assert verdict("comparable", results) == expected


def test_where_neither_cell_learned_the_task_nothing_is_for_or_against():
    # Always predicting 1 scores an MSE of 1/6.
    unlearned = [
        make_result("adding", cell, [score] * 8, margin=0.002, solved=0)
        for cell, score in (("gru", 0.165), ("lstm", 0.167))
    ]
    test = only_test("comparable", unlearned)
    assert (test.finding, test.figure.endswith(UNLEARNED)) == ("open", True)
    runs = [counting(cell, [0.13] * 8, solved=0) for cell in ("gru", "lstm")]
    assert only_test("separate_control", runs).finding == "open"


def test_one_gate_is_judged_as_comparable_is():
    def coupled(gain):
        return [
            counting(cell, [0.9 + g] * 8) for cell, g in (("lstm_coupled", gain), ("lstm", 0.0))
        ]

    assert findings("one_gate", coupled(0.0)) == ["for"]
    assert findings("one_gate", coupled(-0.3)) == ["against"]
    assert findings("one_gate", ahead([0.0] * 8)) == []


def two_by_two(task="counting", **scores):
    """Runs of one task by the names of their cells."""
    return [counting(cell, of_cell, task=task) for cell, of_cell in scores.items()]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        # The output gate does it: whatever lacks it fails.
        ({"lstm_no_output": LOW, "lstm_coupled": HIGH, "gru_no_reset": LOW}, "supported"),
        # Coupled gates do it: the LSTM without an output gate is as good.
        ({"lstm_no_output": FULL, "lstm_coupled": LOW, "gru_no_reset": LOW}, "refuted"),
        # The two halves of the 2 x 2 contradict each other.
        ({"lstm_no_output": LOW, "lstm_coupled": LOW, "gru_no_reset": HIGH}, "undecided here"),
        ({}, "undecided here"),
    ],
)
def test_a_win_is_credited_to_the_output_gate_only_if_it_is_needed(cells, expected):
    results = [
        run
        for task in ("counting", "dyck")
        for run in two_by_two(task, gru=LOW, lstm=FULL, **cells)
    ]
    claim = claim_of("separate_control", results)
    assert claim.part_verdicts["win"] == "supported"
    assert claim.verdict == expected
    # What the gates of storing do is shown and has no vote.
    beside = [test for test in claim.tests if test.is_beside]
    assert {test.part for test in beside} <= {"input gate"}
    # Other tasks say nothing of it, and the variants decide nothing elsewhere.
    assert verdict("separate_control", ahead([-0.1] * 8)) == "not measured"
    assert len(claim_of("no_dominance", results).tests) == 2


def test_no_dominance():
    undecided = ahead([-0.02, 0.02] * 4, margin=0.01)
    assert verdict("no_dominance", on_tasks(0.1, -0.1)) == "supported"
    assert verdict("no_dominance", on_tasks(0.1, -0.1) + undecided) == "supported"
    assert verdict("no_dominance", on_tasks(0.1, 0.0)) == "refuted"
    assert verdict("no_dominance", on_tasks(-0.1, -0.1)) == "refuted"
    assert verdict("no_dominance", on_tasks(0.1, 0.1) + undecided) == "undecided here"
    assert verdict("no_dominance", on_tasks(0.0, 0.0)) == "undecided here"
    assert findings("no_dominance", on_tasks(0.1, -0.1, 0.0)) == ["for", "for", "open"]


def test_a_win_within_the_margin_is_none():
    # By 0.005 at every seed, with a margin of 0.01.
    assert verdict("no_dominance", on_tasks(0.1, -0.005)) == "refuted"
    assert verdict("no_dominance", on_tasks(0.005, 0.0)) == "undecided here"
    figures = [test.figure for test in claim_of("no_dominance", on_tasks(0.1, -0.005)).tests]
    assert figures == [
        "typically better, 8 pairs, p 0.029; learned by 8 and 8 of 8 seeds, undecided",
        "typically worse by less than matters, 8 pairs, p 0.029; learned by 8 and 8 of 8 seeds,"
        " undecided",
    ]


def test_a_win_that_another_start_turns_is_none():
    def started(gain, corpus, start):
        runs = ahead([gain] * 12, margin=0.01, corpus=corpus)
        return [starting(run, initialisation=start, forget_bias=None) for run in runs]

    robust = started(0.1, "a", "orthogonal") + started(0.1, "a", "chrono")
    turned = started(-0.1, "b", "orthogonal") + started(0.1, "b", "chrono")
    assert verdict("no_dominance", robust + started(-0.1, "b", "orthogonal")) == "supported"
    claim = claim_of("no_dominance", robust + turned)
    assert claim.verdict == "undecided here"
    assert any(test.figure.endswith("; at 2 of 4 points") for test in claim.tests)


def test_one_task_shows_no_dominance():
    results = on_tasks(0.1) + on_tasks(0.1, task={"max_length": 10})
    assert verdict("no_dominance", results) == "undecided here"
    assert set(findings("no_dominance", results)) == {"open"}


def test_what_neither_cell_learned_is_not_decided():
    # The largest class is 0.49 of the documents.
    unlearned = ahead([0.0] * 8, base=0.4, corpus="b")
    assert verdict("no_dominance", on_tasks(0.1) + unlearned) == "undecided here"
    assert claim_of("no_dominance", unlearned).tests[0].figure == "not learned by either"
