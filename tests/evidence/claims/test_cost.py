"""Claims on parameters, memory, speed and latency, on made-up runs and times."""

from dataclasses import replace

import pytest
from helpers.claims import claim_of, solving_at, spread, verdict, with_timing
from helpers.made_up import make_curve, make_result

from gru_bench.evidence.claims.rules import current_rules
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.runtimes import RuntimeFigure, RuntimeFigures, Work


def parts(name, results, runtimes=None):
    return claim_of(name, results, runtimes).part_verdicts


def only(name, part, results):
    (test,) = [test for test in claim_of(name, results).tests if test.part == part]
    return test


def test_parameters_of_the_layers_and_of_the_whole_model():
    gru = make_result("adding", "gru")
    layers, whole = claim_of("parameters", [gru]).tests
    assert layers.figure == "0.7500 of the LSTM's"
    assert whole.figure == "0.7505 of the LSTM's"
    assert verdict("parameters", [gru]) == "supported"
    # By hand: 3 H (I+H+1) + H over 4 H (I+H+1) with I = 2, H = 8 is 34/44.
    small = make_result("adding", "gru_reset_after", hidden_size=8)
    (beside, _) = claim_of("parameters", [small]).tests
    assert beside.figure.startswith("0.7727 of the LSTM's")
    assert beside.shown_finding == "(for)"
    # Two numbers a unit too many are no second bias any more.
    larger = replace(gru.parameters, cell=gru.parameters.cell + 2 * gru.hidden_size)
    assert verdict("parameters", [replace(gru, parameters=larger)]) == "refuted"
    # An embedding is as large for every cell: of the whole model it is not 75%.
    embedded = replace(gru.parameters, total=gru.parameters.total + 500_000)
    of_parts = parts("parameters", [replace(gru, parameters=embedded)])
    assert of_parts == {"recurrent layers": "supported", "whole model": "refuted"}


def faster(step, gru_steps, lstm_steps, repeats=30, curves=None, **keys):
    gru, lstm = (
        make_result("adding", cell, [0.1] * len(gru_steps), curves=curves and curves[cell], **keys)
        for cell in ("gru", "lstm")
    )
    gru = with_timing(gru, train_step_vs_lstm=spread(step, repeats=repeats))
    return [solving_at(gru, gru_steps), solving_at(lstm, lstm_steps)]


def on_two_tasks(results):
    """The same runs on a second task, so that most tasks can be decided."""
    return [*results, *(replace(run, task_label="another") for run in results)]


@pytest.mark.parametrize(
    ("step", "steps", "to_target"),
    [
        (0.8, 400, "supported"),
        (1.2, 800, "refuted"),
        (0.8, 1600, "refuted"),
        (1.0, 800, "undecided here"),
        (0.8, 1000, "undecided here"),
    ],
)
def test_speed_to_a_target_is_steps_times_the_time_of_a_step(step, steps, to_target):
    results = on_two_tasks(faster(step, [steps] * 8, [800] * 8))
    assert parts("speed", results)["to a target"] == to_target


def test_the_time_to_a_target_has_the_interval_of_both():
    # Quartiles 0.79 and 0.81 of 30: s = 0.02 / 1.34898, half width 2.04523 x 1.25331 s / sqrt(30).
    results = faster(0.8, [400] * 8, [800] * 8)
    assert only("speed", "per step", results).figure == "step 0.8000 [0.7931, 0.8069] of the LSTM's"
    to_target = only("speed", "to a target", results)
    assert to_target.figure == "8 of 8 pairs; 0.4000 [0.3965, 0.4035] of the LSTM's"


def test_a_seed_that_never_solves_the_task_takes_infinitely_long():
    never = [None] * 8
    for gru, lstm, finding in (([400] * 8, never, "for"), (never, [400] * 8, "against")):
        test = only("speed", "to a target", faster(0.8, gru, lstm))
        assert test.finding == finding
    assert test.figure == "8 of 8 pairs; ∞ [∞, ∞] of the LSTM's"
    mixed = only("speed", "to a target", faster(0.8, [None, *[400] * 7], [None, *[800] * 7]))
    assert mixed.figure.startswith("7 of 8 pairs")
    assert only("speed", "to a target", faster(0.8, never, never)).figure == "0 of 8 pairs"


def test_few_seeds_or_rounds_decide_nothing():
    assert only("speed", "to a target", faster(0.8, [400] * 5, [800] * 5)).finding == "open"
    few = faster(0.8, [400] * 8, [800] * 8, repeats=5)
    assert only("speed", "per step", few).finding == "open"


def test_without_a_mark_the_target_is_that_of_the_rules():
    # 0.9 of accuracy is reached at 200 steps by the one and at 300 by the other.
    assert current_rules().targets["text-reuters8"] == 0.9
    curves = {"gru": [0.5, 0.92, 0.95, None], "lstm": [None, 0.5, 0.925, 0.93]}
    timed = []
    for cell in ("gru", "lstm"):
        run = make_result("text", cell, [0.9] * 8)
        seeds = [replace(seed, curve=make_curve(curves[cell])) for seed in run.seeds]
        timed.append(
            with_timing(replace(run, seeds=seeds), train_step_vs_lstm=spread(0.9, half=0.0))
        )
    assert (
        only("speed", "to a target", timed).figure == "8 of 8 pairs; 0.6 [0.6, 0.6] of the LSTM's"
    )
    other = [replace(run, task_label="text-mine") for run in timed]
    assert "to a target" not in {test.part for test in claim_of("speed", other).tests}


def test_of_several_rates_the_quickest_is_chosen_on_seeds_that_it_is_not_judged_on():
    # Of the GRU the higher rate is quickest on the first four seeds, and slow on the others.
    slow, fast = [900] * 12, [100] * 4 + [950] * 8
    results = []
    for rate, gru_steps in ((0.001, slow), (0.01, fast)):
        pair = faster(1.0, gru_steps, [800] * 12, optim={"learning_rate": rate})
        results += pair
    test = only("speed", "to a target", results)
    assert test.figure.startswith("8 of 8 pairs; 1.1875 ")


def test_equal_time_gives_the_slower_cell_fewer_steps():
    # Both are equal at equal steps; at half the time a step the GRU has twice as many.
    rising = [[0.16 - 0.01 * i for i in range(10)]] * 8
    equal = {"gru": rising, "lstm": rising}
    seeds = [800] * 8

    def runs(step):
        results = faster(step, seeds, seeds, curves=equal, margin=0.002)
        return [
            replace(run, seeds=[replace(seed, steps=1000) for seed in run.seeds]) for run in results
        ]

    assert only("speed", "at equal time", runs(0.5)).finding == "for"
    assert only("speed", "at equal time", runs(2.0)).finding == "against"
    assert only("speed", "at equal time", runs(1.0)).finding == "open"
    assert only("speed", "at equal time", runs(0.5)).figure.startswith("ahead by 0.05 [0.05, 0.05]")


def test_memory_has_a_margin():
    gru, lstm = (make_result("adding", cell) for cell in ("gru", "lstm"))
    assert verdict("memory", [gru, lstm]) == "supported"
    assert [test.figure for test in claim_of("memory", [gru, lstm]).tests] == [
        "12 MB, 0.750 of the LSTM's",
        "512 bytes, 0.50 of the LSTM's",
    ]
    # 1% less is no less.
    assert verdict("memory", [replace(gru, memory_mb=15.84), lstm]) == "refuted"
    assert verdict("memory", [replace(gru, state_bytes=1024), lstm]) == "refuted"
    # Bytes have no chance, but compilers differ: only what both have on one machine compares.
    elsewhere = replace(lstm, environments=[replace(lstm.environment, processor="Another")])
    assert parts("memory", [gru, elsewhere])["in training"] == "not measured"


@pytest.mark.parametrize(
    ("latency", "expected"), [(0.8, "supported"), (1.2, "refuted"), (1.0, "undecided here")]
)
def test_the_time_of_a_step_through_the_whole_model_is_that_of_the_runs(latency, expected):
    gru, lstm = (make_result("adding", cell) for cell in ("gru", "lstm"))
    gru = with_timing(gru, latency_vs_lstm=spread(latency))
    of_parts = parts("real_time", on_two_tasks([gru, lstm]))
    assert of_parts == {
        "median": "not measured",
        "99th percentile": "not measured",
        "whole model": expected,
        "state": "supported",
    }


def timed_in(runtimes, p99=(50.0, 60.0), sizes=(32, 64)):
    """Times of a GRU and the LSTM in each runtime; so often the LSTM's, within 0.1."""
    figures = []
    for runtime, ratio in runtimes.items():
        for work in (Work.TRAINING, Work.STEP):
            near = Interval(ratio, ratio - 0.1, ratio + 0.1)
            for size in sizes:
                for cell, vs_lstm in (("lstm", None), ("gru", near), ("gru_reset_after", near)):
                    slowest = p99[0 if vs_lstm else 1]
                    figures.append(
                        RuntimeFigure(
                            runtime=runtime,
                            cell=cell,
                            work=work,
                            hidden_size=size,
                            us=Interval(100.0, 90.0, 110.0),
                            p99_us=Interval(slowest, slowest - 1, slowest + 1),
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


def test_times_are_judged_for_each_runtime_and_name_it():
    gru, lstm = (make_result("adding", cell) for cell in ("gru", "lstm"))
    runs = [with_timing(gru, latency_vs_lstm=spread(0.5)), lstm]
    runtimes = timed_in({"ours": 0.8, "PyTorch": 4.0})
    real_time = claim_of("real_time", on_two_tasks(runs), runtimes)
    assert real_time.part_verdicts == {
        "median in ours": "supported",
        "median in PyTorch": "refuted",
        "99th percentile in ours": "supported",
        "99th percentile in PyTorch": "supported",
        "whole model": "supported",
        "state": "supported",
    }
    speed = claim_of("speed", runs, runtimes)
    assert (real_time.verdict, speed.verdict) == ("refuted", "refuted")
    assert speed.part_verdicts["per step in ours"] == "supported"
    assert speed.part_verdicts["per step in PyTorch"] == "refuted"
    assert real_time.voting[0].what == "ours: gru h32, one step"
    assert real_time.voting[0].figure == "0.80 [0.70, 0.90] of the LSTM's"
    # The times of the runs themselves, 0.5 here, are of whole models.
    of_runs = [test for test in real_time.tests if test.figure.startswith("latency 0.5")]
    assert {test.part for test in of_runs} == {"whole model"}


@pytest.mark.parametrize(
    ("gru", "expected"), [(50.0, "supported"), (70.0, "refuted"), (61.0, "undecided here")]
)
def test_the_slowest_calls_are_compared_by_intervals_that_must_not_touch(gru, expected):
    runtimes = timed_in({"ours": 1.0}, p99=(gru, 60.0))
    assert parts("real_time", [], runtimes)["99th percentile in ours"] == expected


def test_memory_is_that_of_the_runtimes_that_tell_it():
    runs = [make_result("adding", cell) for cell in ("gru", "lstm")]
    memory = claim_of("memory", runs, timed_in({"ours": 0.8, "PyTorch": 4.0}))
    assert memory.part_verdicts == {
        "in training in ours": "supported",
        "in training in gru-bench": "supported",
        "between two steps": "supported",
    }
