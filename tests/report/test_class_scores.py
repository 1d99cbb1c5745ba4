"""Precision, recall, F1 and confusion of each class, counted by hand, and how they are shown."""

import dataclasses

import numpy as np
import pytest
from helpers.made_up import make_result

from gru_bench.report import class_scores, render
from gru_bench.report.class_scores import class_scores as scores_of
from gru_bench.report.class_scores import class_table
from gru_bench.report.figures import confusion
from gru_bench.report.groups import make_groups
from gru_bench.runs.predictions import Predictions

NAMES = ["a$b$", "<billing>", "c" * 40, "never"]


def predicting(given, actual, names=None, cell="gru"):
    """A result whose seeds made these decisions."""
    given, actual = np.array(given, np.uint8), np.array(actual, np.uint8)
    result = make_result("text", cell, (given == actual).mean(axis=1).tolist())
    made = Predictions(seeds=np.arange(len(given)), given=given, actual=actual)
    return dataclasses.replace(result, predictions=made, class_names=names)


def test_each_class_is_counted_over_all_seeds():
    result = predicting([[0, 0, 1, 2], [0, 1, 1, 1]], [0, 0, 1, 2], NAMES)
    found = scores_of(result)
    # Of the decisions of two seeds: 0 right of 3 of 3 for it, 4 should have been.
    np.testing.assert_array_equal(found.examples, [2, 1, 1, 0])
    np.testing.assert_allclose(found.precision, [3 / 3, 2 / 4, 1 / 1, np.nan])
    np.testing.assert_allclose(found.recall, [3 / 4, 2 / 2, 1 / 2, np.nan])
    np.testing.assert_allclose(found.f1, [6 / 7, 4 / 6, 2 / 3, np.nan])
    np.testing.assert_allclose(found.confusion[0], [1.5, 0.5, 0, 0])


def test_the_table_has_a_row_for_each_class_and_cell():
    runs = [predicting([[0, 0, 1, 2]] * 2, [0, 0, 1, 2], NAMES, cell) for cell in ("gru", "lstm")]
    (group,) = make_groups(runs)
    (table,) = class_table(group)
    assert [row[:3] for row in table.rows[:2]] == [["a$b$", "2", "gru"], ["a$b$", "2", "lstm"]]
    assert table.rows[0][3:] == ["100.0", "100.0", "100.0"]
    assert len(table.rows) == 3 * 2  # a class that is never tested has none
    assert class_table(make_groups([make_result("copy")])[0]) == []


def test_of_many_classes_the_worst_are_shown():
    rng = np.random.default_rng(0)
    actual = np.repeat(np.arange(30), 20)
    given = np.where(rng.random(600) < actual / 29, actual, rng.integers(30, size=600))
    (group,) = make_groups([predicting([given], actual)])
    (table,) = class_table(group)
    assert [row[0] for row in table.rows] != [str(i) for i in range(12)]
    f1 = [float(row[-1]) for row in table.rows]
    assert len(f1) == class_scores.MOST_CLASSES
    assert f1 == sorted(f1)
    assert f1[-1] < 60
    assert "Of 30 classes, the 12 that are recognised worst" in table.note
    (picture,) = confusion.draw(group)
    assert "another" in picture.svg


@pytest.mark.filterwarnings("error")
def test_no_name_breaks_the_picture_or_the_page(tmp_path):
    names = [*NAMES[:3], "日本語"]
    result = predicting([[0, 1, 1, 2, 3, 3, 0]], [0, 0, 1, 2, 3, 3, 3], names)
    (group,) = make_groups([result])
    (picture,) = confusion.draw(group)
    assert "a$b$" in picture.svg
    assert "日本語" in picture.svg
    assert "&lt;billing&gt;" in picture.svg
    assert "Most often, a$b$ is taken for <billing>: 50% of its 2 examples." in picture.caption
    render.render([result], [], out=tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "<billing>" not in page
    assert "Class by class" in page
