"""Verdicts over points of start, budget, readout and size, on runs whose truth is known."""

from dataclasses import replace

import pytest
from helpers.made_up import make_curve, make_result

from gru_bench.evidence.comparable import group_runs
from gru_bench.evidence.robustness import Point, Robustness, after, measure_robustness

GOOD, BAD = (tuple(x + 1e-5 * i for i in range(8)) for x in (0.001, 0.05))


def pair(gru, lstm, start="orthogonal", **keys):
    """A GRU and an LSTM with these scores in one setting."""
    return [
        with_start(make_result("adding", cell, scores, **keys), start)
        for cell, scores in (("gru", gru), ("lstm", lstm))
    ]


def with_start(result, start):
    config = result.config | {"cell": result.config["cell"] | {"initialisation": start}}
    return replace(result, config=config, identity=f"{result.identity}{start}")


def robustness(results):
    """How the GRU and the LSTM compare over the points of the one problem."""
    settings = group_runs(results)
    found = measure_robustness(settings)
    assert all(found[setting.label] == found[settings[0].label] for setting in settings)
    return found[settings[0].label].get(("gru", "lstm"))


def test_one_setting_has_no_points():
    assert robustness(pair(GOOD, BAD)) is None


def test_a_win_under_one_start_of_two_does_not_survive():
    found = robustness([*pair(GOOD, BAD), *pair(BAD, GOOD, "chrono")])
    full = [point for point in found.points if "curve" not in point.label]
    assert [point.outcome for point in full] == ["worse", "better"]
    assert {point.label for point in full} == {"initialisation=chrono", "initialisation=orthogonal"}
    assert not found.survives("better")
    assert not found.survives("worse")


def test_a_win_under_every_start_and_size_survives():
    results = [
        run
        for start in ("orthogonal", "chrono")
        for size in (32, 64)
        for run in pair(GOOD, BAD, start, hidden_size=size)
    ]
    found = robustness(results)
    assert found.shares == {"better": 1.0}
    assert found.survives("better")
    assert any(point.label == "initialisation=chrono, h32" for point in found.points)


def test_other_lengths_are_other_problems():
    both = [run for n in (50, 100) for run in pair(GOOD, BAD, task={"length": n})]
    settings = group_runs(both)
    assert len(settings) == 2
    assert not any(measure_robustness(settings).values())


@pytest.mark.parametrize(
    ("outcomes", "survives"),
    [
        (["better"] * 3 + ["undecided"], True),
        (["better"] * 2 + ["undecided"] * 2, False),
        (["better"] * 9 + ["worse"], False),
        (["better"] * 3 + ["equivalent"], True),
    ],
)
def test_what_survives(outcomes, survives):
    points = tuple(Point(str(i), outcome) for i, outcome in enumerate(outcomes))
    assert Robustness("adding", "gru", "lstm", points).survives("better") == survives


def test_a_shorter_budget_is_read_off_the_curves():
    result = make_result("adding", scores=(0.001, 0.002), steps=400)
    curves = [make_curve([0.1, 0.05, 0.2, 0.001]), make_curve([0.3, None, 0.01, 0.002])]
    steps = (200, 300)
    seeds = [
        replace(seed, curve=curve, solved_step=step)
        for seed, curve, step in zip(result.seeds, curves, steps, strict=True)
    ]
    shorter = after(replace(result, seeds=seeds), 200)
    assert [seed.test["mse"] for seed in shorter.seeds] == [0.05, 0.3]
    assert [seed.solved_step for seed in shorter.seeds] == [200, None]
    # No evaluation was made at 150, and a cosine ends at 0 with the budget.
    assert after(replace(result, seeds=seeds), 150) is None
    cosine = result.config | {"optim": result.config["optim"] | {"schedule": "cosine"}}
    assert after(replace(result, seeds=seeds, config=cosine), 200) is None


def test_budgets_of_curves_are_points_beside_the_others():
    def curved(results):
        return [
            replace(
                run,
                config=run.config | {"steps": 400},
                seeds=[
                    replace(seed, curve=make_curve([0.1, 0.1, 0.1, seed.test["mse"]]), steps=400)
                    for seed in run.seeds
                ],
            )
            for run in results
        ]

    found = robustness(curved([*pair(GOOD, BAD), *pair(GOOD, BAD, "chrono")]))
    labels = [point.label for point in found.points]
    assert len(labels) == 4
    assert sum("steps=200 (curve)" in label for label in labels) == 2
    # After half of the steps the cells scored alike.
    assert found.holds_at("better") == 2
    assert not found.survives("better")
