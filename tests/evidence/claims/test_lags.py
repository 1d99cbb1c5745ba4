"""Claims on long lags and gradients, on made-up runs with a known truth."""

from dataclasses import replace

import pytest
from helpers.claims import claim_of, findings, only_test, starting, verdict, with_gradients
from helpers.made_up import make_result

from gru_bench.runs.probe_results import GradientNorms, Probes

LAGS = (10, 20, 40, 80)


def copy(cell, lag, solved, n=12, gradient=None, task="copy", **start):
    key = {"copy": "lag", "adding": "length"}[task]
    scores = [0.9 if task == "copy" else 0.001] * n
    run = make_result(task, cell, scores, task={key: lag}, solved=solved, steps=1000)
    run = starting(run, forget_bias=None, **start)
    return run if gradient is None else with_gradients(run, [gradient] * n, distance=lag + 10)


def bridged(cell, upto, task="copy", gradient=None, **start):
    """Runs of a cell at all lags, which it solves with every seed up to one of them."""
    return [copy(cell, lag, 12 if lag <= upto else 0, 12, gradient, task, **start) for lag in LAGS]


def lags(rnn=10, gru=80, rnn_gradient=1e-9, further=lambda task: []):
    """An RNN and a GRU on two tasks, with the runs of an intervention."""
    return [
        run
        for task in ("copy", "adding")
        for run in [
            *bridged("rnn", rnn, task, rnn_gradient),
            *bridged("gru", gru, task),
            *further(task),
        ]
    ]


def part_of(part, results):
    return claim_of("long_lags", results).part_verdicts[part]


@pytest.mark.parametrize(
    ("rnn", "gru", "expected"),
    [
        (10, 80, "supported"),
        (80, 10, "refuted"),
        (40, 40, "undecided here"),
        (0, 80, "undecided here"),  # it is not the lag that it fails by
        (40, 10, "refuted"),  # no gated cell goes as far
        (10, 0, "undecided here"),
    ],
)
def test_failure_is_a_shorter_horizon(rnn, gru, expected):
    assert part_of("failure", lags(rnn, gru)) == expected


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [(1e-9, "supported"), (1e6, "supported"), (0.5, "refuted"), (None, "not measured")],
)
def test_gradients_are_looked_at_where_the_rnn_fails(gradient, expected):
    assert part_of("gradients", lags(rnn_gradient=gradient)) == expected


def live(upto):
    return lambda task: bridged("rnn", upto, task, 0.5, initialisation="identity")


def dead(upto, gradient=1e-9):
    return lambda task: bridged("gru", upto, task, gradient, keep=0.1)


@pytest.mark.parametrize(
    ("further", "expected"),
    [
        (live(80), "supported"),  # with live gradients the RNN goes as far as the GRU
        (live(10), "refuted"),  # it fails all the same
        (dead(0), "supported"),  # a GRU without gradients fails where it could
        (dead(80), "refuted"),  # it learns all the same
        (dead(80, gradient=0.5), "not measured"),  # its gradients live: no intervention
        (lambda task: [*live(80)(task), *dead(80)(task)], "undecided here"),
    ],
)
def test_the_cause_is_tested_by_intervention(further, expected):
    assert part_of("cause", lags(further=further)) == expected


@pytest.mark.parametrize(("changed", "within"), [(live(0), "against"), (dead(0), "for")])
def test_a_failure_beyond_all_horizons_says_nothing_of_gradients(changed, within):
    results = lags(rnn=10, gru=20, further=changed)
    tests = [t for t in claim_of("long_lags", results).voting if t.part == "cause"]
    assert {t.finding for t in tests if "lag=20" in t.what} == {within}
    assert {t.finding for t in tests if "lag=80" in t.what} == {"open"}


def test_long_lags_are_supported_by_all_three_parts_and_not_by_one_lag():
    assert verdict("long_lags", lags(further=live(80))) == "supported"
    assert verdict("long_lags", lags()) == "undecided here"
    one_lag = [run for run in lags() if 80 in run.config["task"].values()]
    assert verdict("long_lags", one_lag) == "not measured"


def test_the_horizon_is_that_of_the_default_start():
    results = lags(rnn=10, further=live(80))
    failure = [t for t in claim_of("long_lags", results).tests if t.part == "failure"]
    assert [t.finding for t in failure] == ["for", "for"]
    assert failure[0].figure.startswith("rnn 14.1 [10.0, 20.0], gru at least 80")


def test_horizons_from_starts_that_change_gradients_stand_beside_without_a_vote():
    results = lags(rnn=10, further=lambda task: [*live(20)(task), *dead(80)(task)])
    claim = claim_of("long_lags", results)
    beside = [t for t in claim.tests if t.is_beside]
    assert [(t.task, t.figure) for t in beside] == [
        (task, figure) for task in ("adding", "copy") for figure in ("28 [20, 40]", "at least 80")
    ]
    assert all("from the start that changes its gradients" in t.what for t in beside)
    assert not set(beside) & set(claim.voting)


def test_no_mark_says_whether_the_task_is_solved():
    unmarked = [replace(r, score=replace(r.score, solved_rule=None)) for r in lags()]
    assert claim_of("long_lags", unmarked).tests == []


def adding(cell, length, initial, trained=None, steps=1000):
    run = make_result("adding", cell, [0.1] * len(initial), task={"length": length}, steps=steps)
    return with_gradients(run, initial, trained)


@pytest.mark.parametrize(
    ("initial", "during", "trained", "expected"),
    [
        ([0.1] * 8, [0.3] * 8, [0.5] * 8, "supported"),
        ([1e-9] * 8, [0.3] * 8, [0.5] * 8, "refuted"),
        ([0.1] * 8, [1e-9] * 8, [0.5] * 8, "refuted"),
        ([0.1] * 8, [0.3] * 8, [1e6] * 8, "refuted"),
        ([0.1] * 8, [0.3] * 8, [1e-9, 0.5] * 4, "undecided here"),
        ([0.1] * 5, [0.3] * 5, [0.5] * 5, "undecided here"),
    ],
)
def test_gradients_alive_before_during_and_after_training(initial, during, trained, expected):
    results = []
    for cell in ("gru", "lstm"):
        results.append(adding(cell, 400, initial, during, steps=100))
        results.append(adding(cell, 400, initial, trained, steps=1000))
    # Neither a shorter length nor the RNN, which is a control, changes anything.
    results += [adding("gru", 50, [1e-9] * 8), adding("rnn", 400, [1e-9] * 8)]
    assert verdict("gradients_alive", results) == expected
    beside = [t for t in claim_of("gradients_alive", results).tests if t.is_beside]
    assert {t.finding for t in beside} == {"against"}


def test_the_symbol_of_copy_was_read_ten_steps_before_its_lag():
    norms = GradientNorms(distance=[0, 10, 20, 30], initial=[[1.0, 0.9, 0.5, 1e-9]] * 8, trained=[])
    probes = Probes(gradients=norms, gates=[], gate_ends=None, lengths=None)
    run = replace(make_result("copy", "gru", [0.9] * 8, task={"lag": 10}), probes=probes)
    test = only_test("gradients_alive", [run])
    assert test.what.endswith("gradient 20 steps back")
    assert test.finding == "for"


def test_the_direct_part_of_a_gradient_is_shown_without_a_vote():
    run = adding("gru", 400, [0.1] * 8)
    norms = run.probes.gradients
    dead = [[1e-9, 1.0]] * 8
    both = replace(norms, initial_direct=dead, trained_direct=dead)
    split = replace(run, probes=replace(run.probes, gradients=both))
    before, of_it, after, of_that = claim_of("gradients_alive", [split]).tests
    assert of_it.what == f"{before.what}, of which directly through what is kept"
    assert [test.shown_finding for test in (before, of_it)] == ["for", "(against)"]
    assert (of_that.part, of_that.figure) == (after.part, of_it.figure)
    assert of_it.figure.startswith("1.0e-9 [1.0e-9, 1.0e-9] of that at the loss, 8 of 8 seeds")


def flowing(cell, rows):
    """A run whose gradients before training are these, at the loss and 9 steps back."""
    norms = GradientNorms(distance=[0, 9], initial=rows, trained=[])
    probes = Probes(gradients=norms, gates=[], gate_ends=None, lengths=None)
    return replace(make_result("adding", cell, [0.1] * len(rows)), probes=probes)


def test_seeds_without_a_finite_gradient_are_not_counted():
    test = only_test("gradients_alive", [flowing("gru", [[None, None]] * 3 + [[1.0, 0.5]] * 5)])
    assert (test.finding, test.figure) == ("open", "5.0e-1 of that at the loss, 5 of 8 seeds")


def test_a_gradient_that_overflows_on_its_way_has_exploded():
    test = only_test("gradients_alive", [flowing("gru", [[1.0, None]] * 8)])
    assert test.finding == "against"
    assert test.figure == "∞ [∞, ∞] of that at the loss, 8 of 8 seeds"
    # Half of the seeds alone say nothing of the median.
    half = flowing("gru", [[1.0, None]] * 4 + [[1.0, 0.5]] * 4)
    assert only_test("gradients_alive", [half]).finding == "open"


@pytest.mark.parametrize(
    ("gru", "ablated", "expected"),
    [
        (0.5, 1e-9, "for"),
        (0.5, 0.5, "against"),  # it is not the interpolation
        (1e-9, 1e-9, "against"),  # it does not keep them alive
        ((0.5, 1e-9), 1e-9, "open"),
    ],
)
def test_the_interpolation_is_tested_by_leaving_it_out(gru, ablated, expected):
    values = list(gru) * 4 if isinstance(gru, tuple) else [gru] * 8
    results = [adding("gru", 100, values), adding("gru_no_update", 100, [ablated] * 8)]
    assert findings("interpolation", results) == [expected, expected]
    assert claim_of("interpolation", results[:1]).verdict == "not measured"
