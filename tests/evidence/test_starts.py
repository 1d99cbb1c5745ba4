"""What the starts that were tried say of a verdict."""

from dataclasses import replace

import pytest
from helpers.made_up import make_result

from gru_bench.evidence.starts import best_by_start, starts_against
from gru_bench.runs.result import Tuning


def tried(cell, scores, task="copy", margin=None):
    """A run with two rates, two starts and two seeds; `scores` has a row a candidate."""
    tuning = Tuning(
        learning_rates=[0.1, 0.01],
        keeps=[0.5, 0.9],
        seeds=[10**9, 10**9 + 1],
        scores=scores,
        chosen=0.1,
        chosen_keep=0.5,
    )
    return replace(make_result(task, cell, [0.5] * 8, tuning=tuning), margin=margin)


def test_each_start_counts_with_its_best_rate():
    """A seed without a score counts with the baseline, 1/8 on copy and 1/6 on adding."""
    rows = [[0.5, 0.7], [0.2, 0.2], [0.9, None], [0.3, 0.5]]
    found = best_by_start(tried("gru", rows))
    assert found == {0.5: pytest.approx(0.6), 0.9: pytest.approx(0.4)}
    found = best_by_start(tried("gru", rows, "adding"))
    assert found == {0.5: pytest.approx((0.9 + 1 / 6) / 2), 0.9: pytest.approx(0.2)}
    assert best_by_start(make_result("copy", "gru", [0.5])) == {}


@pytest.mark.parametrize(("margin", "against"), [(None, [0.9]), (0.05, [0.9]), (0.3, [])])
def test_a_start_at_which_the_loser_is_ahead_speaks_against_a_verdict(margin, against):
    gru = tried("gru", [[0.8, 0.8], [0.3, 0.3], [0.7, 0.7], [0.4, 0.4]], margin=margin)
    lstm = tried("lstm", [[0.6, 0.6], [0.5, 0.5], [0.6, 0.6], [0.2, 0.2]])
    assert starts_against(gru, lstm) == against
    assert starts_against(replace(lstm, margin=margin), gru) == ([0.5] if margin != 0.3 else [])
