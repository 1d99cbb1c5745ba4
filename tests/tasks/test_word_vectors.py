"""Pretrained vectors: both formats, what is refused, and what becomes of them in a task."""

import numpy as np
import pytest

from gru_bench.config.compose import compose_experiments
from gru_bench.config.tasks.text import TextConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks.corpora import Corpus, Documents
from gru_bench.tasks.text import make_task
from gru_bench.tasks.word_vectors import read_word_vectors

PLACES = {"the": 2, "refund": 3, "rechnung": 4, "2": 5}
GLOVE = "the 0.1 -0.2\nrefund 1 2e-1\n2 5 6\n. . 7 8\n"


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("head", ["", "4 2\n"])
def test_both_formats_are_read(tmp_path, head):
    notes = []
    vectors = read_word_vectors(write(tmp_path / "v.txt", head + GLOVE), PLACES, 2, notes.append)
    expected = np.array([[0.1, -0.2], [1, 0.2], [5, 6]])
    np.testing.assert_allclose(vectors[[2, 3, 5]], expected, rtol=1e-6)
    assert np.isnan(vectors[[0, 1, 4]]).all()
    (note,) = notes
    assert note.endswith("vectors of 3 of 4 words (75%)")


def test_a_word_with_capitals_stands_in_for_one_without(tmp_path):
    text = "Rechnung 1 1\nRECHNUNG 2 2\nThe 3 3\nthe 4 4\nTHE 5 5\n"
    vectors = read_word_vectors(write(tmp_path / "v.txt", text), PLACES, 2)
    np.testing.assert_array_equal(vectors[[4, 2]], [[1, 1], [4, 4]])


def test_bytes_that_are_no_text_and_blanks_at_the_end_stop_nothing(tmp_path):
    path = tmp_path / "v.txt"
    path.write_bytes(b"\xff\xfe 1 2\r\nthe 3 4 \r\na\xc2\x85b 5 6\n")
    np.testing.assert_array_equal(read_word_vectors(path, PLACES, 2)[2], [3, 4])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("the 1 2 3\n", r"has vectors of 3 numbers.*task\.embedding_size is 2: write .*size=3"),
        ("9 3\nthe 1 2 3\n", r"has vectors of 3 numbers"),
        ("the 1 2\nrefund 1\n", r"line 2 of .* has vectors of 1 numbers"),
        ("the 1 2\nrefund 1 nan\n", "line 2 of .* is not a word and its numbers"),
        ("the,1,2\n", "line 1 of .* is not a word and its numbers"),
        ("house 1 2\n", "has a vector of no word of the training documents"),
        ("", "has a vector of no word of the training documents"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_word_vectors(write(tmp_path / "v.txt", text), PLACES, 2)
    with pytest.raises(UserError, match="cannot be read"):
        read_word_vectors(tmp_path / "none.txt", PLACES, 2)


def test_a_task_has_the_vectors_of_its_vocabulary(tmp_path):
    file = write(tmp_path / "v.txt", GLOVE)
    split = Documents(["The refund", "the bill"], np.array([0, 1], np.int32))
    config = TextConfig(min_frequency=1, embedding_size=2, embeddings=str(file))
    notes = []
    task = make_task(config, Corpus(split, split, split, ("a", "b")), 1, notes.append)
    assert "vectors of 2 of 3 words (67%)" in notes[0]
    the = int(task.inputs[0, 0])
    np.testing.assert_allclose(task.token_vectors[the], [0.1, -0.2], rtol=1e-6)


def test_identity_follows_the_vectors_wherever_they_lie(tmp_path):
    def identity(file, *words):
        text = ["task=text", "corpus=reuters8", f"task.embeddings={file}"]
        (config,) = compose_experiments([*text, *words], multirun=False)
        contents = config.hash_data()
        assert set(contents) == {"task.embeddings"}
        return config.identity(contents)

    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    for file in (one, other):
        file.write_text(GLOVE)
    first = identity(one)
    assert identity(other) == first
    assert identity(one, "task.train_embeddings=false") != first
    one.write_text("the 1 2\n")
    assert identity(one) != first


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["task.train_embeddings=false"], "no effect without task.embeddings"),
        (["task.embeddings=v.txt", "task.tokens=bytes"], "goes with task.tokens=words"),
    ],
)
def test_keys_without_effect_are_refused(words, message):
    with pytest.raises(UserError, match=message):
        compose_experiments(["task=text", "corpus=reuters8", *words], multirun=False)
