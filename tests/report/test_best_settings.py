"""The best setting of each cell: validation chooses, and problems stand apart."""

import dataclasses

import pytest
from helpers.made_up import make_result

from gru_bench.report import render, tables
from gru_bench.report.best_settings import best_settings
from gru_bench.report.document import make_document
from gru_bench.report.formats import markdown, page
from gru_bench.report.groups import make_groups


def tried(cell, validation, test, **settings):
    """A run on adding with these mean scores and settings."""
    result = make_result("adding", cell, [test, test])
    seeds = [dataclasses.replace(seed, validation={"mse": validation}) for seed in result.seeds]
    config = {**result.config, **settings}
    identity = f"{hash((cell, validation, test, str(settings))) & 0xFFFFFFFF:016x}"
    return dataclasses.replace(result, seeds=seeds, config=config, identity=identity)


def test_validation_chooses_and_not_the_test_score():
    results = [
        tried("gru", 0.02, 0.03, steps=100),
        tried("gru", 0.03, 0.01, steps=200),
        tried("lstm", 0.05, 0.06, steps=100),
        tried("lstm", 0.04, 0.07, steps=200),
    ]
    (table,) = best_settings(make_groups(results))
    assert [row[:2] for row in table.rows] == [["gru", "steps=100"], ["lstm", "steps=200"]]
    assert [float(row[3]) for row in table.rows] == pytest.approx([0.02, 0.04])
    assert "best of 4 runs" in table.note


def test_what_is_to_be_learnt_is_no_choice():
    adding = make_result("adding").config["task"]
    results = [
        tried(cell, 0.02, 0.03, steps=steps, task={**adding, "length": length})
        for cell in ("gru", "lstm")
        for steps in (100, 200)
        for length in (50, 100)
    ]
    first, second = best_settings(make_groups(results))
    assert "length=50" in first.title
    assert "length=100" in second.title
    assert best_settings(make_groups([results[0], results[1]])) == []


def test_a_cell_without_a_validation_score_has_no_best_setting():
    results = [
        tried("gru", 0.02, 0.03, steps=100),
        tried("gru", 0.01, 0.03, steps=200),
        dataclasses.replace(
            tried("lstm", None, 0.01, steps=100),
            score=dataclasses.replace(tried("lstm", 0.1, 0.1).score, baseline=None),
        ),
    ]
    (table,) = best_settings(make_groups(results))
    assert [row[0] for row in table.rows] == ["gru"]


def test_many_settings_are_folded_and_none_is_lost(tmp_path, capsys):
    many = tables.MOST_SHOWN + 7
    results = [
        tried(cell, 0.02 + n / 1000, 0.03, steps=100 + n)
        for n in range(many)
        for cell in ("gru", "lstm")
    ]
    render.render(results, [], "table")
    text = capsys.readouterr().out
    assert "7 more settings not shown" in text
    assert text.count("always predicting 1 scores") == tables.MOST_SHOWN
    assert max(map(len, text.splitlines())) <= 80
    assert text.index("the best setting of each cell") < text.index("adding(steps=100):")
    document = make_document(results, [])
    assert page.to_html(document).count("<details><summary>adding(steps=") == many
    assert markdown.to_markdown(document, "").count("\n### adding(steps=") == many
