"""Training: against a loop written by hand, and what a population does to each of its runs."""

import dataclasses
import functools
import re

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import optax
import pytest
from flax import nnx

from gru_bench.config.optim import OptimConfig
from gru_bench.model.model import Model, ModelConfig
from gru_bench.tasks.adding import AddingTask
from gru_bench.tasks.base import SPLITS
from gru_bench.tasks.classification import make_classification
from gru_bench.tasks.copy import CopyTask
from gru_bench.training.devices import devices_per_member, over_members
from gru_bench.training.fit import fit
from gru_bench.training.optimizer import learning_rate_schedule, make_optimizer
from gru_bench.training.state import NEVER, TrainConfig, TrainState, seed_keys
from gru_bench.training.step import evaluate, init_state, sum_tallies, train_chunk

TASK = AddingTask(length=10, batch_size=32)
GRU = ModelConfig("gru", input_size=2, output_size=1, hidden_size=16)
CONFIG = TrainConfig(GRU, OptimConfig(), steps=450, evaluate_every=100)
SEEDS, RATES = (0, 0, 1, 1), (0.01, 0.002, 0.01, 0.002)


FITS = {}


def fitted(config=CONFIG, seeds=SEEDS, rates=RATES, task=TASK):
    """A fit, made once for all tests that look at it."""
    key = repr((config, seeds, rates, task, jax.config.values["jax_disable_most_optimizations"]))
    if key not in FITS:
        seen = []
        FITS[key] = fit(config, task, seeds, rates, seen.append)
        assert [id(one) for one in seen] == [id(one) for one in FITS[key].evaluations]
    return FITS[key]


def curve(result, name):
    """`[evaluation, run]` of a validation score, or of a field of the evaluations."""
    return np.stack(
        [
            evaluation.scores[name] if name in evaluation.scores else getattr(evaluation, name)
            for evaluation in result.evaluations
        ]
    )


def assert_same_run(result, i, other, j):
    """Bit for bit the same curves, marks, scores and parameters."""
    for mark in ("steps", "best_step", "solved_step", "diverged_step"):
        assert getattr(result, mark)[i] == getattr(other, mark)[j], mark
    evaluations = min(len(result.evaluations), len(other.evaluations))
    for name in ("mse", "train_loss", "gradient_norm", "learning_rate", "steps"):
        one, two = curve(result, name)[:, i], curve(other, name)[:, j]
        np.testing.assert_array_equal(one[:evaluations], two[:evaluations], err_msg=name)
    for split in SPLITS:
        for name, values in result.scores[split].items():
            assert values[i] == other.scores[split][name][j], (split, name)
    jax.tree.map(
        lambda one, two: np.testing.assert_array_equal(one[i], two[j]), result.params, other.params
    )


# One run, against a loop written by hand


def by_hand(config, task, seed, optimizer, steps):
    """Losses and gradient norms of each step, and the parameters after the last."""
    key = jax.random.key(seed)
    run = init_state(config, task, jnp.int32(seed), jnp.float32(0))
    graph = nnx.graphdef(Model(config.model, rngs=nnx.Rngs(0)))
    assert not jnp.array_equal(jax.random.key_data(run.data_key), jax.random.key_data(key))

    @jax.jit
    def step(params, opt_state, item):
        def loss(params):
            batch = task.batch(item)
            outputs = nnx.merge(graph, params)(batch.inputs, batch.lengths)
            return jnp.square(outputs[:, 0] - batch.targets).mean()

        value, gradient = jax.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        norm = jnp.sqrt(sum(jnp.square(leaf).sum() for leaf in jax.tree.leaves(gradient)))
        return optax.apply_updates(params, updates), opt_state, value, norm

    params, opt_state = run.params, optimizer.init(run.params)
    losses, norms = [], []
    for item in task.schedule(run.data_key, jnp.int32(0), steps):
        params, opt_state, loss, norm = step(params, opt_state, item)
        losses.append(float(loss))
        norms.append(float(norm))
    return losses, norms, params


def test_steps_equal_a_loop_by_hand_to_the_last_one():
    """25 steps in chunks of 10: the last chunk stops in its middle."""
    optim = OptimConfig(
        "adamw", schedule="cosine", warmup_steps=5, weight_decay=0.01, clip_norm=0.05
    )
    config = TrainConfig(GRU, optim, steps=25, evaluate_every=10)
    result = fitted(config, (3,), (0.01,))
    rates = optax.warmup_cosine_decay_schedule(0.0, 0.01, 5, 25)
    optimizer = optax.chain(optax.clip_by_global_norm(0.05), optax.adamw(rates, weight_decay=0.01))
    losses, norms, params = by_hand(config, TASK, 3, optimizer, 25)
    assert result.steps == [25]
    assert [evaluation.step for evaluation in result.evaluations] == [10, 20, 25]
    np.testing.assert_array_equal(curve(result, "steps")[:, 0], [10, 20, 25])
    np.testing.assert_array_equal(curve(result, "active")[:, 0], [True, True, False])
    chunks = [slice(0, 10), slice(10, 20), slice(20, 25)]
    for name, values in (("train_loss", losses), ("gradient_norm", norms)):
        expected = [np.mean(values[chunk]) for chunk in chunks]
        np.testing.assert_allclose(curve(result, name)[:, 0], expected, rtol=1e-4)
    expected = [rates(step) for step in (10, 20, 25)]
    np.testing.assert_allclose(curve(result, "learning_rate")[:, 0], expected, rtol=1e-5, atol=1e-9)
    assert max(norms) > 0.05  # so that clipping took place
    assert result.best_step == [25]
    for found, right in zip(jax.tree.leaves(result.params), jax.tree.leaves(params), strict=True):
        np.testing.assert_allclose(found[0], right, rtol=1e-3, atol=1e-5)


def gradients_of(steps):
    random = np.random.default_rng(0)
    return [{"w": random.normal(size=3), "b": random.normal(size=2)} for _ in range(steps)]


PARAMETERS = {"w": np.array([1.0, -2.0, 0.5]), "b": np.array([0.1, 3.0])}


def adam(g, s, t, rate, decay=0.0, w=0.0):
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    m, v = s["m"] / (1 - 0.9**t), s["v"] / (1 - 0.999**t)
    return -rate * (m / (np.sqrt(v) + 1e-8) + decay * w)


def sgd(g, s, t, rate, momentum):
    s["m"] = momentum * s.get("m", 0) + g
    return -rate * s["m"]


def rmsprop(g, s, t, rate, momentum):
    s["v"] = 0.9 * s.get("v", 0) + 0.1 * g**2
    s["m"] = momentum * s.get("m", 0) + rate * g / np.sqrt(s["v"] + 1e-8)
    return -s["m"]


UPDATES = {
    "adam": (OptimConfig("adam", clip_norm=None), lambda w, *a: adam(*a)),
    "adamw": (
        OptimConfig("adamw", weight_decay=0.1, clip_norm=None),
        lambda w, *a: adam(*a, decay=0.1, w=w),
    ),
    "sgd": (OptimConfig("sgd", clip_norm=None), lambda w, *a: sgd(*a, momentum=0.0)),
    "sgd with momentum": (
        OptimConfig("sgd", momentum=0.9, clip_norm=None),
        lambda w, *a: sgd(*a, momentum=0.9),
    ),
    "rmsprop": (OptimConfig("rmsprop", clip_norm=None), lambda w, *a: rmsprop(*a, momentum=0.0)),
    "rmsprop with momentum": (
        OptimConfig("rmsprop", momentum=0.8, clip_norm=None),
        lambda w, *a: rmsprop(*a, momentum=0.8),
    ),
}


@pytest.mark.parametrize("clip_norm", [None, 1.5])
@pytest.mark.parametrize("name", UPDATES)
def test_updates_equal_their_formulas(name, clip_norm):
    optim, formula = UPDATES[name]
    optim = dataclasses.replace(optim, clip_norm=clip_norm)
    optimizer = make_optimizer(optim, jnp.float32(0.05), 6)
    params = jax.tree.map(jnp.float32, PARAMETERS)
    opt_state, update = optimizer.init(params), jax.jit(optimizer.update)
    expected, states = dict(PARAMETERS), {"w": {}, "b": {}}
    for t, gradient in enumerate(gradients_of(6), start=1):
        updates, opt_state = update(jax.tree.map(jnp.float32, gradient), opt_state, params)
        params = optax.apply_updates(params, updates)
        norm = np.sqrt(sum((g**2).sum() for g in gradient.values()))
        scale = 1.0 if clip_norm is None else min(1.0, clip_norm / norm)
        for key, g in gradient.items():
            expected[key] = expected[key] + formula(expected[key], scale * g, states[key], t, 0.05)
        for key, value in expected.items():
            np.testing.assert_allclose(params[key], value, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("warmup", [0, 10])
@pytest.mark.parametrize(
    ("schedule", "shape"),
    [
        ("constant", lambda share: 1.0),
        ("linear", lambda share: 1 - share),
        ("cosine", lambda share: (1 + np.cos(np.pi * share)) / 2),
    ],
)
def test_schedules_warm_up_and_end_with_the_last_step(schedule, shape, warmup):
    steps = 50
    factor = learning_rate_schedule(OptimConfig(schedule=schedule, warmup_steps=warmup), steps)
    found = [float(factor(step)) for step in range(steps + 1)]
    expected = [
        step / warmup if step < warmup else shape((step - warmup) / (steps - warmup))
        for step in range(steps + 1)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-6)


# What is learnt


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_adding_is_learnt(cell):
    config = dataclasses.replace(CONFIG, model=dataclasses.replace(GRU, cell=cell))
    result = fitted(config)
    mse = result.scores["test"]["mse"]
    assert result.evaluations[0].scores["mse"].max() > 0.05
    assert (mse[[0, 2]] < 0.02).all(), mse  # the larger learning rate
    assert (mse < TASK.score.baseline).all(), mse


@pytest.mark.slow
@pytest.mark.optimised
def test_copying_is_learnt_in_bfloat16_at_every_step():
    task = CopyTask(lag=1, batch_size=32)
    model = ModelConfig("gru", 10, 9, 32, readout="every", dtype="bfloat16")
    config = TrainConfig(model, OptimConfig(), steps=600, evaluate_every=300)
    result = fitted(config, (0,), (0.01,), task)
    assert result.scores["test"]["loss"][0] < 0.85 * task.memoryless_loss
    assert result.scores["test"]["recall_accuracy"][0] > 0.25  # chance is 0.125
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(result.params))


# A population


@pytest.mark.slow
@pytest.mark.optimised
@pytest.mark.parametrize("i", [0, 3])  # one of each device
def test_a_run_is_the_same_alone_as_in_a_population(i, monkeypatch):
    """To the last bit, where its batches are not shared."""
    monkeypatch.setattr("gru_bench.training.fit.devices_per_member", lambda *_: 1)
    config = dataclasses.replace(CONFIG, steps=250)  # the last chunk stops in its middle
    alone = fit(config, TASK, SEEDS[i : i + 1], RATES[i : i + 1])
    assert_same_run(fitted(config), i, alone, 0)


@pytest.mark.parametrize(
    ("task", "model"),
    [
        (TASK, GRU),
        (CopyTask(lag=1, batch_size=32), ModelConfig("lstm", 10, 9, 16, readout="every")),
    ],
)
def test_devices_that_share_the_batches_of_a_run_follow_the_same_curve(task, model, monkeypatch):
    """Up to the order of float32 sums: for 100 steps to five digits, then within one percent."""
    config = TrainConfig(model, OptimConfig(), steps=300, evaluate_every=100)
    assert devices_per_member(config, 1, 32) == 2
    shared = fit(config, task, (3,), (0.005,))
    monkeypatch.setattr("gru_bench.training.fit.devices_per_member", lambda *_: 1)
    alone = fit(config, task, (3,), (0.005,))
    for name in ("loss", "train_loss", "gradient_norm"):
        one, other = curve(shared, name), curve(alone, name)
        np.testing.assert_allclose(one[0], other[0], rtol=1e-5)
        np.testing.assert_allclose(one, other, rtol=0.01)
    for split in SPLITS:
        for name, values in shared.scores[split].items():
            np.testing.assert_allclose(values, alone.scores[split][name], rtol=0.01)


@pytest.mark.parametrize(
    ("hidden_size", "runs", "batch_size", "devices", "shared"),
    [
        (128, 1, 32, 2, 2),
        (128, 2, 32, 2, 1),  # a device each
        (128, 1, 33, 2, 1),  # no halves of a batch
        (128, 5, 50, 2, 2),  # five turns of halves take less than three of wholes
        (8, 5, 50, 2, 1),  # not so where most of the time does not depend on the batch
        (8, 3, 50, 2, 1),
        (128, 1, 50, 16, 2),
        (128, 5, 32, 16, 8),
        (8, 5, 32, 16, 2),
    ],
)
def test_devices_that_a_run_takes(hidden_size, runs, batch_size, devices, shared, monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: devices)
    config = TrainConfig(ModelConfig("lstm", 2, 1, hidden_size), OptimConfig(), 1, 1)
    assert devices_per_member(config, runs, batch_size) == shared


def test_no_factorisation_is_batched_and_training_has_none():
    """LAPACK's batches wait for the threads that they run in."""
    runs = (jnp.arange(3), jnp.ones(3))
    init = functools.partial(
        over_members, lambda seed, rate, task: init_state(CONFIG, task, seed, rate)
    )
    program = jax.jit(init).lower(*runs, TASK).as_text()
    assert program.count("@lapack_sgeqrf_ffi") > 0
    assert set(re.findall(r'num_batch_dims = "(\d+)"', program)) == {"0"}

    advance = functools.partial(over_members, functools.partial(train_chunk, CONFIG))
    program = jax.jit(advance).lower(jax.eval_shape(init, *runs, TASK), TASK).as_text()
    assert "dot_general" in program
    assert "lapack" not in program


def test_runs_differ_by_seed_and_by_learning_rate():
    losses = curve(fitted(), "mse")[-1]
    assert np.unique(losses).size == 4


def test_the_best_parameters_are_the_ones_tested():
    result = fitted()
    mse = curve(result, "mse")
    steps = np.array([evaluation.step for evaluation in result.evaluations])
    np.testing.assert_array_equal(result.best_step, steps[mse.argmin(0)])
    np.testing.assert_array_equal(result.scores["validation"]["mse"], mse.min(0))
    again = jax.jit(functools.partial(evaluate, CONFIG), static_argnames="split")
    for i, seed in enumerate(SEEDS[:3]):
        key = init_state(CONFIG, TASK, jnp.int32(seed), jnp.float32(0)).evaluation_key
        params = jax.tree.map(lambda leaf, i=i: leaf[i], result.params)
        for split in SPLITS:
            scores = again(params, TASK, key, split=split)
            for name, value in scores.items():
                np.testing.assert_allclose(
                    result.scores[split][name][i], value, rtol=1e-4, atol=1e-6
                )
    splits = [result.scores[split]["mse"] for split in SPLITS]
    assert len({tuple(values) for values in splits}) == 3


def test_what_training_began_with_is_kept():
    result = fitted()
    for i, seed in enumerate(SEEDS):
        begun = init_state(CONFIG, TASK, jnp.int32(seed), jnp.float32(0)).params
        of_member = jax.tree.map(lambda leaf, i=i: leaf[i], result.initial)
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), of_member, begun)


def test_time_runs_on_and_compilation_is_apart():
    result = fitted()
    times = [evaluation.time_s for evaluation in result.evaluations]
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] <= result.train_s
    assert result.compile_s > 0


# Stopping

NOISY = dataclasses.replace(CONFIG, steps=200, evaluate_every=10)
NOISY_RUNS = ((0, 1, 2), (0.05, 0.01, 0.1))  # an uneven number for two devices


@pytest.mark.optimised
def test_a_run_without_a_better_score_for_long_enough_stops():
    whole = fitted(NOISY, *NOISY_RUNS)
    assert len(whole.evaluations) == 20
    early = fitted(dataclasses.replace(NOISY, patience=2), *NOISY_RUNS)
    mse = curve(whole, "mse")
    stops = []
    for i in range(3):
        best, since = np.inf, 0
        made = 0
        while since < 2 and made < 20:
            score = mse[made, i]
            since = 0 if score < best else since + 1
            best = min(best, score)
            made += 1
        stops.append(10 * made)
        assert early.best_step[i] == 10 * (mse[:made, i].argmin() + 1)
        assert early.scores["validation"]["mse"][i] == best
        np.testing.assert_array_equal(curve(early, "mse")[:made, i], mse[:made, i])
    np.testing.assert_array_equal(early.steps, stops)
    assert min(stops) < 200
    assert len(set(stops)) > 1  # so that one run went on while another had stopped
    assert len(early.evaluations) == max(stops) // 10


@pytest.mark.optimised
def test_a_run_that_stopped_changes_no_more():
    early = fitted(dataclasses.replace(NOISY, patience=2), *NOISY_RUNS)
    first = int(early.steps.argmin())
    at = early.steps[first] // 10
    assert len(early.evaluations) > at
    assert not curve(early, "active")[at - 1 :, first].any()
    assert (curve(early, "steps")[at:, first] == early.steps[first]).all()
    assert (curve(early, "mse")[at:, first] == curve(early, "mse")[at - 1, first]).all()
    assert np.isnan(curve(early, "train_loss")[at:, first]).all()


EASY = AddingTask(length=2, batch_size=32)


def first_below(mse, steps):
    """The step of the first evaluation at which the task counts as solved."""
    return next((step for step, score in zip(steps, mse, strict=True) if score < 0.01), NEVER)


def test_a_solved_task_is_noted_and_the_run_goes_on():
    result = fitted()
    steps = [evaluation.step for evaluation in result.evaluations]
    expected = [first_below(mse, steps) for mse in curve(result, "mse").T]
    np.testing.assert_array_equal(result.solved_step, expected)
    assert set(expected) & {100, 200, 300, 400}  # before the end
    np.testing.assert_array_equal(result.steps, 450)


def test_a_solved_task_may_stop_the_run():
    config = TrainConfig(GRU, OptimConfig(), 200, 10, stop_when_solved=True)
    result = fitted(config, (0, 1), (0.01, 1e-5), EASY)
    solved_step = first_below(curve(result, "mse")[:, 0], range(10, 201, 10))
    assert 0 < solved_step < 200
    np.testing.assert_array_equal(result.solved_step, [solved_step, NEVER])
    np.testing.assert_array_equal(result.steps, [solved_step, 200])


def test_a_run_that_diverges_is_noted_and_leaves_the_others_alone():
    """The rest of the population is bit for bit what it is beside a run that learns."""
    optim = OptimConfig("sgd", clip_norm=None)
    config = TrainConfig(GRU, optim, steps=40, evaluate_every=20)
    with_it = fitted(config, (0, 1, 2), (0.05, 1e6, 0.02))
    without = fitted(config, (0, 1, 2), (0.05, 0.01, 0.02))
    assert_same_run(with_it, 0, without, 0)
    assert_same_run(with_it, 2, without, 2)
    losses, norms, _ = by_hand(config, TASK, 1, optax.sgd(1e6), 40)
    first = int((~(np.isfinite(losses) & np.isfinite(norms))).argmax())
    assert 0 < first < 20
    np.testing.assert_array_equal(with_it.diverged_step, [NEVER, first, NEVER])
    np.testing.assert_array_equal(with_it.steps, [40, first, 40])
    np.testing.assert_array_equal(curve(with_it, "active")[:, 1], False)
    for leaf in jax.tree.leaves(with_it.params):
        assert np.isfinite(leaf).all()


def state_of(members):
    """A state without parameters, of one member or of as many as a population has."""
    keys = jax.random.split(jax.random.key(0), members) if members else jax.random.key(0)
    shape = (members,) if members else ()
    numbers, flags = jnp.zeros(shape, jnp.int32), jnp.zeros(shape, bool)
    return TrainState(
        learning_rate=jnp.zeros(shape),
        data_key=keys,
        evaluation_key=keys,
        dropout_key=keys,
        params={},
        opt_state={},
        step=numbers,
        active=flags,
        best_params={},
        best_score=jnp.zeros(shape),
        best_step=numbers,
        evaluations_since_best=numbers,
        solved_step=numbers,
        diverged_step=numbers,
    )


@pytest.mark.parametrize("members", [None, 1, 3])
def test_every_array_of_a_state_has_an_entry_for_each_member(members):
    state = state_of(members)
    with pytest.raises(jaxtyping.TypeCheckError, match="best_step"):
        dataclasses.replace(state, best_step=jnp.zeros(2, jnp.int32))
    placeholders = jax.tree.map(lambda leaf: object(), state)  # JAX makes such trees, too
    assert len(jax.tree.leaves(placeholders)) == 11


# Pairing


def test_the_keys_of_a_seed_stay_what_they_are():
    keys = jax.random.key_data(jnp.stack(seed_keys(7)))
    base = jax.random.key(7)
    expected = [jax.random.key_data(jax.random.fold_in(base, place)) for place in range(4)]
    np.testing.assert_array_equal(keys, expected)
    assert seed_keys(7)._fields == ("initialisation", "training_data", "evaluation_data", "dropout")


def test_the_data_depend_on_the_seed_and_never_on_the_cell():
    def streams(seed, **model):
        config = dataclasses.replace(CONFIG, model=dataclasses.replace(GRU, **model))
        run = init_state(config, TASK, jnp.int32(seed), jnp.float32(0.01))
        return tuple(
            tuple(jax.random.key_data(key).tolist()) for key in (run.data_key, run.evaluation_key)
        )

    gru, lstm, deep = streams(0), streams(0, cell="lstm"), streams(0, layers=2, hidden_size=3)
    assert gru == lstm == deep
    assert len({*gru, *streams(1), *streams(2)}) == 6


def test_cells_are_scored_on_the_same_sequences():
    """A model whose head is all zeros predicts 0: its score is that of the data alone."""

    def score(cell):
        config = dataclasses.replace(CONFIG, model=dataclasses.replace(GRU, cell=cell))
        run = init_state(config, TASK, jnp.int32(4), jnp.float32(0))
        zeros = jax.tree.map(jnp.zeros_like, run.params)
        compiled = jax.jit(lambda key: evaluate(config, zeros, TASK, key, "test"))
        return compiled(run.evaluation_key)["mse"]

    assert score("gru") == score("lstm")
    np.testing.assert_allclose(score("gru"), 7 / 6, rtol=0.05)  # E (U + U')^2


# Evaluation


@pytest.mark.optimised
def test_tallies_are_added_up_without_being_kept():
    """Each batch goes to its sum, and memory does not grow with the number of batches."""
    key = jax.random.key(0)
    task = CopyTask(lag=3, batch_size=10)
    config = dataclasses.replace(
        CONFIG, model=ModelConfig("rnn", task.input_size, task.output_size, 4, readout="every")
    )
    state = init_state(config, task, jnp.int32(0), jnp.float32(0.01))
    items = task.evaluation(key, "test")
    count = len(jax.tree.leaves(items)[0])
    wide = 10_000  # numbers in a tally, as many as a task with so many classes would have

    @jax.tree_util.register_dataclass
    @dataclasses.dataclass(frozen=True)
    class Wide(CopyTask):
        def tally(self, outputs, batch):
            tally = super().tally(outputs, batch)
            return tally | {"wide": jnp.full(wide, tally["loss"])}

    task = Wide(lag=3, batch_size=10)
    places = jnp.arange(count) % 3
    added = jax.jit(lambda places: sum_tallies(config, state.params, task, items, places, 3))
    program = added.lower(places).compile()
    sums, _ = program(places)
    singly, _ = jax.jit(
        jax.vmap(lambda place: sum_tallies(config, state.params, task, items, place, count))
    )(jnp.arange(count)[None])
    for name, values in sums.items():
        expected = np.stack([np.asarray(singly[name][0])[place::3].sum(0) for place in range(3)])
        np.testing.assert_allclose(values, expected, rtol=1e-5)
    stacked_bytes = count * wide * 4
    assert program.memory_analysis().temp_size_in_bytes < stacked_bytes / 10


def test_the_best_parameters_are_best_by_the_score_that_is_asked_for():
    rng = np.random.default_rng(0)
    classes = (rng.random(60) < 0.2).astype(int)
    sequences = [rng.normal(each, 1.5, (3, 1)) for each in classes]
    parts: dict[str, tuple[list[np.ndarray], list[int]]] = {
        split: (sequences[i : i + 20], classes[i : i + 20].tolist())
        for i, split in zip((0, 20, 40), SPLITS, strict=True)
    }
    task = make_classification(parts, 5, score="macro_f1")
    model = ModelConfig("rnn", input_size=1, output_size=2, hidden_size=4)
    result = fit(TrainConfig(model, OptimConfig(), 60, 4), task, (0, 1, 2), (0.05,) * 3)
    f1, accuracy = curve(result, "macro_f1"), curve(result, "accuracy")
    np.testing.assert_array_equal(result.best_step, 4 * (f1.argmax(0) + 1))
    np.testing.assert_allclose(result.scores["validation"]["macro_f1"], f1.max(0), rtol=1e-6)
    assert (f1.argmax(0) != accuracy.argmax(0)).any()


@pytest.mark.parametrize("trains", [True, False])
def test_an_embedding_starts_from_vectors_and_is_trained_or_not(trains):
    rng = np.random.default_rng(0)
    ids = rng.integers(2, 6, size=(30, 3))
    vectors = rng.normal(size=(6, 4)).astype(np.float32)
    vectors[[0, 1, 5]] = np.nan  # of which nothing is known
    usual = make_classification({split: ([np.zeros((1, 1))] * 2, [0, 1]) for split in SPLITS}, 2)
    task = dataclasses.replace(
        usual, inputs=jnp.asarray(ids), targets=jnp.asarray(ids[:, 0] % 2),
        lengths=jnp.full(30, 3, jnp.int32), sizes=(10, 10, 10), input_size=6, tokens=True,
        token_vectors=jnp.asarray(vectors),
    )  # fmt: skip
    model = ModelConfig("rnn", input_size=6, output_size=2, hidden_size=3, embedding_size=4)
    # Weight decay would move what has no gradient.
    optim = OptimConfig("adamw", weight_decay=0.1)
    config = TrainConfig(model, optim, 8, 4, trains_embedding=trains)
    state = init_state(config, task, jnp.int32(0), jnp.float32(0.05))
    start = np.asarray(state.params["embedding"]["embedding"].get_value())
    np.testing.assert_array_equal(start[2:5], vectors[2:5])
    assert np.isfinite(start).all()
    moments = [leaf.shape for leaf in jax.tree.leaves(state.opt_state)]
    assert ((6, 4) in moments) == trains
    program = jax.make_jaxpr(functools.partial(train_chunk, config))(state, task)
    assert (6, 4) not in {np.shape(constant) for constant in program.consts}
    result = fit(config, task, (0,), (0.05,))
    end = np.asarray(result.params["embedding"]["embedding"].get_value())[0]
    if trains:
        assert not np.isclose(end, start).all()
    else:
        np.testing.assert_array_equal(end, start)
    assert result.scores["train"]["loss"] < 0.7
