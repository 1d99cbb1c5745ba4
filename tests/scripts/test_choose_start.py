"""The choice of one start for all cells, from validation scores alone."""

import importlib.util
from dataclasses import replace

import pytest
from helpers import ROOT
from helpers.made_up import make_result

SCRIPT = ROOT / "scripts" / "choose_start.py"


@pytest.fixture(scope="module")
def progress():
    spec = importlib.util.spec_from_file_location("choose_start", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.progress


def kept(result, share):
    return replace(result, config=result.config | {"cell": result.config["cell"] | {"keep": share}})


def test_progress_is_the_mean_share_of_the_way_from_the_baseline_to_the_best(progress):
    """Recall of 8 symbols: the baseline is 1/8, the best run here reaches 1."""
    results = [
        kept(make_result("copy", "gru", [1.0, 0.5625]), 0.9),
        kept(make_result("copy", "lstm", [0.125, 0.05]), 0.9),  # no better than the baseline
        kept(make_result("copy", "gru", [0.5625, 0.5625]), 0.5),
        kept(make_result("copy", "lstm", [0.5625, 0.5625]), None),
    ]
    assert progress(results) == {
        0.5: pytest.approx({"copy": 0.5}),
        0.9: pytest.approx({"copy": (0.75 + 0.0) / 2}),
    }
