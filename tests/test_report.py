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

from gru_bench import report, runs
from gru_bench.errors import UserError
from gru_bench.report import answers, latex, plots, tables
from gru_bench.report.groups import Run, make_groups
from gru_bench.report.numbers import show_time
from gru_bench.stats import Interval

KEYS = [
    "task",
    "cell",
    "hidden_size",
    "nominal_size",
    "match",
    "seeds",
    "learning_rate",
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
    "latency_us",
    "latency_vs_lstm",
    "compile_s",
    "train_s",
    "wall_s",
    "memory_mb",
    "state_bytes",
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


def scores(mean, sd=0.003, n=8):
    """`n` scores of exactly this mean and standard deviation, the same pattern at each call."""
    pattern = np.random.default_rng(n).normal(size=n)
    return (mean + sd * (pattern - pattern.mean()) / pattern.std(ddof=1)).tolist()


def summary(results):
    (group,) = make_groups(results)
    return answers.summary(group)


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
    assert (row["latency_us"], row["latency_vs_lstm"], row["state_bytes"]) == (15.0, 0.75, 512)
    assert (row["train_s"], row["learning_rate"]) == (30.0, 0.002)


def test_a_row_of_a_matched_and_tuned_run():
    result = tuned(chosen=0.01, hidden_size=148, nominal_size=128, match="parameters")
    (row,) = tables.rows([result])
    assert (row["hidden_size"], row["nominal_size"], row["match"]) == (148, 128, "parameters")
    assert row["learning_rate"] == 0.01


def test_latency_is_shown_where_it_was_measured():
    def names(results):
        (group,) = make_groups(results)
        assert {len(tables.cells(group, run)) for run in group.runs} == {len(tables.columns(group))}
        return [column.name for column in tables.columns(group)]

    measured, fast = make_result(), make_result(cell="rnn")
    timing = dataclasses.replace(measured.timing, latency_us=None, latency_vs_lstm=None)
    without = dataclasses.replace(measured, timing=timing)
    assert names([without])[-3:] == ["step", "vs", "peak"]
    assert names([without, fast])[-5:] == ["step", "vs", "latency", "vs", "peak"]
    (group,) = make_groups([measured, fast])
    assert [run.result.cell for run in group.quickest()] == ["rnn"]
    cost = answers.evidence(group)[-1]
    assert cost.rows[0][:3] == ["gru", "3.00 [2.92, 3.15]", "15.0 [14.2, 16.5]"]
    assert cost.rows[0][3:] == ["4.10", "30.0", "36.0", "12.0", "512"]


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


def tuned(cell="gru", chosen=0.01, rates=(0.001, 0.01, 0.1), **keys):
    scores = [[0.5, 0.25], [0.01, 0.03], [None, 0.2]][: len(rates)]
    tuning = runs.Tuning(
        learning_rates=list(rates), seeds=[10**9, 10**9 + 1], scores=scores, chosen=chosen
    )
    return make_result("adding", cell, tuning=tuning, **keys)


def test_tuned_runs_are_told_apart_by_their_grid_alone():
    first, second = tuned(), tuned("lstm", 0.1, optim={"learning_rate": 0.5})
    (group,) = make_groups([first, second])
    assert group.label == "adding"
    setting = "optim=adam, each cell's learning rate from 0.001, 0.01, 0.1, by 2 other seeds"
    assert group.setting().endswith(setting)
    assert group.notes() == [
        "adding: lstm: the learning rate chosen, 0.1, is at an end of those tried; a better one may"
        " lie beyond"
    ]
    assert labels([tuned(), tuned(rates=(0.001, 0.01))]) == [
        "adding(learning_rates=[0.001, 0.01, 0.1])",
        "adding(learning_rates=[0.001, 0.01])",
    ]


def test_matched_cells_go_by_the_size_that_they_match():
    sizes = {("gru", 64): 74, ("gru", 128): 148, ("lstm", 64): 64, ("lstm", 128): 128}
    results = [
        make_result(
            "copy", cell, (0.5,), hidden_size=size, nominal_size=nominal, match="parameters"
        )
        for (cell, nominal), size in sizes.items()
    ]
    (group,) = make_groups(results)
    assert [group.name(run) for run in group.runs] == [
        "gru h64",
        "gru h128",
        "lstm h64",
        "lstm h128",
    ]
    assert [tables.cells(group, run)[1][0] for run in group.runs] == ["74", "148", "64", "128"]
    told = "; hidden sizes for as many parameters as an LSTM of 64 and 128 units"
    assert tables.heading(group).endswith(told)
    (budget,) = make_groups([make_result("copy", match="parameters", budget=20_000)])
    assert tables.heading(budget).endswith("; hidden sizes for 20,000 parameters")
    assert "hidden sizes" not in tables.heading(make_groups([make_result()])[0])
    both = [*results, make_result("copy", "gru", (0.5,), hidden_size=64)]
    assert labels(both) == ["copy(match=hidden)", "copy(match=parameters)"]


def test_notes_tell_of_different_margins():
    (group,) = make_groups([make_result(margin=0.01), make_result(cell="lstm", margin=0.002)])
    assert group.notes() == ["adding: the runs state different margins: gru 0.01, lstm 0.002"]
    assert group.comparisons[0].margin == 0.002


def test_corpora_with_the_same_letters_keep_their_figures_apart():
    results = [make_result("text", scores=(0.5,), corpus=name) for name in ("a b", "a-b", "日本")]
    slugs = [group.slug for group in make_groups(results)]
    assert slugs == ["text-a-b", "text-a-b-2", "text"]


def test_a_lost_score_counts_with_the_baseline_and_is_noted():
    results = [make_result(scores=(0.1, 0.3, None), diverged=[1, 2])]
    (row,) = tables.rows(results)
    assert (row["seeds"], row["score_mean"]) == (3, pytest.approx((0.4 + 1 / 6) / 3))
    note = "adding: gru: 2 diverged, 1 without a score, counted with the baseline"
    assert note in make_groups(results)[0].notes()


def test_notes_warn_of_unequal_machines_and_seeds():
    other = dataclasses.replace(ENVIRONMENT, device_kind="H200")
    slow = dataclasses.replace(make_result(cell="rnn", scores=(0.1, 0.2)), environment=other)
    notes = " ".join(make_groups([make_result(), slow])[0].notes())
    assert "different machines" in notes
    assert "differ in their seeds" in notes


def test_bold_goes_to_every_score_that_no_verdict_calls_worse():
    results = [
        make_result("text", "gru", scores(0.94)),
        make_result("text", "lstm", scores(0.94)),
        make_result("text", "rnn", scores(0.86)),
    ]
    (group,) = make_groups(results)
    assert [run.result.cell for run in group.unbeaten()] == ["gru", "lstm"]
    (undecided,) = make_groups(results[:2])
    assert undecided.unbeaten() == []
    (few,) = make_groups(make_show(4)[:4])
    assert few.unbeaten() == []


def test_the_summary_says_what_the_verdicts_say_and_no_more():
    best = make_result("text", "gru", scores(0.945))
    same = make_result("text", "gru_reset_after", scores(0.945, 0.004))
    near = make_result("text", "lstm", scores(0.945, 0.03)[::-1])
    far = make_result("text", "rnn", scores(0.7))
    assert summary([best, same, near, far]).endswith(
        ". By test accuracy: gru, gru_reset_after and lstm are better than rnn;"
        " gru and gru_reset_after are equivalent (±1 point);"
        " undecided between gru and lstm; undecided between gru_reset_after and lstm."
    )
    assert summary([best, near, make_result("text", "rnn", scores(0.945, 0.04))]).endswith(
        ". By test accuracy: undecided among gru, lstm and rnn."
    )


def test_cells_that_lose_to_the_same_others_are_named_together():
    means = {"gru": 0.9, "gru_reset_after": 0.8, "lstm": 0.7, "rnn": 0.7}
    results = [make_result("text", cell, scores(mean)) for cell, mean in means.items()]
    assert summary(results).endswith(
        ". By test accuracy: gru and gru_reset_after are better than lstm and rnn;"
        " gru is better than gru_reset_after; lstm and rnn are equivalent (±1 point)."
    )


def test_a_difference_that_does_not_matter_says_so():
    results = [
        make_result("text", "gru", scores(0.945, 5e-4)),
        make_result("text", "lstm", [0.94] * 8),
    ]
    though = "gru is better than lstm, though by less than the margin (±1 point)."
    assert summary(results).endswith(though)
    (group,) = make_groups(results)
    (row,) = answers.evidence(group)[0].rows
    assert row == ["gru", "lstm", "better, within margin", row[3], "100%", "0.008", "8"]


def test_a_solved_task_is_summed_up_by_solve_rates_and_steps():
    results = [
        make_result(cell=cell, scores=[score] * 4, solved=solved)
        for cell, score, solved in (("gru", 0.001, 3), ("lstm", 0.002, 4), ("rnn", 0.16, 1))
    ]
    assert summary(results) == (
        "seeds that solved it (median steps): lstm 4/4 (800), gru 3/4 (800), rnn 1/4."
        " No verdict under 6 paired seeds."
    )


def test_many_pairs_are_counted():
    results = [
        make_result("text", cell, scores(mean, n=10), hidden_size=size)
        for cell, mean in (("gru", 0.94), ("lstm", 0.94), ("rnn", 0.8))
        for size in (16, 32, 64)
    ]
    assert summary(results).endswith(
        ", and 5 below. Of 9 pairs, compared by test accuracy, 6 differ, 3 are equivalent and"
        " 0 undecided."
    )


def test_what_cannot_be_compared():
    assert answers.verdict(make_groups([make_result()])[0]) == ""
    sizes = [make_result("copy", "gru", (0.5,), hidden_size=size) for size in (8, 16)]
    other = make_result("copy", "lstm", (0.5,), hidden_size=32)
    (group,) = make_groups([*sizes, other])
    assert answers.verdict(group).startswith("No two cells share a hidden size and a seed")
    assert [evidence.title for evidence in answers.evidence(group)] == ["Cell by cell", "Cost"]


def test_evidence_of_a_solved_task():
    (group,) = make_groups(make_show(8)[:4])
    against, alone, _ = answers.evidence(group)
    assert [row[:2] for row in against.rows] == [
        ["gru", "gru_reset_after"],
        ["gru", "lstm"],
        ["gru", "rnn"],
        ["gru_reset_after", "lstm"],
        ["gru_reset_after", "rnn"],
        ["lstm", "rnn"],
    ]
    for row, comparison in zip(against.rows, group.comparisons, strict=True):
        assert row[2].startswith(comparison.verdict)
        assert len(row) == len(against.columns)
    assert [row[2:] for row in alone.rows] == [
        ["8/8 [68%, 100%]", "800 [800, 800]", "12.3 [12.3, 12.3]"],
        ["8/8 [68%, 100%]", "800 [800, 800]", "12.3 [12.3, 12.3]"],
        ["7/8 [53%, 98%]", "800 [800, ∞]", "12.3 [12.3, ∞]"],
        ["0/8 [0%, 32%]", "not reached", "not reached"],
    ]
    assert "Margin: ±0.002." in against.note


def test_evidence_of_text_has_the_gap_to_training():
    result = make_result("text", scores=(0.9, 0.8, None))
    seeds = [dataclasses.replace(s, train={"accuracy": 0.95}) for s in result.seeds]
    (group,) = make_groups([dataclasses.replace(result, seeds=seeds)])
    alone, _ = answers.evidence(group)
    assert alone.columns[-1] == "train minus test [95%]"
    # Half width t(0.975, 1) s / sqrt(2) = 12.7062 * 0.0707107 / 1.414214.
    assert alone.rows[0][-1] == "10.0 [-53.5, 73.5]"


def test_times_that_were_not_reached():
    inf = float("inf")
    assert show_time(None) == "-"
    assert show_time(Interval(1234.0, 900.0, inf)) == "1,234 [900, ∞]"
    assert show_time(Interval(inf, 900.0, inf)) == "not reached [900, ∞]"
    assert show_time(Interval(inf, inf, inf)) == "not reached"


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


@pytest.mark.parametrize("seeds", [4, 8])
def test_the_table_fits_into_100_columns(seeds, tmp_path, capsys):
    report.render(make_show(seeds), [], "table", tmp_path / "table.txt")
    text = (tmp_path / "table.txt").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    assert "gru_reset_after" in text
    assert "\x1b" not in text
    assert ("No verdict under 6 paired seeds." in text) == (seeds == 4)
    report.print_table(make_show(seeds))
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
    assert "- Made with Device: " in text
    blocks = [block for block in text.split("\n\n") if block.startswith("|")]
    widths = [{len(re.findall(r"(?<!\\)\|", line)) for line in b.splitlines()} for b in blocks]
    assert widths == [{12}, {8}, {6}, {9}, {12}, {8}, {6}, {9}, {12}, {8}, {4}, {9}]


def test_the_page_is_well_formed_and_loads_nothing(tmp_path):
    page = make_page(make_show(), tmp_path, ["passed over <b>runs</b>"])
    assert page.tags.count("svg") == 9
    assert page.tags.count("details") == 12 + 3 * 3
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
    report.render(results, [], "latex", tmp_path / "page.tex")
    tex = (tmp_path / "page.tex").read_text(encoding="utf-8")
    assert r"text-\textless{}script\textgreater{}alert(1)" in tex
    assert r"0\$x\textasciicircum{}2\$" in tex


@pytest.mark.parametrize("seeds", [4, 8])
def test_latex_is_balanced_and_has_a_full_table_a_task(seeds):
    tex = latex.to_latex(make_groups(make_show(seeds)), ["passed over\n\\input{x}"])
    assert "% passed over \\input{x}\n" in tex
    open_, labels = [], []
    for kind, name in re.findall(r"\\(begin|end|label)\{(.*?)\}", tex):
        if kind == "label":
            labels.append(name)
        elif kind == "begin":
            open_.append(name)
        else:
            assert open_.pop() == name
    assert open_ == []
    assert labels == ["tab:adding", "tab:copy", "tab:text-reuters8"]
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{"):
        assert tex.count(rule) == 3
    rows = [line for line in tex.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 3 * (2 + 4)
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {8}
    assert len(re.findall(r"(?<!\\)\{", tex)) == len(re.findall(r"(?<!\\)\}", tex))
    assert (r"128 & \textbf{" in tex) == (seeds == 8)


def test_latex_escapes_every_special_character():
    assert latex.escape(r"50% of a_b & #1 $x^2$ {~} \x") == (
        r"50\% of a\_b \& \#1 \$x\textasciicircum{}2\$ \{\textasciitilde{}\}"
        r" \textbackslash{}x"
    )
    assert latex.escape("-0.5 [-1e-3, ±2] sst-2 ↑") == r"$-$0.5 [$-$1e-3, $\pm$2] sst-2 $\uparrow$"


def test_a_page_of_one_diverged_seed_without_any_score(tmp_path):
    lost = make_result(scores=(None,), diverged=[0], curves=[(None, None)], solved=0)
    page = make_page([lost], tmp_path)
    assert "diverged at 500" in page.text
    assert "1 without a score, counted with the baseline" in page.text


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
