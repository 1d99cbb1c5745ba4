"""The choice of one start for all cells, from validation scores alone."""

import pytest
from helpers import ROOT
from helpers.made_up import make_result
from helpers.modules import load_module

from gru_bench.config.compose import compose_experiments
from gru_bench.runs.result import Tuning


@pytest.fixture(scope="module")
def script():
    return load_module(ROOT / "scripts" / "choose_start.py")


def tried(task, cell, by_share):
    """A run of which two seeds tried each share; its test scores say nothing."""
    tuning = Tuning(
        learning_rates=[0.01],
        keeps=list(by_share),
        seeds=[10**9, 10**9 + 1],
        scores=list(by_share.values()),
        chosen=0.01,
        chosen_keep=next(iter(by_share)),
    )
    return make_result(task, cell, [0.125, 0.125], tuning=tuning)


def test_progress_is_the_mean_share_of_the_way_from_the_baseline_to_the_best(script):
    """Recall of 8 symbols: the baseline is 1/8, the best run here reaches 1."""
    results = [
        tried("copy", "gru", {0.5: [0.5625, 0.5625], 0.9: [1.0, 0.5625]}),
        tried("copy", "lstm", {0.5: [0.5625, None], 0.9: [0.125, 0.05]}),
        # Errors: 1/6 is the baseline, 1/12 the best.
        tried("adding", "gru", {0.5: [1 / 12, 1 / 8], 0.9: [1 / 6, 0.4]}),
    ]
    table = script.progress(results)
    assert table == {
        "adding": {"gru": {0.5: pytest.approx(0.75), 0.9: pytest.approx(0.0)}},
        "copy": {
            "gru": {0.5: pytest.approx(0.5), 0.9: pytest.approx(0.75)},
            "lstm": {0.5: pytest.approx(0.25), 0.9: pytest.approx(0.0)},
        },
    }
    assert script.mean_over(table, 0.5) == pytest.approx((0.75 + 0.375) / 2)


def test_of_shares_as_good_as_the_best_the_smallest_is_chosen(script):
    def table(*means):
        return {"copy": {"gru": dict(zip(script.SHARES, means, strict=True))}}

    assert script.choose(table(0.5, 0.6, 0.7, 0.8, 0.6)) == 0.95
    assert script.choose(table(0.5, 0.6, 0.795, 0.8, 0.6)) == 0.9
    assert "Chosen: 0.9." in script.report(table(0.5, 0.6, 0.795, 0.8, 0.6))


def test_every_sweep_can_be_asked_for(script):
    for task in script.SWEEPS:
        configs = compose_experiments(script.words(task, "runs"), multirun=True)
        assert [config.cell.name for config in configs] == list(script.CELLS)
