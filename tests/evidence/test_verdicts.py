"""Verdicts on made-up runs whose truth is known."""

import math

import numpy as np
import pytest
from helpers.made_up import make_result

from gru_bench.evidence.verdicts import compare_group, summarize
from gru_bench.system.errors import UserError


def spread(mean, sd, n=8):
    """`n` scores of exactly this mean and standard deviation, the same pattern at each call."""
    pattern = np.random.default_rng(n).normal(size=n)
    pattern = (pattern - pattern.mean()) / pattern.std(ddof=1)
    return (mean + sd * pattern).tolist()


def compare(task, first, second, margins=(), **keywords):
    """The one comparison of two runs, `first` of a GRU and `second` of an LSTM.

    `margins` are those that the runs state, if given.
    """
    stated = [{"margin": margin} for margin in margins] or [{}, {}]
    runs = [
        make_result(task, "gru", first, **stated[0]),
        make_result(task, "lstm", second, **stated[1]),
    ]
    (comparison,) = compare_group(runs, **keywords)
    return comparison


def test_better_with_a_score_to_be_lowered():
    runs = [make_result("adding", "gru", [0.001 + 1e-4 * i for i in range(8)])]
    runs += [make_result("adding", "rnn", [0.161 + 1e-4 * i for i in range(8)], solved=0)]
    (comparison,) = compare_group(runs)
    assert comparison.verdict == "better"
    assert comparison.difference.estimate == pytest.approx(-0.16)
    assert comparison.probability_a_beats_b == 1
    assert (comparison.n_pairs, comparison.p_holm) == (8, 2 / 256)
    assert comparison.more_seeds is None


def test_worse_with_a_score_to_be_raised():
    comparison = compare("text", spread(0.90, 0.003), [0.94] * 8)
    assert comparison.verdict == "worse"
    assert comparison.probability_a_beats_b == 0
    assert comparison.difference.estimate == pytest.approx(-0.04)
    assert comparison.n_pairs == 8


def test_better_by_less_than_the_margin_says_so():
    comparison = compare("text", spread(0.945, 0.0005), [0.94] * 8)
    assert comparison.verdict == "better"
    assert comparison.within_margin


def test_equivalent():
    comparison = compare("text", spread(0.94, 0.004), [0.94] * 8)
    assert (comparison.verdict, comparison.margin, comparison.more_seeds) == (
        "equivalent",
        0.01,
        None,
    )
    assert comparison.within_margin


def test_equivalence_needs_a_margin():
    scores = spread(0.94, 0.004), [0.94] * 8
    comparison = compare("text", *scores, margins=(None, 0.01))
    assert (comparison.verdict, comparison.margin) == ("undecided", None)
    assert comparison.more_seeds_equivalence is None
    # The interval's half width is 0.004.
    assert compare("text", *scores, margin=0.001).verdict == "undecided"
    assert compare("text", *scores, margin=0.006, margins=(None, None)).verdict == "equivalent"


def test_the_strictest_of_the_stated_margins_counts():
    scores = spread(0.94, 0.004), [0.94] * 8
    assert compare("text", *scores, margins=(0.02, 0.001)).margin == 0.001
    assert compare("text", *scores, margins=(0.02, 0.001)).verdict == "undecided"
    assert compare("text", *scores, margins=(0.02, 0.01)).verdict == "equivalent"


def test_undecided_estimates_the_seeds_it_takes():
    # Half a standard deviation needs 34 pairs to show.
    comparison = compare("text", spread(0.96, 0.04), [0.94] * 8)
    assert comparison.verdict == "undecided"
    assert (comparison.more_seeds_difference, comparison.more_seeds_equivalence) == (26, None)
    assert comparison.more_seeds == 26


def test_undecided_may_be_nearer_to_equivalence():
    comparison = compare("text", spread(0.9402, 0.015), [0.94] * 8)
    assert comparison.verdict == "undecided"
    assert comparison.more_seeds_difference is None
    assert 10 < comparison.more_seeds_equivalence < 40


def test_undecided_for_good():
    # As far apart as the margin: no number of seeds shows that the difference is inside it.
    comparison = compare("text", spread(0.95, 0.5), [0.94] * 8)
    assert comparison.more_seeds is None


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_no_verdict_under_six_pairs_whatever_the_scores(n):
    rng = np.random.default_rng(n)
    for a, b in ((0, 1), (0.9, 0.9), (1.0, 0.0), (0.5, 0.5 + 1e-9)):
        comparison = compare("text", [a] * n, [b] * n)
        assert comparison.verdict == "undecided"
    for _ in range(20):
        scores = rng.normal(size=2)[:, None] + 10.0 ** rng.integers(-6, 1) * rng.normal(size=(2, n))
        assert compare("text", *scores.tolist()).verdict == "undecided"


def test_few_pairs_are_told_how_many_are_missing():
    comparison = compare("copy", [0.99] * 4, [0.2] * 4)
    assert comparison.more_seeds == 2


def test_only_shared_seeds_are_paired():
    long, short = make_result("adding", "gru", [0.1] * 9), make_result("adding", "lstm", [0.2] * 7)
    (comparison,) = compare_group([long, short])
    assert (comparison.n_pairs, comparison.verdict) == (7, "better")


def test_holm_takes_verdicts_away():
    # 6 pairs at one sign give p = 0.031: enough alone, not among 6 comparisons.
    cells = {"gru": 0.95, "gru_reset_after": 0.90, "lstm": 0.85, "rnn": 0.5}
    runs = [make_result("text", cell, [score] * 6) for cell, score in cells.items()]
    assert compare_group(runs[:2])[0].verdict == "better"
    comparisons = compare_group(runs)
    assert {c.verdict for c in comparisons} == {"undecided"}
    assert all(c.p_holm == pytest.approx(6 * 0.03125) for c in comparisons)
    assert {c.more_seeds for c in comparisons} == {2}


def test_a_low_p_alone_is_no_verdict():
    # One large loss among ten: p is 0.02, but the interval of the mean reaches past 0.
    comparison = compare("text", [0.91] * 9 + [0.884], [0.9] * 10, margins=(None, None))
    assert comparison.p_holm < 0.05
    assert comparison.difference.low < 0 < comparison.difference.high
    assert comparison.verdict == "undecided"


def test_usual_order_of_cells():
    runs = [make_result("text", c, [0.9, 0.8]) for c in ("rnn", "lstm", "gru_reset_after", "gru")]
    assert [(c.cell_a, c.cell_b) for c in compare_group(runs)] == [
        ("gru", "gru_reset_after"),
        ("gru", "lstm"),
        ("gru", "rnn"),
        ("gru_reset_after", "lstm"),
        ("gru_reset_after", "rnn"),
        ("lstm", "rnn"),
    ]


def test_cells_of_several_sizes_are_compared_at_equal_sizes():
    runs = [
        make_result("text", cell, [0.9, 0.8], hidden_size=size)
        for cell in ("lstm", "gru")
        for size in (128, 64)
    ]
    assert [(c.cell_a, c.cell_b) for c in compare_group(runs)] == [
        ("gru h64", "lstm h64"),
        ("gru h128", "lstm h128"),
    ]
    alone = [make_result("text", "gru", [0.9], hidden_size=74), runs[0]]
    assert [(c.cell_a, c.cell_b) for c in compare_group(alone)] == [("gru", "lstm")]


def test_matched_cells_are_compared_by_the_size_that_they_match():
    sizes = {("gru", 64): 74, ("gru", 128): 148, ("lstm", 64): 64, ("lstm", 128): 128}
    runs = [
        make_result("text", cell, [0.9, 0.8], hidden_size=size, nominal_size=nominal)
        for (cell, nominal), size in sizes.items()
    ]
    assert [(c.cell_a, c.cell_b) for c in compare_group(runs)] == [
        ("gru h64", "lstm h64"),
        ("gru h128", "lstm h128"),
    ]


def test_runs_may_be_named():
    runs = [make_result("text", "lstm", [0.9]), make_result("text", "gru", [0.9])]
    (comparison,) = compare_group(runs, names=["L", "G"])
    assert (comparison.cell_a, comparison.cell_b) == ("G", "L")


def test_a_run_without_a_score_counts_with_the_baseline():
    scores = [0.001] * 8
    comparison = compare("adding", scores, [None, None, *scores[2:]])
    assert comparison.n_pairs == 8
    assert comparison.difference.estimate == pytest.approx(2 / 8 * (0.001 - 1 / 6))
    assert comparison.probability_a_beats_b == 5 / 8


def test_failures_of_one_cell_withhold_equivalence():
    comparison = compare("adding", [0.001] * 8, [0.001] * 7 + [0.16])
    assert comparison.verdict == "undecided"


def test_nothing_to_compare():
    assert compare_group([]) == []
    assert compare_group([make_result("text")]) == []


def test_mixed_groups_and_a_wrong_margin_are_refused():
    with pytest.raises(ValueError, match="one task"):
        compare_group([make_result("text"), make_result("adding", "lstm")])
    for margin in (0.0, -1.0, math.nan):
        with pytest.raises(UserError, match=r"margin=.* is not possible"):
            compare_group([make_result("adding")], margin=margin)


def test_all_null_groups_seldom_get_a_verdict_of_better():
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(40):
        scores = 0.9 + 0.03 * (rng.normal(size=(4, 10)) + rng.normal(size=10))
        runs = [
            make_result("text", cell, row.tolist())
            for cell, row in zip(("gru", "gru_reset_after", "lstm", "rnn"), scores, strict=True)
        ]
        wrong += any(c.verdict in ("better", "worse") for c in compare_group(runs))
    assert wrong <= 40 * (0.05 + 3 * math.sqrt(0.05 * 0.95 / 40))


def test_summary_keeps_unsolved_runs():
    summary = summarize(make_result("adding", scores=[0.001] * 8, solved=5))
    assert summary.solve_rate.estimate == 5 / 8
    assert (summary.steps_to_solve.estimate, summary.steps_to_solve.high) == (800, math.inf)
    assert summary.seconds_to_solve.estimate == 12.3
    unsolved = summarize(make_result("adding", scores=[0.1] * 8, solved=3))
    assert unsolved.steps_to_solve.estimate == math.inf


def test_summary_where_nothing_counts_as_solved():
    summary = summarize(make_result("text", scores=[0.9, 0.8, 0.7, 0.0]), name="GRU")
    assert (summary.cell, summary.score.estimate) == ("GRU", 0.75)
    assert (summary.solve_rate, summary.steps_to_solve, summary.seconds_to_solve) == (None,) * 3
