"""Whether a learning rate beyond the grid would have been chosen, from validation scores alone."""

from dataclasses import replace

import pytest
from helpers import ROOT
from helpers.made_up import make_result, make_tuning
from helpers.modules import load_module

from gru_bench.config.compose import compose_experiments
from gru_bench.evidence.claims.rules import current_rules


@pytest.fixture(scope="module")
def script():
    return load_module(ROOT / "scripts" / "beyond_the_grid.py")


@pytest.mark.parametrize(("chosen", "beyond"), [(0.016, 0.064), (0.001, 0.00025)])
def test_the_rate_beyond_is_as_far_as_the_last_two(script, chosen, beyond):
    tuning = replace(make_tuning(0.9, True), chosen=chosen)
    assert script.next_rate(tuning) == pytest.approx(beyond)


def test_every_part_of_scores_has_a_run_beyond_its_grid(script):
    rules = current_rules()
    parts = [name for name, part in rules.parts.items() if part.kind == "scores"]
    assert len(parts) == 20
    tuning = replace(make_tuning(0.9, True), chosen=0.016)
    for part in parts:
        (config,) = compose_experiments(script.words_beyond(part, "lstm", tuning, rules), False)
        assert (config.cell.name, config.optim.learning_rate) == ("lstm", 0.064)
        assert list(config.seeds) == tuning.seeds
        assert config.tune.learning_rates == []


@pytest.mark.parametrize(
    ("task", "before", "after", "is_better"),
    [
        ("copy", [0.5, 0.7], [0.9, 0.4], True),
        ("copy", [0.5, 0.7], [0.9, None], False),
        ("adding", [0.01, 0.02], [0.001, 0.02], True),
        ("adding", [0.01, 0.02], [0.001, 0.05], False),
    ],
)
def test_the_better_mean_on_validation_data_is_chosen(script, task, before, after, is_better):
    tuning = replace(
        make_tuning(0.9, task == "copy"), chosen=0.016, scores=[[0.3, 0.3], [0.3, 0.3], before]
    )
    at_end = make_result(task, "gru", [0.5, 0.5], tuning=tuning)
    # Test scores that say the contrary play no part.
    beyond = make_result(task, "gru", before, curves=[[score] * 2 for score in after])
    seeds = [
        replace(seed, validation={beyond.score.name: score})
        for seed, score in zip(beyond.seeds, after, strict=True)
    ]
    found = script.compare("copy", at_end, replace(beyond, seeds=seeds))
    assert found.is_better is is_better
    assert (found.at_end, found.at_beyond) == (before, after)
    assert (found.end, found.beyond) == (0.016, pytest.approx(0.064))
