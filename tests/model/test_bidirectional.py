"""Layers that read from both ends: PyTorch on packed sequences, padding, counts, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from helpers.models import random_model
from helpers.plain_recurrence import assert_same, value_and_gradients
from helpers.reference import CELLS, named, reference_unroll
from helpers.torch_layers import TORCH, torch_layer
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gru_bench.config.tasks import TASKS
from gru_bench.model.counts import matched_hidden_size, stack_flops, stack_parameters
from gru_bench.model.layers import Bidirectional, reverse
from gru_bench.model.model import Model, ModelConfig, count_parameters
from gru_bench.model.streaming import start_stream
from gru_bench.system.errors import UserError

TIME, BATCH, INPUT, HIDDEN = 7, 4, 3, 5
LENGTHS = np.array([7, 1, 3, 6])


def both_ways(name, **options):
    """A bidirectional model with random parameters."""
    return random_model(name, INPUT, 2, HIDDEN, bidirectional=True, **options)


def random_inputs(seed=1):
    return np.random.default_rng(seed).normal(size=(TIME, BATCH, INPUT))


def torch_model(name, model):
    """PyTorch's bidirectional layers with the same parameters, one on top of the other."""
    found = []
    for layer in model.layers:
        ahead, back = (torch_layer(name, named(name, c)) for c in (layer.forward, layer.backward))
        module, _ = TORCH[name]
        both = module(ahead.input_size, HIDDEN, bidirectional=True, dtype=torch.float64)
        both.load_state_dict(
            dict(ahead.named_parameters())
            | {f"{key}_reverse": value for key, value in back.named_parameters()}
        )
        found.append(both)
    return found


@pytest.mark.parametrize("name", TORCH)
def test_two_layers_equal_torch_on_packed_sequences(name, x64):
    model, x = both_ways(name, layers=2), random_inputs()
    packed = pack_padded_sequence(torch.tensor(x), torch.tensor(LENGTHS), enforce_sorted=False)
    for layer in torch_model(name, model):
        packed, last = layer(packed)
    expected = pad_packed_sequence(packed)[0].detach().numpy()
    lengths = jnp.array(LENGTHS)
    hidden = np.asarray(nnx.jit(Model.hidden_states)(model, jnp.array(x), lengths))
    for b, length in enumerate(LENGTHS):
        np.testing.assert_allclose(hidden[:length, b], expected[:length, b], rtol=1e-12, atol=1e-13)
    # What the head reads of the last step are PyTorch's last states of the two directions.
    ends = torch.cat(list(last[0] if name == "lstm" else last), dim=-1).detach().numpy()
    outputs = ends @ model.head.kernel[...] + model.head.bias[...][None]
    found = model(jnp.array(x), lengths)  # by a head in single precision
    np.testing.assert_allclose(found, outputs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_each_direction_follows_the_equations(name, x64):
    model, x = both_ways(name), random_inputs()
    hidden = np.asarray(model.hidden_states(jnp.array(x), jnp.array(LENGTHS)))
    (layer,) = model.layers
    for b, length in enumerate(LENGTHS):
        start = (np.zeros((1, HIDDEN)),) * layer.forward.state_arrays
        own = x[:length, b : b + 1]
        ahead, _ = reference_unroll(name, named(name, layer.forward), own, start)
        back, _ = reference_unroll(name, named(name, layer.backward), own[::-1], start)
        expected = np.concatenate([ahead[:, 0], back[::-1, 0]], axis=-1)
        np.testing.assert_allclose(hidden[:length, b], expected, rtol=1e-12)


@pytest.mark.parametrize("readout", ["last", "mean", "max", "every"])
def test_what_follows_a_sequence_changes_nothing(readout):
    model = both_ways("gru", layers=2, readout=readout)
    inputs, other = random_inputs(), random_inputs(2)
    padded = np.arange(TIME)[:, None] >= LENGTHS
    other[~padded] = inputs[~padded]
    one, two = (
        np.array(nnx.jit(Model.__call__)(model, jnp.array(x, jnp.float32), jnp.array(LENGTHS)))
        for x in (inputs, other)
    )
    if readout == "every":
        one, two = one[~padded], two[~padded]
    np.testing.assert_array_equal(one, two)


def test_gradients_of_reversing_are_those_of_autodiff(x64):
    """Those of a plain gather, which autodiff transposes to a scatter."""
    x, lengths = jnp.array(random_inputs()), jnp.array(LENGTHS)

    def by_hand(parameters, x, state):
        return reverse(x, lengths)

    def plain(parameters, x, state):
        rows = [[length - 1 - t if t < length else t for length in LENGTHS] for t in range(TIME)]
        return x[jnp.array(rows), jnp.arange(BATCH)[None]]

    empty = nnx.Linear(1, 1, rngs=nnx.Rngs(0))
    assert_same(
        value_and_gradients(by_hand, empty, x, ()), value_and_gradients(plain, empty, x, ())
    )


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_gradients_are_those_of_finite_differences(name, x64):
    model, x = both_ways(name, layers=2), jnp.array(random_inputs())
    graph, parameters = nnx.split(model)
    leaves, tree = jax.tree.flatten(parameters)
    random = np.random.default_rng(0)
    direction = jax.tree.unflatten(tree, [jnp.array(random.normal(size=p.shape)) for p in leaves])

    def loss(step):
        moved = jax.tree.map(lambda p, d: p + step * d, parameters, direction)
        hidden = nnx.merge(graph, moved).hidden_states(x, jnp.array(LENGTHS))
        return jnp.square(jnp.where(jnp.arange(TIME)[:, None, None] < 2, hidden, 0)).sum()

    step = 1e-5
    numerical = (loss(step) - loss(-step)) / (2 * step)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(0.0), numerical, rtol=1e-7)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("name", CELLS)
def test_the_formula_counts_both_directions(name, layers):
    config = ModelConfig(name, INPUT, 2, HIDDEN, layers=layers, bidirectional=True)
    model = nnx.eval_shape(lambda: Model(config, rngs=nnx.Rngs(0)))
    recurrent = stack_parameters(name, INPUT, HIDDEN, layers, bidirectional=True)
    assert count_parameters(model.layers) == recurrent
    assert count_parameters(model) == recurrent + 2 * (2 * HIDDEN + 1)


def test_counts_worked_by_hand():
    """An LSTM with I=2, H=3: 4 H (I + H + 1) a direction, its second layer with I=6."""
    assert stack_parameters("lstm", 2, 3, 2, bidirectional=True) == 2 * (72 + 120)
    # 4 H (2 I + 2 H + 1) and 13 H: 171 in the first layer, and 267 in the second.
    assert stack_flops("lstm", 2, 3, 2, bidirectional=True) == 2 * (171 + 267)


@pytest.mark.parametrize("match", ["parameters", "flops"])
def test_a_bidirectional_cell_matches_a_bidirectional_lstm(match):
    size = matched_hidden_size("gru", 10, 64, 2, match, bidirectional=True)
    count = {"parameters": stack_parameters, "flops": stack_flops}[match]
    target = count("lstm", 10, 64, 2, bidirectional=True)
    distances = [abs(count("gru", 10, h, 2, bidirectional=True) - target) for h in range(1, 200)]
    assert size == 1 + int(np.argmin(distances))


def test_a_model_that_reads_from_the_end_takes_no_single_steps():
    with pytest.raises(UserError, match="bidirectional=true is not possible here"):
        start_stream(both_ways("gru"))


def test_the_directions_start_differently_and_alike_in_what_they_keep():
    config = ModelConfig("lstm", INPUT, 2, HIDDEN, bidirectional=True, forget_bias=2.5)
    (layer,) = Model(config, rngs=nnx.Rngs(0)).layers
    assert isinstance(layer, Bidirectional)
    assert jnp.abs(layer.forward.weight_ih[...] - layer.backward.weight_ih[...]).max() > 0.1
    for cell in (layer.forward, layer.backward):
        np.testing.assert_array_equal(named("lstm", cell)["bf"], 2.5)


def test_a_task_that_asks_for_what_comes_next_says_so():
    forward_only = {name for name, task in TASKS.items() if task.FORWARD_ONLY is not None}
    assert forward_only >= {"copy", "dyck", "counting", "store_release", "automaton"}
    assert not forward_only & {"adding", "text"}
