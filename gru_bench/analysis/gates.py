"""What the gates of a cell do on real sequences, and what they do when driven to their ends.

All functions here are pure. A `Model` is a pytree, so that what takes one can be compiled, and
mapped over a trained population, as it is:

    models = make_model(config, fit.params)
    layers = jax.jit(jax.vmap(gate_statistics, (0, None)))(models, batch)
"""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from gru_bench.analysis.trace import no_nudges, trace, weighted_mean
from gru_bench.cells.base import Cell, Gates, State
from gru_bench.cells.builtin import CELLS
from gru_bench.model.model import Model
from gru_bench.recurrence.plain import plain_dot
from gru_bench.system.lowered import result_node
from gru_bench.tasks.base import Batch

HISTOGRAM_BINS = 20
OPEN = 1e3  # added to what goes into a gate, it drives any gate to its end


@result_node
class GateStatistics(NamedTuple):
    """How far a gate is open, from 0 to 1, on the real steps of real sequences.

    Attributes:
        by_step: The mean over sequences and units; NaN where no sequence is so long.
        by_unit: The mean over sequences and steps.
        histogram: The share of all values in each of `HISTOGRAM_BINS` equal intervals.
    """

    by_step: Float[Array, " time"]
    by_unit: Float[Array, " hidden"]
    histogram: Float[Array, " bins"]


def gate_statistics(model: Model, batch: Batch) -> list[dict[str, GateStatistics]]:
    """Returns the gates of each layer while it reads the batch, by the names of `Cell.openness`.

    Attention has none.
    """
    steps = batch.inputs.shape[0]
    weights = (jnp.arange(steps)[:, None] < batch.lengths[None]) * batch.weights[None]

    def statistics(values: Float[Array, "time batch hidden"]) -> GateStatistics:
        each = jnp.broadcast_to(weights[..., None], values.shape)
        counts, _ = jnp.histogram(values, HISTOGRAM_BINS, range=(0, 1), weights=each)
        return GateStatistics(
            by_step=weighted_mean(values, each, axis=(1, 2)),
            by_unit=weighted_mean(values, each, axis=(0, 1)),
            histogram=counts / each.sum(),
        )

    x = model.embed(batch.inputs)
    layers = []
    nudges = no_nudges(model, steps, batch.lengths.shape[0])
    for layer, nudge in zip(model.one_way_layers(), nudges, strict=True):
        (x, *_), gates = trace(layer, x, nudge)
        openness = layer.openness(gates) if isinstance(layer, Cell) else {}
        layers.append({name: statistics(g.astype(jnp.float32)) for name, g in openness.items()})
    return layers


@result_node
class GateLimits(NamedTuple):
    """What gates do at their ends: z itself, and the largest deviations from what textbooks say.

    Attributes:
        z_kept: The update gate where the state is kept; None for a cell without one.
        kept: The deviation of the new memory from the old one, with the gate that keeps at 1 (and
            an LSTM's input gate at 0).
        z_replaced: The update gate where the state is replaced; None for a cell without one.
        replaced: The deviation of the new memory from the candidate, with the gate that keeps at 0
            (and an LSTM's input gate at 1).
        reset_shut: The deviation of the candidate from that of another history, with the reset gate
            at 0; None for a cell without one.
        reset_open: The same with the reset gate at 1: what the history does if it is let through.
    """

    z_kept: Float[Array, ""] | None
    kept: Float[Array, ""]
    z_replaced: Float[Array, ""] | None
    replaced: Float[Array, ""]
    reset_shut: Float[Array, ""] | None
    reset_open: Float[Array, ""] | None


def gate_limits(
    cell: Cell, x: Float[Array, "batch input"], state: State, other: State
) -> GateLimits | None:
    """Drives the gates of a cell to their ends, by their biases alone, and measures what it does.

    Args:
        cell: The cell, with any weights; it is left as it is.
        x: The inputs of one step.
        state: A state before the step.
        other: Another state, of the same shape.

    Returns:
        What the gates do; None for a cell that is not built in or has no gate that keeps its
        state. The memory is the h of a GRU and the c of an LSTM.
    """
    end = jnp.full(cell.hidden_size, OPEN)

    def gates_of(driven: Cell, state: State) -> Gates:
        return driven.gates(state, driven.project(x), plain_dot(driven, x.dtype))

    gates = gates_of(cell, state)
    if type(cell) not in CELLS.values() or "kept" not in cell.openness(gates):
        return None
    has_update, has_reset = "z" in gates, "r" in gates
    candidate = "n" if "n" in gates else "g"

    def remembering(keep: Array) -> Gates:
        driven = nnx.clone(cell)
        driven.remember(keep)
        return gates_of(driven, state)

    def effect_of_history(reset_bias: float) -> Float[Array, ""]:
        driven = nnx.clone(cell)
        driven.set_bias(list(gates).index("r"), reset_bias)
        return _largest(gates_of(driven, state)["n"] - gates_of(driven, other)["n"])

    keep, replace = remembering(end), remembering(-end)
    return GateLimits(
        z_kept=keep["z"].mean() if has_update else None,
        kept=_largest(cell.next_state(state, keep)[-1] - state[-1]),
        z_replaced=replace["z"].mean() if has_update else None,
        replaced=_largest(cell.next_state(state, replace)[-1] - replace[candidate]),
        reset_shut=effect_of_history(-OPEN) if has_reset else None,
        reset_open=effect_of_history(OPEN) if has_reset else None,
    )


def _largest(difference: Array) -> Float[Array, ""]:
    return jnp.abs(difference).max()
