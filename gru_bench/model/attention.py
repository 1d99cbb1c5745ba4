"""A causal Transformer layer: the reference from outside that recurrent layers are compared with.

With LN for layer normalisation and x what the layer reads, its output y is

    u = x + W_o attention(LN(x)) + b_o
    y = u + W_2 gelu(W_1 LN(u) + b_1) + b_2

Each head attends from a step to itself and all steps before, as softmax(q·k / sqrt(d)) v with
queries, keys and values q, k, v of d numbers. Queries and keys are rotated by angles proportional
to their step, so that q·k depends on how far apart two steps are. The first of several layers
projects its input to the width of the layer; what it puts out is not normalised.

Source: Vaswani et al., "Attention is all you need", 2017; with normalisation ahead of each part as
in Xiong et al., "On layer normalization in the Transformer architecture", 2020, and the rotary
positions of Su et al., "RoFormer: enhanced Transformer with rotary position embedding", 2021.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from gru_bench.cells.layer_norm import EPSILON
from gru_bench.model.attention_counts import MLP_FACTOR, attention_width, head_size

LONGEST_WAVE = 10_000.0  # of the rotations, over 2 pi steps, as Su et al. have it

Heads = Float[Array, "time batch heads head_size"]
KeysAndValues = tuple[Float[Array, "time batch width"], Float[Array, "time batch width"]]


class Cache(NamedTuple):
    """What is kept of a sequence between two steps: keys and values of the steps before.

    Attributes:
        keys: The rotated keys, in a ring: those of step t are at t modulo the number of steps.
        values: The values, likewise.
    """

    keys: Heads
    values: Heads


class Attention(nnx.Module):
    """A causal layer of self-attention and an MLP.

    Attributes:
        hidden_size: Its width H.
        head_size: Numbers of a head.
        input_map: What projects the input to the width; None for a layer that reads another one.
        attention_norm: The normalisation before attention.
        query_key_value: The map to the queries, the keys and the values of all heads.
        output_map: The map from all heads to the width.
        mlp_norm: The normalisation before the MLP.
        mlp_in: The map to the hidden units of the MLP.
        mlp_out: The map from these to the width.
    """

    def __init__(
        self, input_size: int | None, hidden_size: int, dtype: str, *, rngs: nnx.Rngs
    ) -> None:
        """Draws the parameters.

        Args:
            input_size: Features of the input; None for those of a layer of the same width.
            hidden_size: The width.
            dtype: The type of the computation.
            rngs: What they are drawn from.
        """

        def linear(inputs: int, outputs: int) -> nnx.Linear:
            return nnx.Linear(inputs, outputs, dtype=jnp.dtype(dtype), rngs=rngs)

        def norm() -> nnx.LayerNorm:
            return nnx.LayerNorm(
                hidden_size,
                epsilon=EPSILON,
                dtype=jnp.dtype(dtype),
                use_fast_variance=False,
                rngs=rngs,
            )

        width, inner = attention_width(hidden_size), MLP_FACTOR * hidden_size
        self.hidden_size = hidden_size
        self.head_size = head_size(hidden_size)
        self.input_map = None if input_size is None else linear(input_size, hidden_size)
        self.attention_norm = norm()
        self.query_key_value = linear(hidden_size, 3 * width)
        self.output_map = linear(width, hidden_size)
        self.mlp_norm = norm()
        self.mlp_in = linear(hidden_size, inner)
        self.mlp_out = linear(inner, hidden_size)

    def __call__(
        self, x: Float[Array, "time batch input"], nudges: KeysAndValues | None = None
    ) -> Float[Array, "time batch hidden"]:
        """Returns the output at each step, which depends on this step and those before alone.

        Args:
            x: What the layer reads.
            nudges: Arrays to add to the keys, before they are rotated, and to the values.
        """
        x = self._at_width(x)
        query, key, value = self._query_key_value(x)
        if nudges is not None:
            key, value = (
                a + self._in_heads(nudge) for a, nudge in zip((key, value), nudges, strict=True)
            )
        steps = jnp.arange(len(x))
        is_seen = steps[None] <= steps[:, None]
        attended = attend(rotated(query, steps), rotated(key, steps), value, is_seen)
        return self._output(x, attended)

    def start(self, batch_size: int, steps: int, dtype: jax.typing.DTypeLike) -> Cache:
        """Returns the cache before the first step.

        Args:
            batch_size: Sequences.
            steps: How many steps it keeps: beyond them, the earliest is forgotten at each step.
            dtype: The type of keys and values.
        """
        heads = attention_width(self.hidden_size) // self.head_size
        zeros = jnp.zeros((steps, batch_size, heads, self.head_size), dtype)
        return Cache(zeros, zeros)

    def step(
        self, cache: Cache, x: Float[Array, "batch input"], position: Int[Array, ""]
    ) -> tuple[Cache, Float[Array, "batch hidden"]]:
        """Takes one step: returns what is kept after it, and the output.

        Args:
            cache: What is kept of the steps before.
            x: What the layer reads at this step.
            position: How many steps there were before.
        """
        x = self._at_width(x[None])
        query, key, value = self._query_key_value(x)
        now, kept = position[None], len(cache.keys)
        place = position % kept
        keys, values = (
            jax.lax.dynamic_update_index_in_dim(ring, new, place, 0)
            for ring, new in ((cache.keys, rotated(key, now)), (cache.values, value))
        )
        is_filled = jnp.arange(kept) <= position
        attended = attend(rotated(query, now), keys, values, is_filled[None])
        return Cache(keys, values), self._output(x, attended)[0]

    def _at_width(self, x: Float[Array, "time batch input"]) -> Float[Array, "time batch hidden"]:
        return x if self.input_map is None else self.input_map(x)

    def _query_key_value(self, x: Float[Array, "time batch hidden"]) -> tuple[Heads, Heads, Heads]:
        projected = self.query_key_value(self.attention_norm(x))
        query, key, value = map(self._in_heads, jnp.split(projected, 3, axis=-1))
        return query, key, value

    def _in_heads(self, a: Float[Array, "time batch width"]) -> Heads:
        return a.reshape(*a.shape[:-1], -1, self.head_size)

    def _output(
        self, x: Float[Array, "time batch hidden"], attended: Heads
    ) -> Float[Array, "time batch hidden"]:
        """Returns what the residual parts make of the layer's input."""
        x = x + self.output_map(attended.reshape(*attended.shape[:2], -1))
        return x + self.mlp_out(jax.nn.gelu(self.mlp_in(self.mlp_norm(x)), approximate=True))


def rotated(a: Heads, steps: Int[Array, " time"]) -> Heads:
    """Returns queries or keys with rotary positions.

    Numbers i and i + d/2 of a head of d numbers are turned, as a point in the plane, by the angle
    t / 10000^(2i/d) at step t.
    """
    exact = jnp.promote_types(a.dtype, jnp.float32)
    half = a.shape[-1] // 2
    speeds = LONGEST_WAVE ** (-jnp.arange(half, dtype=exact) / half)
    angles = (steps.astype(exact)[:, None] * speeds[None])[:, None, None]
    cosine, sine = jnp.cos(angles), jnp.sin(angles)
    left, right = jnp.split(a.astype(exact), 2, axis=-1)
    turned = [left * cosine - right * sine, left * sine + right * cosine]
    return jnp.concatenate(turned, axis=-1).astype(a.dtype)


def attend(
    query: Float[Array, "queries batch heads head_size"],
    key: Float[Array, "keys batch heads head_size"],
    value: Float[Array, "keys batch heads head_size"],
    is_seen: Bool[Array, "queries keys"],
) -> Float[Array, "queries batch heads head_size"]:
    """Returns for each query the mean of the values, weighted by the softmax of its scores.

    Args:
        query: The queries.
        key: The keys, of any number of steps.
        value: The values of these.
        is_seen: Which keys each query sees, one at least.
    """
    # Scores and their softmax are in float32 at least.
    exact = jnp.promote_types(query.dtype, jnp.float32)
    scaled = query / jnp.sqrt(query.shape[-1]).astype(query.dtype)
    scores = jnp.einsum("qbhd,kbhd->bhqk", scaled, key, preferred_element_type=exact)
    weights = jax.nn.softmax(jnp.where(is_seen[None, None], scores, -jnp.inf), axis=-1)
    return jnp.einsum("bhqk,kbhd->qbhd", weights.astype(value.dtype), value)
