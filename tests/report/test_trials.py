"""Reports leave out the trials of a search."""

from dataclasses import replace

import pytest
from helpers.made_up import make_result

from gru_bench.config.optim import TuneConfig
from gru_bench.report.trials import without_trials
from gru_bench.system.errors import UserError


def trial():
    result = make_result()
    first = TuneConfig.FIRST_SEED
    return replace(result, seeds=[replace(seed, seed=first + seed.seed) for seed in result.seeds])


def test_trials_are_left_out_and_counted():
    kept, lines = without_trials([make_result(), trial(), trial()])
    assert kept == [make_result()]
    assert lines == [
        "left out 2 trials of a search: settings are chosen before any test score is seen"
    ]
    assert without_trials([make_result()]) == ([make_result()], [])


def test_a_folder_of_trials_alone_says_what_to_do():
    with pytest.raises(UserError, match="nothing but 1 trial of a search, whose test scores are"):
        without_trials([trial()])
