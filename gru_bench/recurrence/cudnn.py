"""The LSTM by cuDNN, NVIDIA's own implementation, which PyTorch uses, too.

No GPU has run this module yet: in its tests, on a CPU, JAX's reference LSTM stands for cuDNN's.

cuDNN projects the inputs itself, keeps two biases a gate, and takes one run at a time: those of a
population take turns. It has no textbook GRU, and JAX offers its LSTM alone, in float32.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jax.experimental import rnn
from jaxtyping import Array

from gru_bench.cells.base import Cell, State
from gru_bench.cells.builtin import LSTM

DTYPES = ("float32",)


def unroll(cell: Cell, x: Array, state: State) -> tuple[Array, State]:
    """Runs an LSTM over a sequence on an NVIDIA GPU.

    Args:
        cell: The LSTM.
        x: Inputs `[time, batch, input]`, in float32.
        state: The state before the first step.

    Returns:
        The output after each step, and the state after the last.
    """
    h, c = state
    outputs, h, c = _lstm(x.swapaxes(0, 1), h[None], c[None], pack(cell))
    return outputs.swapaxes(0, 1), (h[0], c[0])


def supports(cell: type[Cell], dtype: str) -> bool:
    """Returns whether cuDNN has the cell, and JAX offers it in this dtype."""
    return cell is LSTM and dtype in DTYPES


def pack(cell: Cell) -> Array:
    """Returns all weights of an LSTM in one row, for cuDNN: our gates are in its order."""
    (weight_hh,) = cell.weights_hh
    bias = cell.bias[...]
    parts = (cell.weight_ih[...].T, weight_hh[...].T, bias, jnp.zeros_like(bias))
    return jnp.concatenate([part.ravel() for part in parts])


@jax.custom_vjp
def _lstm(x: Array, h: Array, c: Array, weights: Array) -> tuple[Array, Array, Array]:
    results: tuple[Array, Array, Array] = _forward(x, h, c, weights)[0]
    return results


def _forward(*arrays: Array) -> Any:
    def forward(x: Array, h: Array, c: Array, weights: Array) -> Any:
        return rnn.lstm_fwd(x, h, c, weights, _lengths(x), *_sizes(x, h))

    return sequential_vmap(forward)(*arrays)


def _backward(residuals: Any, cotangent: Any) -> Any:
    def backward(residuals: Any, cotangent: Any) -> Any:
        x, h = residuals[:2]
        return rnn.lstm_bwd(*_sizes(x, h), residuals, cotangent)[:4]

    return sequential_vmap(backward)(residuals, cotangent)


_lstm.defvjp(_forward, _backward)


def _lengths(x: Array) -> Array:
    """Returns the lengths of the sequences, all of which are whole."""
    return jnp.full(x.shape[0], x.shape[1], jnp.int32)


def _sizes(x: Array, h: Array) -> tuple[int, int, int, float, bool, None]:
    """Returns what JAX's functions take: sizes, one layer, no dropout, one direction."""
    return x.shape[-1], h.shape[-1], 1, 0.0, False, None
