"""The script that measures error rates, in a few simulations of each."""

import runpy
import sys

from helpers import ROOT


def test_the_tables_have_a_rate_for_each_verdict_and_are_written(tmp_path, monkeypatch, capsys):
    script = runpy.run_path(str(ROOT / "scripts" / "check_statistics.py"))
    out = tmp_path / "new" / "rates.md"
    monkeypatch.setattr(sys, "argv", ["check_statistics", "--simulations", "3", "--out", str(out)])
    script["main"]()
    written = out.read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in written.splitlines() if line.startswith("| ")]
    verdicts = sum(len(wrong) for _, wrong in script["WRONG"].values())
    # Four like cells, five rows of power, three of advice, eight and six of coverage, five heads.
    assert len(rows) == verdicts + 1 + 5 + 3 + 8 + 6 + 5
    assert "MIN_PAIRS=6" in written
    assert capsys.readouterr().out.count("##") == written.count("##") == 5


def test_like_cells_are_made_up_alike():
    script = runpy.run_path(str(ROOT / "scripts" / "check_statistics.py"))
    for draw, verdicts in script["WRONG"].values():
        a, b = draw(script["np"].random.default_rng(0))
        assert a.seeds.tolist() == b.seeds.tolist() == list(range(script["SEEDS"]))
        assert verdicts
