"""A layer over whole sequences: a cell, two that read them from both ends, or attention."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from gru_bench.cells.base import Cell, State
from gru_bench.model.attention import Attention
from gru_bench.recurrence.scan import Implementation, unroll
from gru_bench.recurrence.segments import in_segments


class Bidirectional(nnx.Module):
    """Two cells that read the same sequences, one from the first step on, one from the last.

    Each has its own parameters. Their outputs at a step stand side by side, those of the cell that
    reads forwards first.

    Source: Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997.
    """

    def __init__(self, forward: Cell, backward: Cell) -> None:
        self.forward = forward
        self.backward = backward

    def start_keeping(self, keep: Float[Array, " hidden"]) -> None:
        """Sets the bias of the gate that keeps the state, in both cells."""
        self.forward.start_keeping(keep)
        self.backward.start_keeping(keep)


OneWay = Cell | Attention  # layers that can take one step after another
Layer = OneWay | Bidirectional


def layer_outputs(
    layer: Layer,
    x: Float[Array, "time batch input"],
    lengths: Int[Array, " batch"],
    implementation: Implementation,
    masks: Sequence[Float[Array, "batch hidden"]] = (),
    remat: bool = False,
) -> Float[Array, "time batch outputs"]:
    """Returns the outputs of a layer after each step; what follows a sequence changes none of it.

    Args:
        layer: The layer.
        x: What it reads.
        lengths: Number of real steps of each sequence.
        implementation: How each cell is computed through time; of attention there is one way.
        masks: For each cell what is multiplied by what it reads of its own state; nothing if empty.
        remat: Whether the backward pass computes the steps once more; see `in_segments`.
    """
    if isinstance(layer, Attention):
        return layer(x)

    def outputs(cell: Cell, x: Array, mask: Array | None) -> Array:
        def run(x: Array, state: State) -> tuple[Array, State]:
            return unroll(cell, x, state, implementation, mask)

        state = cell.zero_state(x.shape[1], x.dtype)
        return (in_segments(run, x, state) if remat else run(x, state))[0]

    if not isinstance(layer, Bidirectional):
        (mask,) = masks or (None,)
        return outputs(layer, x, mask)
    ahead, back = masks or (None, None)
    backward = reverse(outputs(layer.backward, reverse(x, lengths), back), lengths)
    return jnp.concatenate([outputs(layer.forward, x, ahead), backward], axis=-1)


@jax.custom_vjp
def reverse(
    x: Float[Array, "time batch features"], lengths: Int[Array, " batch"]
) -> Float[Array, "time batch features"]:
    """Returns each sequence from its last real step to its first; padding stays where it is."""
    t = jnp.arange(len(x))[:, None]
    source = jnp.where(t < lengths[None], lengths[None] - 1 - t, t)
    return jnp.take_along_axis(x, source[..., None], axis=0)


def _reverse_forward(x: Array, lengths: Array) -> tuple[Array, Array]:
    return reverse(x, lengths), lengths


def _reverse_backward(lengths: Array, cotangent: Array) -> tuple[Array, None]:
    """Reverses once more: autodiff would scatter where a gather does, which takes far longer."""
    return reverse(cotangent, lengths), None


reverse.defvjp(_reverse_forward, _reverse_backward)
