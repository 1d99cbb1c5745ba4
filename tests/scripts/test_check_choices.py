"""The simulation of choices: what is true, what is wrong to say."""

import runpy

import numpy as np
from helpers import ROOT

from gru_bench.evidence.choice import Against, Choice

SCRIPT = runpy.run_path(str(ROOT / "scripts" / "check_choices.py"))
Truth = SCRIPT["Truth"]


def said(outcome):
    against = Against(cell="lstm", outcome=outcome, gain=None)
    return Choice(cell="gru", basis="decided", against=[against])


def test_what_is_wrong_to_say():
    better, same, apart = (Truth((lead, 0.0, 0.0)) for lead in (1.0, 0.0, 2.0))
    assert not better.is_wrong(said("better"))
    assert same.is_wrong(said("better"))
    assert not same.is_wrong(said("equivalent"))
    assert apart.is_wrong(said("equivalent"))
    assert not apart.is_wrong(said("undecided"))
    fails = Truth((0.0, 0.0, 0.0), (0.0, 0.1, 0.0))
    assert not fails.is_wrong(said("better"))


def test_a_clear_winner_is_found_in_the_first_rounds():
    truth = SCRIPT["TRUTHS"]["a winner by 3 standard deviations"]
    choice, seeds = SCRIPT["choose_in_rounds"](SCRIPT["draw"](truth, np.random.default_rng(0)))
    assert (choice.cell, choice.basis) == ("gru", "decided")
    assert seeds < 20
