"""One recurrent layer in every library that a user might take instead.

All compete at the same work: training steps (forward, backward, SGD) on a mean squared error over
all outputs, and inference on one sequence. Each may use every core in the way that its users get
it: PyTorch by its threads, the JAX libraries by XLA's in one device, this package by splitting the
batch over the CPU devices. A plain scan that is split too shows what the splitting alone gives.
"""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from gru_bench.benchmark.runtime_calls import Call, onnx_inference, torch_inference, torch_training
from gru_bench.benchmark.shape import A_TURN, LEARNING_RATE, Shape
from gru_bench.cells.base import Cell
from gru_bench.export.torch import torch_layer
from gru_bench.export.weights import NoSuchForm
from gru_bench.measuring.program_memory import program_memory_mb
from gru_bench.measuring.recurrence_choice import recurrence_times
from gru_bench.model.model import ModelConfig, make_cell
from gru_bench.recurrence.plain import plain_unroll
from gru_bench.recurrence.scan import Implementation, unroll

OURS = "gru-bench"
ONNX_RUNTIME = "ONNX Runtime"
LIBRARIES = ("torch", "onnx", "onnxruntime", "keras", "equinox")
SCAN = "jax.lax.scan"  # the same equations in a scan that autodiff differentiates
SPLIT_SCAN = "jax.lax.scan, batch split"  # no peer: nobody ships it
Apply = Callable[[PyTree[Array], Array], Array]


@dataclass(frozen=True)
class Contestant:
    """A layer ready to run; each call returns once its work is done.

    Attributes:
        train: Makes `A_TURN` training steps; None where the runtime does not train.
        infer: Runs one sequence, at batch 1, `A_TURN` times.
        memory_mb: Megabytes (10^6 bytes) that the training program holds at its peak, all devices
            together; None where the library does not tell.
    """

    train: Call | None
    infer: Call
    memory_mb: float | None = None


@dataclass(frozen=True)
class Layer:
    """A layer of a JAX library as a pure function.

    Attributes:
        params: Its parameters.
        apply: Outputs of all steps, from the parameters and the inputs.
        batch_axis: The axis of the batch in inputs and outputs: 1 if time comes first.
        split: Whether the training batch is split over the devices.
    """

    params: PyTree[Array]
    apply: Apply
    batch_axis: int = 1
    split: bool = False


def missing() -> list[str]:
    """Returns the libraries that are not installed."""
    return [name for name in LIBRARIES if not importlib.util.find_spec(name)]


def make_contestants(cell: str, shape: Shape) -> dict[str, Contestant]:
    """Returns this package's layer and its peers, by name; only those that have this cell.

    PyTorch, Flax and Equinox have no textbook GRU: there its peers are Keras with
    `reset_after=False` and a scan of the same equations.
    """
    layers = make_layers(cell, shape)
    contestants = {name: make_contestant(layer, shape) for name, layer in layers.items()}
    return contestants | make_torch_contestant(cell, shape) | make_onnx_contestant(cell, shape)


def make_layers(cell: str, shape: Shape) -> dict[str, Layer]:
    """Returns the layers of the JAX libraries, this package's among them."""
    absent = missing()
    scan = _scan_layer(cell, shape)
    layers = _our_layers(cell, shape) | {SCAN: scan, SPLIT_SCAN: replace(scan, split=True)}
    layers |= _flax_layer(cell, shape)
    if "keras" not in absent:
        layers |= _keras_layer(cell, shape)
    if "equinox" not in absent:
        layers |= _equinox_layer(cell, shape)
    return layers


def make_contestant(layer: Layer, shape: Shape) -> Contestant:
    """Compiles a JAX layer's programs."""
    train, memory_mb = jax_training(layer, shape)
    return Contestant(train, jax_inference(layer, shape), memory_mb)


def jax_training(layer: Layer, shape: Shape) -> tuple[Call, float | None]:
    """Compiles `A_TURN` training steps; returns the call, and the megabytes that it holds.

    The parameters are donated and go from call to call, as training has it.
    """
    devices = jax.devices()
    count = len(devices) if layer.split and shape.batch % len(devices) == 0 else 1
    mesh = Mesh(np.array(devices[:count]), ("batch",))
    split = PartitionSpec(*[None] * layer.batch_axis, "batch")

    def train(params: PyTree[Array], x: Array, y: Array) -> PyTree[Array]:
        def loss(params: PyTree[Array]) -> Array:
            return jnp.square(layer.apply(params, x) - y).mean()

        def step(params: PyTree[Array], _: None) -> tuple[PyTree[Array], None]:
            gradient = jax.lax.pmean(jax.grad(loss)(params), "batch")
            return jax.tree.map(lambda p, g: p - LEARNING_RATE * g, params, gradient), None

        return jax.lax.scan(step, params, None, length=A_TURN)[0]

    everywhere = PartitionSpec()
    sharded = jax.shard_map(
        train, mesh=mesh, in_specs=(everywhere, split, split), out_specs=everywhere, check_vma=False
    )
    arguments = [
        jax.device_put(argument, NamedSharding(mesh, spec))
        for argument, spec in (
            # Donated, and others use the layer's own.
            (jax.tree.map(jnp.copy, layer.params), everywhere),
            (_data(layer, shape.time, shape.batch, shape.input_size, 0), split),
            (_data(layer, shape.time, shape.batch, shape.hidden_size, 1), split),
        )
    ]
    program = jax.jit(sharded, donate_argnums=0).lower(*arguments).compile()
    memory_mb = program_memory_mb(program)
    params, *data = arguments

    def call() -> object:
        nonlocal params
        params = jax.block_until_ready(program(params, *data))
        return params

    return call, None if memory_mb is None else memory_mb * count


def jax_inference(layer: Layer, shape: Shape) -> Call:
    """Compiles the run of one sequence, which the call makes `A_TURN` times."""
    x = _data(layer, shape.time, 1, shape.input_size, 2)
    alone = jax.device_put((layer.params, x), jax.devices()[0])
    program = jax.jit(layer.apply).lower(*alone).compile()
    return lambda: [jax.block_until_ready(program(*alone)) for _ in range(A_TURN)]


def _data(layer: Layer, time: int, batch: int, features: int, seed: int) -> Array:
    sizes = (time, batch) if layer.batch_axis == 1 else (batch, time)
    return jax.random.normal(jax.random.key(seed), (*sizes, features))


def _our_config(cell: str, shape: Shape) -> ModelConfig:
    return ModelConfig(cell, shape.input_size, 1, shape.hidden_size)


def our_cell(cell: str, shape: Shape) -> Cell:
    """Returns this package's cell, untrained."""
    return make_cell(_our_config(cell, shape), shape.input_size, nnx.Rngs(0))


def our_layer(cell: str, shape: Shape, recurrence: str) -> Layer:
    """Returns this package's layer by one implementation of `unroll`."""
    implementation = Implementation(recurrence)
    graph, params = nnx.split(our_cell(cell, shape))

    def apply(params: PyTree[Array], x: Array) -> Array:
        layer = nnx.merge(graph, params)
        return unroll(layer, x, layer.zero_state(x.shape[1], x.dtype), implementation)[0]

    return Layer(params, apply, split=True)


def _our_layers(cell: str, shape: Shape) -> dict[str, Layer]:
    """Returns our layer by its fastest recurrence, and by each where there is a choice."""
    times = recurrence_times(_our_config(cell, shape), shape.batch, shape.time, members=1)
    chosen = min(times, key=lambda recurrence: times[recurrence], default="scan")
    layers = {recurrence: our_layer(cell, shape, recurrence) for recurrence in {chosen, *times}}
    each = {f"{OURS}, {recurrence}": layers[recurrence] for recurrence in times}
    return {OURS: layers[chosen]} | each


def _scan_layer(cell: str, shape: Shape) -> Layer:
    graph, params = nnx.split(our_cell(cell, shape))

    def apply(params: PyTree[Array], x: Array) -> Array:
        layer = nnx.merge(graph, params)
        return plain_unroll(layer, x, layer.zero_state(x.shape[1], x.dtype))[0]

    return Layer(params, apply)


def _flax_layer(cell: str, shape: Shape) -> dict[str, Layer]:
    kind = {
        "gru_reset_after": nnx.GRUCell,
        "lstm": nnx.OptimizedLSTMCell,
        "rnn": nnx.SimpleCell,
    }.get(cell)
    if kind is None:
        return {}
    inner = kind(shape.input_size, shape.hidden_size, rngs=nnx.Rngs(0))
    graph, params, *rest = nnx.split(nnx.RNN(inner, time_major=True), nnx.Param, ...)
    return {
        f"flax.nnx.RNN({kind.__name__})": Layer(
            params, lambda params, x: nnx.merge(graph, params, *rest)(x, rngs=nnx.Rngs(0))
        )
    }


def _keras_layer(cell: str, shape: Shape) -> dict[str, Layer]:
    if os.environ.setdefault("KERAS_BACKEND", "jax") != "jax":
        return {}
    import keras

    make = {
        "gru": lambda: keras.layers.GRU(
            shape.hidden_size, reset_after=False, return_sequences=True
        ),
        "gru_reset_after": lambda: keras.layers.GRU(shape.hidden_size, return_sequences=True),
        "lstm": lambda: keras.layers.LSTM(shape.hidden_size, return_sequences=True),
        "rnn": lambda: keras.layers.SimpleRNN(shape.hidden_size, return_sequences=True),
    }.get(cell)
    if make is None:
        return {}
    layer = make()
    layer.build((None, shape.time, shape.input_size))
    fixed = [variable.value for variable in layer.non_trainable_variables]

    def apply(params: PyTree[Array], x: Array) -> Array:
        outputs: Array = layer.stateless_call(params, fixed, x)[0]
        return outputs

    params = [variable.value for variable in layer.trainable_variables]
    return {"keras on JAX": Layer(params, apply, batch_axis=0)}


def _equinox_layer(cell: str, shape: Shape) -> dict[str, Layer]:
    import equinox

    kind = {"gru_reset_after": equinox.nn.GRUCell, "lstm": equinox.nn.LSTMCell}.get(cell)
    if kind is None:
        return {}
    params, static = equinox.partition(
        kind(shape.input_size, shape.hidden_size, key=jax.random.key(0)), equinox.is_array
    )

    def apply(params: PyTree[Array], x: Array) -> Array:
        step = jax.vmap(equinox.combine(params, static))
        zeros = jnp.zeros((x.shape[1], shape.hidden_size))

        def body(state: Any, x_t: Array) -> tuple[Any, Array]:
            state = step(x_t, state)
            return state, state[0] if cell == "lstm" else state

        return jax.lax.scan(body, (zeros, zeros) if cell == "lstm" else zeros, x)[1]

    return {f"equinox.nn.{kind.__name__} in a scan": Layer(params, apply)}


def make_torch_contestant(cell: str, shape: Shape) -> dict[str, Contestant]:
    """Returns PyTorch's layer by its name, on a GPU by cuDNN; nothing if there is none."""
    if "torch" in missing():
        return {}
    import torch

    on_gpu = jax.default_backend() == "gpu"
    if on_gpu and not torch.cuda.is_available():  # its CPU build
        return {}
    device = "cuda" if on_gpu else "cpu"
    try:
        layer = torch_layer(our_cell(cell, shape))
    except NoSuchForm:
        return {}
    name = f"torch.nn.{type(layer).__name__}"
    train, infer = torch_training(layer, shape, device), torch_inference(layer, shape, device)
    return {name: Contestant(train, infer)}


def make_onnx_contestant(cell: str, shape: Shape) -> dict[str, Contestant]:
    """Returns ONNX Runtime's layer on a CPU, which does not train; nothing if there is none."""
    if {"onnx", "onnxruntime"} & {*missing()} or jax.default_backend() != "cpu":
        return {}
    try:
        return {ONNX_RUNTIME: Contestant(None, onnx_inference(our_cell(cell, shape), shape))}
    except NoSuchForm:
        return {}
