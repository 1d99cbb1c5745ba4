"""Tasks over fixed data: what is shared, and the way from arrays to a task."""

import re
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.config.user_classes import import_class
from gru_bench.system.errors import UserError
from gru_bench.tasks.base import Batch, PredictsExamples
from gru_bench.tasks.classification import Classification, Labelling, make_classification
from gru_bench.tasks.user_task import load_task


def sequences(lengths: list[int]) -> list[np.ndarray]:
    """Sequences of two features, each of its own number."""
    return [np.full((length, 2), i + 1.0) for i, length in enumerate(lengths)]


def splits() -> dict:
    return {
        "train": (sequences([3, 1, 2]), [1, 1, 0]),
        "validation": (sequences([2]), [0]),
        "test": (sequences([1, 4]), [0, 1]),
    }


def test_arrays_become_a_task_with_their_lengths_and_a_baseline():
    task = make_classification(splits(), 2, ["still", "moving", "never seen"])
    assert isinstance(task, PredictsExamples)
    assert task.sizes == (3, 1, 2)
    assert (task.input_size, task.output_size, task.sequence_length) == (2, 3, 4)
    assert task.score.baseline == 0.5  # class 1 is the commonest of training
    assert task.preprocessing.class_names == ("still", "moving", "never seen")
    indices, weights = task.evaluation(jax.random.key(0), "test")
    batch = task.batch((indices[0], weights[0]))
    assert batch.inputs.shape == (4, 2, 2)
    assert batch.lengths.tolist() == [1, 4]
    assert batch.targets.tolist() == [0, 1]
    # Features of the one step of the first sequence, then nothing.
    assert batch.inputs[:, 0, 0].tolist() == [1, 0, 0, 0]


def test_an_empty_split_and_a_batch_larger_than_the_data():
    with pytest.raises(UserError, match="batch_size must be at most 3, the sequences to train on"):
        make_classification(splits(), 4)
    with pytest.raises(UserError, match="the validation split has no sequences"):
        make_classification(splits() | {"validation": ([], [])}, 2)


def test_labels_of_steps_count_real_steps_alone():
    task = Labelling(
        inputs=jnp.zeros((2, 3, 1)),
        targets=jnp.array([[0, 1, 0], [1, 0, 0]]),
        lengths=jnp.array([3, 1]),
        sizes=(2, 0, 0),
        input_size=1,
        output_size=2,
        readout="every",
        batch_size=2,
        score=make_classification(splits(), 1).score,
    )
    assert not isinstance(task, PredictsExamples)  # one class for a sequence is what is kept
    batch: Batch = task.batch((jnp.array([0, 1]), jnp.ones(2)))
    assert batch.targets.tolist() == [[0, 1], [1, 0], [0, 0]]
    # All steps are said to be of class 0: two of the four real ones are.
    outputs = jnp.tile(jnp.array([5.0, 0.0]), (3, 2, 1))
    scores = task.scores(task.tally(outputs, batch))
    assert scores["accuracy"] == 0.5
    assert scores["macro_f1"] == pytest.approx((2 * 2 / (2 + 4) + 0) / 2)


def test_a_task_is_a_tree_of_its_arrays():
    task = make_classification(splits(), 2)
    leaves, structure = jax.tree.flatten(task)
    assert len(leaves) == 3
    assert isinstance(jax.tree.unflatten(structure, leaves), Classification)


ROOT = Path(__file__).parents[2]


def test_a_function_of_a_users_makes_a_task_of_recordings(monkeypatch):
    monkeypatch.chdir(ROOT / "examples")
    monkeypatch.setattr("sys.path", [*sys.path])
    task = load_task("sensors:movements", {"file": "sensors.csv"}, 10)
    assert isinstance(task, Classification)
    assert task.sizes == (60, 20, 20)
    assert task.preprocessing.class_names == ("shake", "still", "turn")
    page = (ROOT / "docs" / "add-a-task.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    example = (ROOT / "examples" / "sensors.py").read_text(encoding="utf-8")
    without_docstring = re.sub(r' {4}"""[^"]*"""\n', "", example)
    assert shown in without_docstring
    assert len(shown.splitlines()) < 20


def test_a_cell_is_no_function(monkeypatch):
    monkeypatch.chdir(ROOT / "examples")
    monkeypatch.setattr("sys.path", [*sys.path])
    with pytest.raises(UserError, match=r"sensors\.py has no class movements"):
        import_class("cell", "sensors:movements")


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ((sequences([3, 1, 2]), [1, 1]), "3 sequences and 2 classes"),
        ((sequences([3, 1, 2]), [1, 1, 2]), "class 2: it must be 0 to 1, of which there are names"),
        ((sequences([3, 1, 2]), [1, -1, 0]), "class -1"),
        ((sequences([3, 0, 2]), [1, 1, 0]), r"sequence 1 of the train split is of shape \(0, 2\)"),
        (([np.ones(3)] * 3, [1, 1, 0]), r"of shape \(3,\)"),
        (([np.full((2, 2), np.nan)] * 3, [1, 1, 0]), "missing or not finite"),
    ],
)
def test_what_no_task_can_be_made_of_is_said(train, said):
    with pytest.raises(UserError, match=said):
        make_classification(splits() | {"train": train}, 2, ["still", "moving"])
