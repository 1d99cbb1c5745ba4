"""Verdicts on made-up runs whose truth is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.made_up import make_result

from gru_bench.evidence.cell_summary import summarize
from gru_bench.evidence.record import record_of
from gru_bench.evidence.rules import EXAMPLES_STRICTNESS, SIGNIFICANCE
from gru_bench.evidence.verdicts import (
    compare,
    compare_group,
    correct_together,
)
from gru_bench.runs.predictions import Predictions
from gru_bench.system.errors import UserError


def spread(mean, sd, n=8):
    """`n` scores of exactly this mean and standard deviation, the same pattern at each call."""
    pattern = np.random.default_rng(n).normal(size=n)
    pattern = (pattern - pattern.mean()) / pattern.std(ddof=1)
    return (mean + sd * pattern).tolist()


def compared(task, first, second, margins=(), solved=(None, None), **keywords):
    """The one comparison of two runs, `first` of a GRU and `second` of an LSTM.

    `margins` are those that the runs state, if given; `solved` says how many seeds of each do.
    """
    stated = [{"margin": margin} for margin in margins] or [{}, {}]
    runs = [
        make_result(task, "gru", first, solved=solved[0], **stated[0]),
        make_result(task, "lstm", second, solved=solved[1], **stated[1]),
    ]
    (comparison,) = compare_group(runs, **keywords)
    return comparison


def with_steps(result, steps):
    """The run with these steps to solve the task; None where it was not solved."""
    seeds = [
        replace(seed, solved_step=step) for seed, step in zip(result.seeds, steps, strict=True)
    ]
    return replace(result, seeds=seeds)


def test_typically_better_with_a_score_to_be_lowered():
    comparison = compared("adding", [0.001 + 1e-4 * i for i in range(8)], [0.09] * 8)
    typical = comparison.typical
    assert (typical.verdict, comparison.outcome, typical.n_pairs) == ("better", "better", 8)
    assert typical.difference().estimate == pytest.approx(-0.08865)
    assert typical.probability_a_beats_b == 1
    assert comparison.more_seeds is None


def test_typically_worse_with_a_score_to_be_raised():
    comparison = compared("text", spread(0.90, 0.003), [0.94] * 8)
    assert (comparison.typical.verdict, comparison.outcome) == ("worse", "worse")
    assert comparison.typical.probability_a_beats_b == 0


def test_better_by_less_than_the_margin():
    comparison = compared("text", spread(0.945, 0.0005), [0.94] * 8)
    assert comparison.typical.verdict == "better"
    assert comparison.typical.within_margin


def test_equivalent():
    comparison = compared("text", spread(0.94, 0.004), [0.94] * 8)
    assert comparison.typical.verdict == comparison.outcome == "equivalent"
    assert comparison.typical.margin == 0.01
    assert comparison.more_seeds is None


def test_equivalence_needs_a_margin():
    scores = spread(0.94, 0.004), [0.94] * 8
    comparison = compared("text", *scores, margins=(None, 0.01))
    assert (comparison.outcome, comparison.typical.margin) == ("undecided", None)
    assert compared("text", *scores, margin=0.001).outcome == "undecided"
    assert compared("text", *scores, margin=0.008, margins=(None, None)).outcome == "equivalent"


def test_the_strictest_of_the_stated_margins_counts():
    scores = spread(0.94, 0.004), [0.94] * 8
    assert compared("text", *scores, margins=(0.02, 0.001)).typical.margin == 0.001
    assert compared("text", *scores, margins=(0.02, 0.001)).outcome == "undecided"
    assert compared("text", *scores, margins=(0.02, 0.01)).outcome == "equivalent"


def test_a_cell_that_seldom_fails_is_judged_apart_in_both_respects():
    # It scores better wherever it learns, and fails with one seed in ten.
    scores = [0.0001 + 1e-6 * i for i in range(9)] + [1 / 6]
    comparison = compared("adding", scores, [0.0005] * 10, solved=(9, 10))
    assert (comparison.typical.verdict, comparison.typical.n_pairs) == ("better", 9)
    assert comparison.reliability.verdict == "undecided"
    assert (comparison.reliability.successes_a, comparison.reliability.successes_b) == (9, 10)
    assert summarize(make_result("adding", scores=scores, solved=9)).failures_not_excluded > 0.35


def test_more_reliable_though_no_seed_learns_it_under_both():
    comparison = compared("adding", [0.001] * 10, [0.2] * 10, solved=(10, 0))
    assert comparison.typical.n_pairs == 0
    assert comparison.typical.difference() is None
    assert (comparison.typical.verdict, comparison.reliability.verdict) == ("undecided", "better")
    assert comparison.outcome == "better"


def test_a_trade_off_is_neither_better_nor_worse():
    comparison = compared("copy", [0.98] * 20, [0.992] * 20, solved=(20, 5))
    assert (comparison.typical.verdict, comparison.reliability.verdict) == ("worse", "better")
    assert comparison.outcome == "trade-off"


@pytest.mark.parametrize("scores", [[0.125] * 8, spread(0.125, 0.004)])
def test_two_cells_at_the_floor_are_not_equivalent(scores):
    comparison = compared("copy", scores, [0.125] * 8, solved=(0, 0))
    assert comparison.outcome == "not learned"
    assert comparison.more_seeds is None


def test_a_floor_under_one_cell_alone():
    assert compared("copy", [0.125] * 8, [0.9] * 8, solved=(0, 0)).outcome != "not learned"
    assert compared("copy", [0.125] * 8, [0.125] * 7 + [1.0], solved=(0, 1)).outcome == "undecided"


def test_where_nothing_is_solved_reliability_is_that_of_learning():
    comparison = compared("copy", [0.9] * 9, [0.125] * 9, solved=(0, 0))
    assert (comparison.reliability.what, comparison.outcome) == ("learned", "better")
    comparison = compared("text", [0.49] * 9, [0.9] * 9)
    assert comparison.reliability.what == "learned"
    assert (comparison.reliability.verdict, comparison.pace) == ("worse", None)


def test_steps_are_compared_pair_by_pair_and_censored():
    gru = with_steps(make_result("adding", "gru", [0.001] * 8), [100] * 8)
    lstm = with_steps(make_result("adding", "lstm", [0.001] * 8), [None] * 2 + [200] * 6)
    (comparison,) = compare_group([gru, lstm])
    assert comparison.pace.verdict == "better"
    assert comparison.pace.ratio.estimate == 0.5
    assert comparison.pace.ratio.low == 0


def test_steps_that_no_seed_took():
    comparison = compared("adding", [0.1] * 8, [0.1] * 8, solved=(0, 0))
    assert (comparison.pace.ratio, comparison.pace.verdict) == (None, "undecided")


def test_undecided_estimates_the_seeds_it_takes():
    comparison = compared("text", spread(0.96, 0.022), [0.94] * 8)
    assert comparison.outcome == "undecided"
    assert 10 < comparison.more_seeds < 100
    # As far apart as the margin: no number of seeds shows that the difference is inside it.
    assert compared("text", spread(0.95, 0.5), [0.94] * 8).more_seeds is None


def test_seeds_that_do_not_learn_are_added_to_the_advice():
    all_learn = compared("text", spread(0.96, 0.022), [0.94] * 8).more_seeds
    some_fail = compared("text", spread(0.96, 0.022) + [0.4] * 3, [0.94] * 11).more_seeds
    assert some_fail == math.ceil(all_learn * 11 / 8)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_no_verdict_under_six_pairs_whatever_the_scores(n):
    rng = np.random.default_rng(n)
    for a, b in ((0, 1), (0.9, 0.9), (1.0, 0.0), (0.5, 0.5 + 1e-9)):
        assert compared("text", [a] * n, [b] * n).outcome == "undecided"
    for _ in range(20):
        scores = rng.normal(size=2)[:, None] + 10.0 ** rng.integers(-6, 1) * rng.normal(size=(2, n))
        assert compared("text", *scores.tolist()).outcome == "undecided"


def test_only_shared_seeds_are_paired():
    long, short = make_result("adding", "gru", [0.01] * 9), make_result("adding", "lstm", [0.1] * 7)
    (comparison,) = compare_group([long, short])
    assert (comparison.n_pairs, comparison.outcome) == (7, "better")


@pytest.mark.parametrize(("n", "outcome"), [(8, "undecided"), (9, "better")])
def test_holm_takes_verdicts_away(n, outcome):
    cells = {"gru": 0.95, "gru_reset_after": 0.90, "lstm": 0.85, "rnn": 0.6}
    runs = [make_result("text", cell, [score] * n) for cell, score in cells.items()]
    assert compare_group(runs[:2])[0].outcome == "better"
    assert {comparison.outcome for comparison in compare_group(runs)} == {outcome}


def test_equivalence_is_corrected_as_well():
    runs = [make_result("text", cell, [0.9] * 8) for cell in ("gru", "gru_reset_after", "lstm")]
    assert {c.outcome for c in compare_group(runs)} == {"equivalent"}
    runs.append(make_result("text", "rnn", [0.9] * 8))
    assert {c.outcome for c in compare_group(runs)} == {"undecided"}


def test_judged_together_a_correction_replaces_the_one_before():
    comparison = compared("text", [0.95] * 6, [0.9] * 6)
    assert comparison.outcome == "better"
    judged = correct_together([comparison] * 3)
    assert {c.outcome for c in judged} == {"undecided"}
    assert correct_together(judged[:1]) == [comparison]


def test_a_low_p_of_signs_alone_is_no_verdict():
    # One large loss among twelve: the mean is not above 0.
    comparison = compared("text", [0.91] * 11 + [0.7], [0.9] * 12, margins=(None, None))
    assert comparison.typical.difference().low > 0
    assert comparison.outcome == "undecided"


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


def test_a_run_without_a_score_has_not_learned():
    scores = [0.001] * 8
    comparison = compared("adding", scores, [None, None, *scores[2:]])
    assert (comparison.n_pairs, comparison.typical.n_pairs) == (8, 6)
    record = record_of(make_result("adding", scores=[None, 0.001]), 0.002)
    assert record.scores.tolist() == [1 / 6, 0.001]
    assert record.learned.tolist() == [False, True]


def test_without_a_baseline_every_score_is_learned():
    result = make_result("copy", scores=[0.1, None, 0.2])
    record = record_of(replace(result, score=replace(result.score, baseline=None)), 0.01)
    assert (record.seeds.tolist(), record.learned.tolist()) == ([0, 2], [True, True])


def with_predictions(cell, right):
    """A run on text with two classes, which predicts these examples right, a row a seed."""
    actual = (np.arange(right.shape[1]) % 2).astype(np.uint8)
    given = np.where(right, actual, 1 - actual).astype(np.uint8)
    predictions = Predictions(seeds=np.arange(len(right)), given=given, actual=actual)
    return replace(make_result("text", cell, right.mean(axis=1)), predictions=predictions)


def test_a_difference_that_hangs_on_the_documents_is_no_verdict():
    # Every seed gains, but on a handful of documents only: others might as well be lost.
    right, more = np.zeros((8, 400), bool), np.zeros((8, 400), bool)
    right[:, :360] = True
    more[:, :363] = True
    more[:, [0, 1]] = False
    runs = [with_predictions("gru", more), with_predictions("lstm", right)]
    older = replace(runs[1], predictions=None)
    assert compare_group([runs[0], older])[0].typical.verdict == "better"
    (comparison,) = compare_group(runs)
    assert comparison.typical.verdict == "undecided"
    assert comparison.typical.crossed.examples_error > comparison.typical.crossed.seeds_error


def test_a_difference_on_many_documents_is_one():
    rng = np.random.default_rng(0)
    by_example = 0.1 * rng.normal(size=1000)
    chances = {"gru": 0.9, "lstm": 0.8}
    runs = [
        with_predictions(cell, rng.random((8, 1000)) < chance + by_example)
        for cell, chance in chances.items()
    ]
    (comparison,) = compare_group(runs)
    assert comparison.typical.verdict == "better"
    mean = comparison.typical.crossed.interval()
    assert mean.low > 0.05
    assert mean.estimate == pytest.approx(np.mean(comparison.typical.differences))


@pytest.mark.parametrize("right_more", [20, 30, 37, 40])
def test_the_interval_over_examples_excludes_0_where_p_over_them_decides(right_more):
    right, more = np.zeros((8, 1000), bool), np.zeros((8, 1000), bool)
    right[:, :800] = True
    more[:, 90 : 890 + right_more] = True
    (comparison,) = compare_group([with_predictions("gru", more), with_predictions("lstm", right)])
    typical = comparison.typical
    # Of equal seeds the sequential test is sure, so that the examples alone decide, at a third of
    # the level, since they are asked at every look.
    assert typical.p.alone == pytest.approx(EXAMPLES_STRICTNESS * typical.crossed.p)
    assert (typical.difference().low > 0) == (typical.p.alone <= SIGNIFICANCE)
    assert (right_more > 30) == (typical.p.alone <= SIGNIFICANCE)


def test_predictions_that_do_not_make_up_the_score_are_of_no_account():
    right = np.random.default_rng(1).random((8, 50)) < 0.9
    run = with_predictions("gru", right)
    assert record_of(run, 0.01).examples is not None
    # Of macro F1, say, the score is no mean over documents.
    other = make_result("text", scores=(right.mean(axis=1) / 2).tolist())
    assert record_of(replace(run, seeds=other.seeds), 0.01).examples is None
    fewer = replace(
        run.predictions, seeds=run.predictions.seeds[:7], given=run.predictions.given[:7]
    )
    assert record_of(replace(run, predictions=fewer), 0.01).examples is None


def test_nothing_to_compare():
    assert compare_group([]) == []
    assert compare_group([make_result("text")]) == []


def test_mixed_groups_and_a_wrong_margin_are_refused():
    with pytest.raises(ValueError, match="one task"):
        compare_group([make_result("text"), make_result("adding", "lstm")])
    for margin in (0.0, -1.0, math.nan):
        with pytest.raises(UserError, match=r"margin=.* is not possible"):
            compare_group([make_result("adding")], margin=margin)


def test_like_cells_seldom_get_a_verdict_however_often_one_looks():
    rng = np.random.default_rng(1)
    simulations, wrong = 60, 0
    for _ in range(simulations):
        scores = 0.9 + 0.03 * (rng.normal(size=(2, 20)) + rng.normal(size=20))
        a, b = (record_of(make_result("text", scores=row.tolist()), 0.01) for row in scores)
        looks = (compare(a.of(slice(n)), b.of(slice(n)), 0.01) for n in range(6, 21))
        wrong += any(comparison.outcome in ("better", "worse") for comparison in looks)
    assert wrong <= simulations * (
        SIGNIFICANCE + 3 * math.sqrt(SIGNIFICANCE * (1 - SIGNIFICANCE) / simulations)
    )
