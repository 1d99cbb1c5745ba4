"""The cells once more, in plain NumPy: what the fast ones are compared with."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gru_bench.model.model import ModelConfig, make_cell

CELLS = ("gru", "gru_reset_after", "lstm", "rnn")
VARIANTS = ("gru_no_reset", "gru_no_update", "lstm_no_output", "lstm_coupled")
LINEAR = ("mingru", "minlstm")
BLOCKS = {
    "gru": "zrn",
    "gru_reset_after": "rzn",
    "lstm": "ifgo",
    "rnn": "n",
    "gru_no_reset": "zn",
    "gru_no_update": "rn",
    "lstm_no_output": "ifg",
    "lstm_coupled": "fgo",
    "mingru": "zn",
    "minlstm": "fin",
}


def random_cell(name, input_size, hidden_size, seed=0):
    """A cell whose parameters, biases included, are all random."""
    config = ModelConfig(name, input_size, 1, hidden_size)
    shapes = nnx.eval_shape(lambda: make_cell(config, input_size, nnx.Rngs(0)))
    graph, parameters = nnx.split(shapes)
    random = np.random.default_rng(seed)
    return nnx.merge(
        graph,
        jax.tree.map(
            lambda leaf: jnp.array(0.5 * random.normal(size=leaf.shape), leaf.dtype), parameters
        ),
    )


def random_sequence(cell, time, batch, input_size, seed=1):
    """Inputs `[time, batch, input]` and a state to start from, both random."""
    random = np.random.default_rng(seed)
    x = jnp.array(random.normal(size=(time, batch, input_size)))
    shape = (batch, cell.hidden_size)
    return x, tuple(jnp.array(0.5 * random.normal(size=shape)) for _ in range(cell.state_arrays))


def named(name, cell):
    """The parameters by gate: input weights W, recurrent weights U if there are any, biases b.

    A cell that holds gradients gives the gradients by the same names.
    """
    parts = {"W": np.asarray(cell.weight_ih[...]), "b": np.asarray(cell.bias[...])}
    if recurrent := [np.asarray(weight[...]) for weight in cell.weights_hh]:
        parts["U"] = np.concatenate(recurrent, axis=1)
    gates = BLOCKS[name]
    parameters = {
        kind + gate: block
        for kind, fused in parts.items()
        for gate, block in zip(gates, np.split(fused, len(gates), axis=-1), strict=True)
    }
    if name == "gru_reset_after":
        parameters["bhn"] = np.asarray(cell.bias_hn[...])
    return parameters


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def reference_step(name, p, x, state):
    """One time step by the equations of the literature."""

    def affine(gate, h):
        return x @ p["W" + gate] + h @ p["U" + gate] + p["b" + gate]

    h = state[0]
    if name == "mingru":
        z = sigmoid(x @ p["Wz"] + p["bz"])
        return ((1 - z) * h + z * (x @ p["Wn"] + p["bn"]),)
    if name == "minlstm":
        f, i = (sigmoid(x @ p["W" + gate] + p["b" + gate]) for gate in "fi")
        return (f / (f + i) * h + i / (f + i) * (x @ p["Wn"] + p["bn"]),)
    if name == "rnn":
        return (np.tanh(affine("n", h)),)
    if name == "lstm":
        i, f, o = (sigmoid(affine(gate, h)) for gate in "ifo")
        c = f * state[1] + i * np.tanh(affine("g", h))
        return o * np.tanh(c), c
    if name == "lstm_no_output":
        c = sigmoid(affine("f", h)) * state[1] + sigmoid(affine("i", h)) * np.tanh(affine("g", h))
        return np.tanh(c), c
    if name == "lstm_coupled":
        f = sigmoid(affine("f", h))
        c = f * state[1] + (1 - f) * np.tanh(affine("g", h))
        return sigmoid(affine("o", h)) * np.tanh(c), c
    if name == "gru_no_reset":
        z = sigmoid(affine("z", h))
        return ((1 - z) * h + z * np.tanh(affine("n", h)),)
    if name == "gru_no_update":
        return (np.tanh(affine("n", sigmoid(affine("r", h)) * h)),)
    z, r = sigmoid(affine("z", h)), sigmoid(affine("r", h))
    if name == "gru":
        return ((1 - z) * h + z * np.tanh(affine("n", r * h)),)
    n = np.tanh(x @ p["Wn"] + p["bn"] + r * (h @ p["Un"] + p["bhn"]))
    return ((1 - z) * n + z * h,)


def reference_unroll(name, p, x, state):
    """The outputs after each step, and the last state."""
    outputs = []
    for x_t in x:
        state = reference_step(name, p, x_t, state)
        outputs.append(state[0])
    return np.stack(outputs), state
