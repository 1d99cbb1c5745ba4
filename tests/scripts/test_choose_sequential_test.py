"""The script that compares sequential tests, in a few simulations."""

import runpy
import sys

import numpy as np
import pytest
from helpers import ROOT

from gru_bench.evidence.paired import typical_p
from gru_bench.evidence.rules import SIGNIFICANCE


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / "scripts" / "choose_sequential_test.py"))


def test_the_chosen_test_is_that_of_verdicts(script):
    differences = np.random.default_rng(0).normal(0.8, 1, (20, script["PAIRS"]))
    decided = script["chosen"](differences)
    for row, by_pairs in zip(differences, decided, strict=True):
        for n in (6, 9, 20, 40):
            assert by_pairs[n - 1] == (typical_p(row[:n]) <= SIGNIFICANCE)


def test_every_candidate_has_a_row_of_rates(script, monkeypatch, tmp_path, capsys):
    out = tmp_path / "choice.md"
    monkeypatch.setattr(sys, "argv", ["choose", "--simulations", "10", "--out", str(out)])
    script["main"]()
    rows = [line for line in out.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    assert len(rows) == 1 + len(script["TESTS"])
    assert {line.count("|") for line in rows} == {1 + 1 + 4 + 2 * 3}
    assert capsys.readouterr().out.strip() == out.read_text(encoding="utf-8").strip()
