"""A cell that a user may write: the minimal gated unit, a GRU with one gate in the place of two.

Source: Zhou, Wu, Zhang and Zhou, "Minimal gated unit for recurrent neural networks", 2016.
"""

import jax.numpy as jnp
from jax.nn import sigmoid
from jaxtyping import Array, Float

from gru_bench.cells import Cell, Dot, Gates, State


class MinimalGatedUnit(Cell):
    """f = sigmoid(W_f x + U_f h + b_f), n = tanh(W x + U (f * h) + b), h' = (1 - f) * h + f * n."""

    products = (1, 1)  # U_f h, and U (f * h)
    pointwise = 2 + 2 + 5  # two additions, a sigmoid and a tanh, what these make of the state

    @staticmethod
    def gates(state: State, x: Float[Array, "batch columns"], dot: Dot) -> Gates:
        (h,) = state
        x_f, x_n = jnp.split(x, 2, axis=-1)
        f = sigmoid(x_f + dot(0, h))
        n = jnp.tanh(x_n + dot(1, f * h))
        return {"f": f, "n": n}

    @staticmethod
    def next_state(state: State, gates: Gates) -> State:
        (h,) = state
        f, n = gates["f"], gates["n"]
        return ((1 - f) * h + f * n,)

    @staticmethod
    def openness(gates: Gates) -> Gates:
        return {"kept": 1 - gates["f"], "reset": gates["f"]}

    def remember(self, keep: Float[Array, " hidden"]) -> None:
        self.set_bias(0, -keep)
