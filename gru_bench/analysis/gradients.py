"""The gradient of a loss through time: how much of it reaches the states before."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from gru_bench.analysis.trace import Nudges, no_nudges, trace, weighted_mean
from gru_bench.model.model import Model, read_out
from gru_bench.tasks.base import Batch, Task


def gradient_flow(
    model: Model, task: Task, batch: Batch, direct: bool | Bool[Array, ""] = False
) -> Float[Array, " distance"]:
    """Returns how much of the loss at the last step reaches the states before it.

    The gradient of a sequence's own loss with respect to the full state after step t, (h, c) of an
    LSTM and of all layers together, as the loss depends on it through the hidden state at the
    sequence's last step: where the head reads other steps too, these are held constant. Of
    attention it is the gradient with respect to the keys and values of step t, which are what is
    kept of it. It is exact: a zero is added to every state, and the loss is differentiated with
    respect to these zeros.

    The direct part of it is what comes through the kept state alone, with all gates and candidates
    held constant: of a GRU's last layer the product of its 1 - z, of an LSTM's that of its f, on
    the way of c; nothing of a plain RNN. Lower layers have none, since the loss sees them through
    the gates and candidates of the layers above alone. With one layer both are equal at the loss.

    Args:
        model: The model, with any parameters, initial or trained.
        task: The task whose loss it is.
        batch: Sequences of the task.
        direct: Whether the direct part alone is wanted, which attention does not have.

    Returns:
        Euclidean norms by distance in time, 0 being the step at which the loss is read, averaged
        over the sequences that are long enough; NaN where none is.
    """
    size, steps = batch.lengths.shape[0], batch.inputs.shape[0]
    last = (jnp.arange(steps)[:, None] == batch.lengths[None] - 1)[..., None]

    def loss(nudges: list[Nudges]) -> Float[Array, ""]:
        x = model.embed(batch.inputs)
        for layer, nudge in zip(model.one_way_layers(), nudges, strict=True):
            (x, *_), _ = trace(layer, x, nudge, direct)
        x = jnp.where(last, x, jax.lax.stop_gradient(x))
        hidden = read_out(x, batch.lengths, model.config.readout)
        return task.tally(model.head(hidden.astype(jnp.float32)), batch)["loss"]

    gradients = jax.grad(loss)(no_nudges(model, steps, size))
    norms = _norm(jnp.concatenate(jax.tree.leaves(gradients), axis=-1))
    t = batch.lengths[None] - 1 - jnp.arange(steps)[:, None]
    norms = jnp.take_along_axis(norms, jnp.maximum(t, 0), axis=0)
    return weighted_mean(norms, (t >= 0) * batch.weights[None], axis=1)


def _norm(a: Float[Array, "*axes features"]) -> Float[Array, "*axes"]:
    """Returns the Euclidean norm, without losing small vectors to underflow of their squares."""
    a = a.astype(jnp.promote_types(a.dtype, jnp.float32))
    largest = jnp.abs(a).max(-1, keepdims=True)
    scaled = a / jnp.where(largest > 0, largest, 1)
    return largest[..., 0] * jnp.sqrt(jnp.square(scaled).sum(-1))
