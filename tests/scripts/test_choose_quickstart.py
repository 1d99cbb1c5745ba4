"""The choice of the quickstart's learning rates, from validation scores of other seeds alone."""

from dataclasses import replace

import pytest
from helpers import ROOT
from helpers.made_up import make_result
from helpers.modules import load_module

from gru_bench.runs.result import Tuning


@pytest.fixture(scope="module")
def script():
    return load_module(ROOT / "scripts" / "choose_quickstart.py")


def tuned(cell, scores, seeds=(1000, 1001), test=1.0):
    """A result on copy, whose baseline is 1/8, that tried two rates with two seeds."""
    tuning = Tuning(learning_rates=[0.01, 0.02], seeds=list(seeds), scores=scores, chosen=0.01)
    return replace(make_result("copy", cell, [test]), tuning=tuning)


def test_the_rate_with_the_most_progress_over_the_cells_is_chosen(script):
    gru = tuned("gru", [[1.0, 1.0], [0.5625, 0.5625]])
    lstm = tuned("lstm", [[0.125, 0.05], [0.5625, None]], test=0.2)
    table = script.progress([gru, lstm])
    assert table[0.01] == pytest.approx({"gru": 1.0, "lstm": 0.0})
    assert table[0.02] == pytest.approx({"gru": 0.5, "lstm": 0.25})
    assert script.chosen(table) == 0.01
    assert script.chosen({0.01: {"gru": 0.5}, 0.02: {"gru": 0.5}}) == 0.01


def test_seeds_that_the_quickstart_reports_are_refused(script):
    with pytest.raises(ValueError, match="gru was not tuned on seeds of its own"):
        script.progress([tuned("gru", [[1.0, 1.0], [0.5, 0.5]], seeds=(0, 1))])
