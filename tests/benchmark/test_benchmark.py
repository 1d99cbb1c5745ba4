"""The benchmark: the contestants compute the same, and its figures follow from what was timed."""

import signal
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from gru_bench.benchmark import end_to_end, layer, layer_processes, peers, torch_loop
from gru_bench.benchmark.peers import (
    ONNX_RUNTIME,
    OURS,
    SCAN,
    SPLIT_SCAN,
    make_contestants,
    make_layers,
)
from gru_bench.benchmark.shape import Shape
from gru_bench.benchmark.workloads import Adding
from gru_bench.cells.builtin import CELLS
from gru_bench.config.cell import MAIN_CELLS
from gru_bench.measuring.over_processes import ratio_interval

SHAPE = Shape(batch=4, time=5, input_size=3, hidden_size=2)


@pytest.fixture(autouse=True)
def as_other_libraries_need_it():
    """Some of them stretch arrays to more axes unasked, where they are installed."""
    with jax.numpy_rank_promotion("allow"):
        yield


def test_our_layer_and_the_plain_scan_are_one_function():
    for cell in MAIN_CELLS:
        layers = make_layers(cell, SHAPE)
        x = jax.random.normal(jax.random.key(0), (5, 4, 3))
        ours = layers[OURS].apply(layers[OURS].params, x)
        scan = layers[SCAN].apply(layers[SCAN].params, x)
        np.testing.assert_allclose(ours, scan, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", MAIN_CELLS)
def test_every_layer_has_the_same_outputs_and_weights_but_for_a_second_bias(cell):
    columns = sum(CELLS[cell].products) * SHAPE.hidden_size
    one_bias = columns * (3 + 2 + 1)
    for name, made in make_layers(cell, SHAPE).items():
        sizes = (5, 4) if made.batch_axis == 1 else (4, 5)
        assert made.apply(made.params, jnp.ones((*sizes, 3))).shape == (*sizes, 2), name
        assert one_bias <= sum(leaf.size for leaf in jax.tree.leaves(made.params)), name
        assert sum(leaf.size for leaf in jax.tree.leaves(made.params)) <= one_bias + columns, name


def test_the_peers_of_a_cell():
    names = set(make_contestants("gru_reset_after", SHAPE))
    assert {OURS, SCAN, "flax.nnx.RNN(GRUCell)", "torch.nn.GRU"} <= names
    textbook = make_contestants("gru", SHAPE)
    assert "torch.nn.GRU" not in textbook  # it has the other GRU only
    assert textbook[ONNX_RUNTIME].train is None


def test_where_there_is_a_choice_of_paths_ours_is_the_fastest_and_the_others_compete(monkeypatch):
    monkeypatch.setattr(peers, "recurrence_times", lambda *_, **__: {"scan": 2.0, "fused": 1.0})
    layers = make_layers("rnn", SHAPE)
    assert list(layers)[:3] == [OURS, f"{OURS}, scan", f"{OURS}, fused"]
    assert layers[OURS] is layers[f"{OURS}, fused"]
    x = jax.random.normal(jax.random.key(0), (5, 4, 3))
    fused, scan = (layers[f"{OURS}, {path}"] for path in ("fused", "scan"))
    np.testing.assert_allclose(fused.apply(fused.params, x), scan.apply(scan.params, x), rtol=1e-5)
    seconds = {name: np.array([[2.0]]) for name in (*layers, SCAN, SPLIT_SCAN)}
    seconds[f"{OURS}, fused"] = np.array([[1.0]])  # no peer of ours
    assert layer.summarise_race(seconds, 1)["best_peer"] == SCAN


def test_contestants_train_and_infer():
    for contestant in make_contestants("rnn", SHAPE).values():
        if contestant.train is not None:
            contestant.train()
        contestant.infer()


def test_the_ratio_is_taken_within_each_round_and_to_the_best_peer():
    seconds = {
        OURS: np.array([[1.0], [2.0], [10.0]]),
        "slow": np.array([[9.0], [9.0], [90.0]]),
        "fast": np.array([[2.0], [4.0], [20.0]]),
        SPLIT_SCAN: np.array([[1.5], [3.0], [15.0]]),
    }
    result = layer.summarise_race(seconds, scale=500)
    assert result["best_peer"] == "fast"
    assert result["faster"] == {"median": 2.0, "low": 2.0, "high": 2.0}
    assert result["faster_than_split_scan"]["median"] == 1.5
    assert result["contestants"][OURS] == {"median_ms": 1000, "low_ms": 750, "high_ms": 3000}


def test_intervals_are_over_processes_and_the_best_peer_is_that_of_all():
    def process(ours, flax, torch):
        seconds = {OURS: ours, "flax": flax, "torch": torch, SPLIT_SCAN: 2.0}
        race = {name: np.array([[value]] * 3) for name, value in seconds.items()}
        case = layer.summarise_race(race, scale=1000)
        for figures in case["contestants"].values():
            figures["gflops"] = 1.0
        return {"matrix_product_gflops": ours, "cases": [{"cell": "gru"} | case]}

    # Flax is the best peer of the second process alone.
    joined = layer_processes.joined([process(1.0, 4.0, 2.0), process(1.0, 3.0, 3.1)])
    (case,) = joined["cases"]
    assert (joined["processes"], joined["matrix_product_gflops"]) == (2, 1.0)
    assert case["best_peer"] == "torch"
    expected = ratio_interval([2.0, 3.1])
    assert case["faster"] == pytest.approx(
        {"median": expected.estimate, "low": expected.low, "high": expected.high}
    )
    assert case["contestants"]["flax"]["median_ms"] == pytest.approx(1000 * np.sqrt(12))


def test_a_grid_is_measured_printed_and_written(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(layer.GRIDS, "quick", [SHAPE])
    monkeypatch.setattr(layer, "MAIN_CELLS", ("rnn",))
    monkeypatch.setattr(layer, "PRODUCT_SIZE", 64)
    result = layer.measure_speed("quick")
    assert [case["work"] for case in result["cases"]] == [layer.TRAIN, layer.INFER]
    assert result["matrix_product_gflops"] > 0
    ours = result["cases"][0]["contestants"][OURS]
    # (2 * 2 * 3 * 2 of the inputs + 3 * 2 * 2 * 2 of the state) a step and sequence
    flops = ours["gflops"] * ours["median_ms"] * 1e6
    assert flops == pytest.approx(4 * 5 * (2 * 2 * 3 * 2 + 3 * 2 * 2 * 2))
    layer.write(result, layer.as_markdown(result), tmp_path / "new" / "layer.json")
    assert "| rnn | 4 x 5 x 3 x 2 |" in (tmp_path / "new" / "layer.md").read_text()
    layer.print_speed(result, Console(width=80))
    printed = capsys.readouterr().out
    assert "Training step" in printed
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert layer.rows(result, layer.TRAIN)[0][6] in printed  # the ratio with its quartiles


def test_end_to_end(monkeypatch, capsys):
    monkeypatch.setattr(end_to_end, "COMPARED", ("rnn",))
    monkeypatch.setattr(end_to_end, "SEEDS", range(2))
    result = end_to_end.measure_end_to_end(Adding(hidden_size=4, steps=2), compiled=False)
    assert jax.config.jax_enable_compilation_cache  # type: ignore[attr-defined]  # as before
    seconds = result["cells"]["rnn"]
    assert 0 < seconds["gru-bench without compilation"] < seconds["gru-bench"]
    assert seconds["PyTorch"] > 0
    headings, *body = end_to_end.rows(result)
    assert [row[0] for row in body] == ["rnn", "all"]
    assert len({len(row) for row in (headings, *body)}) == 1
    end_to_end.print_end_to_end(result, Console(width=80))
    ratios = [f"{seconds['PyTorch'] / ours:.2f}" for ours in list(seconds.values())[:2]]
    assert list(body[0][-2:]) == ratios
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    printed = " ".join(" ".join(lines).split())
    assert "hidden size 4; 2 seeds a cell, 2 updates each" in printed
    assert end_to_end.as_markdown(result).startswith("| cell |")


@pytest.mark.parametrize(
    ("train", "text"),
    [
        (lambda: time.sleep(30), "given up after 0 s"),
        (lambda: int("no number"), "does not work here: ValueError"),
    ],
)
def test_torch_compile_is_given_up_where_it_takes_too_long_or_fails(monkeypatch, train, text):
    monkeypatch.setattr(torch_loop, "train_in_torch", lambda *_: train())
    before = signal.getsignal(signal.SIGALRM)
    assert end_to_end._compiled_seconds("rnn", Adding(hidden_size=4, steps=2), limit_s=0.2) == text
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
