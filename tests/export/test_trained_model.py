"""Trained models out of their folders: what training's test said is what they give."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from helpers.trained import random_trained, train, words_for_tickets

import gru_bench
from gru_bench.config.compose import compose_experiments
from gru_bench.experiments.resolve import resolve
from gru_bench.runs.folder import read_result
from gru_bench.runs.weights import MODEL, read_weights
from gru_bench.system.errors import UserError
from gru_bench.tasks.text import PADDING


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def folder(corpus):
    return train(corpus, *words_for_tickets(corpus), "seeds=2")


@pytest.fixture(scope="module")
def model(folder):
    return gru_bench.load_model(folder)


def test_predictions_score_what_the_result_says(corpus, folder, model):
    task: Any = resolve(compose_experiments(words_for_tickets(corpus), multirun=False))[0].task
    rows = slice(sum(task.sizes[:2]), None)
    documents = [row[row != PADDING] for row in np.asarray(task.inputs[rows])]
    right = [model.class_names[label] for label in task.targets[rows]]
    seeds = read_result(folder).seeds
    (seed,) = (each for each in seeds if each.seed == model.seed)
    accuracy = np.mean([a == b for a, b in zip(model.predict(documents), right, strict=True)])
    assert accuracy == pytest.approx(seed.test["accuracy"])
    assert seed.validation["accuracy"] == max(each.validation["accuracy"] for each in seeds)


def test_texts_are_read_as_they_were_in_training(model):
    assert model.class_names == ("login", "money")
    texts = ["Refund, please", "key", "an unknown [PAD] word", "code " * 100]
    tokens = model.tokens(texts)
    assert [len(ids) for ids in tokens] == [3, 1, 6, 8]
    assert PADDING not in tokens[2]
    assert model.predict(texts) == model.predict(tokens)
    shares = model.predict_proba(texts)
    assert np.sum(shares, axis=1) == pytest.approx(np.ones(4))
    assert [model.class_names[each.argmax()] for each in shares] == model.predict(texts)


def test_more_sequences_than_one_call_takes(model):
    texts = ["key " * (1 + i % 7) for i in range(130)]
    assert np.allclose(model.outputs(texts)[100:], model.outputs(texts[100:]), atol=1e-6)
    assert model.predict([]) == []


def test_a_stream_ends_where_the_sequence_does_and_goes_on_from_a_state(model):
    (ids,) = model.tokens(["my card was paid"])
    stream = model.stream()
    steps = [stream.step(ids[t : t + 1]) for t in range(2)]
    kept = stream.state
    steps += [stream.step(ids[t : t + 1]) for t in range(2, len(ids))]
    for length, outputs in enumerate(steps, start=1):
        assert np.allclose(outputs[0], model.outputs([ids[:length]])[0], atol=1e-6)
    other = model.stream()
    other.state = kept
    assert np.array_equal(other.step(ids[2:3]), steps[2])


def test_adding_seeds_changes_which_is_kept_and_only_so(corpus, folder):
    grown = train(corpus, *words_for_tickets(corpus), "seeds=4", "save_weights=all")
    assert grown == folder
    scores = {each.seed: each.validation["accuracy"] for each in read_result(folder).seeds}
    best = max(scores, key=lambda seed: (scores[seed], -seed))
    assert read_weights(folder).seed == best
    # Those of before were trained without being kept.
    assert gru_bench.load_model(folder, seed=3).seed == 3
    with pytest.raises(UserError, match=f"no weights of seed {1 - best if best < 2 else 0}"):
        gru_bench.load_model(folder, seed=1 - best if best < 2 else 0)


def test_values_at_the_end_and_outputs_at_every_step():
    adding = random_trained("gru")
    assert [each.shape for each in adding.predict(np.ones((3, 7, 2)))] == [(1,)] * 3
    tagging = random_trained("rnn", ("a", "b"), output_size=2, readout="every")
    assert [len(each) for each in tagging.predict([np.ones((n, 2)) for n in (4, 1)])] == [4, 1]
    with pytest.raises(UserError, match="are no classes"):
        adding.predict_proba(np.ones((3, 7, 2)))
    with pytest.raises(UserError, match="reads arrays, no texts"):
        adding.predict(["text"])
    for said, inputs in {
        "sequence 0 is of the shape [7, 3]: it must be [time, 2]": [np.ones((7, 3))],
        "sequence 1 is of the shape [0, 2]": [np.ones((1, 2)), np.ones((0, 2))],
        "sequence 0 holds what is not a finite number": [np.full((7, 2), np.nan)],
    }.items():
        with pytest.raises(UserError) as error:
            adding.predict(inputs)
        assert said in str(error.value)


def test_tokens_that_there_are_not_are_refused(model):
    with pytest.raises(UserError, match="a token that does not exist: they go from 0 to"):
        model.predict([np.array([1, 10_000])])
    with pytest.raises(UserError, match="give a list of texts"):
        model.predict("a text")


def test_what_does_not_fit_is_refused(folder, tmp_path):
    for name in ("weights.safetensors", MODEL):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    told = json.loads((tmp_path / MODEL).read_text())
    told["architecture"]["hidden_size"] += 1
    (tmp_path / MODEL).write_text(json.dumps(told))
    with pytest.raises(UserError, match="the weights do not fit the model: other parameters"):
        gru_bench.load_model(tmp_path)
    told["architecture"]["hidden_size"] = "many"
    (tmp_path / MODEL).write_text(json.dumps(told))
    with pytest.raises(UserError, match="the architecture of the model is not known"):
        gru_bench.load_model(tmp_path)


@pytest.mark.process
def test_it_is_used_without_hydra(folder):
    code = (
        "import sys, gru_bench\n"
        f"model = gru_bench.load_model({str(folder)!r})\n"
        "model.predict(['key']), model.stream().step([2])\n"
        "assert 'hydra' not in sys.modules and 'gru_bench.experiments' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
