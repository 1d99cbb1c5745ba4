"""PyTorch trains the same models on the same batches as gru-bench does."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

from gru_bench.benchmark import workloads
from gru_bench.benchmark.torch_loop import LastState, train_in_torch
from gru_bench.benchmark.workloads import Adding, Text
from gru_bench.cells.base import Cell
from gru_bench.export.torch import torch_layer
from gru_bench.model.model import Model
from gru_bench.tasks.corpora import Corpus, Documents

WORDS = ["wheat", "oil", "ship", "trade", "crude", "grain"]


@pytest.fixture
def text(monkeypatch):
    """Two classes of short documents in place of Reuters-8."""
    random = np.random.default_rng(0)

    def documents(number):
        labels = np.arange(number, dtype=np.int32) % 2
        return Documents(
            [" ".join(random.choice(WORDS[label::2], random.integers(1, 9))) for label in labels],
            labels,
        )

    corpus = Corpus(documents(70), documents(33), documents(40), ("a", "b"))
    monkeypatch.setattr(workloads, "load_data", lambda *_: corpus)
    return Text(hidden_size=4, steps=3)


def test_adding_is_trained_on_the_same_batches():
    adding = Adding(hidden_size=4, steps=2)
    items = adding.task.schedule(adding.data_key(3), jnp.int32(0), 2)
    for item, batch in zip(items, adding.batches(3), strict=True):
        drawn = adding.task.batch(item)
        np.testing.assert_array_equal(batch.inputs, drawn.inputs)
        np.testing.assert_array_equal(batch.targets, drawn.targets)
        assert batch.lengths is None


def test_text_is_trained_on_the_same_batches_cut_at_their_longest_document(text):
    places, weights = text.task.schedule(text.data_key(3), jnp.int32(0), 3)
    for item, batch in zip(zip(places, weights, strict=True), text.batches(3), strict=True):
        gathered = text.task.batch(item)
        longest = int(gathered.lengths.max())
        np.testing.assert_array_equal(batch.lengths, gathered.lengths)
        np.testing.assert_array_equal(batch.targets, gathered.targets)
        np.testing.assert_array_equal(batch.inputs, gathered.inputs[:longest])


def test_a_split_of_text_is_evaluated_once_and_without_what_fills_up_batches(text):
    sizes = {
        split: sum(len(b.targets) for b in text.evaluation(split))
        for split in ("validation", "test")
    }
    assert sizes == {"validation": 33, "test": 40}


@pytest.mark.parametrize("cell", ["gru_reset_after", "lstm", "rnn"])
def test_the_models_are_one_function(text, cell):
    """The recurrent layers are compared elsewhere; here embedding, packing and head are."""
    config = dataclasses.replace(text.model, cell=cell)
    model = Model(config, rngs=nnx.Rngs(0))
    theirs = LastState(cell, config)
    (layer,) = model.layers
    assert isinstance(layer, Cell)
    theirs.layer = torch_layer(layer)
    with torch.no_grad():
        theirs.embedding.weight[:] = torch.tensor(np.asarray(model.embedding.embedding[...]))
        theirs.head.weight[:] = torch.tensor(np.asarray(model.head.kernel[...]).T)
        theirs.head.bias[:] = torch.tensor(np.asarray(model.head.bias[...]))
    batch = next(text.batches(0))
    ours = model(jnp.asarray(batch.inputs), jnp.asarray(batch.lengths))
    outputs = theirs(torch.tensor(batch.inputs), torch.tensor(batch.lengths))
    np.testing.assert_allclose(outputs.detach().numpy(), ours, rtol=1e-4, atol=1e-5)


def test_the_loop_learns(text):
    text.steps = 1
    untrained = train_in_torch("lstm", text, 0, compiled=False)
    text.steps, text.evaluate_every = 40, 40
    assert untrained == 0.0  # No epoch has ended, so nothing was evaluated.
    assert train_in_torch("lstm", text, 0, compiled=False) < 0.3 < np.log(2)
    assert jax.config.jax_enable_compilation_cache  # type: ignore[attr-defined]
