"""Every claim on made-up runs of which it is true, false, or not to be told."""

import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from helpers.made_up import make_curve, make_result

from gru_bench.evidence.claims import claim
from gru_bench.evidence.claims.claim import Claim
from gru_bench.evidence.claims.ledger import ledger
from gru_bench.evidence.comparable import group_runs
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.runtimes import RuntimeFigure, RuntimeFigures, Work
from gru_bench.runs.result import GradientNorms, Probes, Spread, Tuning

EIGHT = [0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97]


def claim_of(number, results):
    return ledger(results)[number - 1]


def verdict(number, results):
    return claim_of(number, results).verdict


def only_test(number, results):
    (test,) = claim_of(number, results).tests
    return test


def spread(median, half=0.01, repeats=30):
    return Spread(median=median, low=median - half, high=median + half, repeats=repeats)


def with_timing(result, **changes):
    return replace(result, timing=replace(result.timing, **changes))


def starting(result, **keys):
    return replace(result, config=result.config | {"cell": result.config["cell"] | keys})


def solving_at(result, steps):
    """The result with these steps until its seeds solved the task."""
    seeds = [
        replace(seed, solved_step=step) for seed, step in zip(result.seeds, steps, strict=True)
    ]
    return replace(result, seeds=seeds)


def with_train(result, scores):
    seeds = [
        replace(seed, train={result.score.name: score})
        for seed, score in zip(result.seeds, scores, strict=True)
    ]
    return replace(result, seeds=seeds)


def with_gradients(result, initial, trained=None):
    """Gradients 100 steps back, one a seed, over those at the loss."""

    def rows(values):
        return [[0.0 if value is None else value, 1.0] for value in values]

    norms = GradientNorms(
        distance=[100, 0], initial=rows(initial), trained=rows(trained or initial)
    )
    return replace(result, probes=Probes(gradients=norms, gates=[], gate_ends=None, lengths=None))


LOW, HIGH = [0.2, 0.3] * 4, [0.9, 0.8] * 4


def counting(cell, scores, solved=None):
    task = {"name": "counting", "max_n": 50}
    result = make_result("copy", cell, scores, task=task, margin=0.01, solved=solved)
    score = replace(result.score, name="acceptance")
    seeds = [
        replace(seed, test={"acceptance": seed.test["recall_accuracy"]}) for seed in result.seeds
    ]
    return replace(result, task_label="counting", score=score, seeds=seeds)


def test_there_are_ten_claims_in_order_and_none_is_tested_without_runs():
    claims = ledger([])
    assert [c.number for c in claims] == list(range(1, 11))
    assert {c.verdict for c in claims} == {"not tested"}
    assert all(c.sentence.endswith(".") and c.how.endswith(".") for c in claims)


@pytest.mark.process
def test_importing_the_claims_leaves_jax_alone():
    code = "import gru_bench.evidence.claims.ledger, sys; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("quantifier", "findings", "expected"),
    [
        ("all", "for for", "supported"),
        ("all", "for open", "undecided here"),
        ("all", "for for for against", "refuted"),
        ("most", "for for against", "supported"),
        ("most", "for open", "undecided here"),
        ("most", "for against", "refuted"),
        ("most", "against open open", "undecided here"),
        ("most tasks", "a:for b:for", "supported"),
        ("most tasks", "a:for a:for a:against b:for", "supported"),
        ("most tasks", "a:for b:for c:against", "supported"),
        ("most tasks", "a:for b:against", "refuted"),
        ("most tasks", "a:against a:against b:against c:for", "refuted"),
        # Many settings of one task are one task.
        ("most tasks", "a:for a:for a:for", "undecided here"),
        ("most tasks", "a:against a:against", "undecided here"),
        ("most tasks", "a:for a:for a:for b:open", "undecided here"),
        ("most tasks", "a:against b:open", "undecided here"),
        # Half of a task's tests is not most of them.
        ("most tasks", "a:for b:for b:open", "undecided here"),
        ("most tasks", "a:for b:for b:against", "refuted"),
        ("some", "for against", "supported"),
        ("some", "against against", "refuted"),
        ("some", "against open", "undecided here"),
    ],
)
def test_a_verdict_follows_from_findings_by_the_quantifier(quantifier, findings, expected):
    # Of one task, except where tasks are counted: a letter each, before its test's finding.
    pairs = [word.rpartition(":")[::2] for word in findings.split()]
    tests = [claim.Test(task=t, what="", figure="", finding=finding) for t, finding in pairs]
    made = Claim(number=1, sentence="", how="", quantifier=quantifier, tests=tests)
    assert made.verdict == expected


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ({"a": "for", "b": "for"}, "supported"),
        ({"a": "for", "b": "against"}, "refuted"),
        ({"a": "for", "b": "open"}, "undecided here"),
        ({"a": "for"}, "undecided here"),
        ({"a": "against"}, "refuted"),
    ],
)
def test_a_sentence_of_two_parts_needs_both(tests, expected):
    tests = [
        claim.Test(task="", what="", figure="", finding=f, part=part) for part, f in tests.items()
    ]
    made = Claim(number=1, sentence="", how="", quantifier="most", tests=tests, parts=("a", "b"))
    assert made.verdict == expected


# What is compared with what


def test_runs_are_compared_in_settings_that_differ_in_the_cell_alone():
    results = [
        make_result("text", cell, EIGHT, task={"train_documents": n}, optim={"learning_rate": rate})
        for cell, rate in (("lstm", 0.002), ("gru", 0.002), ("rnn", 0.001))
        for n in (None, 800, 200)
    ]
    what = [test.what for test in claim_of(4, results).tests]
    assert what == [
        "text-reuters8(train_documents=200): gru against lstm, accuracy",
        "text-reuters8(train_documents=800): gru against lstm, accuracy",
        "text-reuters8(train_documents=all): gru against lstm, accuracy",
    ]


def test_a_learning_rate_belongs_to_the_cell_unless_a_cell_has_several():
    def tuned(cell, rate):
        tuning = Tuning(learning_rates=[0.001, 0.01], seeds=[7], scores=[[1.0], [2.0]], chosen=rate)
        return make_result("text", cell, EIGHT, tuning=tuning, optim={"learning_rate": rate})

    assert len(claim_of(4, [tuned("gru", 0.01), tuned("lstm", 0.001)]).tests) == 1

    def fixed(*pairs):
        return [
            make_result("text", cell, EIGHT, optim={"learning_rate": rate}) for cell, rate in pairs
        ]

    each_its_own = fixed(("gru", 0.01), ("lstm", 0.001))
    assert len(claim_of(4, each_its_own).tests) == 1
    two_of_a_cell = fixed(("gru", 0.01), ("gru", 0.001), ("lstm", 0.001))
    assert [test.what for test in claim_of(4, two_of_a_cell).tests] == [
        "text-reuters8(learning_rate=0.001): gru against lstm, accuracy"
    ]


def test_several_runs_of_a_cell_are_told_apart_by_how_they_start():
    results = [
        starting(make_result("text", cell, EIGHT), initialisation=start)
        for cell in ("gru", "lstm")
        for start in ("orthogonal", "chrono")
    ]
    what = [test.what for test in claim_of(4, results).tests]
    assert what == [
        "text-reuters8(initialisation=chrono): gru against lstm, accuracy",
        "text-reuters8(initialisation=orthogonal): gru against lstm, accuracy",
    ]
    # One run of each cell needs no telling apart: a forget bias is the LSTM's own.
    alone = [
        make_result("text", "gru", EIGHT),
        starting(make_result("text", "lstm", EIGHT), forget_bias=0.0),
    ]
    assert len(claim_of(4, alone).tests) == 1


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
        assert only_test(4, results).figure.startswith("ahead by 2 points")


@pytest.mark.parametrize("number", [1, 2, 3, 9])
def test_costs_are_compared_at_equal_sizes_only(number):
    def pair(match):
        return [make_result("adding", cell, [0.1] * 8, match=match) for cell in ("gru", "lstm")]

    assert claim_of(number, pair("hidden")).tests
    assert claim_of(number, pair("parameters")).tests == []


# Costs


def test_1_parameters():
    # Undecided is impossible: a count has no chance.
    gru = make_result("adding", "gru")
    assert only_test(1, [gru]).figure == "0.7500 of the LSTM's; the whole model 0.7505 of its"
    assert verdict(1, [gru, make_result("adding", "gru_reset_after")]) == "supported"
    # By hand: 3 H (I+H+1) + H over 4 H (I+H+1) with I = 2, H = 8 is 34/44.
    small = make_result("adding", "gru_reset_after", hidden_size=8)
    assert only_test(1, [small]).figure.startswith("0.7727 of the LSTM's")
    assert verdict(1, [gru, small]) == "supported"
    # Two numbers a unit too many are no second bias any more.
    larger = replace(small.parameters, cell=small.parameters.cell + 8)
    assert verdict(1, [gru, replace(small, parameters=larger)]) == "refuted"


def faster(step, gru_steps, lstm_steps, repeats=30):
    gru, lstm = (make_result("adding", cell, [0.1] * len(gru_steps)) for cell in ("gru", "lstm"))
    gru = with_timing(gru, train_step_vs_lstm=spread(step, repeats=repeats))
    return [solving_at(gru, gru_steps), solving_at(lstm, lstm_steps)]


@pytest.mark.parametrize(
    ("step", "steps", "expected"),
    [
        (0.8, 400, "supported"),
        (1.2, 400, "refuted"),
        (0.8, 1600, "refuted"),
        (1.0, 400, "undecided here"),
        (0.8, 1000, "undecided here"),
    ],
)
def test_2_speed(step, steps, expected):
    # Either part can fail: a slower step, or so many more of them. 1000 steps at 0.8 are 800.
    assert verdict(2, faster(step, [steps] * 8, [800] * 8)) == expected


def test_2_the_time_to_a_score_is_the_steps_ratio_times_that_of_a_step():
    # Quartiles 0.79 and 0.81 of 30: s = 0.02 / 1.34898, half width 2.04523 x 1.25331 s / sqrt(30).
    step, to_score = claim_of(2, faster(0.8, [400] * 8, [800] * 8)).tests
    assert step.figure == "step 0.8000 [0.7931, 0.8069] of the LSTM's"
    assert to_score.figure == "8 of 8 pairs; 0.4000 [0.3965, 0.4035] of the LSTM's"


def test_2_a_seed_that_never_solves_the_task_takes_infinitely_long():
    never = [None] * 8
    for gru, lstm, finding in (([400] * 8, never, "for"), (never, [400] * 8, "against")):
        to_score = claim_of(2, faster(0.8, gru, lstm)).tests[1]
        assert to_score.finding == finding
    assert to_score.figure == "8 of 8 pairs; ∞ [∞, ∞] of the LSTM's"
    mixed = claim_of(2, faster(0.8, [None, *[400] * 7], [None, *[800] * 7])).tests[1]
    assert mixed.figure.startswith("7 of 8 pairs")
    assert claim_of(2, faster(0.8, never, never)).tests[1].figure == "0 of 8 pairs"


def test_2_few_seeds_or_rounds_decide_nothing():
    assert claim_of(2, faster(0.8, [400] * 5, [800] * 5)).tests[1].finding == "open"
    assert claim_of(2, faster(0.8, [400] * 8, [800] * 8, repeats=5)).tests[0].finding == "open"


def test_2_without_a_solved_mark_the_target_is_the_worse_cells_median_less_the_margin():
    # Medians of the best scores: 0.95 and 0.93, so 0.92 is to be reached: at 200 and at 300 steps.
    gru = make_result("text", "gru", [0.9] * 8)
    lstm = make_result("text", "lstm", [0.9] * 8)
    curves = {"gru": [0.5, 0.92, 0.95, None], "lstm": [None, 0.5, 0.925, 0.93]}
    timed = [
        with_timing(
            replace(r, seeds=[replace(s, curve=make_curve(curves[r.cell])) for s in r.seeds]),
            train_step_vs_lstm=spread(0.9, half=0.0),
        )
        for r in (gru, lstm)
    ]
    to_score = claim_of(2, timed).tests[1]
    assert to_score.figure == "8 of 8 pairs; 0.6 [0.6, 0.6] of the LSTM's"


def test_3_memory():
    gru, lstm = (make_result("adding", cell) for cell in ("gru", "lstm"))
    assert verdict(3, [gru, lstm]) == "supported"
    assert [test.figure for test in claim_of(3, [gru, lstm]).tests] == [
        "12 MB, 0.750 of the LSTM's",
        "512 bytes, 0.50 of the LSTM's",
    ]
    assert verdict(3, [replace(gru, memory_mb=17.0), lstm]) == "refuted"
    assert verdict(3, [replace(gru, state_bytes=1024), lstm]) == "refuted"
    # Bytes have no chance, but compilers differ: only what both have on one machine compares.
    elsewhere = replace(lstm, environments=[replace(lstm.environment, processor="Another")])
    assert verdict(3, [gru, elsewhere]) == "undecided here"


@pytest.mark.parametrize(
    ("latency", "expected"), [(0.8, "supported"), (1.2, "refuted"), (1.0, "undecided here")]
)
def test_9_real_time(latency, expected):
    gru, lstm = (make_result("adding", cell) for cell in ("gru", "lstm"))
    gru = with_timing(gru, latency_vs_lstm=spread(latency))
    assert verdict(9, [gru, lstm]) == expected
    assert verdict(9, [replace(gru, state_bytes=2048), lstm]) == "refuted"
    assert verdict(9, [gru]) == ("refuted" if expected == "refuted" else "undecided here")


# By runtime


def timed_in(runtimes, **changes):
    """Times of a GRU and the LSTM in each runtime; 0.8 [0.7, 0.9] of the LSTM's unless changed."""
    figures = []
    for runtime, ratio in runtimes.items():
        for work in (Work.TRAINING, Work.STEP):
            near = Interval(ratio, ratio - 0.1, ratio + 0.1)
            for cell, vs_lstm in (("lstm", None), ("gru_reset_after", near)):
                figures.append(
                    RuntimeFigure(
                        runtime=runtime,
                        cell=cell,
                        work=work,
                        hidden_size=64,
                        us=Interval(100.0, 90.0, 110.0),
                        p99_us=None,
                        vs_lstm=vs_lstm,
                        memory_mb={"lstm": 4.0}.get(cell, 3.0) if runtime == "ours" else None,
                    )
                )
    return RuntimeFigures(
        created="2026-01-31T12:00:00Z",
        environment={},
        load_before=0.1,
        input_size=32,
        time=100,
        batch=32,
        cores={},
        processes=5,
        figures=figures,
    )


def test_2_and_9_are_judged_for_each_runtime_and_name_it():
    gru, lstm = (make_result("adding", cell) for cell in ("gru", "lstm"))
    runs = [with_timing(gru, latency_vs_lstm=spread(0.5)), lstm]
    claims = ledger(runs, timed_in({"ours": 0.8, "PyTorch": 4.0}))
    speed, real_time = claims[1], claims[8]
    assert real_time.part_verdicts == {
        "latency in ours": "supported",
        "latency in PyTorch": "refuted",
        "state": "supported",
    }
    assert (real_time.verdict, speed.verdict) == ("refuted", "refuted")
    assert speed.part_verdicts["per step in ours"] == "supported"
    assert speed.part_verdicts["per step in PyTorch"] == "refuted"
    assert real_time.tests[0].what == "ours: gru_reset_after h64, one step"
    assert real_time.tests[0].figure == "0.80 [0.70, 0.90] of the LSTM's"
    # The times of the runs themselves, 0.5 here, have no say.
    assert not [test for test in real_time.tests if test.figure.startswith("latency")]


def test_3_memory_is_that_of_the_runtimes_that_tell_it():
    runs = [make_result("adding", cell) for cell in ("gru", "lstm")]
    memory = ledger(runs, timed_in({"ours": 0.8, "PyTorch": 4.0}))[2]
    assert memory.part_verdicts == {
        "in training in gru-bench": "supported",
        "in training in ours": "supported",
        "between two steps": "supported",
    }


# Scores


def ahead(gains, task="text", /, *, base=0.9, **keys):
    """A GRU and an LSTM whose scores differ by these amounts."""
    return [
        make_result(task, "gru", [base + gain for gain in gains], **keys),
        make_result(task, "lstm", [base] * len(gains), **keys),
    ]


@pytest.mark.parametrize(
    ("gains", "finding"),
    [
        ([-0.004, -0.006] * 4, "for"),  # surely worse, but by less than the margin of one point
        ([0.02, 0.03] * 4, "for"),
        ([-0.02, -0.03] * 4, "against"),
        ([-0.006, -0.014] * 4, "open"),  # surely worse, perhaps by less than the margin
        ([-0.02, 0.02] * 4, "open"),
        ([-0.02, -0.03, -0.02, -0.03, -0.02], "open"),  # 5 pairs
    ],
)
def test_4_comparable_is_not_worse_by_more_than_the_margin(gains, finding):
    assert only_test(4, ahead(gains, margin=0.01)).finding == finding


def test_4_without_a_margin_only_a_gru_ahead_is_comparable():
    for gains, finding in (([0.02] * 8, "for"), ([-1e-6] * 8, "open"), ([-0.1] * 8, "open")):
        assert only_test(4, ahead(gains, margin=None)).finding == finding


def test_4_in_its_own_unit_and_direction():
    test = only_test(4, ahead([-0.02] * 8, margin=0.01))
    reliability = "learned by 8 and 8 of 8 seeds"
    assert test.figure == f"ahead by -2 points [-2, -2], 8 pairs, margin 1 point; {reliability}"
    # A lower MSE is better.
    test = only_test(4, ahead([-0.02] * 8, "adding", base=0.1, margin=0.002))
    assert test.figure.startswith("ahead by 0.02 [0.02, 0.02], 8 pairs, margin 0.002; solved by 8")
    assert test.finding == "for"


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ({"a": [0.0], "b": [0.0], "c": [-0.1]}, "supported"),
        ({"a": [0.0, 0.0, -0.1], "b": [0.0]}, "supported"),
        ({"a": [0.0], "b": [-0.1]}, "refuted"),
        ({"a": [0.0], "b": [None]}, "undecided here"),
        ({"a": [0.0, 0.0, 0.0]}, "undecided here"),
        ({"a": [-0.1, -0.1, -0.1]}, "undecided here"),
    ],
)
def test_4_on_most_tasks(gains, expected):
    results = []
    for corpus, of_settings in gains.items():
        for length, gain in enumerate(of_settings, start=10):
            by_seed = [-0.02, 0.02] * 5 if gain is None else [gain] * 10
            results += ahead(by_seed, margin=0.01, corpus=corpus, task={"max_length": length})
    assert verdict(4, results) == expected


UNLEARNED = "; neither learned the task"


def test_where_neither_cell_learned_the_task_nothing_is_for_or_against():
    # Always predicting 1 scores an MSE of 1/6.
    for gru, finding in ((0.165, "open"), (0.16, "for")):
        scores = {"gru": [gru] * 8, "lstm": [0.167] * 8}
        results = [
            make_result("adding", cell, s, margin=0.002, solved=0) for cell, s in scores.items()
        ]
        test = only_test(4, results)
        assert test.finding == finding
        assert test.figure.endswith(UNLEARNED) == (finding == "open")
    for score, finding in ((0.13, "open"), (0.2, "against")):
        runs = [counting(cell, [score] * 8, solved=0) for cell in ("gru", "lstm")]
        test = only_test(7, runs)
        assert test.finding == finding
        assert test.figure.endswith(UNLEARNED) == (finding == "open")


def test_2_a_score_that_neither_cell_learned_is_no_score_to_get_to():
    # Validation that varies about the baseline gets anywhere sooner or later.
    unlearned = [
        replace(
            run,
            seeds=[replace(seed, test={"mse": 0.167}, solved_step=None) for seed in run.seeds],
        )
        for run in faster(0.8, [400] * 8, [800] * 8)
    ]
    step, to_score = claim_of(2, unlearned).tests
    assert (step.finding, to_score.finding) == ("for", "open")
    assert to_score.figure.endswith(UNLEARNED)


@pytest.mark.parametrize(
    ("gru", "lstm", "expected"),
    [
        (LOW, HIGH, "supported"),
        (HIGH, LOW, "refuted"),
        ([1.0] * 8, [1.0] * 8, "refuted"),
        ([0.2, 1.0] * 4, HIGH, "undecided here"),
        (LOW[:4], HIGH[:4], "undecided here"),
    ],
)
def test_7_wins_where_something_is_stored(gru, lstm, expected):
    results = [counting("gru", gru), counting("lstm", lstm)]
    assert claim_of(7, results).part_verdicts == {"win": expected, "output gate": "not tested"}
    # The share of words that are accepted is shown in points, as on the rest of the page.
    assert re.match(r"ahead by \S+ points", only_test(7, results).figure)
    # Other tasks say nothing of it.
    assert verdict(7, ahead([-0.1] * 8)) == "not tested"


@pytest.mark.parametrize(
    ("without", "output_gate", "whole"),
    [
        (LOW, "supported", "supported"),
        (HIGH, "refuted", "refuted"),
        ([1.0] * 8, "refuted", "refuted"),
        ([0.2, 1.0] * 4, "undecided here", "undecided here"),
    ],
)
def test_7_credits_the_output_gate_only_if_the_lstm_needs_it(without, output_gate, whole):
    runs = {"gru": LOW, "lstm": HIGH, "lstm_no_output": without}
    claim = claim_of(7, [counting(cell, scores) for cell, scores in runs.items()])
    assert claim.part_verdicts == {"win": "supported", "output gate": output_gate}
    assert claim.verdict == whole
    # The variant is no GRU, so it decides nothing elsewhere.
    assert len(claim_of(10, [counting(cell, scores) for cell, scores in runs.items()]).tests) == 1


def overfitting(excess, documents=200, test=0.9, n=8):
    keys: dict[str, Any] = {"task": {"train_documents": documents}}
    gru, lstm = (make_result("text", cell, [test] * n, **keys) for cell in ("gru", "lstm"))
    train = [test + 0.05 + 0.01 * (-1) ** seed for seed in range(n)]
    return [with_train(gru, [test + 0.05] * n), with_train(lstm, [t + excess for t in train])]


@pytest.mark.parametrize(
    ("excess", "expected"), [(0.03, "supported"), (-0.03, "refuted"), (0.0, "undecided here")]
)
def test_8_overfitting(excess, expected):
    assert verdict(8, overfitting(excess)) == expected


def test_8_counts_the_fewest_documents_alone_and_not_the_whole_corpus():
    results = overfitting(0.03, 200) + overfitting(-0.03, 800)
    test = only_test(8, results)
    assert test.finding == "for"
    assert test.what.endswith("training less test accuracy on 200 documents")
    assert test.figure.startswith("lstm 3.0 points [")
    assert test.figure.endswith("] more, 8 pairs; test: lstm 90%, gru 90%")
    assert verdict(8, overfitting(0.03, None)) == "not tested"
    assert verdict(8, overfitting(0.03, n=5)) == "undecided here"


def on_tasks(*gains, **keys):
    """A GRU that is ahead of the LSTM by one of these on each task."""
    return [
        run
        for task, gain in zip("abc", gains, strict=False)
        for run in ahead([gain] * 8, margin=0.01, corpus=task, **keys)
    ]


def test_10_no_dominance():
    undecided = ahead([-0.02, 0.02] * 4, margin=0.01)
    assert verdict(10, on_tasks(0.1, -0.1)) == "supported"
    assert verdict(10, on_tasks(0.1, -0.1) + undecided) == "supported"
    assert verdict(10, on_tasks(0.1, 0.0)) == "refuted"
    assert verdict(10, on_tasks(-0.1, -0.1)) == "refuted"
    assert verdict(10, on_tasks(0.1, 0.1) + undecided) == "undecided here"
    assert verdict(10, on_tasks(0.0, 0.0)) == "undecided here"
    findings = [test.finding for test in claim_of(10, on_tasks(0.1, -0.1, 0.0)).tests]
    assert findings == ["for", "for", "open"]


def test_10_one_task_shows_no_dominance():
    results = on_tasks(0.1) + on_tasks(0.1, task={"max_length": 10})
    assert verdict(10, results) == "undecided here"
    assert {test.finding for test in claim_of(10, results).tests} == {"open"}


def test_10_a_win_within_the_margin_is_none():
    # By 0.005 at every seed, with a margin of 0.01.
    assert verdict(10, on_tasks(0.1, -0.005)) == "refuted"
    assert verdict(10, on_tasks(0.005, 0.0)) == "undecided here"
    figures = [test.figure for test in claim_of(10, on_tasks(0.1, -0.005)).tests]
    assert figures == [
        "typically better, 8 pairs, p 0.029; learned by 8 and 8 of 8 seeds, undecided",
        "typically worse by less than matters, 8 pairs, p 0.029; learned by 8 and 8 of 8 seeds,"
        " undecided",
    ]


def test_10_one_setting_alone_supports_nothing():
    # Both GRUs in one setting, one ahead of the LSTM and one behind.
    both = [
        make_result("text", cell, [score] * 10, corpus="a")
        for cell, score in (("gru", 0.9), ("gru_reset_after", 0.7), ("lstm", 0.8))
    ]
    assert {test.finding for test in claim_of(10, both).tests} == {"open"}
    elsewhere = ahead([0.1] * 8, corpus="b")
    assert verdict(10, both + elsewhere) == "supported"


def test_10_what_neither_cell_learned_is_not_decided():
    # The largest class is 0.49 of the documents.
    unlearned = ahead([0.0] * 8, base=0.4, corpus="b")
    assert verdict(10, on_tasks(0.1) + unlearned) == "undecided here"
    assert claim_of(10, unlearned).tests[0].figure == "not learned by either"


# Long lags


def lags(rnn_long, rnn_short=8, gru_long=8, gradient=1e-9, n=8):
    """RNN and GRU on two lags: how many seeds solve each, and the RNN's gradient."""

    def copy(cell, lag, solved):
        return make_result(
            "copy", cell, [0.5] * n, task={"lag": lag}, steps=10 * lag, solved=solved
        )

    rnn = with_gradients(copy("rnn", 200, rnn_long), [gradient] * n)
    return [rnn, copy("gru", 200, gru_long), copy("rnn", 5, rnn_short), copy("gru", 5, n)]


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (lags(0), "supported"),
        (lags(0, gradient=1e6), "supported"),
        (lags(8), "refuted"),
        (lags(0, gradient=0.5), "refuted"),
        (lags(4), "undecided here"),
        (lags(0, gru_long=0), "undecided here"),  # too hard for all
        (lags(0, rnn_short=0), "undecided here"),  # not for the lag
        (lags(0, 5, 5, n=5), "undecided here"),
        (lags(0)[1:], "not tested"),
    ],
)
def test_5_long_lags(results, expected):
    assert verdict(5, results) == expected


def test_5_one_lag_alone_is_neither_long_nor_short():
    longest = [result for result in lags(0) if result.config["task"]["lag"] == 200]
    assert longest
    assert claim_of(5, longest).tests == []


def test_5_five_seeds_show_no_failure():
    # 0 of 5 lies below one half by Wilson's interval, [0%, 43%].
    findings = {test.finding for test in claim_of(5, lags(0, 5, 5, n=5)).tests}
    assert findings == {"open"}


def test_5_reads_the_lag_from_the_axis_that_the_results_state():
    def renamed(result):
        task = {"name": "copy", "options": {"n": result.config["task"]["lag"]}}
        return replace(result, config=result.config | {"task": task}, axis="task.options.n")

    assert verdict(5, [renamed(result) for result in lags(0)]) == "supported"


def test_5_no_mark_says_whether_the_task_is_solved():
    unmarked = [replace(r, score=replace(r.score, solved_rule=None)) for r in lags(0)]
    assert claim_of(5, unmarked).tests == []


def test_5_names_lags_and_counts():
    assert [(t.what, t.figure) for t in claim_of(5, lags(0)).tests] == [
        (
            "copy(lag=200): seeds that solve it, rnn against the best gated cell",
            "rnn 0 of 8 [0%, 32%], gru 8 of 8 [68%, 100%]",
        ),
        (
            "copy(lag=5): seeds that solve it, rnn on a shorter lag",
            "rnn 8 of 8 [68%, 100%]",
        ),
        (
            "copy(lag=200): rnn before training, gradient 100 steps back",
            "1.0e-9 [1.0e-9, 1.0e-9] of that at the loss, 8 of 8 seeds",
        ),
    ]


@pytest.mark.parametrize(
    ("initial", "trained", "expected"),
    [
        ([0.1] * 8, [0.5] * 8, "supported"),
        ([1e-9] * 8, [0.5] * 8, "refuted"),
        ([0.1] * 8, [1e-9] * 8, "refuted"),
        ([0.1] * 8, [1e6] * 8, "refuted"),
        ([0.1] * 8, [1e-9, 0.5] * 4, "undecided here"),
        ([0.1] * 5, [0.5] * 5, "undecided here"),
    ],
)
def test_6_gradients_alive(initial, trained, expected):
    def adding(cell, length):
        return make_result("adding", cell, [0.1] * len(initial), task={"length": length})

    results = [with_gradients(adding(cell, 400), initial, trained) for cell in ("gru", "lstm")]
    # Neither a shorter length nor an RNN changes anything.
    results += [
        with_gradients(adding("gru", 50), [1e-9] * 8),
        with_gradients(adding("rnn", 400), [1e-9] * 8),
    ]
    assert verdict(6, results) == expected
    assert [test.part for test in claim_of(6, results).tests] == [
        "before training", "before training", "after training", "after training"
    ]  # fmt: skip


def flowing(cell, rows):
    """A run whose gradients before training are these, at the loss and 9 steps back."""
    norms = GradientNorms(distance=[0, 9], initial=rows, trained=[])
    probes = Probes(gradients=norms, gates=[], gate_ends=None, lengths=None)
    return replace(make_result("adding", cell, [0.1] * len(rows)), probes=probes)


def test_6_seeds_without_a_finite_gradient_are_not_counted():
    test = only_test(6, [flowing("gru", [[None, None]] * 3 + [[1.0, 0.5]] * 5)])
    assert (test.finding, test.figure) == ("open", "5.0e-1 of that at the loss, 5 of 8 seeds")


def test_a_gradient_that_overflows_on_its_way_has_exploded():
    test = only_test(6, [flowing("gru", [[1.0, None]] * 8)])
    assert test.finding == "against"
    assert test.figure == "∞ [∞, ∞] of that at the loss, 8 of 8 seeds"
    longer = flowing("rnn", [[1.0, 2e6]] + [[1.0, None]] * 7)
    shorter = make_result("adding", "rnn", [0.1] * 8, task={"length": 10})
    test = claim_of(5, [longer, shorter]).tests[-1]
    assert (test.part, test.finding) == ("gradients", "for")
    # With 8 values the exact 95 % interval of the median reaches from the least to the largest.
    assert test.figure == "∞ [2.0e6, ∞] of that at the loss, 8 of 8 seeds"
    # Half of the seeds alone say nothing of the median.
    test = only_test(6, [flowing("gru", [[1.0, None]] * 4 + [[1.0, 0.5]] * 4)])
    assert test.finding == "open"
