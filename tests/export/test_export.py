"""A cell in other runtimes: the same outputs and states, of whole sequences and step by step."""

import jax
import numpy as np
import onnxruntime
import pytest
import torch
from helpers.plain_recurrence import python_unroll
from helpers.reference import CELLS, random_cell, random_sequence

from gru_bench.cells.base import Cell
from gru_bench.export.onnx import onnx_model
from gru_bench.export.torch import torch_layer
from gru_bench.export.weights import NoSuchForm, gate_weights

TIME, BATCH, INPUT, HIDDEN = 12, 3, 5, 7


def run_in_torch(cell, x, state):
    layer = torch_layer(cell)
    tensors = [torch.from_numpy(array)[None] for array in state]
    with torch.inference_mode():
        outputs, last = layer(torch.from_numpy(x), tuple(tensors) if len(state) > 1 else tensors[0])
    last = last if len(state) > 1 else (last,)
    return outputs.numpy(), [array[0].numpy() for array in last]


def run_in_onnx(cell, x, state):
    session = onnxruntime.InferenceSession(
        onnx_model(cell).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    states = {name: array[None] for name, array in zip("hc", state, strict=False)}
    outputs, *last = session.run(None, {"x": x} | states)
    return outputs, [array[0] for array in last]


RUNTIMES = {"PyTorch": run_in_torch, "ONNX Runtime": run_in_onnx}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", CELLS)
def test_the_same_numbers_for_a_whole_sequence_and_step_by_step(name, runtime):
    cell = random_cell(name, INPUT, HIDDEN)
    run = RUNTIMES[runtime]
    x, state = random_sequence(cell, TIME, BATCH, INPUT)
    expected, expected_last = jax.tree.map(np.asarray, python_unroll(cell, x, state))
    x, state = jax.tree.map(np.array, (x, state))  # PyTorch wants arrays that may be written to
    if (name, runtime) == ("gru", "PyTorch"):
        with pytest.raises(NoSuchForm, match="PyTorch has no layer for GRU"):
            run(cell, x, state)
        return
    outputs, last = run(cell, x, state)
    assert np.abs(outputs - expected).max() < 1e-5
    assert max(np.abs(a - b).max() for a, b in zip(last, expected_last, strict=True)) < 1e-5
    for t, x_t in enumerate(x):
        outputs, state = run(cell, x_t[None], state)
        assert np.abs(outputs[0] - expected[t]).max() < 1e-5
    assert max(np.abs(a - b).max() for a, b in zip(state, expected_last, strict=True)) < 1e-5


def test_a_cell_of_the_user_has_no_form_in_other_runtimes():
    class Mine(Cell):
        products = (1,)

    mine = object.__new__(Mine)
    for form in (gate_weights, torch_layer, onnx_model):
        with pytest.raises(NoSuchForm, match="Mine"):
            form(mine)
