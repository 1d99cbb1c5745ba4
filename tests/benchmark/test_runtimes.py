"""The cells in three runtimes: what is timed, and what the tables say of it."""

import math
import os

import numpy as np
import pytest
from rich.console import Console

from gru_bench.benchmark import runtime_figures, runtime_tables
from gru_bench.benchmark.runtime_figures import (
    ONNX_RUNTIME,
    OURS,
    PYTORCH,
    Sample,
    measure_runtimes,
)
from gru_bench.config.cell import MAIN_CELLS
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.runtimes import RuntimeFigures, Work, read_runtimes
from gru_bench.measuring import over_processes
from gru_bench.system import machine
from gru_bench.system.errors import UserError


@pytest.fixture
def in_this_process(monkeypatch):
    """Everything in this process, at a tiny size."""

    def here(measure, *arguments, processes, progress):
        return [measure(number, *arguments) for number in range(processes)]

    monkeypatch.setattr(runtime_figures, "in_processes", here)
    monkeypatch.setattr(runtime_figures, "ROUNDS", 2)
    monkeypatch.setattr(runtime_figures, "CALLS_A_TURN", 3)
    monkeypatch.setattr(runtime_figures, "TIME", 3)
    monkeypatch.setattr(runtime_figures, "BATCH", 2)
    monkeypatch.setattr(machine, "set_up_devices", lambda: None)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    monkeypatch.setenv(machine.THREADS, "2")


def test_every_runtime_is_timed_at_what_it_can_do(in_this_process):
    figures = measure_runtimes(2, sizes=[4])
    found = {(f.runtime, f.cell, f.work) for f in figures.figures}
    expected = {(OURS, cell, work) for cell in MAIN_CELLS for work in Work}
    expected |= {(PYTORCH, cell, work) for cell in MAIN_CELLS if cell != "gru" for work in Work}
    expected |= {(ONNX_RUNTIME, cell, w) for cell in MAIN_CELLS for w in (Work.SEQUENCE, Work.STEP)}
    assert found == expected
    for figure in figures.figures:
        assert figure.us.estimate > 0
        assert (figure.vs_lstm is None) == (figure.cell == "lstm")
        assert (figure.p99_us is None) == (figure.work is not Work.STEP)
        assert (figure.memory_mb is not None) == (
            (figure.runtime, figure.work) == (OURS, Work.TRAINING)
        )


def made_up(processes=3):
    """Figures of all runtimes and sizes in which a GRU takes 0.8 of the LSTM's time."""
    figures = []
    for runtime in runtime_figures.RUNTIMES:
        for cell in MAIN_CELLS:
            for work in Work:
                if (runtime, cell) == (PYTORCH, "gru") or (runtime, work) == (
                    ONNX_RUNTIME,
                    Work.TRAINING,
                ):
                    continue
                for size in runtime_figures.SIZES:
                    ratio = {"gru": 0.8, "lstm": 1.0, "rnn": 0.4}.get(cell, 1.0)
                    spread = np.linspace(0.99, 1.01, processes)
                    figures.append(
                        runtime_figures._figure(
                            [
                                Sample(runtime, cell, work, size, 1e4 * ratio, 2e4, ratio * s, None)
                                for s in spread
                            ]
                        )
                    )
    return RuntimeFigures(
        created="2026-01-31T12:00:00Z",
        environment={"processor": "A processor, 2 cores", "versions": {"jax": "0.10.2"}},
        load_before=0.1,
        input_size=32,
        time=100,
        batch=32,
        cores={Work.TRAINING: 2, Work.SEQUENCE: 1, Work.STEP: 1},
        processes=processes,
        figures=figures,
    )


def test_the_tables_fit_80_columns_and_say_what_is_not_there(capsys):
    figures = made_up()
    runtime_tables.print_runtimes(figures, Console(width=80))
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    assert "PyTorch has no textbook GRU" in " ".join(printed.split())
    training = runtime_tables.rows(figures, Work.TRAINING, full=False)
    assert ("gru-bench", "lstm", *["10.0 ms"] * 6) in training
    assert ("gru-bench", "gru", *["0.80"] * 6) in training
    assert ("gru-bench", "gru_reset_after", *["1.00="] * 6) in training
    assert ("PyTorch", "gru", *["-"] * 6) in training
    assert not any(row[0] == ONNX_RUNTIME for row in training)


def test_what_is_written_is_read_again(tmp_path):
    figures = made_up()
    path = tmp_path / "new" / "runtimes.json"
    runtime_tables.write_runtimes(figures, path)
    assert read_runtimes(path) == figures
    text = path.with_suffix(".md").read_text()
    assert "| gru-bench | gru | 0.80 [0.78, 0.82] |" in text
    assert "![Time over the LSTM's](runtimes.png)" in text
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    path.write_text("{}")
    with pytest.raises(UserError, match=r"runtimes.json cannot be read: .*speed --runtimes"):
        read_runtimes(path)


def test_a_runtime_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(runtime_figures, "NEEDED", ("onnx", "no_such_runtime"))
    with pytest.raises(UserError, match=r"needs no_such_runtime: pip install '.\[runtimes\]'"):
        measure_runtimes(1)


def test_an_interval_of_a_ratio_is_over_processes():
    found = over_processes.ratio_interval([0.5, 2.0])
    assert found.estimate == pytest.approx(1)
    assert math.log(found.high) == pytest.approx(12.706 * math.log(2), rel=1e-3)
    assert found.low * found.high == pytest.approx(1)
    assert over_processes.ratio_interval([0.5]) == Interval(0.5, None, None)


def test_each_process_has_an_order_of_its_own():
    orders = {tuple(over_processes.shuffled("abcd", number)) for number in range(5)}
    assert len(orders) > 1
    assert all(sorted(order) == list("abcd") for order in orders)


def whoami(number, word):
    return number, word, os.getpid()


def test_a_function_is_called_in_processes_of_its_own():
    found = over_processes.in_processes(whoami, "word", processes=2)
    assert [each[:2] for each in found] == [(0, "word"), (1, "word")]
    assert len({os.getpid(), *(pid for _, _, pid in found)}) == 3
