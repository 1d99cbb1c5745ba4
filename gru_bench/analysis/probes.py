"""Probes of trained cells: how gradients flow, what gates do, how longer sequences are scored."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from jaxtyping import Array, Float, Int, Key, PyTree

from gru_bench.analysis.gates import (
    HISTOGRAM_BINS,
    GateLimits,
    GateStatistics,
    gate_limits,
    gate_statistics,
)
from gru_bench.analysis.gradients import gradient_flow
from gru_bench.analysis.trace import no_nudges, trace
from gru_bench.cells.base import Cell
from gru_bench.model.model import Model, make_model
from gru_bench.runs.probe_results import Gate, GateEnds, GradientNorms, Lengths, Probes
from gru_bench.system.lowered import compile_program, result_node
from gru_bench.tasks.base import Batch, Task
from gru_bench.training.devices import over_members
from gru_bench.training.state import TrainConfig, made_of, seed_keys
from gru_bench.training.step import evaluate_items

MULTIPLES = (1, 2, 4)  # of the length trained at, for longer sequences
LONGER_BATCHES = 5  # batches of test data that are scored at each multiple
MOST_POINTS = 101  # points that are kept of a curve over time

Histograms = dict[str, tuple[Float[np.ndarray, "members bins"], Float[np.ndarray, " bins+1"]]]


@result_node
class View(NamedTuple):
    """What is seen of one member.

    Attributes:
        flows: Norms of the loss gradient before and after training, relative to that of the whole
            at distance 0: the whole gradient, then the direct part of it, which attention does not
            have.
        gates: What the gates of each layer do.
        ends: What the gates of the first layer do at their ends.
        longer: The main score at each of `MULTIPLES` of the length trained at.
    """

    flows: Float[Array, "when path distance"]
    gates: list[dict[str, GateStatistics]]
    ends: GateLimits | None
    longer: list[Float[Array, ""]]


def probe(
    config: TrainConfig,
    task: Task,
    seeds: Sequence[int],
    initial: PyTree[np.ndarray],
    params: PyTree[np.ndarray],
) -> Probes:
    """Returns the probes of a trained population.

    Gradients and gates are those of one batch of each member's test data, longer sequences those of
    `LONGER_BATCHES`.

    Args:
        config: How the population was trained.
        task: The task that it was trained on.
        seeds: The seed of each member.
        initial: The parameters before training, with the members as the leading axis.
        params: The trained parameters, likewise.
    """

    def view(
        seed: Int[Array, ""], initial: PyTree[Array], params: PyTree[Array], task: Task
    ) -> View:
        key = seed_keys(seed).evaluation_data
        batch = full_batch(task, task.evaluation(key, "test"))
        model = make_model(config.model, params)
        both = jax.tree.map(lambda *leaves: jnp.stack(leaves), initial, params)
        paths = jnp.array([False, True] if isinstance(model.one_way_layers()[0], Cell) else [False])

        def flows(params: PyTree[Array]) -> Float[Array, "path distance"]:
            flow = partial(gradient_flow, make_model(config.model, params), task, batch)
            norms: Array = jax.lax.map(flow, paths)
            return norms / norms[0, 0]

        return View(
            flows=jax.lax.map(flows, both),  # in loops, so that the gradient is compiled once
            gates=gate_statistics(model, batch),
            ends=ends_of_gates(model, batch),
            longer=[score_on_sample(config, params, longer, key) for longer in at_multiples(task)],
        )

    arguments = (jnp.array(seeds), *jax.tree.map(jnp.asarray, (initial, params)), task)
    look = compile_program(
        partial(over_members, view), *arguments, made_of=made_of("probes", config, task)
    )
    views: View = jax.device_get(look(*arguments))
    return Probes(
        gradients=gradient_norms(np.asarray(views.flows)),
        gates=[{name: gate(seen) for name, seen in layer.items()} for layer in views.gates],
        gate_ends=None if views.ends is None else gate_ends(views.ends),
        lengths=Lengths(
            multiple=list(MULTIPLES),
            length=[longer.sequence_length for longer in at_multiples(task)],
            scores=[scores.tolist() for scores in views.longer],
        )
        if views.longer
        else None,
    )


def look_within(
    config: TrainConfig, task: Task
) -> Callable[[Sequence[int], PyTree[np.ndarray]], Histograms]:
    """Makes a function that looks into the members of a population while they are trained.

    Given the members' seeds and parameters, it returns by name the heights of bins, with the
    members as the leading axis, and the bins' edges: shares of how far each gate of each layer is
    open, and norms of the loss gradient by distance in time, relative to distance 0. Both are those
    of one batch of each member's validation data.
    """

    def view(
        seed: Int[Array, ""], params: PyTree[Array], task: Task
    ) -> dict[str, Float[Array, " bins"]]:
        batch = full_batch(task, task.evaluation(seed_keys(seed).evaluation_data, "validation"))
        model = make_model(config.model, params)
        norms = gradient_flow(model, task, batch)
        return {"gradients": norms / norms[0]} | {
            f"layer_{i}/{name}": seen.histogram
            for i, layer in enumerate(gate_statistics(model, batch))
            for name, seen in layer.items()
        }

    compiled = jax.jit(partial(over_members, view))

    def look(seeds: Sequence[int], params: PyTree[np.ndarray]) -> Histograms:
        heights = jax.device_get(compiled(jnp.array(seeds), params, task))
        distances = np.arange(heights["gradients"].shape[1] + 1.0)
        openness = np.linspace(0, 1, HISTOGRAM_BINS + 1)
        return {
            name: (rows, distances if name == "gradients" else openness)
            for name, rows in heights.items()
        }

    return look


def at_multiples(task: Task) -> list[Task]:
    """Returns the task at `MULTIPLES` of its length; nothing where it has no other length."""
    return [longer for m in MULTIPLES if (longer := task.longer(m)) is not None]


def score_on_sample(
    config: TrainConfig, params: PyTree[Array], task: Task, key: Key[Array, ""]
) -> Float[Array, ""]:
    """Returns the main score on the first `LONGER_BATCHES` of the test data."""
    items = jax.tree.map(lambda leaf: leaf[:LONGER_BATCHES], task.evaluation(key, "test"))
    return evaluate_items(config, params, task, items)[task.score.name]


def full_batch(task: Task, items: PyTree[Array]) -> Batch:
    """Returns the first of the batches with the most sequences that are no filler."""
    sequences = jax.vmap(lambda item: task.batch(item).weights.sum())(items)
    return task.batch(jax.tree.map(lambda leaf: leaf[sequences.argmax()], items))


def ends_of_gates(model: Model, batch: Batch) -> GateLimits | None:
    """Returns the `gate_limits` of the first layer halfway through the sequences.

    The other history of a sequence is that of its neighbour in the batch. Attention has no gates.
    """
    cell = model.one_way_layers()[0]
    if not isinstance(cell, Cell):
        return None
    x = model.embed(batch.inputs)
    states, _ = trace(cell, x, no_nudges(model, *x.shape[:2])[0])
    half = x.shape[0] // 2
    state = jax.tree.map(lambda leaf: leaf[half], states)
    other = jax.tree.map(lambda leaf: jnp.roll(leaf, 1, axis=0), state)
    return gate_limits(cell, x[half], state, other)


def gradient_norms(flows: Float[np.ndarray, "members when path distance"]) -> GradientNorms:
    """Returns the norms at evenly spaced distances."""
    kept = evenly_spaced(flows.shape[-1])
    whole, *direct = np.moveaxis(flows[..., kept], 2, 0)  # by path: [members, when, distance]
    return GradientNorms(
        distance=kept.tolist(),
        initial=whole[:, 0].tolist(),
        trained=whole[:, 1].tolist(),
        initial_direct=direct[0][:, 0].tolist() if direct else None,
        trained_direct=direct[0][:, 1].tolist() if direct else None,
    )


def gate(seen: GateStatistics) -> Gate:
    """Returns one gate's openness: means over the members, which are the leading axis."""
    kept = evenly_spaced(seen.by_step.shape[1])
    return Gate(
        step=kept.tolist(),
        by_step=seen.by_step.mean(0)[kept].tolist(),
        by_unit=np.sort(seen.by_unit, axis=1).mean(0).tolist(),
        histogram=seen.histogram.mean(0).tolist(),
    )


def gate_ends(ends: GateLimits) -> GateEnds:
    """Returns the largest deviations over the members, and the mean of the update gate."""
    summary: dict[str, float | None] = {}
    for name, values in ends._asdict().items():
        over_all = np.mean if name.startswith("z_") else np.max
        summary[name] = None if values is None else float(over_all(values))
    return msgspec.convert(summary, GateEnds)


def evenly_spaced(number: int) -> Int[np.ndarray, " points"]:
    """Returns at most `MOST_POINTS` evenly spaced indices below a number, both ends included."""
    return np.unique(np.linspace(0, number - 1, min(number, MOST_POINTS)).round().astype(int))
