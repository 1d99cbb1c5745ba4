"""What a cell comes to by itself, on made-up runs."""

import math

from helpers.made_up import make_result

from gru_bench.evidence.cell_summary import summarize


def test_summary_keeps_unsolved_runs():
    summary = summarize(make_result("adding", scores=[0.001] * 8, solved=5))
    assert summary.success_rate.estimate == 5 / 8
    assert (summary.steps_to_solve.estimate, summary.steps_to_solve.high) == (800, math.inf)
    assert summary.seconds_to_solve.estimate == 12.3
    unsolved = summarize(make_result("adding", scores=[0.1] * 8, solved=3))
    assert unsolved.steps_to_solve.estimate == math.inf


def test_summary_where_nothing_counts_as_solved():
    summary = summarize(make_result("text", scores=[0.9, 0.8, 0.7, 0.0]), name="GRU")
    assert (summary.cell, summary.score.estimate) == ("GRU", 0.75)
    assert summary.success_rate.estimate == 0.75  # one does not beat the baseline
    assert (summary.steps_to_solve, summary.seconds_to_solve) == (None, None)
