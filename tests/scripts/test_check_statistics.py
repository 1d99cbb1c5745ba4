"""The script that measures error rates, in a few simulations of each."""

import importlib
import runpy
import sys

import numpy as np
import pytest
from helpers import ROOT


@pytest.fixture(autouse=True)
def beside_the_scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


def simulated(name):
    """A module of the simulations."""
    return importlib.import_module(f"simulated.{name}")


def test_the_tables_have_a_rate_for_each_verdict_and_are_written(tmp_path, monkeypatch, capsys):
    script = runpy.run_path(str(ROOT / "scripts" / "check_statistics.py"))
    out = tmp_path / "new" / "rates.md"
    monkeypatch.setattr(sys, "argv", ["check_statistics", "--simulations", "1", "--out", str(out)])
    script["main"]()
    written = out.read_text(encoding="utf-8")
    tables = written.split("## ")[1:]
    rates, points = simulated("verdict_rates"), simulated("points")
    of_scores, of_documents = (
        sum(len(wrong) for _, wrong in kinds.values())
        for kinds in (rates.ON_SCORES, rates.ON_DOCUMENTS)
    )
    survivals = len(points.TRUTHS) * len(points.POINTS) * len(points.SEEDS)
    # Beside four like cells; then power, survivals, advice and coverage.
    expected = [of_scores + 1, of_documents, 5, survivals, 3, 8, 6]
    assert [sum(line[:2] == "| " for line in each.splitlines()) - 1 for each in tables] == expected
    assert "MIN_PAIRS=6" in written
    assert capsys.readouterr().out.count("##") == written.count("##") == len(expected)


def test_cells_are_made_up_with_the_same_seeds():
    rates, cells = simulated("verdict_rates"), simulated("cells")
    for draw, verdicts in (*rates.ON_SCORES.values(), *rates.ON_DOCUMENTS.values()):
        a, b = draw(np.random.default_rng(0))
        assert a.seeds.tolist() == b.seeds.tolist() == list(range(cells.SEEDS))
        assert verdicts


def test_accuracy_over_many_splits_is_that_of_the_scores_drawn():
    cells = simulated("cells")
    rng = np.random.default_rng(0)
    on_splits = cells.on_documents(cells.like(lambda rng, n: np.zeros(n), lead=2.0))
    gains = []
    for _ in range(60):
        a, b = on_splits(rng)
        assert a.examples.mean(axis=1) == pytest.approx(a.scores)
        gains.append(a.scores.mean() - b.scores.mean())
    error = np.std(gains) / np.sqrt(len(gains))
    assert abs(np.mean(gains) - 2 * cells.MARGIN) < 3 * error
    # Cells that are equal over all documents are not so on one split.
    assert np.std(gains) > 0.2 * cells.MARGIN


def test_a_win_that_is_reversed_at_other_points_does_not_survive():
    points = simulated("points")
    found = points._drawn(np.random.default_rng(0), (6.0, 6.0, 6.0, -6.0), 12)
    assert {name: rule(found, "better") for name, rule in points.RULES.items()} == {
        "at one half": False,
        "at three quarters (the rule)": False,
        "at all": False,
        "at three quarters, contrary or not": True,
    }
