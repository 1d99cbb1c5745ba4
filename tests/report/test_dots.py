"""Dots of seeds in figures: beside the mark of their mean, and within the axes."""

import numpy as np
from helpers.made_up import make_result
from matplotlib.figure import Figure

from gru_bench.report.document import make_document
from gru_bench.report.figures.canvas import MOST_DOTS, draw_dots, shown_seeds
from gru_bench.report.formats import markdown


def test_dots_stand_so_many_points_beside_their_places():
    axes = Figure(dpi=144).add_subplot()
    draw_dots(axes, [1.0, 1.0], [0.2, 0.9], "k", (8.0, -4.0))
    (line,) = axes.lines
    drawn = line.get_transform().transform(line.get_xydata())
    there = axes.transData.transform([[1.0, 0.2], [1.0, 0.9]])
    np.testing.assert_allclose(drawn - there, [[16.0, -8.0]] * 2)
    assert axes.dataLim.intervaly.tolist() == [0.2, 0.9]


def test_no_dots_take_no_room():
    axes = Figure().add_subplot()
    draw_dots(axes, [], [], "k", (8.0, 0.0))
    assert not np.isfinite(axes.dataLim.intervaly).all()
    assert shown_seeds([0.0] * (MOST_DOTS + 1)) == []
    assert shown_seeds([0.5]) == [0.5]


def test_brackets_are_explained_where_a_score_has_an_interval():
    for scores, has_brackets in (([0.9], False), ([0.9, 0.8], True)):
        runs = [make_result("copy", cell, scores) for cell in ("gru", "lstm")]
        text = markdown.to_markdown(make_document(runs, []), "")
        assert ("Brackets, and ranges" in text) == has_brackets
