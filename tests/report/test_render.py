"""Reports of made-up results: what stands in them, and what a page must never do."""

import base64
import csv
import dataclasses
import hashlib
import html
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
from helpers.made_up import ENVIRONMENT, make_learning_curve, make_probes, make_result, make_show
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.config.cell import CELLS
from gru_bench.evidence.claims.claim import Claim
from gru_bench.evidence.claims.claim import Test as ClaimTest
from gru_bench.evidence.claims.ledger import ledger as claims_of
from gru_bench.evidence.claims.rules import ClaimRule
from gru_bench.evidence.crossed import crossed_mean
from gru_bench.evidence.estimates import Interval
from gru_bench.report import explanations, ledger, render, rows, tables
from gru_bench.report import summary as answers
from gru_bench.report.decision import decision
from gru_bench.report.detail_tables import detail_tables
from gru_bench.report.document import make_document
from gru_bench.report.figures import canvas, overview
from gru_bench.report.figures import probes as probe_figures
from gru_bench.report.figures import scores as score_figures
from gru_bench.report.figures.axes import power_of_ten
from gru_bench.report.figures.series import make_series, places
from gru_bench.report.format_numbers import show_time
from gru_bench.report.formats import latex
from gru_bench.report.group_notes import group_notes
from gru_bench.report.groups import make_groups
from gru_bench.report.over_tasks import over_tasks
from gru_bench.report.reported_run import ReportedRun
from gru_bench.report.rows import write_csv
from gru_bench.runs.predictions import Predictions
from gru_bench.runs.probe_results import GradientNorms, Lengths
from gru_bench.runs.result import Result, Tuning
from gru_bench.system.errors import UserError

KEYS = [
    "identity",
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
    "memory_mb",
    "state_bytes",
]
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Reads a page, checks that its tags are closed in order and collects what a test asks for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.references = [], [], [], []
        self.attributes = []
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
            self.attributes.append(name)
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
    render.render(results, list(warnings), "html", out)
    return Page(out.read_text(encoding="utf-8"))


def labels(results):
    return [group.label for group in make_groups(results)]


def scores(mean, sd=0.003, n=10):
    """`n` scores of exactly this mean and standard deviation, the same pattern at each call."""
    pattern = np.random.default_rng(n).normal(size=n)
    return (mean + sd * (pattern - pattern.mean()) / pattern.std(ddof=1)).tolist()


def summary(results):
    (group,) = make_groups(results)
    return answers.with_command(answers.summary(group), group)


def test_a_row_has_exactly_the_promised_keys_and_values():
    (row,) = rows.rows([make_result(scores=(0.001, 0.002, 0.003), solved=2)])
    assert list(row)[: len(KEYS)] == KEYS
    settings = {"task.length": 100, "steps": 2000, "optim.name": "adam", "cell.forget_bias": 1.0}
    assert settings.items() <= row.items()
    assert row["task"] == "adding"
    assert (row["cell"], row["hidden_size"], row["seeds"], row["solved"]) == ("gru", 128, 3, 2)
    assert (row["parameters"], row["total_parameters"]) == (50304, 50433)
    assert row["parameters_vs_lstm"] == 0.75
    assert row["score_mean"] == pytest.approx(0.002)
    # Half width t(0.975, 2) s / sqrt(3) = 4.302653 * 0.001 / 1.732051.
    assert row["score_high"] - row["score_mean"] == pytest.approx(0.00248414, abs=1e-8)
    assert (row["train_step_ms"], row["train_step_vs_lstm"]) == (3.0, 0.75)
    assert (row["latency_us"], row["latency_vs_lstm"], row["state_bytes"]) == (15.0, 0.75, 512)
    assert row["learning_rate"] == 0.002
    # Seconds of a whole run tell the load of the host, and no cell from another.
    assert not [name for name in row if name.endswith("_s")]


def test_a_row_of_a_matched_and_tuned_run():
    result = tuned(chosen=0.01, hidden_size=148, nominal_size=128, match="parameters")
    (row,) = rows.rows([result])
    assert (row["hidden_size"], row["nominal_size"], row["match"]) == (148, 128, "parameters")
    assert row["learning_rate"] == 0.01


def test_latency_is_shown_where_it_was_measured():
    def names(results):
        (group,) = make_groups(results)
        assert {len(c.entries) for c in tables.columns(group)} == {len(group.runs)}
        return [column.name for column in tables.columns(group)]

    measured, fast = make_result(), make_result(cell="rnn")
    timing = dataclasses.replace(measured.timing, latency_us=None, latency_vs_lstm=None)
    without = dataclasses.replace(measured, timing=timing)
    assert names([without])[-3:] == ["step", "vs", "peak"]
    assert names([without, fast])[-5:] == ["step", "vs", "latency", "vs", "peak"]
    (group,) = make_groups([measured, fast])
    assert [group.runs[place].result.cell for place in group.quickest()] == ["rnn"]
    cost = detail_tables(group)[-1]
    assert cost.rows[0][:3] == ["gru", "3.00 [2.92, 3.15]", "15.0 [14.2, 16.5]"]
    assert cost.rows[0][3:] == ["61.0", "94.0", "12.0", "512"]


def test_one_seed_has_no_interval_and_text_is_not_solved():
    (row,) = rows.rows([make_result("text", scores=(0.9,))])
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
    shown = [(row["task"], row["cell"], row["hidden_size"]) for row in rows.rows(results)]
    assert shown == [
        ("adding", "gru", 128),
        ("adding", "gru_reset_after", 128),
        ("adding", "lstm", 32),
        ("adding", "lstm", 128),
        ("copy", "gru", 128),
        ("copy", "rnn", 128),
    ]


def test_a_row_names_its_task_alike_whatever_else_is_there():
    result = make_result("copy", task={"lag": 5})
    (alone,) = rows.rows([result])
    among = rows.rows([result, make_result("copy", task={"lag": 50})])
    assert alone == among[0]
    assert (alone["task"], alone["task.lag"]) == ("copy", 5)


def test_a_spreadsheet_evaluates_nothing_of_a_row():
    result = make_result("text", corpus="=1+1")
    for name in ("=cmd()", "@x", "+1", "-1", "\tx"):
        odd = dataclasses.replace(result, task_label=name, command=name)
        (line,) = csv.DictReader(io.StringIO(rows.to_csv([odd])))
        assert line["task"] == f"'{name}"
    (line,) = csv.DictReader(io.StringIO(rows.write_csv(["a", "b"], [[-0.5, "x"]])))
    assert line == {"a": "-0.5", "b": "x"}


def test_no_interval_leaves_the_range_of_its_score():
    (group,) = make_groups(
        [make_result("copy", scores=(1.0, 0.9)), make_result("copy", "rnn", (0.0, 0.2))]
    )
    gru, rnn = group.runs
    assert (gru.score.high, rnn.score.low) == (1, 0)


@pytest.mark.parametrize(
    ("format", "out", "chosen"),
    [
        (None, None, "table"),
        (None, "x.html", "html"),
        (None, "x.parquet", "long"),
        (None, "x.csv", "csv"),
        ("long", "x.csv", "long"),
        ("json", "data", "json"),
    ],
)
def test_the_ending_of_a_file_names_the_format(format, out, chosen):
    assert render.choose_format(format, out and Path(out)) == chosen


@pytest.mark.parametrize(
    ("format", "out", "message"),
    [
        ("csv", "x.html", r"out=x.html is not possible with format=csv: name it x.csv, or leave"),
        ("long", "x.md", r"name it x.csv or .parquet"),
        (None, "x.doc", r"the file's ending names the format, and must be one of .txt, .md"),
        (None, "x", r"the file's ending names the format"),
    ],
)
def test_a_format_that_contradicts_the_file_is_refused(format, out, message):
    with pytest.raises(UserError, match=message):
        render.choose_format(format, Path(out))


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
    assert "copy: optim.learning_rate differs: gru 0.002, lstm 0.01" in group_notes(group)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("steps", 4000, ["2000", "4000"]),
        ("epochs", 3, ["null", "3"]),
        ("batch_size", 60, ["50", "60"]),
        ("layers", 2, ["null", "2"]),
        ("precision", "bfloat16", ["null", "bfloat16"]),
        ("match", "flops", ["flops", "hidden"]),
        ("budget", 1000, ["null", "1000"]),
        ("patience", 5, ["null", "5"]),
        ("evaluate_every", 7, ["null", "7"]),
        ("stop_when_solved", True, ["null", "true"]),
    ],
)
def test_cells_that_were_trained_in_another_way_are_not_compared(key, value, told):
    results = [make_result("copy"), make_result("copy", "lstm", **{key: value})]
    groups = make_groups(results)
    assert [group.label for group in groups] == [f"copy({key}={shown})" for shown in told]
    assert [group.comparisons for group in groups] == [[], []]


@pytest.mark.parametrize(
    "keys",
    [
        {"optim": {"clip_norm": 2.0}},
        {"margin": 0.1},
    ],
)
def test_what_is_a_cells_own_keeps_it_in_the_comparison(keys):
    lstm = with_cell(make_result("copy", "lstm", **keys), forget_bias=0.0)
    (group,) = make_groups([make_result("copy"), lstm])
    assert group.label == "copy"
    assert [(c.cell_a, c.cell_b) for c in group.comparisons] == [("gru", "lstm")]


def with_cell(result, **keys):
    """The result with other keys of its cell."""
    return dataclasses.replace(
        result, config=result.config | {"cell": result.config["cell"] | keys}
    )


def test_a_tuned_cell_is_not_compared_with_one_that_was_not():
    results = [tuned(), tuned("rnn"), make_result("adding", "lstm"), make_result("adding", "rnn")]
    groups = {group.label: [r.result.cell for r in group.runs] for group in make_groups(results)}
    assert groups == {
        "adding(tuned=false)": ["lstm", "rnn"],
        "adding(tuned=true)": ["gru", "rnn"],
    }


def test_training_is_told_only_where_runs_of_one_problem_differ_in_it():
    # Longer lags get more steps: that alone makes no second setting of either.
    results = [
        make_result("copy", cell, task={"lag": lag}, steps=100 * lag)
        for cell in ("gru", "lstm")
        for lag in (10, 20)
    ]
    assert labels(results) == ["copy(lag=10)", "copy(lag=20)"]


def test_scores_of_other_names_stand_apart():
    result = make_result("adding", "lstm")
    seeds = [dataclasses.replace(s, test={"rmse": s.test["mse"]}) for s in result.seeds]
    score = dataclasses.replace(result.score, name="rmse")
    renamed = dataclasses.replace(result, score=score, seeds=seeds)
    results = [make_result("adding"), renamed]
    assert labels(results) == ["adding(score=mse)", "adding(score=rmse)"]
    assert all(claim.verdict != "refuted" for claim in claims_of(results))


A, B = "0123456789abcdef", "fedcba9876543210"


def test_texts_and_tasks_that_have_changed_stand_apart_under_a_short_hash():
    def text(content):
        return {"name": "mine", "content": {"train": content}}

    results = [make_result("text", "gru", (0.5,)), make_result("text", "lstm", (0.5,))]
    for key, first, second in (
        ("corpus", text(A), text(B)),
        ("task", {"source": A}, {"source": B}),
    ):
        changed = [
            dataclasses.replace(r, config=r.config | {key: r.config[key] | value})
            for r, value in zip(results, (first, second), strict=True)
        ]
        name = "train" if key == "corpus" else "source"
        assert labels(changed) == [f"text-reuters8({name}={h})" for h in ("012345", "fedcba")]
        settings = {test.what for test in claims_of(changed)[0].tests}
        assert {what.partition(":")[0] for what in settings} == {f"text-reuters8({name}=012345)"}


def test_the_heading_of_a_task_that_a_user_wrote_has_the_start_of_its_hash():
    (group,) = make_groups([make_result("copy", task={"source": A})])
    assert group.setting().startswith("lag=20, source=012345, forget_bias=1.0, steps=2000, ")


def test_an_old_source_of_a_cell_stands_apart():
    def mine(source, month, **keys):
        result = with_cell(make_result("copy", **keys), source=source)
        return dataclasses.replace(result, created=f"2026-{month:02}-01T00:00:00Z")

    lstm = with_cell(make_result("copy", "lstm"), source=None)
    assert labels([mine(A, 1), lstm]) == ["copy"]
    old, new = mine(A, 1), mine(B, 2)
    newest, apart = make_groups([lstm, new, old])
    assert (newest.label, apart.label) == ("copy(source=newest)", "copy(source=012345)")
    assert [run.result for run in newest.runs] == [new, lstm]
    assert [run.result for run in apart.runs] == [old]
    # Of another size it is no less old.
    smaller = mine(A, 1, hidden_size=64)
    assert labels([lstm, new, smaller]) == ["copy(source=newest)", "copy(source=012345)"]


def tuned(cell="gru", chosen=0.01, rates=(0.001, 0.01, 0.1), **keys):
    scores = [[0.5, 0.25], [0.01, 0.03], [None, 0.2]][: len(rates)]
    tuning = Tuning(
        learning_rates=list(rates), seeds=[10**9, 10**9 + 1], scores=scores, chosen=chosen
    )
    return make_result("adding", cell, tuning=tuning, **keys)


def test_tuned_runs_are_told_apart_by_their_grid_alone():
    first, second = tuned(), tuned("lstm", 0.1, optim={"learning_rate": 0.5})
    (group,) = make_groups([first, second])
    assert group.label == "adding"
    setting = "optim=adam, each cell's learning rate from 0.001, 0.01, 0.1, by 2 other seeds"
    assert group.setting().endswith(setting)
    assert group_notes(group) == [
        "adding: lstm: the learning rate chosen, 0.1, is at an end of those tried; a better one may"
        " lie beyond"
    ]
    assert labels([tuned(), tuned(rates=(0.001, 0.01))]) == [
        "adding(learning_rates=[0.001, 0.01])",
        "adding(learning_rates=[0.001, 0.01, 0.1])",
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
    shown = [[entry.text for entry in column.entries] for column in tables.columns(group)]
    assert shown[1] == ["74", "148", "64", "128"]
    assert shown[0] == list(map(group.name, group.runs))
    # 3 * 74 * (10 + 74 + 1) over 4 * 64 * (10 + 64 + 1).
    assert shown[5] == ["0.98", "0.99", "1.00", "1.00"]
    told = "; hidden sizes for as many parameters as an LSTM of 64 and 128 units"
    assert tables.heading(group).endswith(told)
    (budget,) = make_groups([make_result("copy", match="parameters", budget=20_000)])
    assert tables.heading(budget).endswith("; hidden sizes for 20,000 parameters")
    assert "hidden sizes" not in tables.heading(make_groups([make_result()])[0])
    both = [*results, make_result("copy", "gru", (0.5,), hidden_size=64)]
    assert labels(both) == ["copy(match=hidden)", "copy(match=parameters)"]


def test_notes_tell_of_different_margins():
    (group,) = make_groups([make_result(margin=0.01), make_result(cell="lstm", margin=0.002)])
    assert group_notes(group) == ["adding: the runs state different margins: gru 0.01, lstm 0.002"]
    assert group.comparisons[0].typical.margin == 0.002


def test_corpora_with_the_same_letters_keep_their_figures_apart():
    results = [make_result("text", scores=(0.5,), corpus=name) for name in ("a b", "a-b", "日本")]
    slugs = [group.slug for group in make_groups(results)]
    assert slugs == ["text-a-b", "text-a-b-2", "text"]


def test_a_lost_score_counts_with_the_baseline_and_is_noted():
    results = [make_result(scores=(0.1, 0.3, None), diverged=[1, 2])]
    (row,) = rows.rows(results)
    assert (row["seeds"], row["score_mean"]) == (3, pytest.approx((0.4 + 1 / 6) / 3))
    note = "adding: gru: 2 diverged, 1 without a score, counted with the baseline"
    assert note in group_notes(make_groups(results)[0])


def test_notes_warn_of_unequal_machines_and_seeds():
    other = dataclasses.replace(ENVIRONMENT, device_kind="H200")
    slow = dataclasses.replace(make_result(cell="rnn", scores=(0.1, 0.2)), environments=[other])
    notes = " ".join(group_notes(make_groups([make_result(), slow])[0]))
    assert "different machines" in notes
    assert "differ in their seeds" in notes


def test_a_note_tells_cells_apart_that_were_computed_in_different_ways():
    by_cudnn = dataclasses.replace(ENVIRONMENT, recurrence="cudnn")
    lstm = dataclasses.replace(make_result(cell="lstm"), environments=[by_cudnn])
    (note,) = group_notes(make_groups([make_result(), lstm])[0])
    assert note.endswith("so times and memory compare these, too: gru scan, lstm cudnn")


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
    text = summary([best, same, near, far])
    # The intervals of the three differences to rnn reach from 23.3 to 28.8 points.
    assert text.startswith(
        "By typical test accuracy, gru, gru_reset_after and lstm beat rnn by 23.3 to 28.8 points;"
        " gru and gru_reset_after are as good as each other, to within 1 point."
        " Not told apart yet: gru and lstm; gru_reset_after and lstm. "
    )
    (group,) = make_groups([best, same, near, far])
    with_rnn = [c.typical.difference() for c in group.comparisons if c.cell_b == "rnn"]
    assert f"{100 * min(d.low for d in with_rnn):.1f}" == "23.3"
    assert f"{100 * max(d.high for d in with_rnn):.1f}" == "28.8"
    assert text.endswith(
        " Test accuracy (%): lstm 94.5 [92.4, 96.6], gru 94.5 [94.3, 94.7],"
        " gru_reset_after 94.5 [94.2, 94.8], rnn 70.0 [69.8, 70.2]."
    )
    undecided = summary([best, near, make_result("text", "rnn", scores(0.945, 0.04))])
    assert undecided.startswith("Not told apart yet: gru, lstm and rnn. ")


def test_an_open_question_comes_with_the_seeds_that_would_decide_it():
    results = [
        make_result("text", "gru", scores(0.96, 0.02)),
        make_result("text", "lstm", [0.94] * 10),
    ]
    (group,) = make_groups(results)
    more = group.comparisons[0].more_seeds
    assert summary(results).startswith(
        f"Not told apart yet: gru and lstm (about {more} more seeds would likely decide). "
    )


def test_cells_that_lose_to_the_same_others_are_named_together():
    means = {"gru": 0.9, "gru_reset_after": 0.8, "lstm": 0.7, "rnn": 0.7}
    results = [make_result("text", cell, scores(mean)) for cell, mean in means.items()]
    assert summary(results).startswith(
        "By typical test accuracy, gru and gru_reset_after beat lstm and rnn by 10.0 to 20.0"
        " points; gru beats gru_reset_after by 10.0 points;"
        " lstm and rnn are as good as each other, to within 1 point. "
    )


def test_a_difference_that_does_not_matter_says_so():
    results = [
        make_result("text", "gru", scores(0.945, 5e-4)),
        make_result("text", "lstm", [0.94] * 10),
    ]
    assert summary(results).startswith(
        "By typical test accuracy, gru beats lstm by 0.4 to 0.5 points, less than the 1 point that"
        " would matter. "
    )
    (group,) = make_groups(results)
    (row,) = detail_tables(group)[0].rows
    assert row[2:4] == ["better, within margin", "better"]
    assert row[5:] == ["100%", "0.004", "10"]


def test_a_solved_task_is_summed_up_by_solve_rates_and_steps():
    results = [
        make_result(cell=cell, scores=[score] * 4, solved=solved)
        for cell, score, solved in (("gru", 0.001, 3), ("lstm", 0.002, 4), ("rnn", 0.16, 1))
    ]
    assert summary(results) == (
        "Solved in 4/4 seeds by lstm (800 steps), in 3/4 seeds by gru (800 steps), in 1/4 seeds by"
        " rnn. Too few seeds to judge: 4, and it takes 8. Add them (and so the other 2):"
        " gru-bench run cell=gru task=adding hidden_size=128 seeds=8"
    )


@pytest.mark.parametrize("given", ["seeds=4", "seeds=[0,1,2,3]", "'seeds=[0, 1, 2, 3]'", ""])
def test_the_command_that_adds_seeds_replaces_those_that_it_names(given):
    command = " ".join(filter(None, ["gru-bench run -m cell=gru,lstm", given, "steps=10"]))
    runs = [dataclasses.replace(make_result(cell=c), command=command) for c in ("gru", "lstm")]
    assert summary(runs).endswith("Add them: gru-bench run -m cell=gru,lstm steps=10 seeds=6")


@pytest.mark.parametrize(
    ("command", "takes"),
    [
        ("gru-bench horizon cell=gru,lstm task=copy", True),
        ("gru-bench reproduce bai2018/adding", True),
        ("gru-bench claims --size full", True),
        ("gru-bench claims --part dyck", False),
        ("gru-bench choose --minutes 2 cell=gru,lstm", False),
        ("gru-bench search cell=gru,lstm", False),
    ],
)
def test_seeds_are_added_by_commands_that_take_them(command, takes, tmp_path):
    runs = [dataclasses.replace(make_result(cell=c), command=command) for c in ("gru", "lstm")]
    lead, added = " Add them:", f" {command} seeds=6"
    assert summary(runs).endswith(f"and it takes 6.{lead + added if takes else ''}")
    assert answers.verdict(make_groups(runs)[0]).endswith(lead if takes else "and it takes 6.")
    if takes:
        mixed = [dataclasses.replace(runs[0], command="gru-bench choose cell=gru"), runs[1]]
        assert summary(mixed).endswith("and it takes 6.")
    render.render(runs, [], "table", tmp_path / "table.txt")
    lines = (tmp_path / "table.txt").read_text(encoding="utf-8").splitlines()
    assert (added.strip() in lines) == takes


def test_a_cell_that_fails_is_not_called_better_without_its_failures():
    solved = {"gru": 9, "lstm": 10}
    means = {"gru": 0.999, "lstm": 0.97}
    results = [
        make_result("copy", cell, scores(mean, 1e-4), solved=solved[cell])
        for cell, mean in means.items()
    ]
    told = summary(results)
    assert told.startswith("By typical test recall accuracy, gru (fails with 1 of 10 seeds) beats")
    opening = decision(make_groups([*results, make_result("text", "gru", scores(0.9))]))
    assert "It solves copy with 9 of 10 seeds." in opening


def test_a_small_cell_of_which_nothing_is_decided_is_not_taken():
    spread = tuple(0.97 if i % 2 else 0.85 for i in range(8))
    results = [
        make_result("text", cell, of_cell)
        for cell, of_cell in (("gru", scores(0.9)), ("lstm", scores(0.93)), ("rnn", spread))
    ]
    opening = decision(make_groups(results))
    assert opening.startswith("Take lstm: no other cell beats it on text-reuters8; it beats gru")
    assert "Open: 2 pairs of cells" in opening


def test_many_pairs_are_counted():
    results = [
        make_result("text", cell, scores(mean, n=10), hidden_size=size)
        for cell, mean in (("gru", 0.94), ("lstm", 0.94), ("rnn", 0.8))
        for size in (16, 32, 64)
    ]
    assert summary(results).startswith(
        "Of 9 pairs of cells, 6 differ in test accuracy or reliability, 3 are as good as each"
        " other, 0 are not learned by either and 0 are undecided. "
    )
    assert summary(results).endswith(", and 5 below.")


def test_what_cannot_be_compared():
    assert answers.verdict(make_groups([make_result()])[0]) == ""
    sizes = [make_result("copy", "gru", (0.5,), hidden_size=size) for size in (8, 16)]
    other = make_result("copy", "lstm", (0.5,), hidden_size=32)
    (group,) = make_groups([*sizes, other])
    assert answers.verdict(group).startswith("No two cells share a size and a seed")
    assert [table.title for table in detail_tables(group)] == ["Cell by cell", "Cost"]


def test_detail_tables_of_a_solved_task():
    (group,) = make_groups(make_show(10)[:4])
    against, reliability, alone, *_ = detail_tables(group)
    assert [row[:2] for row in against.rows] == [
        ["gru", "gru_reset_after"],
        ["gru", "lstm"],
        ["gru", "rnn"],
        ["gru_reset_after", "lstm"],
        ["gru_reset_after", "rnn"],
        ["lstm", "rnn"],
    ]
    for row, comparison in zip(against.rows, group.comparisons, strict=True):
        assert row[2].startswith(comparison.typical.verdict)
        assert len(row) == len(against.columns)
    reliabilities = [row[2:8] for row in reliability.rows]
    assert reliabilities[0] == ["undecided", "undecided", "solved", "10", "10", "10"]
    assert reliabilities[2][:2] == ["more reliable", "more reliable"]
    assert [len(row) for row in reliability.rows] == [len(reliability.columns)] * 6
    assert [row[2:] for row in alone.rows] == [
        ["10/10 [72%, 100%]", "26%", "800 [800, 800]", "12.3 [12.3, 12.3]"],
        ["10/10 [72%, 100%]", "26%", "800 [800, 800]", "12.3 [12.3, 12.3]"],
        ["9/10 [60%, 98%]", "39%", "800 [800, 800]", "12.3 [12.3, 12.3]"],
        ["0/10 [0%, 28%]", "100%", "not reached", "not reached"],
    ]
    assert "Margin: ±0.002." in against.note


def test_the_budget_of_a_search_is_what_fewer_trials_would_have_come_to():
    (group,) = make_groups(make_show(4)[4:8])
    (table,) = (table for table in detail_tables(group) if table.title == "Budget of the search")
    for row, run in zip(table.rows, group.runs, strict=True):
        tuning = run.result.tuning
        best = max(np.mean([0.125 if s is None else s for s in row]) for row in tuning.scores)
        assert len(row) == len(table.columns) == 2 + len(tuning.learning_rates)
        assert float(row[2]) <= float(row[3]) <= float(row[4]) <= 100 * best + 0.05
    assert not any(
        t.title.startswith("Budget") for t in detail_tables(make_groups([make_result()])[0])
    )


def test_cells_over_all_settings_on_one_scale():
    groups = make_groups(make_show(10))
    table = over_tasks(groups)
    assert [row[0] for row in table.rows] == ["gru", "gru_reset_after", "lstm", "rnn"]
    assert all(len(row) == len(table.columns) for row in table.rows)
    middle = {row[0]: float(row[1].split()[0]) for row in table.rows}
    assert middle["rnn"] < 0.5 < middle["lstm"] <= 1
    assert table.rows[2][2] == "-"
    assert table.rows[3][2].startswith("0.00 [")
    assert over_tasks(groups[:1]) is None
    # A cell that did not run everywhere has no place in it.
    fewer = over_tasks(make_groups(make_show(10)[:-1]))
    assert [row[0] for row in fewer.rows] == ["gru", "gru_reset_after", "lstm"]


def test_over_all_settings_stands_in_the_markdown_and_the_page(tmp_path, undrawn):
    results = make_show(3)[:8]
    render.render(results, [], "markdown", tmp_path / "page.md")
    assert "### Over all settings\n" in (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "Over all settings" in make_page(results, tmp_path).text


def at_starts(by_start, **keys):
    """Runs on adding by start, then by cell, with these scores."""
    runs = []
    for start, by_cell in by_start.items():
        for cell, of_cell in by_cell.items():
            run = make_result("adding", cell, of_cell, **keys)
            config = run.config | {"cell": run.config["cell"] | {"initialisation": start}}
            identity = f"{run.identity}-{start}"
            runs.append(dataclasses.replace(run, config=config, identity=identity))
    return runs


GOOD, BAD = (tuple(score + 1e-5 * i for i in range(8)) for score in (0.001, 0.05))


def test_a_win_that_does_not_survive_another_start_is_not_called_one(tmp_path):
    runs = at_starts({s: {"gru": GOOD, "lstm": BAD} for s in ("orthogonal", "chrono")})
    assert "Take gru" in decision(make_groups(runs))
    assert "gru beats lstm" in answers.verdict(make_groups(runs)[0])

    turned = {"gru": BAD, "lstm": GOOD}
    runs = at_starts({"orthogonal": {"gru": GOOD, "lstm": BAD}, "chrono": turned})
    groups = make_groups(runs)
    assert decision(groups) == (
        "On adding no winner is named between gru and lstm: it depends on the start, the budget,"
        " the readout or the size."
    )
    (group,) = [group for group in groups if "orthogonal" in group.label]
    assert answers.verdict(group) == (
        "No win, since it does not survive other settings: gru over lstm (at 2 of 4 points)."
    )
    assert group.unbeaten() == []
    typical, *_ = detail_tables(group)
    assert typical.columns[4] == "holds at"
    page = make_page(runs, tmp_path).text
    assert "Robustness" in page
    (picture,) = [p for p in make_document_drawn(runs).overview if "robustness" in p.name]
    assert picture.png.startswith(b"\x89PNG")


def make_document_drawn(runs):
    document = make_document(runs, [])
    document.draw()
    return document


def test_detail_tables_of_text_have_the_gap_to_training():
    result = make_result("text", scores=(0.9, 0.8, None))
    seeds = [dataclasses.replace(s, train={"accuracy": 0.95}) for s in result.seeds]
    (group,) = make_groups([dataclasses.replace(result, seeds=seeds)])
    alone, _ = detail_tables(group)
    assert alone.columns[-1] == "train minus test [95%]"
    # Half width t(0.975, 1) s / sqrt(2) = 12.7062 * 0.0707107 / 1.414214.
    assert alone.rows[0][-1] == "10.0 [-53.5, 73.5]"


def predicting(result, right):
    """The run with predictions of two classes, of which these are right."""
    actual = np.zeros(right.shape[1], np.uint8)
    seeds = np.arange(len(right))
    made = Predictions(seeds=seeds, given=(~right).astype(np.uint8), actual=actual)
    return dataclasses.replace(result, predictions=made)


def test_where_predictions_are_stored_the_report_parts_seeds_from_examples():
    rng = np.random.default_rng(0)
    difficulty = rng.random(200)  # of each example, the same for both cells
    right_of = {cell: rng.random((8, 200)) < 0.5 + 0.5 * difficulty for cell in ("gru", "lstm")}
    with_, without = (
        [
            keep(make_result("text", cell, right.mean(axis=1).tolist()), right)
            for cell, right in right_of.items()
        ]
        for keep in (predicting, lambda result, right: result)
    )
    (crossed,), (alone,) = make_groups(with_), make_groups(without)
    typical, *_ = detail_tables(crossed)
    assert typical.columns[-2:] == ["error from seeds", "from examples"]
    assert detail_tables(alone)[0].columns[-1] == "pairs"
    # As `crossed_mean` has them, in points.
    parts = crossed_mean(right_of["gru"].astype(float) - right_of["lstm"])
    assert typical.rows[0][-2] == f"{100 * parts.seeds_error:.2f}"
    assert typical.rows[0][-1] == f"{100 * parts.examples_error:.2f}"
    assert not [note for note in group_notes(crossed) if "no predictions" in note]
    (note,) = [note for note in group_notes(alone) if "no predictions" in note]
    assert "gru, lstm" in note
    # The interval of a score covers other examples, too.
    wide, narrow = crossed.runs[0].score, alone.runs[0].score
    assert wide.estimate == pytest.approx(narrow.estimate)
    assert wide.high - wide.low > 1.2 * (narrow.high - narrow.low)


def test_macro_f1_stands_beside_accuracy_and_accuracy_beside_macro_f1():
    result = make_result("text", scores=[0.9, 0.7])
    both = [{"accuracy": 0.9, "macro_f1": 0.5}, {"accuracy": 0.7, "macro_f1": 0.4}]
    seeds = [dataclasses.replace(s, test=t) for s, t in zip(result.seeds, both, strict=True)]
    result = dataclasses.replace(result, seeds=seeds)
    by_f1 = dataclasses.replace(result, score=dataclasses.replace(result.score, name="macro_f1"))
    for shown, beside, mean in ((result, "macro F1", "45.0"), (by_f1, "accuracy", "80.0")):
        (group,) = make_groups([shown])
        (column,) = [each for each in tables.columns(group) if each.name == beside]
        assert [entry.text for entry in column.entries] == [mean]
    (copy,) = make_groups([make_result("copy")])
    assert "macro F1" not in [each.name for each in tables.columns(copy)]


def test_a_heading_tells_of_neutral_keys_only_where_they_are_set():
    usual, weighted = (
        make_groups([make_result("text", task=keys)])[0].setting()
        for keys in ({"train_embeddings": True}, {"class_weights": "balanced"})
    )
    assert "embeddings" not in usual
    assert "class_weights=balanced" in weighted


def test_that_seeds_share_the_test_documents_is_said_of_text_alone():
    text, copy = make_result("text"), make_result("copy")
    assert tables.CROSSED in tables.notes(make_groups([copy, text]))
    assert tables.CROSSED not in tables.notes(make_groups([copy]))
    tex = latex.to_latex(make_document([copy, text], []))
    assert tex.count("all seeds share one test split") == 1


def test_times_that_were_not_reached():
    inf = float("inf")
    assert show_time(None) == "-"
    assert show_time(Interval(1234.0, 900.0, inf)) == "1,234 [900, ∞]"
    assert show_time(Interval(inf, 900.0, inf)) == "not reached [900, ∞]"
    assert show_time(Interval(inf, inf, inf)) == "not reached"


def test_json_and_csv_hold_the_rows(tmp_path, capsys):
    results = make_show()
    render.render(results, ["passed over x"], "json")
    printed = capsys.readouterr()
    assert json.loads(printed.out) == rows.rows(results)
    assert printed.err == "warning: passed over x\n"
    render.render(results, [], "csv", tmp_path / "new" / "table.csv")
    read = list(csv.DictReader(io.StringIO((tmp_path / "new" / "table.csv").read_text())))
    assert list(read[0]) == list(rows.rows(results)[0])
    for line, row in zip(read, rows.rows(results), strict=True):
        assert float(line["score_mean"]) == row["score_mean"]
        assert line["solved"] == ("" if row["solved"] is None else str(row["solved"]))


@pytest.mark.parametrize("seeds", [4, 10])
def test_the_table_fits_into_80_columns(seeds, tmp_path, capsys):
    render.render(make_show(seeds), [], "table", tmp_path / "table.txt")
    text = (tmp_path / "table.txt").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "gru_reset_after" in text
    assert "\x1b" not in text
    assert ("Too few seeds to judge: 4, and it takes 9." in text) == (seeds == 4)
    render.print_table(make_show(seeds))
    assert capsys.readouterr().out == text


@pytest.fixture
def undrawn(monkeypatch):
    """Reports without their figures, each of which takes a third of a second."""
    monkeypatch.setattr("gru_bench.report.document.Document.draw", lambda self: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page and the Markdown of the same results, with all kinds of figures."""
    folder = tmp_path_factory.mktemp("reports")
    results = [*make_show()[4:8], *make_learning_curve(seeds=6)]
    for kind, name in (("html", "page.html"), ("markdown", "a report.md")):
        render.render(results, ["passed over <b>runs</b>"], kind, folder / name)
    return folder


FIGURES = [
    "overview",
    *(f"copy-{kind}" for kind in (
        "curves", "solved", "parameters", "time", "latency", "learning-rates", "lengths",
        "gradients", "gates",
    )),
    *(f"text-reuters8-train-documents-{n}-{kind}" for n in ("100", "400", "1600", "all")
        for kind in ("curves", "parameters", "time", "latency")),
    *(f"text-reuters8-against-train-documents-{kind}" for kind in ("score", "gap")),
]  # fmt: skip


def test_a_wide_table_sheds_columns_and_no_digits(tmp_path):
    results = [
        make_result("adding", "gru_reset_after", [1e-5, 2e-5], hidden_size=n + 1, nominal_size=n,
                    match="parameters")
        for n in (1024, 2048)
    ]  # fmt: skip
    render.render(results, [], "table", tmp_path / "table.txt")
    text = (tmp_path / "table.txt").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "latency" not in text.partition("Scores are")[0]
    assert "peak" not in text.partition("By test")[0]
    assert "gru_reset_after h2048" in text


def test_markdown_links_figures_that_exist(folder):
    text = (folder / "a report.md").read_text(encoding="utf-8")
    links = [link.replace("%20", " ") for link in re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text)]
    names = [link.removeprefix("a report_figures/").removesuffix(".png") for link in links]
    assert names == FIGURES
    for link in links:
        png = folder / link
        assert png.read_bytes().startswith(b"\x89PNG")
        ElementTree.parse(png.with_suffix(".svg"))
    assert "- passed over \\<b\\>runs" in text
    assert "- Made with Device: " in text


def test_every_table_in_markdown_is_rectangular(folder):
    text = (folder / "a report.md").read_text(encoding="utf-8")
    blocks = [block for block in text.split("\n\n") if block.startswith("|")]
    for block in blocks:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block
    titles = re.findall(r"^#### (.*)$", text, re.MULTILINE)
    tuned = ["Cell by cell", "Cost", "Learning rates tried", "Budget of the search"]
    against = [f"Cell against cell: {what}" for what in ("typical score", "reliability")]
    assert titles[:7] == [*against, *tuned, "Gates at their ends"]


def test_the_page_is_well_formed_and_loads_nothing(folder):
    page = Page((folder / "page.html").read_text(encoding="utf-8"))
    drawings = 2 + 4  # of the tasks and the cells
    assert page.tags.count("svg") == len(FIGURES) + drawings
    assert len(page.ids) == len(set(page.ids))
    assert page.references
    for reference in page.references:
        assert reference.startswith("#")
        assert reference[1:] in page.ids
    for needed in ("gru-bench run cell=lstm task=copy", "learning_rate: 0.002", "flax 0.12.8"):
        assert needed in page.text
    assert "passed over <b>runs</b>" in page.text


def test_the_page_answers_first_and_says_last_how_to_repeat_it(folder):
    text = Page((folder / "page.html").read_text(encoding="utf-8")).text
    order = [
        "Too few seeds to judge: 4, and it takes 9.",
        "Brackets, and ranges such as",
        "recall accuracy (%)",
        "Validation recall accuracy (%) during training.",
        "Test accuracy (%) against train_documents.",
        "Textbook claims, tested",
        "How to read this",
        "All of it, with the versions below:",
        "gru-bench run cell=gru task=copy",
        "The resolved configuration:",
    ]
    places = [text.index(part, text.index("trained models")) for part in order[:2]]
    body = text.index("Brackets, and ranges such as")
    places += [text.index(part, body) for part in order[2:]]
    assert places == sorted(places)


def test_the_policy_admits_the_pages_own_script_alone(folder):
    source = (folder / "page.html").read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', source)
    (script,) = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in html.unescape(policy)
    assert policy.startswith(("default-src &#39;none&#39;", "default-src 'none'"))


def test_every_report_opens_with_the_decision(folder):
    document = make_document([*make_show(10)], [])
    assert document.answer.startswith("Take ")
    assert Page((folder / "page.html").read_text(encoding="utf-8")).text.count("No decision yet on")
    assert (folder / "a report.md").read_text(encoding="utf-8").startswith("**")


def test_the_overview_turns_each_row_towards_the_lstm():
    better, worse = [0.97] * 10, [0.5] * 10
    runs = [
        make_result("copy", "gru", better),
        make_result("copy", "lstm", [0.9] * 10),
        make_result("copy", "rnn", worse, solved=0),
    ]
    ((label, (gru, rnn)),) = overview.sections(make_groups(runs))
    assert label == "copy"
    assert (gru.cell, gru.verdict) == ("gru", "better")
    assert (rnn.cell, rnn.verdict) == ("rnn", "worse")
    assert [gru.gain.estimate, rnn.gain.estimate] == pytest.approx([7, -40])
    assert gru.seeds == pytest.approx([7] * 10)
    assert (gru.successes, rnn.successes) == ("10 : 10 of 10", "0 : 10 of 10")
    lower = [make_result("adding", cell, [s] * 10) for cell, s in (("lstm", 0.02), ("rnn", 0.01))]
    ((_, (row,)),) = overview.sections(make_groups(lower))
    assert row.verdict == "better"
    assert row.gain.estimate == pytest.approx(5)


def test_solved_by_counts_seeds_that_never_got_there():
    result = make_result("copy", scores=(0.9,) * 4, solved=3)
    assert score_figures.solved_by(ReportedRun(result, {})) == (
        [0, 800, 800, 800],
        [0, 0.25, 0.5, 0.75],
    )


@pytest.mark.parametrize("seeds", [4, 10])
def test_the_card_is_a_picture_of_the_verdict(seeds, tmp_path):
    for name in ("card.svg", "card.png"):
        render.render(make_show(seeds)[:4], [], None, tmp_path / name)
    assert (tmp_path / "card.png").read_bytes().startswith(b"\x89PNG")
    text = "".join(ElementTree.parse(tmp_path / "card.svg").getroot().itertext())
    assert ("Take gru" in text) == (seeds == 10)
    assert ("No decision yet" in text) == (seeds == 4)


def test_what_users_name_is_escaped_everywhere(tmp_path):
    evil = "<script>alert(1)</script>"
    results = [make_result("text", "gru", (0.5, 0.6), corpus=f"{evil}{i}$x^2$") for i in range(2)]
    page = make_page(results, tmp_path)
    assert page.tags.count("script") == 1  # the page's own
    assert f"text-{evil}0$x^2$" in page.text
    render.render(results, [], "markdown", tmp_path / "page.md")
    markdown = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<script", markdown)
    render.render(results, [], "latex", tmp_path / "page.tex")
    tex = (tmp_path / "page.tex").read_text(encoding="utf-8")
    assert r"text-\textless{}script\textgreater{}alert(1)" in tex
    assert r"0\$x\textasciicircum{}2\$" in tex


HOSTILE = (
    """'"><img src=x onerror=alert(1)></script></style><!-- {{ 7*7 }} {% if %} &lt;b&gt;""",
    "--></title></svg><svg onload=alert(1)>]]><script>",
    r"$\foo{$ ' onmouseover='x' ` javascript:alert(1) %00",
)


# Values that a result is refused without.
CHECKED = {"2026-01-31T12:00:00Z", "hidden", "cpu", "accuracy", "lstm"}


def with_texts(value, named):
    """A copy of what JSON holds in which `named` changes every text that a reader does not check.

    Whatever the text is, the key of a configuration stays what it is.
    """
    if isinstance(value, dict):
        return {key: with_texts(each, named) for key, each in value.items()}
    if isinstance(value, list):
        return [with_texts(each, named) for each in value]
    return named(value) if isinstance(value, str) and value not in CHECKED else value


@pytest.mark.parametrize("evil", HOSTILE)
def test_no_text_of_a_result_changes_the_structure_of_a_page(evil, tmp_path):
    pages = []
    for text in (evil, "plain"):
        made = [
            make_result("text", cell, (0.5, 0.6), task={"note": "x", "a": ["y"]})
            for cell in ("gru", "lstm")
        ]
        values = [
            with_texts(json.loads(msgspec.json.encode(result)), lambda old, text=text: old + text)
            for result in made
        ]
        results = [msgspec.convert(value, Result) for value in values]
        pages.append(make_page(results, tmp_path))
    page, plain = pages
    assert page.tags == plain.tags
    assert set(page.attributes) == set(plain.attributes)
    assert f"text-reuters8{evil}" in page.text
    assert len(page.references) == len(plain.references)


@pytest.mark.parametrize("seeds", [4, 10])
def test_latex_is_balanced_and_has_a_full_table_a_task(seeds):
    tex = latex.to_latex(make_document(make_show(seeds), ["passed over\n\\input{x}"]))
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
    assert labels == ["tab:adding", "tab:copy", "tab:text-reuters8", "tab:claims"]
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{"):
        assert tex.count(rule) == 4
    rows = [line for line in tex.splitlines() if line.endswith(r" \\")]
    ands = [len(re.findall(r"(?<!\\)&", row)) for row in rows]
    assert ands[: 3 * (2 + 4)] == [8] * 3 * (2 + 4)
    claims = ledger.make_ledger(make_show(seeds)).tested
    assert ands[3 * (2 + 4) :] == [3] * (1 + len(claims))
    assert len(re.findall(r"(?<!\\)\{", tex)) == len(re.findall(r"(?<!\\)\}", tex))
    assert (r"128 & \textbf{" in tex) == (seeds == 10)


def test_latex_escapes_every_special_character():
    assert latex.escape(r"50% of a_b & #1 $x^2$ {~} \x") == (
        r"50\% of a\_b \& \#1 \$x\textasciicircum{}2\$ \{\textasciitilde{}\}"
        r" \textbackslash{}x"
    )
    assert latex.escape("-0.5 [-1e-3, ±2] sst-2 ↑") == r"$-$0.5 [$-$1e-3, $\pm$2] sst-2 $\uparrow$"


# How LaTeX shows what `escape` writes; whatever else is special to it must not occur.
SHOWN = {
    **{f"\\{sign}": sign for sign in "&%$#_{}"},
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textquotedbl{}": '"',
    r"$\uparrow$": "↑",
    r"$\downarrow$": "↓",
    r"$\pm$": "±",
    "$-$": "-",
    "-{}": "-",
}
PLAIN = r"[^\\&%$#_{}~^<>|\"\n]"


@given(text=st.text() | st.text(alphabet='\\{}$&%#_^~<>|"-12 [*↑±'))
def test_latex_shows_any_text_as_it_is(text):
    written = latex.escape(text)
    assert "--" not in written  # which would be a dash
    tokens = re.compile("|".join([*map(re.escape, sorted(SHOWN, key=len)[::-1]), PLAIN]))
    shown, place = "", 0
    while place < len(written):
        token = tokens.match(written, place)
        assert token is not None, written[place:]
        shown += SHOWN.get(token[0], token[0])
        place = token.end()
    assert shown == text.replace("\n", " ")


@given(first=st.text(), second=st.text())
def test_a_spreadsheet_evaluates_nothing(first, second):
    _, row = list(csv.reader(io.StringIO(write_csv(["a", "b"], [[first, second]]), newline="")))
    for written, text in zip(row, (first, second), strict=True):
        on_lines = text.replace("\r\n", "\n").replace("\r", "\n")
        assert written in (on_lines, f"'{on_lines}")
        assert written[:1] not in set("=+-@\t\r\n")


def test_a_page_of_one_diverged_seed_without_any_score(tmp_path):
    lost = make_result(scores=(None,), diverged=[0], curves=[(None, None)], solved=0)
    page = make_page([lost], tmp_path)
    assert "diverged at 500" in page.text
    assert "1 without a score, counted with the baseline" in page.text


def test_figures_are_the_same_every_time_and_take_the_pages_colour():
    (group,) = make_groups(make_show()[:4])
    first, second = score_figures.draw(group), score_figures.draw(group)
    assert [p.svg for p in first] == [p.svg for p in second]
    assert [p.png for p in first] == [p.png for p in second]
    for picture in first:
        assert "currentColor" in picture.svg
        assert canvas.INK not in picture.svg


def test_powers_of_ten_are_labelled_without_formulas():
    values = [1e-8, 1e-3, 1.0, 10.0, 1e12]
    assert [power_of_ten(value) for value in values] == ["10⁻⁸", "10⁻³", "10⁰", "10¹", "10¹²"]
    (group,) = make_groups(make_show()[:4])
    curves, *_ = score_figures.draw(group)
    labels = set(re.findall(r">(10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)<", curves.svg))
    assert {"10⁻²", "10⁻³"} <= labels


def test_curves_carry_stopped_seeds_on_and_drop_what_is_not_finite():
    result = make_result(scores=(1.0, 1.0, 1.0), curves=[(4.0, 1.0), (2.0, 3.0, 5.0), (3.0, None)])
    steps, mean, band = score_figures.mean_and_band(ReportedRun(result, {}))
    np.testing.assert_array_equal(steps, [100, 200, 300])
    np.testing.assert_array_equal(mean, [3.0, 2.0, 3.0])
    np.testing.assert_array_equal(band, [[2.0, 1.0, 1.0], [4.0, 3.0, 5.0]])


def test_the_range_over_seeds_leaves_out_what_is_missing():
    table = np.array([[1.0, np.nan, np.nan], [4.0, 2.0, np.nan], [100.0, 4.0, np.nan]])
    median, band = canvas.over_seeds(table, np.nanmedian)
    np.testing.assert_array_equal(median, [4.0, 3.0, np.nan])
    np.testing.assert_array_equal(band, [[1.0, 2.0, np.nan], [100.0, 4.0, np.nan]])


def test_a_seed_without_a_score_on_longer_sequences_counts_with_the_baseline():
    longer = Lengths(multiple=[1, 4], length=[10, 40], scores=[[0.9, 0.7], [0.5, None]])
    result = make_result("copy", scores=(0.9, 0.7))
    scored = probe_figures.scores_by_length(ReportedRun(result, {}), longer)
    assert scored[10].estimate == pytest.approx(0.8)
    assert scored[40].estimate == pytest.approx((0.5 + 0.125) / 2)
    without = dataclasses.replace(result, score=dataclasses.replace(result.score, baseline=None))
    assert probe_figures.scores_by_length(ReportedRun(without, {}), longer)[40].estimate == 0.5


def test_what_the_runs_hold_decides_which_figures_there_are():
    def kinds(**keys):
        results = [make_result("copy", cell, (0.5, 0.6), **keys) for cell in ("gru", "rnn")]
        (group,) = make_groups(results)
        return [picture.name.removeprefix("copy-") for picture in score_figures.draw(group)][5:]

    probes = make_probes("gru", (0.5, 0.6))
    nothing = dataclasses.replace(probes, gradients=None, gates=[], gate_ends=None, lengths=None)
    assert kinds() == kinds(probes=nothing) == []
    assert kinds(probes=dataclasses.replace(nothing, gates=probes.gates)) == ["gates"]
    assert kinds(probes=dataclasses.replace(nothing, lengths=probes.lengths)) == ["lengths"]


def line_ends(picture, colour):
    """Lowest point of each line of a colour, in units of the figure that grow downwards."""
    root = ElementTree.fromstring(picture.svg)
    paths = [p for p in root.iter("{http://www.w3.org/2000/svg}path") if "clip-path" in p.attrib]
    drawn = [p.get("d") for p in paths if f"stroke: {colour}".lower() in p.get("style", "")]
    return [max(float(y) for _, y in re.findall(r"[ML] (\S+) (\S+)", d)) for d in drawn]


def test_cells_of_a_user_are_told_apart_and_alike_in_all_groups():
    def named(task, cell):
        result = make_result(task, "gru", (0.5,))
        config = result.config | {"cell": {"name": cell}}
        return dataclasses.replace(result, config=config, identity=f"{task} {cell}")

    results = [named("adding", cell) for cell in ("mgu", "ran", "sru", "gru")]
    adding, copy = make_groups([*results, named("copy", "sru")])
    styles = {run.result.cell: canvas.style(run) for run in adding.runs}
    # Each differs from every other in its mark and in its dash or its colour.
    assert len({marker for _, marker, _ in styles.values()}) == 4
    assert len({(colour, dash) for colour, _, dash in styles.values()}) == 4
    assert styles["gru"] == canvas.STYLES["gru"]
    assert canvas.style(copy.runs[0]) == styles["sru"]
    (picture, *_) = score_figures.draw(adding)
    for colour, _, _ in styles.values():
        assert line_ends(picture, colour)


def test_variants_are_told_apart_and_every_cell_is_explained():
    (group,) = make_groups([make_result("copy", cell, (0.5, 0.6)) for cell in CELLS])
    styles = {run.result.cell: canvas.style(run) for run in group.runs}
    assert len({marker for _, marker, _ in styles.values()}) == len(CELLS)
    assert len({(colour, dash) for colour, _, dash in styles.values()}) == len(CELLS)
    assert explanations.CELLS.keys() == set(CELLS)


def test_series_of_a_task_are_told_apart_by_what_their_groups_share():
    runs = [
        make_result("copy", cell, (0.5, 0.6), steps=steps, batch_size=batch)
        for cell in ("gru", "lstm")
        for steps in (100, 200)
        for batch in (16, 32)
    ]
    series = [each for each in make_series(make_groups(runs)) if each.number == "steps"]
    assert [each.name for each in series] == ["steps (batch_size=16)", "steps (batch_size=32)"]


def test_vanished_gradients_are_drawn_at_the_floor():
    def draw(trained):
        flow = GradientNorms(
            distance=[0, 1, 2], initial=[[1.0, 1e-8, None]], trained=[[1.0, *trained]]
        )
        probes = dataclasses.replace(make_probes("gru", (0.5,), longer=False), gradients=flow)
        (group,) = make_groups([make_result("copy", "gru", (0.5,), probes=probes)])
        (picture,) = [p for p in score_figures.draw(group) if p.name == "copy-gradients"]
        return line_ends(picture, canvas.STYLES["gru"][0])

    initial, trained = draw([0.0, 1e-30])
    assert initial == pytest.approx(trained)
    initial, trained = draw([1e-2, 1e-4])
    assert trained < initial - 20


def test_learning_rates_tried():
    results = [tuned(chosen=0.01), tuned("lstm", 0.01, rates=(0.001, 0.01))]
    (group,) = make_groups([results[0]])
    (table,) = [table for table in detail_tables(group) if table.title == "Learning rates tried"]
    assert table.columns == ["cell", "chosen", "0.001", "0.01", "0.1"]
    # Means of 0.5 and 0.25, of 0.01 and 0.03, and of the one seed that did not diverge.
    assert table.rows == [
        ["gru", "0.01", "0.38 [0.25, 0.50]", "0.020 [0.010, 0.030]",
         "0.2 [0.2, 0.2], 1 of 2 diverged"]
    ]  # fmt: skip


def tuned_with_starts(cell, scores, seeds, chosen_keep):
    """Two rates, and two starts with each; a row of two seeds a candidate."""
    tuning = Tuning(
        learning_rates=[0.001, 0.01],
        keeps=[0.5, 0.9],
        seeds=[10**9, 10**9 + 1],
        scores=scores,
        chosen=0.01,
        chosen_keep=chosen_keep,
    )
    tune = {"learning_rates": [0.001, 0.01], "keeps": [0.5, 0.9], "seeds": 2}
    result = make_result("copy", cell, seeds, tuning=tuning)
    return dataclasses.replace(result, config=result.config | {"tune": tune})


def test_the_whole_grid_of_rates_and_starts_is_shown_and_a_verdict_that_depends_on_it_says_so():
    gru = tuned_with_starts("gru", [[0.2, 0.2], [0.3, 0.3], [0.5, 0.5], [0.9, 0.8]], [0.9] * 8, 0.9)
    lstm = tuned_with_starts(
        "lstm", [[0.2, 0.2], [0.1, 0.1], [0.7, 0.7], [0.6, 0.6]], [0.7] * 8, 0.5
    )
    (group,) = make_groups([gru, lstm])
    assert group.setting().endswith(
        "each cell's learning rate from 0.001, 0.01 and share of the state kept at the start from"
        " 0.5, 0.9, by 2 other seeds"
    )
    (table,) = [t for t in detail_tables(group) if t.title == "Learning rates and starts tried"]
    assert table.columns == ["cell", "kept at the start", "chosen", "0.001", "0.01"]
    assert [row[:3] for row in table.rows] == [
        ["gru", "0.5", ""], ["gru", "0.9", "0.01"], ["lstm", "0.5", "0.01"], ["lstm", "0.9", ""],
    ]  # fmt: skip
    assert [row[3].split()[0] for row in table.rows] == ["20.0", "30.0", "20.0", "10.0"]
    assert [row[4].split()[0] for row in table.rows] == ["50.0", "85.0", "70.0", "60.0"]
    assert group.better == [("gru", "lstm")]
    (note,) = [note for note in group_notes(group) if "start" in note]
    assert note == (
        "copy: gru is called better than lstm at the starts chosen, but on validation data lstm is"
        " ahead where both keep 0.5 of their state at the start: the verdict depends on the start"
    )
    assert [p.name for p in score_figures.draw(group) if "starts" in p.name] == ["copy-starts"]


def test_gates_at_their_ends():
    results = [
        make_result("copy", cell, (0.5,), probes=make_probes(cell, (0.5,)))
        for cell in ("gru", "gru_reset_after", "lstm", "rnn")
    ]
    (group,) = make_groups(results)
    (table,) = [table for table in detail_tables(group) if table.title == "Gates at their ends"]
    # Under either convention one end of z keeps the state and the other replaces it.
    assert table.rows == [
        ["gru", "0", "0", "1", "6e-08", "0", "0.83"],
        ["gru_reset_after", "1", "0", "0", "6e-08", "0", "0.83"],
        ["lstm", "-", "0", "-", "6e-08", "-", "-"],
    ]
    assert {len(row) for row in table.rows} == {len(table.columns)}


def lag(value, cell="gru", **keys):
    return make_result("copy", cell, (0.5, 0.6), task={"lag": value}, **keys)


def test_series_join_groups_that_differ_in_one_number():
    (series,) = make_series(make_groups([lag(50), lag(10), lag(20), lag(20, "lstm")]))
    assert (series.label, series.name) == ("copy against lag", "lag")
    assert [group.keys for group in series.groups] == [{"task.lag": n} for n in (10, 20, 50)]
    assert places(series) == [10, 20, 50]
    assert make_series(make_groups([lag(10), lag(10, "lstm")])) == []
    assert make_series(make_groups([lag(10), make_result("copy", "lstm", hidden_size=8)])) == []


def test_series_keep_other_settings_apart():
    slow, fast = ({"optim": {"learning_rate": rate}} for rate in (0.001, 0.01))
    results = [lag(n, **keys) for n in (10, 20) for keys in (slow, fast)] + [lag(50, **slow)]
    found = {s.label: [g.keys[s.key] for g in s.groups] for s in make_series(make_groups(results))}
    assert found == {
        "copy(learning_rate=0.001) against lag": [10, 20, 50],
        "copy(learning_rate=0.01) against lag": [10, 20],
        "copy(lag=10) against learning_rate": [0.001, 0.01],
        "copy(lag=20) against learning_rate": [0.001, 0.01],
    }


def test_words_and_switches_make_no_series():
    results = [make_result("copy", scores=(0.5,), stop_when_solved=on) for on in (False, True)]
    assert make_series(make_groups(results)) == []
    results = [make_result("copy", scores=(0.5,), precision=p) for p in ("float32", "bfloat16")]
    assert make_series(make_groups(results)) == []


def test_all_documents_stand_after_any_number_of_them():
    (series,) = make_series(make_groups(make_learning_curve(seeds=2)))
    assert [group.keys["task.train_documents"] for group in series.groups] == [100, 400, 1600, None]
    assert places(series) == [100, 400, 1600, 6400]
    assert series.groups[-1].label == "text-reuters8(train_documents=all)"


def claim(number, findings, quantifier="all", parts=("",), tasks="aaaaa", expected=()):
    tests = [
        ClaimTest(task=task, what=f"test {i}", figure=f"{i}.0", finding=finding, part=part)
        for i, ((finding, part), task) in enumerate(zip(findings, tasks, strict=False))
    ]
    rule = ClaimRule(
        number=number, sentence=f"Claim {number}.", how="By <rule>.", quantifier=quantifier,
        kinds=("scores",), parts=parts,
    )  # fmt: skip
    return Claim(name=f"claim_{number}", rule=rule, tests=tests, least_tasks=2, expected=expected)


def test_the_ledger_shows_the_tests_that_decide():
    findings = ("for", "against", "open", "against", "against")
    refuted = claim(2, [(finding, "") for finding in findings], tasks="abcde")
    assert ledger.show_verdict(refuted) == "✗ refuted"
    assert [test.what for test in ledger.deciding(refuted)] == ["test 1", "test 3"]
    assert ledger.count_findings(refuted) == "1 for, 3 against, 1 open, on 5 tasks"
    parts = claim(3, [("for", "a"), ("for", "a"), ("for", "b")], parts=("a", "b"))
    assert ledger.show_verdict(parts) == "✓ supported"
    assert [test.what for test in ledger.deciding(parts)] == ["test 0", "test 2"]
    undecided = claim(4, [("for", ""), ("open", "")])
    assert ledger.show_verdict(undecided) == "? undecided here"
    assert [test.what for test in ledger.deciding(undecided)] == ["test 1"]


def test_the_ledger_names_tests_of_several_tasks():
    supported = claim(1, [("for", "")] * 4, tasks="aaba")
    assert [test.what for test in ledger.deciding(supported)] == ["test 0", "test 2"]
    # Several parts come first, and of the other part a test of the other task.
    parts = claim(3, [("for", part) for part in "aabb"], parts=("a", "b"), tasks="xyxy")
    assert [test.what for test in ledger.deciding(parts)] == ["test 0", "test 3"]


def test_the_ledger_counts_tasks_where_the_claim_is_of_tasks():
    findings = [("for", ""), ("for", ""), ("open", "")]
    for tasks, shown in (("aaa", "1 task"), ("aab", "2 tasks")):
        made = claim(4, findings, "most", tasks=tasks)
        assert ledger.count_findings(made) == f"2 for, 1 open, on {shown}"
    lacking = claim(4, findings, "most", expected=("a", "x", "y"))
    assert ledger.count_findings(lacking) == "2 for, 1 open, on 1 task, 2 more not measured"


def test_the_ledger_names_the_parts_and_where_they_differ_the_verdict_of_each():
    differ = claim(2, [("for", "a"), ("open", "b")], parts=("a", "b"))
    assert ledger.show_deciding(differ) == ["a: supported, b: undecided here", "test 1: 1.0"]
    lacking = claim(2, [("against", "a")], parts=("a", "b"))
    assert ledger.show_deciding(lacking)[0] == "a: refuted, b: not measured"
    alike = claim(2, [("for", "a"), ("for", "b")], parts=("a", "b"))
    assert ledger.show_deciding(alike)[0] == "every part alike: a, b"


def test_the_ledger_is_left_out_where_only_parameters_can_be_counted():
    bare = [
        dataclasses.replace(
            result,
            timing=dataclasses.replace(
                result.timing, train_step_vs_lstm=None, latency_us=None, latency_vs_lstm=None
            ),
        )
        for result in [make_result("text", "gru", (0.5,), margin=None)]
    ]
    tested = [claim.number for claim in claims_of(bare) if claim.tests]
    assert tested == [1]
    assert ledger.make_ledger(bare) is None
    full = ledger.make_ledger(make_show(10))
    assert [claim.number for claim in (*full.tested, *full.untested)].count(1) == 1
    assert sorted(claim.number for claim in (*full.tested, *full.untested)) == list(range(1, 20))
    assert full.untested_line().startswith("Not measured by these runs: ")
    assert "An LSTM wins where" in full.untested_line()


def test_the_page_and_the_markdown_hold_every_test_of_every_claim(folder):
    page = Page((folder / "page.html").read_text(encoding="utf-8"))
    markdown = (folder / "a report.md").read_text(encoding="utf-8")
    shown = ledger.make_ledger([*make_show()[4:8], *make_learning_curve(seeds=6)])
    assert len(shown.tested) > 3
    for entry in shown.tested:
        assert entry.sentence in page.text
        assert entry.how in page.text
        assert f"How it was tested: {ledger.count_findings(entry)}" in page.text
        assert ledger.show_verdict(entry) in markdown
        for test in entry.tests:
            assert test.figure in page.text
    assert shown.untested_line() in page.text


def test_every_report_gives_the_verdicts_of_parts_that_differ(tmp_path, undrawn):
    gru, lstm = make_result(), make_result(cell="lstm")
    elsewhere = dataclasses.replace(
        lstm, environments=[dataclasses.replace(lstm.environment, processor="Another")]
    )
    parts = "in training: not measured, between two steps: supported"
    for kind in ("html", "markdown", "latex"):
        render.render([gru, elsewhere], [], kind, tmp_path / kind)
        assert (tmp_path / kind).read_text(encoding="utf-8").count(parts) == 1
        render.render([gru, lstm], [], kind, tmp_path / kind)
        assert "between two steps: supported" not in (tmp_path / kind).read_text(encoding="utf-8")


def test_commands_are_given_once_the_oldest_first():
    dates = ["2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"]
    commands = ["sweep b", "sweep a", "sweep b"]
    results = [
        dataclasses.replace(make_result(cell=cell), created=created, command=command)
        for cell, created, command in zip(("gru", "lstm", "rnn"), dates, commands, strict=True)
    ]
    assert make_document(results, []).commands == ["sweep a", "sweep b"]


def test_what_cannot_be_written_or_made_is_named(tmp_path):
    with pytest.raises(UserError, match=r"format=pdf is not possible: .*markdown"):
        render.render([make_result()], [], "pdf")
    with pytest.raises(UserError, match=r"out=.* is not possible: cannot write .*Is a directory"):
        render.render([make_result()], [], "json", tmp_path)


def test_a_heading_leaves_out_keys_that_have_no_effect():
    of_bytes, of_words = (
        make_groups([make_result("text", task=keys | {"vocabulary_size": 8000})])[0].setting()
        for keys in ({"tokens": "bytes"}, {"tokens": "words"})
    )
    assert "tokens=bytes" in of_bytes
    assert "vocabulary_size" not in of_bytes
    assert "vocabulary_size=8000" in of_words
