"""The cost of a training step against the length of sequences: measured, joined and shown."""

import pytest

from gru_bench.benchmark import lengths
from gru_bench.benchmark.lengths import CELLS, GRU, LOOP, PARALLEL
from gru_bench.cli.main import main
from gru_bench.measuring.over_processes import ratio_interval
from gru_bench.measuring.training_step import measure_training_steps


def sample(gru, loop, parallel):
    return {GRU: (gru, 3.0), LOOP: (loop, 1.0), PARALLEL: (parallel, 2.0)}


def test_a_case_times_a_gru_and_a_minimal_one_by_its_loop_and_in_parallel(monkeypatch):
    asked = {}

    def measure(configs, task, *_):
        asked.update({name: config.model for name, config in configs.items()})
        assert (task.sequence_length, task.batch_size) == (9, lengths.BATCH)
        return measure_training_steps(configs, task, rounds=1, limit_s=0.0)

    monkeypatch.setattr(lengths, "measure_training_steps", measure)
    found = lengths.measure_case(lengths.contestants(3), length=9)
    assert found.keys() == set(CELLS)
    assert all(ms > 0 and mb > 0 for ms, mb in found.values())
    assert {(each.cell, each.recurrence, each.hidden_size) for each in asked.values()} == {
        ("gru", "auto", 3),
        ("mingru", "scan", 3),
        ("mingru", "parallel", 3),
    }


def test_ratios_are_taken_within_a_process():
    """The second process is twice as slow: the ratio is the same, and its interval narrow."""
    case = lengths.joined([sample(8.0, 2.0, 6.0), sample(16.0, 4.0, 12.4)])
    assert case["step_ms"][GRU]["estimate"] == pytest.approx((8 * 16) ** 0.5)
    ratio = case["ratios"][0]
    assert (ratio["of"], ratio["to"]) == (PARALLEL, LOOP)
    assert ratio["estimate"] == pytest.approx(ratio_interval([3.0, 3.1]).estimate)
    assert ratio["low"] == pytest.approx(ratio_interval([3.0, 3.1]).low)
    assert case["memory_mb"] == {GRU: 3.0, LOOP: 1.0, PARALLEL: 2.0}


def test_the_command_prints_within_80_columns_and_writes_a_table(monkeypatch, tmp_path, capsys):
    def measured(function, grid, processes, progress):
        return [[sample(1234.5, 400.25, 800.5 + number)] * len(grid) for number in range(processes)]

    monkeypatch.setattr(lengths, "in_processes", measured)
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "new" / "lengths.json"
    assert main(["speed", "--lengths", "--processes", "2", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines()[:-1])) <= 80
    assert "…" not in printed
    table = out.with_suffix(".md").read_text()
    sizes = [(str(units), f"{length:,}") for units in (64, 128) for length in lengths.LENGTHS]
    for units, length in sizes:
        assert f"| {units} | {length} | 1234.5 | 400.2 | 801.0 | 2.00 (1.99-2.02) |" in table


def test_one_process_gives_no_interval():
    case = {"hidden_size": 64, "length": 64, **lengths.joined([sample(4.0, 2.0, 6.0)])}
    (row,) = lengths.rows({"cases": [case]})
    assert row[5:8] == ("3.00", "1.50", "0.50")
