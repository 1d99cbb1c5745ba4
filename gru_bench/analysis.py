"""Why cells differ: gradients through time, gates, longer sequences, and use step by step.

All functions here are pure. A `Model` is a pytree, so that what takes one can be compiled, and
mapped over a trained population, as it is:

    models = load_model(config, fit.params)
    flows = jax.jit(jax.vmap(gradient_flow, (0, None, None)))(models, task, batch)
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Key, PyTree

from gru_bench.cells import GRU, LSTM, Cell, Dot, Gates, GRUResetAfter, State
from gru_bench.model import Model, ModelConfig, read_out
from gru_bench.tasks.base import Batch, Split, Task
from gru_bench.train import EVALUATION_DATA, TrainConfig, evaluate, over_runs

VANISHED = 1e-3  # of the gradient at the loss
HISTOGRAM_BINS = 20
OPEN = 1e3  # added to what goes into a gate, it drives any gate to its end
WARM_UP_ROUNDS = 50


def load_model(config: ModelConfig, params: PyTree[Array]) -> Model:
    """The model with the given parameters; their leading axes, if any, become the model's."""
    model = nnx.eval_shape(lambda: Model(config, rngs=nnx.Rngs(0)))
    return nnx.merge(nnx.graphdef(model), params)


# Gradients


class GradientFlow(NamedTuple):
    """Norms of a loss gradient by distance in time, 0 being the step at which the loss is read.

    Attributes:
        output: with respect to the outputs h of all layers.
        state: with respect to their full states, (h, c) of an LSTM: what memory flows through.
    """

    output: Float[Array, " distance"]
    state: Float[Array, " distance"]


def gradient_flow(model: Model, task: Task, batch: Batch) -> GradientFlow:
    """How much of the loss at the last step reaches the states before it.

    The gradient of a sequence's own loss with respect to the state after step t, as it depends on
    it through the hidden state at the sequence's last step: where the head reads other steps too,
    these are held constant. It is exact: a zero is added to every state, and the loss is
    differentiated with respect to these zeros.

    Args:
        model: with any parameters, initial or trained.
        task: whose loss it is.
        batch: sequences of the task.

    Returns:
        Euclidean norms, averaged over the sequences that are long enough; NaN where none is.
    """
    size, steps = batch.lengths.shape[0], batch.inputs.shape[0]
    last = (jnp.arange(steps)[:, None] == batch.lengths - 1)[..., None]

    def loss(nudges: list[State]) -> Float[Array, ""]:
        x = _embed(model, batch.inputs)
        for cell, nudge in zip(model.layers, nudges, strict=True):
            (x, *_), _ = _trace(cell, x, nudge)
        x = jnp.where(last, x, jax.lax.stop_gradient(x))
        hidden = read_out(x, batch.lengths, model.config.readout)
        return task.tally(model.head(hidden.astype(jnp.float32)), batch)["loss"]

    gradients = jax.grad(loss)(_no_nudges(model, steps, size))

    def by_distance(arrays: list[Array]) -> Float[Array, " distance"]:
        norms = _norm(jnp.concatenate(arrays, axis=-1).astype(jnp.float32))
        t = batch.lengths - 1 - jnp.arange(steps)[:, None]
        norms = jnp.take_along_axis(norms, jnp.maximum(t, 0), axis=0)
        return _mean(norms, (t >= 0) * batch.weights, axis=1)

    return GradientFlow(
        output=by_distance([gradient[0] for gradient in gradients]),
        state=by_distance([array for gradient in gradients for array in gradient]),
    )


def vanishing_distance(norms: np.ndarray) -> int | None:
    """First distance at which a gradient is at most 1e-3 of that at the loss; None if never.

    Args:
        norms: by distance, as in `GradientFlow`.
    """
    vanished = np.flatnonzero(np.asarray(norms) <= VANISHED * norms[0])
    return int(vanished[0]) if len(vanished) else None


def _norm(a: Float[Array, "*axes features"]) -> Float[Array, "*axes"]:
    """Euclidean norm that does not lose small vectors to the underflow of their squares."""
    largest = jnp.abs(a).max(-1, keepdims=True)
    scaled = a / jnp.where(largest > 0, largest, 1)
    return largest[..., 0] * jnp.sqrt(jnp.square(scaled).sum(-1))


# Gates


class GateStatistics(NamedTuple):
    """How far a gate is open, from 0 to 1, on the real steps of real sequences.

    Attributes:
        by_step: mean over sequences and units; NaN where no sequence is so long.
        by_unit: mean over sequences and steps.
        histogram: share of all values in each of `HISTOGRAM_BINS` equal intervals.
    """

    by_step: Float[Array, " time"]
    by_unit: Float[Array, " hidden"]
    histogram: Float[Array, " bins"]


def gate_statistics(model: Model, batch: Batch) -> list[dict[str, GateStatistics]]:
    """The gates of each layer while it reads the batch, by the names of `openness`."""
    steps = batch.inputs.shape[0]
    weights = (jnp.arange(steps)[:, None] < batch.lengths) * batch.weights

    def statistics(values: Float[Array, "time batch hidden"]) -> GateStatistics:
        each = jnp.broadcast_to(weights[..., None], values.shape)
        counts, _ = jnp.histogram(values, HISTOGRAM_BINS, range=(0, 1), weights=each)
        return GateStatistics(
            by_step=_mean(values, each, axis=(1, 2)),
            by_unit=_mean(values, each, axis=(0, 1)),
            histogram=counts / each.sum(),
        )

    x = _embed(model, batch.inputs)
    layers = []
    nudges = _no_nudges(model, steps, batch.lengths.shape[0])
    for cell, nudge in zip(model.layers, nudges, strict=True):
        (x, *_), gates = _trace(cell, x, nudge)
        gates = {name: gate.astype(jnp.float32) for name, gate in openness(cell, gates).items()}
        layers.append({name: statistics(gate) for name, gate in gates.items()})
    return layers


def openness(cell: Cell, gates: Gates) -> Gates:
    """The gates by what they do, whatever the cell's convention; none for a cell without gates.

    `kept` is the share of the old state that is kept, `reset` the share that the candidate sees,
    `input` and `output` the shares that enter and leave the LSTM's memory.
    """
    match cell:
        case GRU():
            return {"kept": 1 - gates["z"], "reset": gates["r"]}
        case GRUResetAfter():
            return {"kept": gates["z"], "reset": gates["r"]}
        case LSTM():
            return {"kept": gates["f"], "input": gates["i"], "output": gates["o"]}
    return {}


class GateLimits(NamedTuple):
    """What a gate does at its ends: largest deviations from what textbooks say, and z itself.

    Attributes:
        kept: of the new memory from the old, with the gate that keeps at 1 (an LSTM's input at 0).
        replaced: of the new memory from the candidate, with the gate that keeps at 0 (input at 1).
        z_kept: value of the update gate in the first case; None if the cell has none.
        z_replaced: in the second.
        reset_shut: of the candidate from that of another history, with the reset gate at 0; None
            for a cell without.
        reset_open: the same with the reset gate at 1: how much the history matters otherwise.
    """

    kept: float
    replaced: float
    z_kept: float | None
    z_replaced: float | None
    reset_shut: float | None
    reset_open: float | None


def gate_limits(
    cell: Cell, x: Float[Array, "batch input"], state: State, other: State
) -> GateLimits | None:
    """Drives the gates of a cell to their ends, by their biases alone, and sees what it does.

    Args:
        cell: with any weights; it is left as it is.
        x: inputs of one step.
        state: a state before the step.
        other: another one.

    Returns:
        The deviations; None for a cell without gates. An LSTM's memory is its c.
    """
    if not openness(cell, cell.gates(state, cell.project(x), _dot(cell, x.dtype))):
        return None

    def gates_with(set_gate: Callable[[Cell], None], state: State) -> Gates:
        driven = nnx.clone(cell)
        set_gate(driven)
        return driven.gates(state, driven.project(x), _dot(driven, x.dtype))

    def largest(difference: Array) -> float:
        return float(jnp.abs(difference).max())

    def mean(gates: Gates, name: str) -> float | None:
        return float(gates[name].mean()) if name in gates else None

    end = jnp.full(cell.hidden_size, OPEN)
    keep = gates_with(lambda cell: cell.remember(end), state)
    replace = gates_with(lambda cell: cell.remember(-end), state)
    candidate = replace["g" if isinstance(cell, LSTM) else "n"]
    reset: dict[bool, float | None] = {False: None, True: None}
    if not isinstance(cell, LSTM):
        block = list(keep).index("r")
        for is_open in reset:
            bias = OPEN if is_open else -OPEN
            one, two = (
                gates_with(lambda c, b=bias: c.set_bias(block, b), s) for s in (state, other)
            )
            reset[is_open] = largest(one["n"] - two["n"])
    return GateLimits(
        kept=largest(cell.next_state(state, keep)[-1] - state[-1]),
        replaced=largest(cell.next_state(state, replace)[-1] - candidate),
        z_kept=mean(keep, "z"),
        z_replaced=mean(replace, "z"),
        reset_shut=reset[False],
        reset_open=reset[True],
    )


# Longer sequences


def length_generalisation(
    config: TrainConfig,
    params: PyTree[Array],
    seeds: Sequence[int],
    make_task: Callable[[int], Task],
    lengths: Sequence[int],
    split: Split = "test",
) -> dict[int, dict[str, np.ndarray]]:
    """Scores of a trained population on the same task at other lengths.

    Args:
        config: how the population was trained.
        params: its parameters, with the runs as the leading axis.
        seeds: seed of each run, which decides its evaluation data.
        make_task: the task of a given length.
        lengths: the lengths, such as multiples of the one trained at.
        split: on which to evaluate.

    Returns:
        By length and name of the score, one entry a run.
    """

    def scores(params: PyTree[Array], key: Key[Array, ""], task: Task) -> dict[str, Array]:
        return evaluate(config, params, task, key, split)

    keys = jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(seed), EVALUATION_DATA))(
        jnp.array(seeds)
    )
    program = jax.jit(partial(over_runs, scores))
    return {
        length: jax.tree.map(np.asarray, program(params, keys, make_task(length)))
        for length in lengths
    }


# Step by step


class Stream(NamedTuple):
    """All that is kept of a sequence between two steps.

    Attributes:
        states: of each layer.
        pooled: of a head that reads the mean of the hidden states, their sum and number so far; of
            one that reads their maximum, that maximum; otherwise nothing.
    """

    states: tuple[State, ...]
    pooled: tuple[Float[Array, "..."], ...]


def start_stream(model: Model, batch_size: int = 1) -> Stream:
    """The stream before the first step."""
    config = model.config
    shape = (batch_size, config.hidden_size)
    pooled: dict[str, tuple[Array, ...]] = {
        "mean": (jnp.zeros(shape), jnp.zeros(())),
        "max": (jnp.full(shape, -jnp.inf),),
    }
    return Stream(
        states=tuple(cell.zero_state(batch_size, jnp.dtype(config.dtype)) for cell in model.layers),
        pooled=pooled.get(config.readout, ()),
    )


def stream_step(
    model: Model, stream: Stream, inputs: Array
) -> tuple[Stream, Float[Array, "batch output"]]:
    """One more step of a sequence.

    Args:
        model: the model.
        stream: what is kept of the steps before.
        inputs: of this step: features `[batch, input_size]`, or token ids `[batch]`.

    Returns:
        What is kept, and the outputs: what the model gives for the whole sequence up to this step
        (of a model that is read at every step, at the last).
    """
    x = _embed(model, inputs)
    states = []
    for cell, state in zip(model.layers, stream.states, strict=True):
        state = cell.step(state, cell.project(x), _dot(cell, x.dtype))
        states.append(state)
        x = state[0]
    hidden, pooled = x.astype(jnp.float32), stream.pooled
    if model.config.readout == "mean":
        total, number = pooled
        pooled = (total + hidden, number + 1)
        hidden = pooled[0] / pooled[1]
    elif model.config.readout == "max":
        pooled = (jnp.maximum(pooled[0], hidden),)
        hidden = pooled[0]
    return Stream(tuple(states), pooled), model.head(hidden)


def stream_bytes(model: Model) -> int:
    """Bytes that are kept of one sequence between two steps: the states, and what is pooled."""
    stream = jax.eval_shape(lambda: start_stream(model))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(stream))


def step_latency(models: Mapping[str, Model], rounds: int = 500) -> dict[str, np.ndarray]:
    """Latency of one step of one sequence, the call from Python included.

    The parameters are constants of the program, as they would be in a product. The models take
    turns, A B C A B C, since machines drift.

    Args:
        models: by any name.
        rounds: measurements of each.

    Returns:
        Microseconds by the same names. Entry i of all is of the same round.
    """
    programs, streams, inputs = {}, {}, {}
    for name, model in models.items():
        tokens = model.embedding is not None
        inputs[name] = jnp.zeros(1, int) if tokens else jnp.zeros((1, model.config.input_size))
        streams[name] = start_stream(model)
        step = jax.jit(partial(stream_step, model))
        programs[name] = step.lower(streams[name], inputs[name]).compile()
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(WARM_UP_ROUNDS + rounds):
        for name, program in programs.items():
            began = time.perf_counter()
            result = jax.block_until_ready(program(streams[name], inputs[name]))
            seconds[name].append(time.perf_counter() - began)
            streams[name] = result[0]
    return {name: np.array(times[WARM_UP_ROUNDS:]) * 1e6 for name, times in seconds.items()}


# A cell in slow motion


def _embed(model: Model, inputs: Array) -> Float[Array, "*steps batch input"]:
    """What the first recurrent layer reads."""
    x = inputs if model.embedding is None else model.embedding(inputs)
    return x.astype(model.config.dtype)


def _dot(cell: Cell, dtype: jnp.dtype) -> Dot:
    """The cell's products with its recurrent weights, one at a time."""
    maps = jax.tree.map(lambda parameter: parameter.astype(dtype), cell.recurrent_maps())

    def dot(i: int, a: Array) -> Array:
        weight, bias = maps[i]
        return a @ weight if bias is None else a @ weight + bias

    return dot


def _trace(cell: Cell, x: Float[Array, "time batch input"], nudges: State) -> tuple[State, Gates]:
    """States after each step, `nudges` having been added to them, and gates; both time first."""
    dot = _dot(cell, x.dtype)

    def body(state: State, step: tuple[Array, State]) -> tuple[State, tuple[State, Gates]]:
        x_t, nudge = step
        gates = cell.gates(state, x_t, dot)
        state = jax.tree.map(jnp.add, cell.next_state(state, gates), nudge)
        return state, (state, gates)

    start = cell.zero_state(x.shape[1], x.dtype)
    return jax.lax.scan(body, start, (cell.project(x), nudges))[1]


def _no_nudges(model: Model, steps: int, batch_size: int) -> list[State]:
    """Zeros to add to the states of each layer after each step."""
    shape = (steps, batch_size, model.config.hidden_size)
    zeros = jnp.zeros(shape, model.config.dtype)
    return [(zeros,) * cell.state_arrays for cell in model.layers]


def _mean(
    values: Array, weights: Float[Array, "..."], axis: int | tuple[int, ...]
) -> Float[Array, "..."]:
    """Weighted mean; NaN where all weights are zero."""
    return jnp.where(weights > 0, values * weights, 0).sum(axis) / weights.sum(axis)
