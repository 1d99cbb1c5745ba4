"""Costs against the length of sequences: measured, joined, shown, and where they cross."""

import pytest

from gru_bench.benchmark import lengths
from gru_bench.benchmark.crossings import crossing, in_words, joined_crossing
from gru_bench.benchmark.lengths import (
    ATTENTION,
    CONTESTANTS,
    GRU,
    LOOP,
    MEMORY,
    PARALLEL,
    STATE,
    STEP,
    STREAM,
    contestants,
    joined,
    measure_case,
)
from gru_bench.cli.main import main
from gru_bench.measuring.over_processes import ratio_interval
from gru_bench.model.counts import stack_parameters


def test_a_crossing_is_interpolated_between_logarithms():
    # log2 of the ratio is -1 at 64 steps and 1 at 256: it is 0 at 128.
    where, length = crossing([64, 256, 1024], [0.5, 2.0, 4.0])
    assert where == "from"
    assert length == pytest.approx(128)
    where, length = crossing([64, 256, 1024], [4.0, 2.0, 1 / 8])
    assert where == "up to"
    assert length == pytest.approx(256 * 2 ** (2 / 4))
    assert crossing([64, 256], [1.1, 2.0]) == ("always", None)
    assert crossing([64, 256], [0.1, 0.9]) == ("never", None)
    assert crossing([64, 128, 256], [0.5, 2.0, 0.5]) == ("unclear", None)


def test_a_crossing_over_processes_has_an_interval_unless_they_differ():
    found = joined_crossing([64, 256], [[0.5, 2.0], [0.25, 2.0]])
    wanted = ratio_interval([128.0, 64 * 4 ** (2 / 3)])
    assert found == {"where": "from", "length": pytest.approx(vars(wanted))}
    words = in_words({"where": "from", "length": {"estimate": 310, "low": 280, "high": 1350}}, [64])
    assert words == "from 310 [280, 1,350] steps on"
    found = joined_crossing([64, 256], [[0.5, 2.0], [1.5, 2.0]])
    assert found == {"where": "unclear", "length": None}


def test_all_have_the_parameters_of_an_lstm():
    models = contestants()
    target = stack_parameters("lstm", 2, lengths.HIDDEN_SIZE, lengths.LAYERS)
    for model in models.values():
        counted = stack_parameters(model.cell, 2, model.hidden_size, model.layers)
        assert counted == pytest.approx(target, rel=0.03)
    assert models[PARALLEL].recurrence == "parallel"


def test_a_case_measures_every_cost_and_leaves_out_what_is_too_large(monkeypatch):
    monkeypatch.setattr(lengths, "HIDDEN_SIZE", 4)
    monkeypatch.setattr(lengths, "STEPS_OF_A_CALL", 1)
    monkeypatch.setattr(lengths, "LIMIT_S", 0.0)
    models = {name: each for name, each in contestants().items() if name in (GRU, ATTENTION)}
    found = measure_case(models, 9)
    assert found.keys() == {STEP, MEMORY, STREAM, STATE}
    assert all(each > 0 for quantity in found.values() for each in quantity.values())
    assert found[STATE][GRU] == 2 * 4 * models[GRU].hidden_size / 1000
    between = (found[MEMORY][GRU] + found[MEMORY][ATTENTION]) / 2
    assert found[MEMORY][GRU] < between
    monkeypatch.setattr(lengths, "memory_bytes", lambda: 1e6 * between / lengths.SHARE_OF_MEMORY)
    found = measure_case(models, 9)
    assert found[STEP][ATTENTION] is None
    assert found[STEP][GRU] > 0


def sample(attention, gru=2.0):
    quantities = dict.fromkeys(CONTESTANTS, 1.5) | {GRU: gru, ATTENTION: attention}
    return dict.fromkeys((STEP, MEMORY, STREAM, STATE), quantities)


def test_what_is_not_measured_is_left_out_of_crossings():
    found = joined([64, 256, 1024], [[sample(1.0), sample(4.0), sample(None)]])
    assert found["cases"][2][STEP][ATTENTION] is None
    (crossed,) = (
        each
        for each in found["crossings"]
        if (each["quantity"], each["of"], each["to"]) == (STEP, ATTENTION, GRU)
    )
    assert crossed["length"]["estimate"] == pytest.approx(128)
    assert not [e for e in found["crossings"] if e["of"] == PARALLEL and e["quantity"] == STREAM]
    assert [e["where"] for e in found["crossings"] if e["of"] == LOOP] == ["never"] * 4


def test_the_command_prints_within_80_columns_and_writes_tables_and_a_picture(
    monkeypatch, tmp_path, capsys
):
    def measured(function, asked, processes, progress):
        assert asked == [64, 256, 512, 1024, 2048, 4096, 8192]
        return [
            [sample(12345.0 + number if length > 64 else 1.1 + number / 10) for length in asked]
            for number in range(processes)
        ]

    monkeypatch.setattr(lengths, "in_processes", measured)
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "new" / "lengths.json"
    words = ["speed", "--lengths", "8192,256,64,512,1024,2048,4096", "--processes", "2"]
    assert main([*words, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines()[:-1])) <= 80
    assert "…" not in printed
    text = out.with_suffix(".md").read_text()
    assert "| attention | gru | training step | from 70 [64, 75] steps on" in text
    assert "| gru | 2.00 [2.00, 2.00] |" in text
    assert out.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"


def test_attention_is_no_layer_of_the_table_of_libraries(capsys):
    assert main(["speed", "--cell", "attention"]) == 2
    assert "--lengths times it beside cells" in capsys.readouterr().err
