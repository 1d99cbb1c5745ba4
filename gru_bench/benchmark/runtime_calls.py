"""One recurrent layer in the runtimes that a trained model may end in, with the same weights.

Each function returns a call that returns once its work is done. Every runtime gets arrays of its
own kind: JAX's, PyTorch's tensors, NumPy's for ONNX Runtime.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.benchmark.shape import A_TURN, LEARNING_RATE, Shape
from gru_bench.cells.base import Cell, State
from gru_bench.export.files import onnx_session
from gru_bench.export.onnx import onnx_model
from gru_bench.recurrence.plain import plain_dot
from gru_bench.system.machine import cpu_cores

if TYPE_CHECKING:
    import torch

Call = Callable[[], object]


def jax_stream(cell: Cell, shape: Shape) -> Call:
    """Takes a stream on by one step, in a compiled call with the weights as its constants."""
    step = jax.jit(lambda state, x: cell.step(state, cell.project(x), plain_dot(cell)))
    state: State = cell.zero_state(1, jnp.float32)
    x = jnp.ones((1, shape.input_size))

    def call() -> None:
        nonlocal state
        state = jax.block_until_ready(step(state, x))

    return call


def torch_training(layer: "torch.nn.RNNBase", shape: Shape, device: str = "cpu") -> Call:
    """Makes `A_TURN` training steps (forward, backward, SGD) on a mean squared error."""
    import torch

    torch.set_num_threads(cpu_cores())
    layer = layer.to(device)
    optimizer = torch.optim.SGD(layer.parameters(), LEARNING_RATE)
    x = torch.randn(shape.time, shape.batch, shape.input_size, device=device)
    y = torch.randn(shape.time, shape.batch, shape.hidden_size, device=device)

    def call() -> None:
        for _ in range(A_TURN):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(layer(x)[0], y).backward()
            optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return call


def torch_inference(layer: "torch.nn.RNNBase", shape: Shape, device: str = "cpu") -> Call:
    """Runs one sequence `A_TURN` times."""
    import torch

    torch.set_num_threads(cpu_cores())
    layer = layer.to(device)
    x = torch.randn(shape.time, 1, shape.input_size, device=device)

    @torch.inference_mode()
    def call() -> None:
        for _ in range(A_TURN):
            layer(x)
        if device == "cuda":
            torch.cuda.synchronize()

    return call


def torch_stream(layer: "torch.nn.RNNBase", shape: Shape) -> Call:
    """Takes a stream on by one step."""
    import torch

    torch.set_num_threads(cpu_cores())
    x = torch.ones(1, 1, shape.input_size)
    state: Any = None

    @torch.inference_mode()
    def call() -> None:
        nonlocal state
        _, state = layer(x, state)

    return call


def onnx_inference(cell: Cell, shape: Shape) -> Call:
    """Runs one sequence `A_TURN` times."""
    session = onnx_session(onnx_model(cell), cpu_cores())
    x = np.random.default_rng(0).normal(size=(shape.time, 1, shape.input_size))
    feeds = {"x": x.astype(np.float32)} | _start(cell)

    def call() -> None:
        for _ in range(A_TURN):
            session.run(None, feeds)

    return call


def onnx_stream(cell: Cell, shape: Shape) -> Call:
    """Takes a stream on by one step."""
    session = onnx_session(onnx_model(cell), cpu_cores())
    x = np.ones((1, 1, shape.input_size), np.float32)
    feeds = {"x": x} | _start(cell)
    states = [name for name in feeds if name != "x"]

    def call() -> None:
        _, *after = session.run(None, feeds)
        feeds.update(zip(states, after, strict=True))

    return call


def _start(cell: Cell) -> dict[str, np.ndarray]:
    zeros = np.zeros((1, 1, cell.hidden_size), np.float32)
    return dict.fromkeys(("h", "c")[: cell.state_arrays], zeros)
