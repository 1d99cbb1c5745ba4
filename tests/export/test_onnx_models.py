"""Whole models as ONNX graphs: sequences of several lengths, and step by step."""

import json

import numpy as np
import onnxruntime
import pytest
from helpers.reference import CELLS, LINEAR, VARIANTS
from helpers.trained import random_trained

from gru_bench.export.onnx import sequence_model, step_model

LENGTHS = np.array([5, 1, 3])


def session(model):
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def sequences(trained, seed=0):
    """Inputs `[batch, time, ...]` of several lengths, with anything behind their lengths."""
    random = np.random.default_rng(seed)
    config = trained.config
    if config.embedding_size is not None:
        return random.integers(0, config.input_size, (len(LENGTHS), LENGTHS.max()))
    shape = (len(LENGTHS), LENGTHS.max(), config.input_size)
    return random.normal(size=shape).astype(np.float32)


def check_sequence(trained, **options):
    inputs = sequences(trained)
    name = "inputs" if trained.config.embedding_size is None else "tokens"
    run = session(sequence_model(trained, **options))
    found, *rest = run.run(None, {name: inputs, "lengths": LENGTHS})
    sequences_alone = [row[:length] for row, length in zip(inputs, LENGTHS, strict=True)]
    for row, wanted in zip(found, trained.outputs(sequences_alone), strict=True):
        assert np.abs(row[: len(wanted)] - wanted).max() < 1e-5
    if trained.class_names:
        (shares,) = rest
        assert np.allclose(shares.sum(-1), 1, atol=1e-6)
        assert json.loads(run.get_modelmeta().custom_metadata_map["class_names"]) == list(
            trained.class_names
        )


def check_steps(trained, **options):
    inputs = sequences(trained)
    run = session(step_model(trained, **options))
    first, *states = run.get_inputs()
    outputs = [each.name for each in run.get_outputs()]
    feeds = {
        each.name: np.full(
            [len(LENGTHS) if size == "batch" else size for size in each.shape],
            -np.inf if each.name == "max" else 0.0,
            np.float32,
        )
        for each in states
    }
    stream = trained.stream(len(LENGTHS))
    for t in range(LENGTHS.max()):
        found = dict(zip(outputs, run.run(None, feeds | {first.name: inputs[:, t]}), strict=True))
        assert np.abs(found["outputs"] - stream.step(inputs[:, t])).max() < 1e-5
        feeds = {name: found[f"next_{name}"] for name in feeds}


@pytest.mark.parametrize(
    ("cell", "operators"),
    [*((cell, True) for cell in CELLS), *((cell, False) for cell in (*CELLS, *VARIANTS, *LINEAR))],
)
def test_a_model_of_each_cell(cell, operators):
    trained = random_trained(cell, ("a", "b", "c"), output_size=3, layers=2)
    check_sequence(trained, operators=operators)
    check_steps(trained, operators=operators)


@pytest.mark.parametrize("readout", ["mean", "max", "every"])
def test_what_the_head_reads(readout):
    trained = random_trained("gru", readout=readout)
    check_sequence(trained)
    check_steps(trained)


def test_tokens_are_embedded():
    trained = random_trained("lstm", ("ä", "b"), input_size=6, output_size=2, embedding_size=3)
    check_sequence(trained)
    check_steps(trained)


@pytest.mark.parametrize("readout", ["last", "mean", "max", "every"])
@pytest.mark.parametrize(("cell", "operators"), [("lstm", True), ("gru", False)])
def test_a_model_that_reads_from_both_ends(cell, operators, readout):
    check_sequence(
        random_trained(cell, layers=2, bidirectional=True, readout=readout), operators=operators
    )
