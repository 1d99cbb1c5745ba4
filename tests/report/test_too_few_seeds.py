"""What a report says where there are too few seeds: how many there are, and how many it takes."""

from dataclasses import replace

import pytest
from helpers.made_up import make_result

from gru_bench.report.decision import decision
from gru_bench.report.groups import make_groups
from gru_bench.report.summary import adding_command, verdict
from gru_bench.system.prose import spanned


def made(task, cell, seeds, first=0):
    result = make_result(task, cell, [0.5 + 0.01 * number for number in range(seeds)])
    moved = [replace(each, seed=each.seed + first) for each in result.seeds]
    return replace(result, seeds=moved)


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ({"gru": 4, "lstm": 4}, "4 seeds in common are too few, and it takes 6."),
        ({"gru": 4, "lstm": 2}, "2 seeds in common are too few, and it takes 6."),
        ({"gru": 4, "lstm": 1}, "1 seed in common is too few, and it takes 6."),
        ({"gru": 6, "lstm": 7, "rnn": 2}, "2 to 6 seeds in common are too few, and it takes 8."),
    ],
)
def test_the_fewest_and_the_most_seeds_in_common_are_named(seeds, said):
    groups = make_groups([made("copy", cell, number) for cell, number in seeds.items()])
    assert decision(groups) == f"No decision yet on copy: {said}"


def test_cells_that_share_no_seed_yet_count_among_those_to_be_judged():
    runs = [made("copy", "gru", 4), made("copy", "lstm", 4), made("copy", "rnn", 4, first=9)]
    (group,) = make_groups(runs)
    assert len(group.comparisons) == 1
    assert "it takes 8." in decision([group])
    assert verdict(group).startswith("Too few seeds to judge: 0 to 4, and it takes 8. Add them")
    assert adding_command(group).endswith("seeds=8")
    # With so many of all, it is so.
    (grown,) = make_groups([made("copy", cell, 8) for cell in ("gru", "lstm", "rnn")])
    assert grown.has_verdicts
    (fewer,) = make_groups([made("copy", cell, 6) for cell in ("gru", "lstm", "rnn")])
    assert not fewer.has_verdicts


def test_settings_that_lack_unlike_numbers_of_seeds_have_a_sentence_each():
    copy = [made("copy", cell, 3) for cell in ("gru", "lstm", "rnn")]
    adding = [made("adding", cell, 5) for cell in ("gru", "lstm")]
    text = [made("text", cell, 5) for cell in ("gru", "lstm")]
    assert decision(make_groups([*copy, *adding, *text])) == (
        "No decision yet on adding and text-reuters8: 5 seeds in common are too few, and it takes"
        " 6. No decision yet on copy: 3 seeds in common are too few, and it takes 8."
    )


def test_many_unlike_settings_share_a_sentence():
    runs = []
    for lag in range(2, 6):
        for cell in ("gru", "lstm", "rnn")[: 3 if lag == 2 else 2]:
            result = make_result("copy", cell, [0.5, 0.6, 0.7, 0.8, 0.9][:lag], task={"lag": lag})
            runs.append(result)
    assert decision(make_groups(runs)) == (
        "No decision yet on copy(lag=2), copy(lag=3), copy(lag=4) and 1 other setting: 2 to 5 seeds"
        " in common are too few, and it takes 6 to 8."
    )


def test_a_span_of_one_number_is_the_number():
    assert (spanned([3, 3]), spanned([5, 2, 4])) == ("3", "2 to 5")
