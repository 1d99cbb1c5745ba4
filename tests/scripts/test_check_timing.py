"""The check of the timing: what it calls a false difference, and that it runs."""

import pytest
from helpers import ROOT
from helpers.modules import load_module

from gru_bench.evidence.estimates import Interval


@pytest.fixture
def script():
    return load_module(ROOT / "scripts" / "check_timing.py")


@pytest.mark.parametrize(
    ("low", "high", "false"), [(0.9, 1.1, False), (1.0, 1.2, False), (1.01, 1.2, True)]
)
def test_a_difference_is_false_where_the_interval_leaves_out_1(low, high, false, script):
    assert script.is_false(Interval(1.05, low, high)) == false


def test_one_process_may_be_sure_of_what_the_others_contradict(script):
    def process(level):
        ratios = [level + 0.001 * i for i in range(9)]
        return [script.Comparison("gru", 16, script.STEP, 0, ratios)]

    judged = script.judge([process(1.05), process(0.95), process(1.0)])
    assert judged == [(script.STEP, False, True)]
    table = script.as_markdown(judged * 100, "About.")
    assert "| all | 100 | 0 (0.0% [0.0%, 3.7%]) | 100 (100.0% [96.3%, 100.0%]) |" in table
    always = script.judge([process(1.05), process(1.051), process(1.052)])
    assert always == [(script.STEP, True, True)]


def test_it_runs(script, monkeypatch, tmp_path, capsys):
    def here(measure, *arguments, processes, progress):
        return [measure(number, *arguments) for number in range(processes)]

    monkeypatch.setattr(script, "in_processes", here)
    monkeypatch.setattr(script, "MAIN_CELLS", ("rnn",))
    monkeypatch.setattr(script.machine, "set_up_devices", lambda: None)
    out = tmp_path / "timing.md"
    script.main(["--experiments", "1", "--processes", "2", "--size", "2", "--out", str(out)])
    assert "| all | 6 |" in out.read_text()
    assert out.read_text() in capsys.readouterr().out
