"""What is seen of trained cells, against the functions it is made of, run by run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.reference import CELLS

from gru_bench.analysis.gates import gate_statistics
from gru_bench.analysis.gradients import gradient_flow
from gru_bench.analysis.probes import LONGER_BATCHES, evenly_spaced, full_batch, probe
from gru_bench.config.optim import OptimConfig
from gru_bench.model.model import ModelConfig, make_model
from gru_bench.tasks.adding import AddingTask
from gru_bench.tasks.counting import CountingTask
from gru_bench.training.state import TrainConfig, seed_keys
from gru_bench.training.step import evaluate_items, init_state

SEEDS = [3, 8]
TASK = AddingTask(length=6, batch_size=40)


def make_config(cell="gru", **options):
    return TrainConfig(ModelConfig(cell, 2, 1, 4, **options), OptimConfig(), 10, 5)


def initial(config, task, further=0):
    """Parameters before training, one set a run."""
    runs = [init_state(config, task, jnp.int32(seed + further), jnp.float32(0)) for seed in SEEDS]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *(run.params for run in runs))


def trained(config, task):
    """Parameters as training might leave them, one set a run."""
    return initial(config, task, further=100)


@pytest.mark.parametrize("layers", [1, 2])
def test_gradients_are_those_of_each_run_before_and_after_training(layers):
    config = make_config(layers=layers)
    params = trained(config, TASK)
    found = probe(config, TASK, SEEDS, initial(config, TASK), params).gradients
    assert found.distance == list(range(6))
    for i, seed in enumerate(SEEDS):
        items = TASK.evaluation(seed_keys(seed).evaluation_data, "test")
        batch = TASK.batch(jax.tree.map(lambda leaf: leaf[0], items))
        before = init_state(config, TASK, jnp.int32(seed), jnp.float32(0)).params
        last = jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf[i]), params)
        for norms, tree in ((found.initial[i], before), (found.trained[i], last)):
            model = make_model(config.model, tree)
            expected = gradient_flow(model, TASK, batch)
            np.testing.assert_allclose(norms, expected / expected[0], rtol=1e-5)
            direct = found.of(norms is found.trained[i], is_direct=True)[i]
            direct_part = gradient_flow(model, TASK, batch, direct=True)
            np.testing.assert_allclose(direct, direct_part / expected[0], rtol=1e-5)
            assert direct != norms
            assert (direct[0] == 1) == (layers == 1)
    assert found.initial != found.trained


def test_attention_has_no_direct_part():
    config = make_config("attention")
    found = probe(config, TASK, SEEDS, initial(config, TASK), trained(config, TASK)).gradients
    assert found.initial_direct is found.trained_direct is None
    assert np.isfinite(found.trained).all()


def test_longer_sequences_are_scored_with_the_trained_parameters():
    config = make_config("lstm")
    params = trained(config, TASK)
    found = probe(config, TASK, SEEDS, initial(config, TASK), params).lengths
    assert (found.multiple, found.length) == ([1, 2, 4], [6, 12, 24])
    for length, scores in zip(found.length, found.scores, strict=True):
        task = AddingTask(length=length, batch_size=40)
        for i, seed in enumerate(SEEDS):
            items = task.evaluation(seed_keys(seed).evaluation_data, "test")
            some = jax.tree.map(lambda leaf: leaf[:LONGER_BATCHES], items)
            tree = jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf[i]), params)
            expected = evaluate_items(config, tree, task, some)["mse"]
            np.testing.assert_allclose(scores[i], expected, rtol=1e-5)
    assert np.unique(found.scores).size == 6


def test_gates_are_means_over_the_runs():
    config = make_config("lstm", layers=2)
    params = trained(config, TASK)
    found = probe(config, TASK, SEEDS, initial(config, TASK), params).gates
    assert len(found) == 2
    expected = []
    for i, seed in enumerate(SEEDS):
        batch = full_batch(TASK, TASK.evaluation(seed_keys(seed).evaluation_data, "test"))
        tree = jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf[i]), params)
        expected.append(gate_statistics(make_model(config.model, tree), batch)[1])
    assert sorted(found[1]) == ["input", "kept", "output"]
    for name, gate in found[1].items():
        assert gate.step == list(range(6))
        by_step = np.mean([statistics[name].by_step for statistics in expected], 0)
        np.testing.assert_allclose(gate.by_step, by_step, rtol=1e-5)
        by_unit = np.mean([np.sort(statistics[name].by_unit) for statistics in expected], 0)
        np.testing.assert_allclose(gate.by_unit, by_unit, rtol=1e-5)
        assert sum(gate.histogram) == pytest.approx(1)


@pytest.mark.parametrize("cell", CELLS)
def test_gates_of_each_cell_at_their_ends(cell):
    config = make_config(cell)
    seen = probe(config, TASK, SEEDS, initial(config, TASK), trained(config, TASK))
    ends = seen.gate_ends
    if cell == "rnn":
        assert ends is None
        assert seen.gates == [{}]
        return
    assert ends.kept == ends.replaced == 0.0
    if cell == "lstm":
        assert ends.z_kept is ends.reset_shut is None
        return
    assert (ends.z_kept, ends.z_replaced) == ((0, 1) if cell == "gru" else (1, 0))
    assert ends.reset_shut == pytest.approx(0, abs=1e-6)  # in float32
    assert ends.reset_open > 0.01


def test_a_task_of_one_length_has_no_longer_sequences_and_its_batch_is_real():
    task = CountingTask(max_n=3, test_max_n=12, batch_size=4)
    config = TrainConfig(ModelConfig("gru", 3, 3, 4, readout="every"), OptimConfig(), 10, 5)
    seen = probe(config, task, SEEDS, initial(config, task), trained(config, task))
    assert seen.lengths is None
    # The first batch of its test data has no string of the split.
    batch = full_batch(task, task.evaluation(jax.random.key(0), "test"))
    np.testing.assert_array_equal(batch.lengths, [19, 21, 23, 25])
    np.testing.assert_array_equal(batch.weights, 1)
    assert np.isfinite(seen.gradients.trained).all()


def test_points_are_even_and_reach_both_ends():
    np.testing.assert_array_equal(evenly_spaced(5), range(5))
    np.testing.assert_array_equal(evenly_spaced(201), range(0, 201, 2))
    assert evenly_spaced(1000)[[0, -1]].tolist() == [0, 999]
