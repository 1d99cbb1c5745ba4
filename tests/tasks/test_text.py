"""The text task: vocabulary, tokens, the order of documents, and its scores."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.config.tasks.text import TextConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks import text
from gru_bench.tasks.base import Batch
from gru_bench.tasks.classification import Classification
from gru_bench.tasks.corpora import Corpus, Documents
from gru_bench.tasks.text import (
    PADDING,
    UNKNOWN,
    encode,
    keep_documents,
    make_task,
    make_tokenizer,
    split_off,
)

KEY = jax.random.key(0)

compiled_schedule = jax.jit(Classification.schedule, static_argnames="steps")


def documents(texts: list[str], labels: list[int]) -> Documents:
    return Documents(texts, np.array(labels, np.int32))


def numbered(train: int, validation: int = 5, test: int = 7) -> Corpus:
    """Documents that are told apart by their one word; every third training label is 1."""

    def split(name: str, count: int) -> Documents:
        return documents([f"{name}{i}" for i in range(count)], [i % 3 % 2 for i in range(count)])

    return Corpus(split("a", train), split("b", validation), split("c", test), ("no", "yes"))


def task_of(train: int, batch_size: int) -> Classification:
    return make_task(TextConfig(min_frequency=1), numbered(train), batch_size)


def schedule(task: Classification, key: jax.Array, first_step: int, steps: int) -> np.ndarray:
    """Indices of the compiled schedule, the first step being traced."""
    indices, weights = compiled_schedule(task, key, jnp.int32(first_step), steps=steps)
    assert weights.shape == indices.shape == (steps, task.batch_size)
    assert (weights == 1).all()
    return np.asarray(indices)


# Tokens


def test_vocabulary_is_learnt_from_training_alone():
    corpus = Corpus(
        documents(["the cat", "the dog"], [0, 1]),
        documents(["the bird"], [0]),
        documents(["bird cat the"], [0]),
        ("x", "y"),
    )
    task = make_task(TextConfig(min_frequency=1), corpus, 1)
    assert task.input_size == 5  # padding, unknown, the, cat, dog
    the, cat = 2, 3
    assert task.inputs[3].tolist() == [UNKNOWN, cat, the]
    assert task.inputs[2].tolist() == [the, UNKNOWN, PADDING]
    assert task.lengths.tolist() == [2, 2, 2, 3]


def test_words_are_lower_case_and_apart_from_punctuation():
    config = TextConfig(min_frequency=1)
    tokenizer = make_tokenizer(config, ["don't stop, Ärger"])
    ids = tokenizer.get_vocab()
    assert set(ids) == {"[PAD]", "[UNK]", "don", "'", "t", "stop", ",", "ärger"}
    assert encode(config, tokenizer, ["STOP,ÄRGER!"])[0].tolist() == [
        ids["stop"],
        ids[","],
        ids["ärger"],
        UNKNOWN,
    ]


def test_rare_words_and_words_beyond_the_vocabulary_are_unknown():
    texts = ["c c c b b a a d"]
    tokenizer = make_tokenizer(TextConfig(min_frequency=2), texts)
    assert tokenizer.get_vocab() == {"[PAD]": 0, "[UNK]": 1, "c": 2, "a": 3, "b": 4}
    tokenizer = make_tokenizer(TextConfig(min_frequency=1, vocabulary_size=4), texts)
    assert tokenizer.get_vocab() == {"[PAD]": 0, "[UNK]": 1, "c": 2, "a": 3}


def test_characters_keep_case_and_white_space():
    config = TextConfig(tokens="characters", min_frequency=1, max_length=6)
    tokenizer = make_tokenizer(config, ["aA\n é日"])
    assert tokenizer.get_vocab_size() == 8
    ids = encode(config, tokenizer, ["aA\n é日", "日zaaaaaaaa"])
    assert sorted(ids[0].tolist()) == [2, 3, 4, 5, 6, 7]
    assert ids[1].tolist() == [ids[0][5], UNKNOWN, *[ids[0][0]] * 4]


def test_bytes_need_no_training():
    config = TextConfig(tokens="bytes", max_length=300)
    tokenizer = make_tokenizer(config, [])
    assert tokenizer.get_vocab_size() == 258
    everything = "".join(map(chr, range(128))) + "é日"
    ids = encode(config, tokenizer, [everything])[0]
    assert len(ids) == 128 + 2 + 3
    assert len(set(ids[:128].tolist())) == 128
    assert ids.min() >= 2
    assert encode(TextConfig(tokens="bytes", max_length=1), tokenizer, ["é"])[0] == ids[128]


def tokens_config(tokens):
    """Every token that occurs; there are 256 bytes whatever occurs."""
    return TextConfig(tokens=tokens, min_frequency=2 if tokens == "bytes" else 1)


@pytest.mark.parametrize("tokens", ["words", "characters", "bytes"])
def test_empty_documents_become_one_unknown_token(tokens):
    corpus = Corpus(
        documents(["a b", " b"], [0, 1]), documents([""], [0]), documents(["b a"], [0]), ("x", "y")
    )
    task = make_task(tokens_config(tokens), corpus, 1)
    assert task.lengths[2] == 1
    assert task.inputs[2, 0] == UNKNOWN
    assert (task.inputs[2, 1:] == PADDING).all()


@pytest.mark.parametrize("tokens", ["words", "characters", "bytes"])
def test_a_document_that_spells_padding_contains_none(tokens):
    config = tokens_config(tokens)
    tokenizer = make_tokenizer(config, ["[PAD] [UNK] x"])
    ids = encode(config, tokenizer, ["[PAD] [UNK]"])[0]
    assert ids.min() > UNKNOWN


def test_documents_are_cut_and_the_array_is_no_wider_than_needed():
    corpus = Corpus(
        documents(["a b c d e f", "a"], [0, 1]), documents(["a b"], [0]), documents(["b"], [0]), ()
    )
    assert make_task(TextConfig(min_frequency=1), corpus, 1).inputs.shape == (4, 6)
    cut = make_task(TextConfig(min_frequency=1, max_length=4), corpus, 1)
    assert cut.inputs.shape == (4, 4)
    assert cut.lengths.tolist() == [4, 1, 2, 1]
    assert cut.input_size == 8


@pytest.mark.parametrize(("words", "dtype"), [(254, "uint8"), (255, "uint16"), (65535, "int32")])
def test_ids_take_the_smallest_type(words, dtype):
    text = " ".join(f"w{i}" for i in range(words))
    same = documents([text, text], [0, 1])
    corpus = Corpus(same, same, same, ("x", "y"))
    config = TextConfig(min_frequency=1, vocabulary_size=10**6, max_length=words)
    task = make_task(config, corpus, 1)
    assert task.input_size == words + 2
    assert task.inputs.dtype == dtype
    assert task.inputs.max() == words + 1
    assert task.batch((jnp.array([0]), jnp.ones(1))).inputs.dtype == jnp.int32


def test_what_cannot_be_a_task_is_refused():
    with pytest.raises(UserError, match=r"batch_size=11 .*must be at most 10"):
        task_of(10, 11)
    with pytest.raises(UserError, match=r"task.min_frequency=2 is not possible"):
        make_task(TextConfig(min_frequency=2), numbered(10), 5)


# Order


@pytest.mark.parametrize(("train", "batch_size"), [(23, 5), (20, 5), (4, 4), (7, 4)])
def test_schedule_does_not_depend_on_how_steps_are_cut(train, batch_size):
    task = task_of(train, batch_size)
    whole = schedule(task, KEY, 0, 24)
    for steps in (1, 3, 8):
        cut = [schedule(task, KEY, first, steps) for first in range(0, 24, steps)]
        np.testing.assert_array_equal(np.concatenate(cut), whole)
    np.testing.assert_array_equal(schedule(task, KEY, 17, 5), whole[17:22])


def test_an_epoch_holds_every_document_at_most_once_in_a_new_order():
    task = task_of(23, 5)
    epochs = schedule(task, KEY, 0, 3 * 4).reshape(3, 20)
    for epoch in epochs:
        assert len(set(epoch.tolist())) == 20
        assert 0 <= epoch.min() <= epoch.max() < 23
    assert not (epochs[0] == epochs[1]).all()
    assert not (epochs[1] == epochs[2]).all()
    # The documents left over are not the same in every epoch.
    many = schedule(task, KEY, 0, 20 * 4)
    assert set(many.ravel().tolist()) == set(range(23))


def test_another_key_gives_another_order():
    task = task_of(40, 5)
    assert not (schedule(task, KEY, 0, 8) == schedule(task, jax.random.key(1), 0, 8)).all()


def test_schedules_of_many_keys_at_once():
    task = task_of(23, 5)
    keys = jax.random.split(KEY, 3)
    many, _ = jax.vmap(lambda key: task.schedule(key, jnp.int32(3), 6))(keys)
    for key, indices in zip(keys, many, strict=True):
        np.testing.assert_array_equal(indices, schedule(task, key, 3, 6))


@pytest.mark.parametrize("batch_size", [1, 2, 5, 7, 10])
def test_evaluation_covers_each_document_once(batch_size):
    task = task_of(12, batch_size)
    for split, expected in (("validation", range(12, 17)), ("test", range(17, 24))):
        indices, weights = task.evaluation(KEY, split)  # type: ignore[arg-type] # one of two names
        assert indices.shape == weights.shape
        assert indices.shape[1] == batch_size
        assert sorted(indices[weights == 1].tolist()) == list(expected)
        assert set(weights.ravel().tolist()) <= {0.0, 1.0}
    indices, weights = task.evaluation(KEY, "train")
    sample = indices[weights == 1].tolist()
    assert len(set(sample)) == len(sample) == 5
    assert set(sample) <= set(range(12))


def test_the_training_sample_is_no_larger_than_training():
    task = make_task(TextConfig(min_frequency=1), numbered(3, validation=5), 2)
    indices, weights = task.evaluation(KEY, "train")
    assert sorted(indices[weights == 1].tolist()) == [0, 1, 2]


def test_batch_is_time_major_with_the_right_labels():
    corpus = Corpus(
        documents(["x", "x y z", "y"], [0, 2, 1]),
        documents(["x"], [0]),
        documents(["y x"], [1]),
        ("p", "q", "r"),
    )
    task = make_task(TextConfig(min_frequency=1, readout="mean"), corpus, 2)
    batch = task.batch((jnp.array([1, 4]), jnp.array([1.0, 0.0])))
    x, y, z = 2, 3, 4
    assert batch.inputs.tolist() == [[x, y], [y, x], [z, PADDING]]
    assert batch.targets.tolist() == [2, 1]
    assert batch.lengths.tolist() == [3, 2]
    assert batch.weights.tolist() == [1, 0]
    assert (task.tokens, task.readout, task.output_size, task.examples) == (True, "mean", 3, 3)


def test_the_corpus_is_an_argument_of_compiled_functions():
    task = task_of(12, 4)
    assert len(jax.tree.leaves(task)) == 3
    again = jax.tree.map(lambda leaf: leaf, task)
    assert jax.tree.structure(again) == jax.tree.structure(task)  # type: ignore[operator] # missing in JAX's stub
    program = jax.make_jaxpr(lambda task, item: task.batch(item))(
        task, jax.tree.map(lambda leaf: leaf[0], task.evaluation(KEY, "test"))
    )
    assert program.consts == []


# Long documents and text without spaces


@pytest.mark.parametrize("tokens", ["words", "characters", "bytes"])
def test_a_document_in_pieces_has_the_tokens_of_the_whole(tokens, monkeypatch):
    generator = np.random.default_rng(0)
    letters = np.array([*"aaabbcdé日 \n.,!"])
    texts = ["".join(generator.choice(letters, size)) for size in (0, 1, 39, 40, 41, 500)]
    texts += [" " * 100 + "ab", "ab" + " " * 100]
    found = []
    for length in (40, 1000):
        monkeypatch.setattr(text, "PIECE_LENGTH", length)
        assert ["".join(text.pieces(each)) for each in texts] == texts
        config = dataclasses.replace(tokens_config(tokens), max_length=150)
        tokenizer = make_tokenizer(config, texts)
        ids = [each.tolist() for each in encode(config, tokenizer, texts)]
        found.append((sorted(tokenizer.get_vocab().items()), ids))
    assert found[0] == found[1]
    assert max(map(len, found[0][1])) == 150


def test_no_piece_is_long():
    assert {len(piece) for piece in text.pieces("x" * 25_000)} == {10_000, 5_000}
    words = list(text.pieces("word " * 10_000))
    assert all(piece.endswith(" ") for piece in words[:-1])
    assert max(map(len, words)) <= 10_000


@pytest.mark.parametrize(
    ("tokens", "advice"), [("words", "characters"), ("characters", "bytes"), ("bytes", None)]
)
def test_a_large_share_of_unknown_tokens_is_told(tokens, advice):
    train = documents(["今天天气很好", "我喜欢这部电影"], [0, 1])
    other = documents(["昨日下雨", "他讨厌书"], [0, 1])
    notes = []
    make_task(tokens_config(tokens), Corpus(train, other, other, ("x", "y")), 1, notes.append)
    if advice is None:
        assert notes == []
    else:
        (note,) = notes
        assert f"100% of the {tokens} in validation documents are unknown" in note
        assert f"task.tokens={advice}" in note


def test_known_tokens_are_not_told_of():
    split = documents(["a b c unknown" if i == 0 else "a b c d" for i in range(9)], [0, 1, 0] * 3)
    notes = []
    make_task(TextConfig(), Corpus(split, split, split, ("x", "y")), 1, notes.append)
    assert notes == []


# Scores


def tally_of(task: Classification, targets: list[int], predicted: list[int], weights=None):
    weights = jnp.ones(len(targets)) if weights is None else jnp.array(weights)
    outputs = 20.0 * jax.nn.one_hot(jnp.array(predicted), task.output_size)
    empty = jnp.zeros((1, len(targets)), jnp.int32)
    batch = Batch(empty, jnp.array(targets), jnp.ones(len(targets), jnp.int32), weights)
    return task.tally(outputs, batch)


def four_classes() -> Classification:
    split = documents(["a", "b", "c", "d"], [0, 1, 2, 3])
    return make_task(
        TextConfig(min_frequency=1), Corpus(split, split, split, ("a", "b", "c", "d")), 2
    )


def test_accuracy_and_macro_f1_worked_by_hand():
    task = four_classes()
    # Class 0: 2 right of 3, predicted 3 times, F1 = 4/6. Class 1: 1 of 1, predicted twice, 2/3.
    # Class 2: one document, never predicted, 0. Class 3 occurs nowhere and does not count.
    scores = task.scores(tally_of(task, [0, 0, 0, 1, 2], [0, 0, 1, 1, 0]))
    assert scores["accuracy"] == pytest.approx(3 / 5)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    # A class that is only predicted counts, with F1 of zero.
    scores = task.scores(tally_of(task, [0, 0], [0, 3]))
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


def test_tallies_add_up_over_batches():
    task = four_classes()
    targets, predicted = [0, 1, 2, 3, 1, 1], [0, 1, 1, 3, 2, 1]
    whole = tally_of(task, targets, predicted)
    parts = [tally_of(task, targets[i : i + 2], predicted[i : i + 2]) for i in (0, 2, 4)]
    added = jax.tree.map(lambda *leaves: sum(leaves), *parts)
    for name, value in task.scores(whole).items():
        assert task.scores(added)[name] == pytest.approx(float(value), rel=1e-6)
    assert whole["correct"].tolist() == [1, 2, 0, 1]
    assert whole["actual"].tolist() == [1, 3, 1, 1]
    assert whole["predicted"].tolist() == [1, 3, 1, 1]


def test_a_tally_grows_with_the_classes_not_with_their_pairs():
    task = four_classes()
    assert {leaf.shape for leaf in tally_of(task, [0, 1], [1, 1]).values()} == {(), (4,)}


def test_loss_is_mean_cross_entropy_in_nats():
    task = four_classes()
    batch = Batch(
        jnp.zeros((1, 3), jnp.int32),
        jnp.array([0, 1, 2]),
        jnp.ones(3, jnp.int32),
        jnp.array([1.0, 1.0, 0.0]),
    )
    # Probabilities 1/4 each, then 1/2 for class 1; the third document has no weight.
    outputs = jnp.log(jnp.array([[1, 1, 1, 1], [1, 3, 1, 1], [9, 9, 1, 9]], jnp.bfloat16))
    tally = task.tally(outputs, batch)
    assert tally["count"] == 2
    assert tally["loss"].dtype == jnp.float32
    assert tally["loss"] == pytest.approx(np.log(4) + np.log(2), rel=1e-2)
    assert tally["actual"].sum() == tally["predicted"].sum() == 2


def test_filler_documents_count_for_nothing():
    task = four_classes()
    weighted = tally_of(task, [0, 1, 2, 3], [0, 1, 0, 0], weights=[1.0, 1.0, 0.0, 0.0])
    plain = tally_of(task, [0, 1], [0, 1])
    for name in plain:
        np.testing.assert_allclose(weighted[name], plain[name], rtol=1e-6)


def test_baseline_is_the_commonest_class_of_training_on_the_test():
    corpus = Corpus(
        documents(["a", "b", "c"], [1, 1, 0]),
        documents(["a"], [0]),
        documents(["a", "b", "c", "d"], [0, 0, 0, 1]),
        ("x", "y"),
    )
    score = make_task(TextConfig(min_frequency=1), corpus, 1).score
    assert (score.name, score.higher_is_better, score.baseline) == ("accuracy", True, 0.25)
    assert score.baseline_name == "always the commonest class"
    assert score.solved_rule is None


def test_text_is_never_solved():
    task = four_classes()
    perfect = task.scores(tally_of(task, [0, 1, 2, 3], [0, 1, 2, 3]))
    assert perfect["macro_f1"] == 1
    assert not task.solved(perfect)


# Fewer training documents


def test_kept_documents_are_in_proportion_and_nested():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    every = documents([f"text {i}" for i in range(100)], labels.tolist())
    kept = {number: keep_documents(every, number) for number in (10, 20, 50, 100)}
    for number, some in kept.items():
        assert len(some.texts) == number
        counts = np.bincount(some.labels, minlength=3)
        np.testing.assert_allclose(counts, np.array([0.6, 0.3, 0.1]) * number, atol=1)
        for kept_text, label in zip(some.texts, some.labels, strict=True):
            assert labels[int(kept_text.split()[1])] == label
    assert set(kept[10].texts) < set(kept[20].texts) < set(kept[50].texts) < set(kept[100].texts)
    assert keep_documents(every, None) is every
    # They are not simply the first ones.
    assert set(kept[10].texts) != {f"text {i}" for i in range(10)}


def test_another_subset_keeps_other_documents_of_the_same_classes():
    labels = np.repeat([0, 1], 50)
    every = documents([f"text {i}" for i in range(100)], labels.tolist())
    first, second = (keep_documents(every, 20, subset) for subset in (0, 1))
    assert set(first.texts) != set(second.texts)
    assert np.bincount(first.labels).tolist() == np.bincount(second.labels).tolist() == [10, 10]


def test_validation_may_be_a_share_of_the_documents_kept():
    labels = np.repeat([0, 1], 10)
    every = documents([f"text {i}" for i in range(20)], labels.tolist())
    rest, away = split_off(every, 0.2)
    assert np.bincount(away.labels).tolist() == [2, 2]
    assert sorted(rest.texts + away.texts) == sorted(every.texts)
    with pytest.raises(UserError, match=r"task.validation_share=0.2 is not possible: 2 documents"):
        split_off(documents(["a", "b"], [0, 1]), 0.2)


def test_more_documents_than_there_are():
    with pytest.raises(UserError, match=r"task.train_documents=3 is not possible.* has 2"):
        keep_documents(documents(["a", "b"], [0, 1]), 3)


def test_a_small_training_set_has_its_own_vocabulary_and_epochs():
    train = documents(["common word", "common thing", "common rare"] * 4, [0, 1, 1] * 4)
    corpus = Corpus(train, train, train, ("x", "y"))
    config = TextConfig(min_frequency=1, train_documents=2)
    task = make_task(config, corpus, 2)
    assert task.sizes == (2, 12, 12)
    assert task.examples == 2
    # Padding, unknown, "common" and one word a document.
    assert task.input_size == 5
    rows, _ = task.evaluation(jax.random.key(0), "train")
    assert set(np.ravel(rows).tolist()) == {0, 1}
