"""One step of training, one chunk of steps with its evaluation, and scores on a split."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from gru_bench.model.model import Model, make_model
from gru_bench.tasks.base import SPLITS, PredictsExamples, Split, Task
from gru_bench.training.optimizer import learning_rate_schedule, make_optimizer
from gru_bench.training.state import (
    NEVER,
    Predicted,
    TrainConfig,
    TrainState,
    seed_keys,
)


def init_state(
    config: TrainConfig,
    task: Task,
    seed: Int[Array, ""],
    learning_rate: Float[Array, ""],
    keeping: Float[Array, ""] | None = None,
) -> TrainState:
    """Returns the state of a member before its first step.

    Its data depend on the seed alone, never on the cell.

    Args:
        config: How it is trained.
        task: The task.
        seed: Its seed.
        learning_rate: Its learning rate.
        keeping: The bias of the gates that keep the state, where it is the member's own.
    """
    keys = seed_keys(seed)
    model = Model(config.model, rngs=nnx.Rngs(params=keys.initialisation))
    if keeping is not None:
        model.start_keeping(keeping)
    vectors = getattr(task, "token_vectors", None)
    if vectors is not None:
        model.embed_as(vectors)
    params = nnx.state(model)
    trained, _ = divide(config, params)
    never = jnp.int32(NEVER)
    return TrainState(
        learning_rate=learning_rate,
        data_key=keys.training_data,
        evaluation_key=keys.evaluation_data,
        dropout_key=keys.dropout,
        params=params,
        opt_state=make_optimizer(config.optim, learning_rate, config.steps).init(trained),
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
    config: TrainConfig, state: TrainState, task: Task, item: PyTree[Array]
) -> tuple[TrainState, dict[str, Array]]:
    """Makes one step of one member: forward, backward, update.

    A member that is not active stays as it is.

    Args:
        config: How it is trained.
        state: The member's state.
        task: The task.
        item: What the task makes the step's batch of.

    Returns:
        The next state; the step's loss, the norm of its gradient, and whether the member moved.
    """
    batch = task.batch(item)
    keys = None
    if config.model.is_random:
        of_step = jax.random.fold_in(state.dropout_key, state.step)
        keys = jax.random.split(of_step, len(batch.lengths))

    trained, kept = divide(config, state.params)

    def loss_of(trained: PyTree[Array]) -> Float[Array, ""]:
        params = nnx.merge_state(trained, kept)
        tally = task.tally(apply_model(config, params, batch.inputs, batch.lengths, keys), batch)
        return tally["loss"] / tally["count"]

    loss, gradient = jax.value_and_grad(loss_of)(trained)
    if config.split > 1:
        # Every device has the whole loss, so that each share's gradient is so many times as large.
        gradient = jax.lax.pmean(gradient, "batch")
    norm = optax.tree.norm(gradient)
    optimizer = make_optimizer(config.optim, state.learning_rate, config.steps)
    updates, opt_state = optimizer.update(gradient, state.opt_state, trained)
    params = nnx.merge_state(optax.apply_updates(trained, updates), kept)

    active = state.active & (state.step < config.steps)
    finite = jnp.isfinite(loss) & jnp.isfinite(norm)
    moved = active & finite
    diverged = active & ~finite
    step = state.step + moved
    state = replace(
        state,
        params=select(moved, params, state.params),
        opt_state=select(moved, opt_state, state.opt_state),
        step=step,
        active=state.active & ~diverged,
        diverged_step=jnp.where(diverged, step, state.diverged_step),
    )
    return state, {"train_loss": loss, "gradient_norm": norm, "moved": moved}


def divide(config: TrainConfig, params: PyTree[Array]) -> tuple[PyTree[Array], PyTree[Array]]:
    """Returns the parameters that are trained, and those that stay as they are."""

    def is_trained(path: tuple[Any, ...], value: Any) -> bool:
        return config.trains_embedding or path[0] != "embedding"

    trained, kept = nnx.split_state(params, is_trained, ...)
    return trained, kept


def train_chunk(
    config: TrainConfig, state: TrainState, task: Task
) -> tuple[TrainState, dict[str, Any]]:
    """Makes `evaluate_every` steps of one member, then evaluates it on the validation split.

    Returns:
        The next state, and the fields of an `Evaluation` but for step and time.
    """
    items = task.schedule(state.data_key, state.step, config.evaluate_every)
    was_active = state.active & (state.step < config.steps)
    state, log = jax.lax.scan(
        lambda state, item: train_step(config, state, task, item), state, items
    )
    scores = evaluate(config, state.params, task, state.evaluation_key, "validation")
    state = judge(config, state, task, scores, was_active)

    def mean(name: str) -> Float[Array, ""]:
        return jnp.where(log["moved"], log[name], 0).sum() / log["moved"].sum()

    factor = learning_rate_schedule(config.optim, config.steps)
    return state, {
        "steps": state.step,
        "scores": scores,
        "train_loss": mean("train_loss"),
        "gradient_norm": mean("gradient_norm"),
        "learning_rate": state.learning_rate * factor(state.step),
        "active": state.active & (state.step < config.steps),
    }


def judge(
    config: TrainConfig,
    state: TrainState,
    task: Task,
    scores: dict[str, Float[Array, ""]],
    was_active: Bool[Array, ""],
) -> TrainState:
    """Keeps the best parameters, notes a solved task, and stops where the configuration says so.

    Args:
        config: How the member is trained.
        state: Its state after a chunk.
        task: The task.
        scores: Its scores on the validation split.
        was_active: Whether it was active when the chunk began.
    """
    score = scores[task.score.name]
    better = score > state.best_score if task.score.higher_is_better else score < state.best_score
    better &= was_active
    since_best = jnp.where(better, 0, state.evaluations_since_best + was_active)
    solved = was_active & (state.solved_step == NEVER) & task.solved(scores)
    solved_step = jnp.where(solved, state.step, state.solved_step)
    stop = jnp.bool(False)
    if config.patience is not None:
        stop |= since_best >= config.patience
    if config.stop_when_solved:
        stop |= solved_step != NEVER
    return replace(
        state,
        active=state.active & ~stop,
        best_params=select(better, state.params, state.best_params),
        best_score=jnp.where(better, score, state.best_score),
        best_step=jnp.where(better, state.step, state.best_step),
        evaluations_since_best=since_best,
        solved_step=solved_step,
    )


def evaluate(
    config: TrainConfig, params: PyTree[Array], task: Task, key: Key[Array, ""], split: Split
) -> dict[str, Float[Array, ""]]:
    """Returns the scores of the parameters on a split."""
    return evaluate_items(config, params, task, task.evaluation(key, split))


def evaluate_splits(
    config: TrainConfig, params: PyTree[Array], task: Task, key: Key[Array, ""]
) -> tuple[dict[Split, dict[str, Float[Array, ""]]], Predicted | None]:
    """Returns the scores of the parameters on every split, and what they predict on the test split.

    Splits whose batches have one shape share a loop, so that the model is compiled once for them.
    """
    alike: dict[tuple[tuple[int, ...], ...], dict[Split, PyTree[Array]]] = {}
    for split in SPLITS:
        items = task.evaluation(key, split)
        shapes = tuple(leaf.shape[1:] for leaf in jax.tree.leaves(items))
        alike.setdefault(shapes, {})[split] = items
    scores, predicted = {}, None
    for group in alike.values():
        joined = jax.tree.map(lambda *parts: jnp.concatenate(parts), *group.values())
        batches = [len(jax.tree.leaves(items)[0]) for items in group.values()]
        places = jnp.repeat(
            jnp.arange(len(group)), jnp.array(batches), total_repeat_length=sum(batches)
        )
        tallies, of_batches = sum_tallies(config, params, task, joined, places, len(group))
        for place, split in enumerate(group):
            scores[split] = task.scores(jax.tree.map(lambda sums, at=place: sums[at], tallies))
        if "test" in group:
            first = sum(batches[: list(group).index("test")])
            own = slice(first, first + batches[list(group).index("test")])
            predicted = jax.tree.map(lambda leaf, own=own: leaf[own], of_batches)
    return scores, predicted


def evaluate_items(
    config: TrainConfig, params: PyTree[Array], task: Task, items: PyTree[Array]
) -> dict[str, Float[Array, ""]]:
    """Returns the scores of the parameters on the batches of some items."""
    places = jnp.zeros(len(jax.tree.leaves(items)[0]), jnp.int32)
    tallies, _ = sum_tallies(config, params, task, items, places, 1)
    return task.scores(jax.tree.map(lambda sums: sums[0], tallies))


def sum_tallies(
    config: TrainConfig,
    params: PyTree[Array],
    task: Task,
    items: PyTree[Array],
    places: Int[Array, " batches"],
    size: int,
) -> tuple[dict[str, Array], Predicted | None]:
    """Adds up the tallies of the batches of items, of which one at a time is held in memory.

    Args:
        config: What the model is.
        params: Its parameters.
        task: The task.
        items: The items of the batches, along a leading axis.
        places: To which sum each batch is added, from 0 to `size - 1`.
        size: The number of sums.

    Returns:
        The sums, along a leading axis; and what is predicted of each sequence, if the task offers
        that.
    """

    def judged(item: PyTree[Array]) -> tuple[dict[str, Array], Predicted | None]:
        batch = task.batch(item)
        outputs = apply_model(config, params, batch.inputs, batch.lengths)
        predicted = None
        if isinstance(task, PredictsExamples):
            given = task.predictions(outputs, batch)
            is_class = jnp.issubdtype(given.dtype, jnp.integer)
            actual = batch.targets.astype(given.dtype) if is_class else None
            predicted = Predicted(given, actual, batch.weights > 0)
        return task.tally(outputs, batch), predicted

    def add(
        sums: dict[str, Array], item_and_place: tuple[PyTree[Array], Int[Array, ""]]
    ) -> tuple[dict[str, Array], Predicted | None]:
        item, place = item_and_place
        tally, predicted = judged(item)
        return jax.tree.map(lambda sum, part: sum.at[place].add(part), sums, tally), predicted

    one, _ = jax.eval_shape(judged, jax.tree.map(lambda leaf: leaf[0], items))
    zeros = jax.tree.map(lambda part: jnp.zeros((size, *part.shape), part.dtype), one)
    sums, predicted = jax.lax.scan(add, zeros, (items, places))
    return sums, predicted


def apply_model(
    config: TrainConfig,
    params: PyTree[Array],
    inputs: Array,
    lengths: Int[Array, " batch"],
    keys: Key[Array, " batch"] | None = None,
) -> Float[Array, "..."]:
    """Returns the model's outputs under the given parameters, for the whole batch.

    Where devices share the batch, each computes its part of them. The keys are those of dropout;
    without them nothing is left out.
    """
    apply = make_model(config.model, params)
    if config.split == 1:
        return apply(inputs, lengths, keys)
    part = len(lengths) // config.split
    first = jax.lax.axis_index("batch") * part
    outputs = apply(
        jax.lax.dynamic_slice_in_dim(inputs, first, part, axis=1),
        jax.lax.dynamic_slice_in_dim(lengths, first, part),
        None if keys is None else jax.lax.dynamic_slice_in_dim(keys, first, part),
    )
    whole: Array = jax.lax.all_gather(outputs, "batch", axis=outputs.ndim - 2, tiled=True)
    return whole


def select(condition: Bool[Array, ""], new: PyTree[Array], old: PyTree[Array]) -> PyTree[Array]:
    """Returns the new tree where the condition holds, else the old one."""
    return jax.tree.map(partial(jnp.where, condition), new, old)
