"""Which points `gru-bench robustness` adds to a comparison."""

import pytest

from gru_bench.cli.robustness import further_points
from gru_bench.config.compose import compose_experiments
from gru_bench.system.errors import UserError


def points(*words):
    return further_points(compose_experiments(words, multirun=True), list(words))


def test_starts_and_sizes_are_added_and_half_of_a_budget_is_in_the_curves():
    assert points("cell=gru,lstm", "task=adding") == [
        "cell.initialisation=orthogonal,chrono",
        "hidden_size=32,64",
    ]


def test_text_has_readouts_and_a_schedule_that_hangs_on_the_budget():
    assert points("cell=gru,lstm", "task=text", "corpus=reuters8") == [
        "cell.initialisation=orthogonal,chrono",
        "hidden_size=32,64",
        "epochs=3,6",
        "task.readout=last,mean",
    ]


def test_what_the_words_say_stands():
    own = ("cell.keep=0.5,0.9", "hidden_size=8,16,32")
    assert points("cell=gru,lstm", "task=adding", *own) == []


@pytest.mark.parametrize(
    "own",
    [("match=parameters", "budget=5000"), ("tune.keeps=[0.5,0.9]",)],
    ids=" ".join,
)
def test_what_is_added_goes_with_the_words(own):
    words = ["cell=gru,lstm", "task=adding", *own]
    added = points(*words)
    assert len(added) == 1
    assert len(compose_experiments([*words, *added], multirun=True)) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("cell=gru", "task=adding"), "give cell=gru,lstm"),
        (("cell=gru,lstm", "task=adding,copy"), "one task at a time, and these are adding, copy"),
    ],
)
def test_what_is_no_comparison_of_cells_on_one_task_is_refused(words, message):
    with pytest.raises(UserError, match=message):
        points(*words)
