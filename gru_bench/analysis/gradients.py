"""The gradient of a loss through time: how much of it reaches the states before."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.analysis.trace import _mean, no_nudges, trace
from gru_bench.cells.base import State
from gru_bench.model.model import Model, read_out
from gru_bench.model.streaming import embed
from gru_bench.tasks.base import Batch, Task


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
        x = embed(model, batch.inputs)
        for cell, nudge in zip(model.layers, nudges, strict=True):
            (x, *_), _ = trace(cell, x, nudge)
        x = jnp.where(last, x, jax.lax.stop_gradient(x))
        hidden = read_out(x, batch.lengths, model.config.readout)
        return task.tally(model.head(hidden.astype(jnp.float32)), batch)["loss"]

    gradients = jax.grad(loss)(no_nudges(model, steps, size))

    def by_distance(arrays: list[Array]) -> Float[Array, " distance"]:
        norms = _norm(jnp.concatenate(arrays, axis=-1))
        t = batch.lengths - 1 - jnp.arange(steps)[:, None]
        norms = jnp.take_along_axis(norms, jnp.maximum(t, 0), axis=0)
        return _mean(norms, (t >= 0) * batch.weights, axis=1)

    return GradientFlow(
        output=by_distance([gradient[0] for gradient in gradients]),
        state=by_distance([array for gradient in gradients for array in gradient]),
    )


def _norm(a: Float[Array, "*axes features"]) -> Float[Array, "*axes"]:
    """Euclidean norm that does not lose small vectors to the underflow of their squares."""
    a = a.astype(jnp.promote_types(a.dtype, jnp.float32))
    largest = jnp.abs(a).max(-1, keepdims=True)
    scaled = a / jnp.where(largest > 0, largest, 1)
    return largest[..., 0] * jnp.sqrt(jnp.square(scaled).sum(-1))
