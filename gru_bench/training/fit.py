"""Training: one compiled program for a whole population of runs.

The runs of a population differ in nothing that changes a shape: their seed and their learning rate.
They are a leading axis of every array, sharded over devices and within a device mapped over.
Where all runs end sooner if CPU cores share the batches of each, they do. Steps run inside
`lax.scan`; the host wakes once a chunk, after each evaluation.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from gru_bench.config import OptimConfig
from gru_bench.model import Model, ModelConfig, count_parameters
from gru_bench.tasks.base import SPLITS, Split, Task

# What a seed's key is folded with, so that no stream depends on another, or on the cell.
INITIALISATION, TRAINING_DATA, EVALUATION_DATA = range(3)
NEVER = -1  # for the number of a step at which something happened
# What a step of time takes besides its products, in operations that a CPU core could do meanwhile:
# as measured of the built-in cells, 0.4 to 1.1 million.
STEP_OVERHEAD = 6e5


@dataclass(frozen=True)
class TrainConfig:
    """How a run is trained.

    Attributes:
        model: the model.
        optim: the optimiser; its learning rate is each run's own.
        steps: training steps.
        evaluate_every: steps between evaluations on the validation split.
        patience: evaluations without a better score after which a run stops; None to go on.
        stop_when_solved: whether a run stops once it has solved its task.
        split: devices that share each batch, on the mesh axis "batch".
    """

    model: ModelConfig
    optim: OptimConfig
    steps: int
    evaluate_every: int
    patience: int | None = None
    stop_when_solved: bool = False
    split: int = 1


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Run:
    """All that one run carries from step to step.

    `best_params` are the parameters of the best validation score so far: the ones that are tested.
    A run that is not `active` (stopped early, solved or diverged) changes no more.
    """

    learning_rate: Float[Array, ""]
    data_key: Key[Array, ""]
    evaluation_key: Key[Array, ""]
    params: PyTree[Array]
    opt_state: PyTree[Array]
    step: Int[Array, ""]
    active: Bool[Array, ""]
    best_params: PyTree[Array]
    best_score: Float[Array, ""]
    best_step: Int[Array, ""]
    evaluations_since_best: Int[Array, ""]
    solved_step: Int[Array, ""]
    diverged_step: Int[Array, ""]


@dataclass(frozen=True)
class Evaluation:
    """What the host sees of a chunk; every array has one entry a run.

    Attributes:
        step: training steps made by the runs that are still active.
        time_s: seconds of training so far, over all interruptions; compilation and what is done
            with the evaluations apart.
        steps: training steps made by each run.
        scores: validation scores by name.
        train_loss: mean over the chunk's steps; NaN for a run that made none.
        gradient_norm: likewise, before clipping.
        learning_rate: after the chunk's last step.
        active: whether the run goes on.
    """

    step: int
    time_s: float
    steps: np.ndarray
    scores: dict[str, np.ndarray]
    train_loss: np.ndarray
    gradient_norm: np.ndarray
    learning_rate: np.ndarray
    active: np.ndarray


@dataclass(frozen=True)
class Snapshot:
    """How far a population has come: all that its training goes on from.

    Attributes:
        runs: on their devices, with as many more as fill these. The next chunk takes over their
            memory: who wants to have them longer copies them.
        evaluations: all so far, in order.
        compile_s: seconds of compilation so far.
    """

    runs: Run
    evaluations: list[Evaluation]
    compile_s: float

    @property
    def train_s(self) -> float:
        """Seconds of training so far."""
        return self.evaluations[-1].time_s if self.evaluations else 0.0

    @property
    def goes_on(self) -> bool:
        """Whether any run has steps to make."""
        return not self.evaluations or bool(self.evaluations[-1].active.any())


@dataclass(frozen=True)
class Fit:
    """A trained population; every array has one entry a run, steps are NEVER if not reached.

    Attributes:
        scores: by split and name, of the best parameters.
        evaluations: all of them, in order.
        params: the best parameters, on the host.
        compile_s: seconds to compile the programs, each time that training was started or resumed.
        train_s: seconds of training with its evaluations.
        earlier_s: seconds of the two that had passed when training was resumed, else 0.
    """

    steps: np.ndarray
    best_step: np.ndarray
    solved_step: np.ndarray
    diverged_step: np.ndarray
    scores: dict[Split, dict[str, np.ndarray]]
    evaluations: list[Evaluation]
    params: PyTree[np.ndarray]
    compile_s: float
    train_s: float
    earlier_s: float


def learning_rate_schedule(optim: OptimConfig, steps: int) -> optax.Schedule:
    """The factor of the learning rate at each step: linear warm-up to 1, then the schedule."""
    decay_steps = max(steps - optim.warmup_steps, 1)
    after_warmup = {
        "constant": optax.constant_schedule(1.0),
        "cosine": optax.cosine_decay_schedule(1.0, decay_steps),
        "linear": optax.linear_schedule(1.0, 0.0, decay_steps),
    }[optim.schedule]
    if optim.warmup_steps == 0:
        return after_warmup
    warmup = optax.linear_schedule(0.0, 1.0, optim.warmup_steps)
    return optax.join_schedules([warmup, after_warmup], [optim.warmup_steps])


def make_optimizer(
    optim: OptimConfig, learning_rate: Float[Array, ""], steps: int
) -> optax.GradientTransformation:
    """The optimiser of one run. The learning rate may be traced."""
    factor = learning_rate_schedule(optim, steps)

    def rate(count: Int[Array, ""]) -> Float[Array, ""]:
        return learning_rate * jnp.asarray(factor(count))

    momentum = optim.momentum or None
    update = {
        "adam": lambda: optax.adam(rate),
        "adamw": lambda: optax.adamw(rate, weight_decay=optim.weight_decay),
        "sgd": lambda: optax.sgd(rate, momentum),
        "rmsprop": lambda: optax.rmsprop(rate, momentum=momentum),
    }[optim.name]()
    if optim.clip_norm is None:
        return update
    return optax.chain(optax.clip_by_global_norm(optim.clip_norm), update)


def init_run(
    config: TrainConfig, task: Task, seed: Int[Array, ""], learning_rate: Float[Array, ""]
) -> Run:
    """A run before its first step. Its data depend on the seed alone, never on the cell."""
    key = jax.random.key(seed)
    rngs = nnx.Rngs(params=jax.random.fold_in(key, INITIALISATION))
    params = nnx.state(Model(config.model, rngs=rngs))
    never = jnp.int32(NEVER)
    return Run(
        learning_rate=learning_rate,
        data_key=jax.random.fold_in(key, TRAINING_DATA),
        evaluation_key=jax.random.fold_in(key, EVALUATION_DATA),
        params=params,
        opt_state=make_optimizer(config.optim, learning_rate, config.steps).init(params),
        step=jnp.int32(0),
        active=jnp.bool(True),
        best_params=params,
        best_score=jnp.float32(-jnp.inf if task.score.higher_is_better else jnp.inf),
        best_step=never,
        evaluations_since_best=jnp.int32(0),
        solved_step=never,
        diverged_step=never,
    )


def train_step(
    config: TrainConfig, run: Run, task: Task, item: PyTree[Array]
) -> tuple[Run, dict[str, Array]]:
    """One step: forward, backward, update. Without effect on a run that is not active."""
    batch = task.batch(item)

    def loss_of(params: PyTree[Array]) -> Float[Array, ""]:
        tally = task.tally(apply_model(config, params, batch.inputs, batch.lengths), batch)
        return tally["loss"] / tally["count"]

    loss, gradient = jax.value_and_grad(loss_of)(run.params)
    if config.split > 1:
        # Every device has the whole loss, so that each share's gradient is so many times as large.
        gradient = jax.lax.pmean(gradient, "batch")
    norm = optax.tree.norm(gradient)
    optimizer = make_optimizer(config.optim, run.learning_rate, config.steps)
    updates, opt_state = optimizer.update(gradient, run.opt_state, run.params)
    params = optax.apply_updates(run.params, updates)

    active = run.active & (run.step < config.steps)
    finite = jnp.isfinite(loss) & jnp.isfinite(norm)
    moved = active & finite
    diverged = active & ~finite
    step = run.step + moved
    run = replace(
        run,
        params=select(moved, params, run.params),
        opt_state=select(moved, opt_state, run.opt_state),
        step=step,
        active=run.active & ~diverged,
        diverged_step=jnp.where(diverged, step, run.diverged_step),
    )
    return run, {"train_loss": loss, "gradient_norm": norm, "moved": moved}


def train_chunk(config: TrainConfig, run: Run, task: Task) -> tuple[Run, dict[str, Any]]:
    """`evaluate_every` steps, then an evaluation on the validation split."""
    items = task.schedule(run.data_key, run.step, config.evaluate_every)
    was_active = run.active & (run.step < config.steps)
    run, log = jax.lax.scan(lambda run, item: train_step(config, run, task, item), run, items)
    scores = evaluate(config, run.params, task, run.evaluation_key, "validation")
    run = judge(config, run, task, scores, was_active)

    def mean(name: str) -> Float[Array, ""]:
        return jnp.where(log["moved"], log[name], 0).sum() / log["moved"].sum()

    factor = learning_rate_schedule(config.optim, config.steps)
    return run, {
        "steps": run.step,
        "scores": scores,
        "train_loss": mean("train_loss"),
        "gradient_norm": mean("gradient_norm"),
        "learning_rate": run.learning_rate * factor(run.step),
        "active": run.active & (run.step < config.steps),
    }


def judge(
    config: TrainConfig,
    run: Run,
    task: Task,
    scores: dict[str, Float[Array, ""]],
    was_active: Bool[Array, ""],
) -> Run:
    """Keeps the best parameters, notes a solved task, and stops the run where the config says."""
    score = scores[task.score.name]
    better = score > run.best_score if task.score.higher_is_better else score < run.best_score
    better &= was_active
    since_best = jnp.where(better, 0, run.evaluations_since_best + was_active)
    solved = was_active & (run.solved_step == NEVER) & task.solved(scores)
    solved_step = jnp.where(solved, run.step, run.solved_step)
    stop = jnp.bool(False)
    if config.patience is not None:
        stop |= since_best >= config.patience
    if config.stop_when_solved:
        stop |= solved_step != NEVER
    return replace(
        run,
        active=run.active & ~stop,
        best_params=select(better, run.params, run.best_params),
        best_score=jnp.where(better, score, run.best_score),
        best_step=jnp.where(better, run.step, run.best_step),
        evaluations_since_best=since_best,
        solved_step=solved_step,
    )


def evaluate(
    config: TrainConfig, params: PyTree[Array], task: Task, key: Key[Array, ""], split: Split
) -> dict[str, Float[Array, ""]]:
    """The scores of the parameters on a split."""
    return evaluate_items(config, params, task, task.evaluation(key, split))


def evaluate_splits(
    config: TrainConfig, params: PyTree[Array], task: Task, key: Key[Array, ""]
) -> dict[Split, dict[str, Float[Array, ""]]]:
    """The scores of the parameters on every split.

    Splits whose batches have one shape share a loop, so that the model is compiled once for them.
    """
    alike: dict[tuple[tuple[int, ...], ...], dict[Split, PyTree[Array]]] = {}
    for split in SPLITS:
        items = task.evaluation(key, split)
        shapes = tuple(leaf.shape[1:] for leaf in jax.tree.leaves(items))
        alike.setdefault(shapes, {})[split] = items
    scores = {}
    for group in alike.values():
        joined = jax.tree.map(lambda *parts: jnp.concatenate(parts), *group.values())
        tallies = tally_items(config, params, task, joined)
        first = 0
        for split, items in group.items():
            end = first + len(jax.tree.leaves(items)[0])
            part = jax.tree.map(lambda counts, f=first, e=end: counts[f:e].sum(0), tallies)
            scores[split] = task.scores(part)
            first = end
    return scores


def evaluate_items(
    config: TrainConfig, params: PyTree[Array], task: Task, items: PyTree[Array]
) -> dict[str, Float[Array, ""]]:
    """The scores of the parameters on some batches."""
    tallies = tally_items(config, params, task, items)
    return task.scores(jax.tree.map(lambda counts: counts.sum(0), tallies))


def tally_items(
    config: TrainConfig, params: PyTree[Array], task: Task, items: PyTree[Array]
) -> dict[str, Array]:
    """The tally of each batch."""

    def tally(item: PyTree[Array]) -> dict[str, Array]:
        batch = task.batch(item)
        return task.tally(apply_model(config, params, batch.inputs, batch.lengths), batch)

    tallies: dict[str, Array] = jax.lax.map(tally, items)
    return tallies


def apply_model(
    config: TrainConfig, params: PyTree[Array], inputs: Array, lengths: Int[Array, " batch"]
) -> Float[Array, "..."]:
    """The model's outputs under the given parameters, for the whole batch.

    Where devices share the batch, each computes its part of them.
    """
    model = nnx.eval_shape(lambda: Model(config.model, rngs=nnx.Rngs(0)))
    apply: Callable[..., Array] = nnx.merge(nnx.graphdef(model), params)
    if config.split == 1:
        return apply(inputs, lengths)
    part = len(lengths) // config.split
    first = jax.lax.axis_index("batch") * part
    outputs = apply(
        jax.lax.dynamic_slice_in_dim(inputs, first, part, axis=1),
        jax.lax.dynamic_slice_in_dim(lengths, first, part),
    )
    whole: Array = jax.lax.all_gather(outputs, "batch", axis=outputs.ndim - 2, tiled=True)
    return whole


def select(condition: Bool[Array, ""], new: PyTree[Array], old: PyTree[Array]) -> PyTree[Array]:
    """The new tree where the condition holds, else the old one."""
    return jax.tree.map(partial(jnp.where, condition), new, old)


def over_runs(function: Callable[..., Any], *arguments: Any) -> Any:
    """Maps a function of one run and the task over the runs of one device.

    An accelerator is filled by all runs at once. A CPU core takes them one after another: measured
    with two runs a core, that was about 1.5 times as fast as XLA's batched matrix products. It also
    keeps LAPACK's factorisations, which initialisations use, from being batched: jaxlib before 0.11
    computes the parts of a batch in the very threads that wait for them, and may do so for ever.
    """
    *runs, task = arguments
    if jax.default_backend() == "cpu":
        return jax.lax.map(lambda run: function(*run, task), tuple(runs))
    return jax.vmap(lambda *run: function(*run, task))(*runs)


def devices_per_run(config: TrainConfig, runs: int, batch_size: int) -> int:
    """How many devices share the batches of a run, so that all runs are trained soonest.

    Five runs on two devices take three turns; sharing every batch, five of little more than half
    the time. That is for CPU cores: an accelerator is not filled by one run, and a smaller share of
    it would take as long.
    """
    devices = jax.device_count()
    if jax.default_backend() != "cpu":
        return 1
    model = nnx.eval_shape(lambda: Model(config.model, rngs=nnx.Rngs(0)))
    # Two operations a weight and sequence, forward, and twice as many backward.
    operations = 6 * batch_size * count_parameters(model.layers)

    def duration(shared: int) -> float:
        turns = -(-runs // (devices // shared))
        return turns * (STEP_OVERHEAD + operations / shared)

    possible = (n for n in range(1, devices + 1) if devices % n == batch_size % n == 0)
    return min(possible, key=duration)


def fit(
    config: TrainConfig,
    task: Task,
    seeds: Sequence[int],
    learning_rates: Sequence[float],
    on_evaluation: Callable[[Evaluation], None] = lambda evaluation: None,
    resume: Callable[[Snapshot], Snapshot] = lambda start: start,
    keep: Callable[[Snapshot], None] = lambda snapshot: None,
) -> Fit:
    """Trains one run for each pair of a seed and a learning rate, all of them at once.

    What a callable raises ends the training.

    Args:
        config: what all runs have in common.
        task: the task.
        seeds: seed of each run.
        learning_rates: learning rate of each run.
        on_evaluation: called on the host after each evaluation, those of a snapshot included.
        resume: given the start, returns the snapshot to go on from: an earlier call's, of the same
            arguments, with every array like that of the start, its sharding included. The result is
            then bit for bit (on CPU) what it would have been without the interruption.
        keep: given a snapshot after each evaluation; the next chunk waits for it.

    Returns:
        The population, in the order of the seeds. A run's result depends on its own seed and
        learning rate only, up to the rounding of float32 sums: in a batched matrix product, or over
        the parts of a batch that devices share.
    """
    config = replace(config, split=devices_per_run(config, len(seeds), task.batch_size))
    mesh = Mesh(np.reshape(jax.devices(), (-1, config.split)), ("run", "batch"))
    filler = -len(seeds) % mesh.shape["run"]  # a device takes as many runs as any other
    padded = jnp.pad(jnp.array(seeds), (0, filler), mode="edge")
    rates = jnp.pad(jnp.array(learning_rates, jnp.float32), (0, filler), mode="edge")
    task = jax.device_put(task, NamedSharding(mesh, PartitionSpec()))

    def compiled(function: Callable[..., Any], *arguments: Any, donate: bool = False) -> Any:
        """The function of one run and the task, compiled for the population."""
        runs = PartitionSpec("run")
        sharded = jax.shard_map(
            partial(over_runs, function),
            mesh=mesh,
            in_specs=(*[runs] * (len(arguments) - 1), PartitionSpec()),
            out_specs=runs,
            check_vma=False,
        )
        return jax.jit(sharded, donate_argnums=(0,) if donate else ()).lower(*arguments).compile()

    started = time.perf_counter()
    init = compiled(
        lambda seed, rate, task: init_run(config, task, seed, rate), padded, rates, task
    )
    runs = init(padded, rates, task)
    advance = compiled(partial(train_chunk, config), runs, task, donate=True)
    test = compiled(
        lambda run, task: evaluate_splits(config, run.best_params, task, run.evaluation_key),
        runs,
        task,
    )
    compile_s = time.perf_counter() - started

    def to_host(tree: PyTree[Array]) -> Any:
        return jax.tree.map(lambda leaf: np.asarray(leaf)[: len(seeds)], tree)

    def train(runs: Run) -> tuple[Run, dict[str, Any]]:
        runs, log = advance(runs, task)
        return runs, to_host(log)

    start = snapshot = resume(Snapshot(runs, [], 0.0))
    for evaluation in start.evaluations:
        on_evaluation(evaluation)
    # Only because the main thread waits for another is a signal handled in the midst of a chunk.
    with ThreadPoolExecutor(1) as thread:
        while snapshot.goes_on:
            started = time.perf_counter()
            runs, log = thread.submit(train, snapshot.runs).result()
            train_s = snapshot.train_s + time.perf_counter() - started
            step = min((len(snapshot.evaluations) + 1) * config.evaluate_every, config.steps)
            evaluations = [*snapshot.evaluations, Evaluation(step, train_s, **log)]
            snapshot = Snapshot(runs, evaluations, start.compile_s + compile_s)
            on_evaluation(evaluations[-1])
            keep(snapshot)
    runs = snapshot.runs
    return Fit(
        steps=to_host(runs.step),
        best_step=to_host(runs.best_step),
        solved_step=to_host(runs.solved_step),
        diverged_step=to_host(runs.diverged_step),
        scores=to_host(test(runs, task)),
        evaluations=snapshot.evaluations,
        params=to_host(runs.best_params),
        compile_s=start.compile_s + compile_s,
        train_s=snapshot.train_s,
        earlier_s=start.compile_s + start.train_s,
    )
