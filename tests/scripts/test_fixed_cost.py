"""The script that tells what a run costs besides its training: how its parts add up."""

import runpy

import pytest
from helpers import ROOT

SCRIPT = runpy.run_path(str(ROOT / "scripts" / "fixed_cost.py"))


def test_a_moment_counts_for_the_innermost_part():
    intervals = [(0, 10, "writing"), (1, 5, "lowering"), (2, 3, "lowering"), (4, 5, "imports")]
    own = SCRIPT["own_seconds"]([*intervals, (6, 8, "imports")])
    assert own == {"writing": 4, "lowering": 3, "imports": 3}


def test_parts_add_up_to_the_whole():
    intervals = [(1, 9, "writing"), (2, 8, "training and scoring"), (3, 4, "lowering")]
    found = SCRIPT["parts"](intervals, seconds=12.0, train_s=4.5)
    assert found["scoring"] == pytest.approx(0.5)
    assert found["the rest"] == pytest.approx(4.0)
    whole = {"fixed cost": 7.5, "training": 4.5, "all": 12.0}
    assert {name: found.pop(name) for name in whole} == pytest.approx(whole)
    assert sum(found.values()) == pytest.approx(7.5)


def test_every_function_that_is_timed_is_there():
    replaced = []
    for functions in SCRIPT["FUNCTIONS"].values():
        for place in functions:
            SCRIPT["replace"](place, lambda function: replaced.append(function) or function)
    assert len(replaced) == sum(map(len, SCRIPT["FUNCTIONS"].values()))
