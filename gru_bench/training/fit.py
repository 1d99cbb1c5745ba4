"""Training: one compiled program for a whole population of runs.

The runs of a population differ in nothing that changes a shape: their seed and their learning rate.
They are a leading axis of every array, sharded over devices and within a device mapped over.
Where all runs end sooner if CPU cores share the batches of each, they do. Steps run inside
`lax.scan`; the host wakes once a chunk, after each evaluation.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from gru_bench.tasks.base import Task
from gru_bench.training.devices import devices_per_run, over_runs
from gru_bench.training.state import Evaluation, Fit, Run, Snapshot, TrainConfig
from gru_bench.training.step import evaluate_splits, init_run, train_chunk


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
