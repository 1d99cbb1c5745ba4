"""Reports of made-up results: what stands in them, and what a page must never do."""

import csv
import dataclasses
import io
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from made_up import ENVIRONMENT, make_result, make_show

from gru_bench import report
from gru_bench.errors import UserError
from gru_bench.report import plots, tables
from gru_bench.report.groups import Run, make_groups, summary

KEYS = [
    "task",
    "cell",
    "hidden_size",
    "seeds",
    "parameters",
    "parameters_vs_lstm",
    "total_parameters",
    "score_name",
    "score_mean",
    "score_low",
    "score_high",
    "solved",
    "train_step_ms",
    "train_step_vs_lstm",
    "compile_s",
    "wall_s",
    "memory_mb",
]
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Reads a page, checks that its tags are closed in order and collects what a test asks for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.references = [], [], [], []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "srcset", "data", "action"):
                self.references.append(value)
            self.references += re.findall(r"url\(([^)]*)\)", value or "")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] == "style":
            self.references += re.findall(r"url\(([^)]*)\)|@import (.*)", data)


def make_page(results, tmp_path, warnings=()):
    out = tmp_path / "page.html"
    report.render(results, list(warnings), "html", out)
    return Page(out.read_text(encoding="utf-8"))


def labels(results):
    return [group.label for group in make_groups(results)]


def test_a_row_has_exactly_the_promised_keys_and_values():
    (row,) = tables.rows([make_result(scores=(0.001, 0.002, 0.003), solved=2)])
    assert list(row) == KEYS
    assert row["task"] == "adding"
    assert (row["cell"], row["hidden_size"], row["seeds"], row["solved"]) == ("gru", 128, 3, 2)
    assert (row["parameters"], row["total_parameters"]) == (50304, 50433)
    assert row["parameters_vs_lstm"] == 0.75
    assert row["score_mean"] == pytest.approx(0.002)
    # Half width t(0.975, 2) s / sqrt(3) = 4.302653 * 0.001 / 1.732051.
    assert row["score_high"] - row["score_mean"] == pytest.approx(0.00248414, abs=1e-8)
    assert (row["train_step_ms"], row["train_step_vs_lstm"]) == (3.0, 0.75)


def test_one_seed_has_no_interval_and_text_is_not_solved():
    (row,) = tables.rows([make_result("text", scores=(0.9,))])
    assert (row["score_mean"], row["score_low"], row["score_high"]) == (0.9, None, None)
    assert row["solved"] is None
    assert row["task"] == "text-reuters8"


def test_rows_are_sorted_by_task_setting_and_cell():
    results = [
        make_result(task, cell, task_keys)
        for task, cell, task_keys in [("copy", "rnn", (0.5,)), ("copy", "gru", (0.5,))]
    ]
    results += [make_result("adding", "lstm"), make_result("adding", "lstm", hidden_size=32)]
    results += [make_result("adding", "gru_reset_after"), make_result("adding", "gru")]
    shown = [(row["task"], row["cell"], row["hidden_size"]) for row in tables.rows(results)]
    assert shown == [
        ("adding", "gru", 128),
        ("adding", "gru_reset_after", 128),
        ("adding", "lstm", 32),
        ("adding", "lstm", 128),
        ("copy", "gru", 128),
        ("copy", "rnn", 128),
    ]


def test_labels_name_only_what_tells_runs_apart():
    def copy(lag, cell="gru", **keys):
        return make_result("copy", cell, (0.5,), task={"lag": lag}, **keys)

    assert labels([copy(20), copy(20, "lstm")]) == ["copy"]
    assert labels([copy(100), copy(20), copy(20, "lstm")]) == ["copy(lag=20)", "copy(lag=100)"]
    fast = {"optim": {"learning_rate": 0.01}}
    assert labels([copy(20), copy(20, **fast)]) == [
        "copy(learning_rate=0.002)",
        "copy(learning_rate=0.01)",
    ]
    assert labels([copy(20), copy(50, **fast), copy(50)]) == [
        "copy(lag=20, learning_rate=0.002)",
        "copy(lag=50, learning_rate=0.002)",
        "copy(lag=50, learning_rate=0.01)",
    ]
    # Each cell at its own learning rate is one comparison, with a note that says so.
    results = [copy(20), copy(20, "lstm", **fast)]
    assert labels(results) == ["copy"]
    (group,) = make_groups(results)
    assert "copy: optim.learning_rate differs: gru 0.002, lstm 0.01" in group.notes()


def test_corpora_with_the_same_letters_keep_their_figures_apart():
    results = [make_result("text", scores=(0.5,), corpus=name) for name in ("a b", "a-b", "日本")]
    slugs = [group.slug for group in make_groups(results)]
    assert slugs == ["text-a-b", "text-a-b-2", "text"]


def test_a_diverged_seed_counts_and_a_lost_score_is_noted():
    results = [make_result(scores=(0.1, 0.3, None), diverged=[1, 2])]
    (row,) = tables.rows(results)
    assert (row["seeds"], row["score_mean"]) == (3, pytest.approx(0.2))
    assert "adding: gru: 2 diverged, 1 without a score" in make_groups(results)[0].notes()


def test_notes_warn_of_unequal_machines_and_seeds():
    other = dataclasses.replace(ENVIRONMENT, device_kind="H200")
    slow = dataclasses.replace(make_result(cell="rnn", scores=(0.1, 0.2)), environment=other)
    notes = " ".join(make_groups([make_result(), slow])[0].notes())
    assert "different machines" in notes
    assert "differ in their seeds" in notes


def test_bold_goes_to_every_score_that_the_best_interval_overlaps():
    good = make_result("text", "gru", (0.90, 0.92, 0.94))
    near = make_result("text", "lstm", (0.89, 0.91, 0.93))
    far = make_result("text", "rnn", (0.30, 0.31, 0.32))
    (group,) = make_groups([good, near, far])
    assert [run.result.cell for run in group.best_scores()] == ["gru", "lstm"]
    (alone,) = make_groups([good])
    assert alone.best_scores() == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0.9] * 5, [0.1] * 5, "No verdict: 5 paired seeds, at least 6 are needed."),
        (np.linspace(0.8, 0.9, 6), np.linspace(0.9, 0.79, 6), "do not tell the two apart"),
        (np.linspace(0.8, 0.9, 6), np.linspace(0.5, 0.61, 6), "leaves out 0"),
    ],
)
def test_a_verdict_needs_six_pairs_and_an_interval_without_zero(first, second, expected):
    results = [make_result("text", "gru", list(first)), make_result("text", "rnn", list(second))]
    assert expected in summary(make_groups(results)[0])


def test_the_summary_counts_the_seeds_that_solved_it():
    results = [
        make_result(cell=cell, solved=n) for cell, n in (("gru", 4), ("lstm", 4), ("rnn", 0))
    ]
    sentence = "seeds that solved it: 4 of 4 with gru and lstm; 0 of 4 with rnn."
    assert summary(make_groups(results)[0]) == sentence


def test_json_and_csv_hold_the_rows(tmp_path, capsys):
    results = make_show()
    report.render(results, ["passed over x"], "json")
    printed = capsys.readouterr()
    assert json.loads(printed.out) == tables.rows(results)
    assert printed.err == "warning: passed over x\n"
    report.render(results, [], "csv", tmp_path / "new" / "table.csv")
    read = list(csv.DictReader(io.StringIO((tmp_path / "new" / "table.csv").read_text())))
    assert list(read[0]) == KEYS
    for line, row in zip(read, tables.rows(results), strict=True):
        assert float(line["score_mean"]) == row["score_mean"]
        assert line["solved"] == ("" if row["solved"] is None else str(row["solved"]))


def test_the_table_fits_into_100_columns(tmp_path, capsys):
    report.render(make_show(), [], "table", tmp_path / "table.txt")
    text = (tmp_path / "table.txt").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    assert "gru_reset_after" in text
    assert "\x1b" not in text
    report.print_table(make_show())
    assert capsys.readouterr().out == text


def test_markdown_links_figures_that_exist(tmp_path):
    report.render(make_show(), ["passed over x"], "markdown", tmp_path / "a report.md")
    text = (tmp_path / "a report.md").read_text(encoding="utf-8")
    links = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text)
    assert len(links) == 9
    for link in links:
        png = tmp_path / link.replace("%20", " ")
        assert png.read_bytes().startswith(b"\x89PNG")
        ElementTree.parse(png.with_suffix(".svg"))
    assert "- passed over x" in text
    tables_of_text = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables_of_text} == {12}


def test_the_page_is_well_formed_and_loads_nothing(tmp_path):
    page = make_page(make_show(), tmp_path, ["passed over <b>runs</b>"])
    assert page.tags.count("svg") == 9
    assert page.tags.count("details") == 12
    assert len(page.ids) == len(set(page.ids))
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert page.references
    for reference in page.references:
        assert reference.startswith("#")
        assert reference[1:] in page.ids
    for needed in ("gru-bench run cell=lstm task=copy", "learning_rate: 0.002", "flax 0.12.8"):
        assert needed in page.text


def test_what_users_name_is_escaped_everywhere(tmp_path):
    evil = "<script>alert(1)</script>"
    results = [make_result("text", "gru", (0.5, 0.6), corpus=f"{evil}{i}$x^2$") for i in range(2)]
    page = make_page(results, tmp_path)
    assert "script" not in page.tags
    assert f"text-{evil}0$x^2$" in page.text
    report.render(results, [], "markdown", tmp_path / "page.md")
    markdown = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<script", markdown)


def test_a_page_of_one_diverged_seed_without_any_score(tmp_path):
    lost = make_result(scores=(None,), diverged=[0], curves=[(None, None)], solved=0)
    page = make_page([lost], tmp_path)
    assert "diverged at 500" in page.text
    assert page.tags.count("svg") == 1


def test_figures_are_the_same_every_time_and_take_the_pages_colour():
    (group,) = make_groups(make_show()[:4])
    first, second = plots.draw(group), plots.draw(group)
    assert [p.svg for p in first] == [p.svg for p in second]
    assert [p.png for p in first] == [p.png for p in second]
    for picture in first:
        assert "currentColor" in picture.svg
        assert plots.INK not in picture.svg


def test_curves_carry_stopped_seeds_on_and_drop_diverged_ones():
    result = make_result(scores=(1.0, 1.0, 1.0), curves=[(4.0, 1.0), (2.0, 3.0, 5.0), (3.0, None)])
    steps, mean, band = plots.mean_and_band(Run(result))
    np.testing.assert_array_equal(steps, [100, 200, 300])
    np.testing.assert_array_equal(mean, [3.0, 2.0, 3.0])
    np.testing.assert_array_equal(band, [[2.0, 1.0, 1.0], [4.0, 3.0, 5.0]])


def test_what_cannot_be_written_or_made_is_named(tmp_path):
    with pytest.raises(UserError, match=r"format=pdf is not possible: .*markdown"):
        report.render([make_result()], [], "pdf")
    with pytest.raises(UserError, match=r"out=.* is not possible: cannot write .*Is a directory"):
        report.render([make_result()], [], "json", tmp_path)
