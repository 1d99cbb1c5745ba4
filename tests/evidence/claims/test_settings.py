"""Which runs are compared with which, and what is corrected together."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.claims import EIGHT, ahead, claim_of, on_tasks, only_test, starting
from helpers.made_up import make_result

from gru_bench.evidence.claims.evidence import COMPARED, of_reference
from gru_bench.evidence.claims.ledger import judge
from gru_bench.evidence.claims.rules import current_rules
from gru_bench.evidence.claims.setting import judge_together, make_settings
from gru_bench.evidence.comparable import group_runs
from gru_bench.evidence.rules import SIGNIFICANCE
from gru_bench.evidence.sequential import sequential_p
from gru_bench.runs.result import Tuning


def voting(name, results):
    return [test.what for test in claim_of(name, results).voting]


def test_runs_are_compared_in_settings_that_differ_in_the_cell_alone():
    results = [
        make_result("text", cell, EIGHT, task={"train_documents": n}, optim={"learning_rate": rate})
        for cell, rate in (("lstm", 0.002), ("gru", 0.002), ("rnn", 0.001))
        for n in (None, 800, 200)
    ]
    assert voting("comparable", results) == [
        "text-reuters8(train_documents=200): gru against lstm, accuracy",
        "text-reuters8(train_documents=800): gru against lstm, accuracy",
        "text-reuters8(train_documents=all): gru against lstm, accuracy",
    ]


def test_a_learning_rate_belongs_to_the_cell_unless_a_cell_has_several():
    def tuned(cell, rate):
        tuning = Tuning(learning_rates=[0.001, 0.01], seeds=[7], scores=[[1.0], [2.0]], chosen=rate)
        return make_result("text", cell, EIGHT, tuning=tuning, optim={"learning_rate": rate})

    assert len(voting("comparable", [tuned("gru", 0.01), tuned("lstm", 0.001)])) == 1

    def fixed(*pairs):
        return [
            make_result("text", cell, EIGHT, optim={"learning_rate": rate}) for cell, rate in pairs
        ]

    each_its_own = fixed(("gru", 0.01), ("lstm", 0.001))
    assert len(voting("comparable", each_its_own)) == 1
    two_of_a_cell = fixed(("gru", 0.01), ("gru", 0.001), ("lstm", 0.001))
    assert voting("comparable", two_of_a_cell) == [
        "text-reuters8(learning_rate=0.001): gru against lstm, accuracy"
    ]


def test_several_runs_of_a_cell_are_told_apart_by_how_they_start():
    results = [
        starting(make_result("text", cell, EIGHT), initialisation=start)
        for cell in ("gru", "lstm")
        for start in ("orthogonal", "chrono")
    ]
    assert voting("comparable", results) == [
        "text-reuters8(initialisation=chrono): gru against lstm, accuracy",
        "text-reuters8(initialisation=orthogonal): gru against lstm, accuracy",
    ]
    # One run of each cell needs no telling apart: a forget bias is the LSTM's own.
    alone = [
        make_result("text", "gru", EIGHT),
        starting(make_result("text", "lstm", EIGHT), forget_bias=0.0),
    ]
    assert len(voting("comparable", alone)) == 1


def test_labels_leave_out_what_the_other_keys_tell():
    def labels(*choices):
        groups = group_runs(
            starting(
                make_result("text", cell, EIGHT, steps=steps, evaluate_every=steps // 10),
                initialisation=start,
                keep=keep,
            )
            for cell in ("gru", "lstm")
            for start, keep, steps in choices
        )
        return [group.label for group in groups]

    chrono, default = ("chrono", None, 300), ("orthogonal", 0.9, 300)
    assert labels(chrono, default, ("chrono", None, 600)) == [
        "text-reuters8(initialisation=chrono, steps=300)",
        "text-reuters8(initialisation=chrono, steps=600)",
        "text-reuters8(initialisation=orthogonal, steps=300)",
    ]
    # Where a start comes with two shares that it keeps, they are named.
    assert labels(default, ("orthogonal", 0.5, 300)) == [
        "text-reuters8(keep=0.5)",
        "text-reuters8(keep=0.9)",
    ]


def test_of_runs_alike_in_all_keys_the_newest_counts():
    # The same keys over a file of texts that has changed since.
    gru, lstm = ahead([0.02] * 8)
    older = replace(ahead([-0.3] * 8)[0], created="2025-12-31T12:00:00Z")
    for results in ([older, gru, lstm], [gru, lstm, older]):
        assert only_test("comparable", results).figure.startswith("ahead by 2 points")


@pytest.mark.parametrize("name", ["parameters", "memory", "real_time", "speed"])
def test_costs_are_compared_at_equal_sizes_only(name):
    def pair(match):
        return [make_result("adding", cell, [0.1] * 8, match=match) for cell in ("gru", "lstm")]

    assert claim_of(name, pair("hidden")).tests
    assert claim_of(name, pair("parameters")).tests == []


def test_the_cell_beside_the_textbooks_is_shown_and_has_no_vote():
    runs = ahead([0.0] * 8, margin=0.01)
    beside = [replace(ahead([-0.3] * 8, cell="gru_reset_after", margin=0.01)[0])]
    claim = claim_of("comparable", runs + beside)
    assert [(t.what.split(": ")[1][:15], t.shown_finding) for t in claim.tests] == [
        ("gru against lst", "for"),
        ("gru_reset_after", "(against)"),
    ]
    # Nor does it take from the comparison that has one.
    assert claim.tests[0].figure == claim_of("comparable", runs).tests[0].figure


def test_each_pair_of_cells_is_corrected_by_itself():
    def confidences(*pairs):
        settings = judge_together(make_settings([run for pair in pairs for run in pair]), rules)
        return [s.confidence[frozenset(("gru", "lstm"))] for s in settings]

    rules = current_rules()
    both = [ahead([0.0] * 8, corpus=corpus) for corpus in "ab"]
    others = ahead([0.0] * 8, corpus="a", cell="lstm_coupled")[:1]
    assert confidences(*both) == confidences(*both, others) == [0.975, 0.975]


def test_twelve_equal_seeds_decide_in_every_setting_of_the_reference():
    rules = current_rules()
    most = max(rules.settings_with(pair, COMPARED) for pair in rules.pairs)
    assert most == 24
    assert 2 * sequential_p(np.ones(12, bool)) * most < SIGNIFICANCE


def test_a_claim_reads_the_runs_that_were_made_for_it_alone():
    rules = current_rules()
    runs = on_tasks(0.0, 0.0, seeds=12)
    claims = {c.name: c for c in judge(of_reference({"scores": runs}, rules))}
    assert len(claims["comparable"].voting) == 2
    assert claims["moderate_lengths"].verdict == "not measured"
    lengths = {c.name: c for c in judge(of_reference({"lengths": runs}, rules))}
    assert lengths["comparable"].verdict == "not measured"
    # Two tasks of ten are no vote of most, though both are for it.
    assert {t.finding for t in claims["comparable"].voting} == {"for"}
    assert claims["comparable"].verdict == "undecided here"
