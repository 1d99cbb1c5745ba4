"""Training: one compiled program for a whole population.

The members of a population differ in nothing that changes a shape: their seed, their learning rate
and the share of the state that their cells keep at the start. They are a leading axis of every
array, sharded over devices and mapped over within a device. Where all members end sooner if CPU
cores share the batches of each, the cores do. Steps run inside `lax.scan`; the host wakes once a
chunk, after each evaluation.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float

from gru_bench.cells.base import keeping_bias
from gru_bench.tasks.base import Split, Task
from gru_bench.training.devices import Placement, devices_per_member
from gru_bench.training.state import (
    Evaluation,
    Fit,
    Predicted,
    Snapshot,
    TrainConfig,
    TrainState,
    made_of,
)
from gru_bench.training.step import evaluate_splits, init_state, train_chunk


def fit(
    config: TrainConfig,
    task: Task,
    seeds: Sequence[int],
    learning_rates: Sequence[float],
    on_evaluation: Callable[[Evaluation], None] = lambda evaluation: None,
    resume: Callable[[Snapshot], Snapshot] = lambda start: start,
    keep: Callable[[Snapshot], None] = lambda snapshot: None,
    starts: Sequence[float] | None = None,
) -> Fit:
    """Trains one member for each pair of a seed and a learning rate, all of them at once.

    What a callable raises ends the training.

    Args:
        config: What all members have in common.
        task: The task.
        seeds: The seed of each member.
        learning_rates: The learning rate of each member.
        on_evaluation: Called on the host after each evaluation, those of a snapshot included.
        resume: Given the start, returns the snapshot to go on from: an earlier call's, of the same
            arguments, with every array like that of the start, its sharding included. The result is
            then bit for bit (on CPU) what it would have been without the interruption.
        keep: Given a snapshot after each evaluation; the next chunk waits for it.
        starts: The share of the state that the cells of each member keep at the start; None for
            that of the configuration.

    Returns:
        The population, in the order of the seeds. A member's result depends on its own seed and
        learning rate only, up to the rounding of float32 sums: in a batched matrix product, or over
        the parts of a batch that devices share.
    """
    split = devices_per_member(config, len(seeds), task.batch_size)
    config, placement = replace(config, split=split), Placement(len(seeds), split)
    began = time.perf_counter()
    programs, first = compile_programs(config, task, placement, seeds, learning_rates, starts)
    # Copied, since training takes over the memory of the state that it begins with.
    initial = jax.tree.map(np.array, placement.to_host(first.params))
    compile_s = time.perf_counter() - began

    start = snapshot = resume(Snapshot(first, [], 0.0))
    compile_s += start.compile_s
    for evaluation in start.evaluations:
        on_evaluation(evaluation)
    for snapshot in _after_each_chunk(config, programs, start, compile_s):
        on_evaluation(snapshot.evaluations[-1])
        keep(snapshot)

    state = snapshot.state
    scores, predicted = programs.test(state)
    return Fit(
        steps=placement.to_host(state.step),
        best_step=placement.to_host(state.best_step),
        solved_step=placement.to_host(state.solved_step),
        diverged_step=placement.to_host(state.diverged_step),
        scores=scores,
        predicted=predicted,
        evaluations=snapshot.evaluations,
        initial=initial,
        params=placement.to_host(state.best_params),
        compile_s=compile_s,
        train_s=snapshot.train_s,
        earlier_s=start.compile_s + start.train_s,
    )


def _after_each_chunk(
    config: TrainConfig, programs: "Programs", snapshot: Snapshot, compile_s: float
) -> Iterator[Snapshot]:
    """Yields how far the population has come after each chunk of steps, until all have ended."""
    # Only because the main thread waits for another is a signal handled in the midst of a chunk.
    with ThreadPoolExecutor(1) as thread:
        while snapshot.goes_on:
            began = time.perf_counter()
            state, log = thread.submit(programs.advance, snapshot.state).result()
            train_s = snapshot.train_s + time.perf_counter() - began
            step = min((len(snapshot.evaluations) + 1) * config.evaluate_every, config.steps)
            evaluations = [*snapshot.evaluations, Evaluation(step, train_s, **log)]
            snapshot = Snapshot(state, evaluations, compile_s)
            yield snapshot


@dataclass(frozen=True)
class Programs:
    """What is compiled for a population.

    Attributes:
        advance: Trains a chunk of steps: from a state, whose memory it takes over, to the next one
            and the fields of an `Evaluation`, on the host.
        test: Scores the best parameters of a state on every split, and has them predict what the
            test split holds, on the host.
    """

    advance: Callable[[TrainState], tuple[TrainState, dict[str, Any]]]
    test: Callable[[TrainState], tuple[dict[Split, dict[str, Any]], Predicted | None]]


def compile_programs(
    config: TrainConfig,
    task: Task,
    placement: Placement,
    seeds: Sequence[int],
    learning_rates: Sequence[float],
    starts: Sequence[float] | None,
) -> tuple[Programs, TrainState]:
    """Returns the programs of a population, and its state before the first step."""
    task = placement.replicate(task)
    members = [placement.fill(seeds, int), placement.fill(learning_rates, float)]
    if starts is not None:
        members.append(placement.fill([keeping_bias(share) for share in starts], float))

    init_member, train_member, test_member = member_functions(config)
    first, chunk, last = (made_of(part, config, task) for part in ("first", "chunk", "last"))
    state = placement.compile(init_member, *members, task, made_of=first)(*members, task)
    train = placement.compile(train_member, state, task, made_of=chunk, donate=True)
    test = placement.compile(test_member, state, task, made_of=last)

    def advance(state: TrainState) -> tuple[TrainState, dict[str, Any]]:
        state, log = train(state, task)
        return state, placement.to_host(log)

    return Programs(advance, lambda state: placement.to_host(test(state, task))), state


@lru_cache(maxsize=8)
def member_functions(config: TrainConfig) -> tuple[Callable[..., Any], ...]:
    """Returns what starts, trains and tests one member, the task being the last argument.

    Functions of equal configurations are the same objects, so that what is compiled for one
    population serves the next one of its shapes: one that is tuned, grows or is run anew.
    """

    def init_member(*member_and_task: Any) -> TrainState:
        seed, learning_rate, *keeping, task = member_and_task
        return init_state(config, task, seed, learning_rate, *keeping)

    def test_member(
        state: TrainState, task: Task
    ) -> tuple[dict[Split, dict[str, Float[Array, ""]]], Predicted | None]:
        return evaluate_splits(config, state.best_params, task, state.evaluation_key)

    return init_member, partial(train_chunk, config), test_member
