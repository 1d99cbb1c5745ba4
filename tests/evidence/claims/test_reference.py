"""A reference is judged again from its files, under present rules and those it was made by."""

import io
from dataclasses import replace

import pytest
from helpers.claims import on_tasks, starting
from helpers.made_up import make_result, make_tuning
from msgspec.structs import replace as replace_in
from rich.console import Console

from gru_bench.cli.main import main
from gru_bench.evidence.claims.evidence import COMPARED
from gru_bench.evidence.claims.flatness import is_flat
from gru_bench.evidence.claims.reference import (
    PartRecord,
    changed_verdicts,
    read_reference,
    write_part,
)
from gru_bench.evidence.claims.rules import Part, current_rules
from gru_bench.report.formats.markdown import escape
from gru_bench.report.reference_ledger import (
    SCORES_TITLE,
    judge_reference,
    print_parts,
    print_reference,
    to_markdown,
)
from gru_bench.system.errors import UserError

PARTS = {
    "first": Part(kind="scores", minutes=3, words="cell=gru,lstm"),
    "second": Part(kind="scores", minutes=5, words="cell=gru,lstm task=copy"),
}


def rules(**changes):
    present = current_rules()
    of_any_task = {name: replace_in(rule, tasks=()) for name, rule in present.claims.items()}
    return replace_in(present, claims=of_any_task, parts=PARTS, **changes)


def write(folder, name, results, made_under):
    record = PartRecord(
        part=name,
        words=made_under.words_of(name),
        rules=made_under.digits,
        created="2026-01-31T12:00:00Z",
        revision="0123abc",
    )
    write_part(folder, record, results, made_under)


def shown(print_it, *arguments, width=80):
    console = Console(width=width, record=True, file=io.StringIO())
    print_it(*arguments, console)
    return console.export_text()


def ledger_of(reference, judged_by, width=80):
    return shown(print_reference, judge_reference(reference, judged_by, None), width=width)


def test_a_reference_without_parts_measures_nothing(tmp_path):
    reference = read_reference(tmp_path)
    assert {claim.verdict for claim in reference.judge(rules())} == {"not measured"}
    text = ledger_of(reference, rules())
    assert "0 of 2 parts" in text
    assert "4. not measured, 2 parts to do: gru-bench claims --part first" in text


def test_parts_are_judged_together_once_they_are_there(tmp_path):
    write(tmp_path, "first", on_tasks(0.0, 0.0, 0.0, seeds=12), rules())
    reference = read_reference(tmp_path)
    assert [reference.state(part, rules()) for part in PARTS] == ["done", "to do"]
    claims = {claim.name: claim for claim in reference.judge(rules())}
    assert len(claims["comparable"].voting) == 3
    assert claims["comparable"].verdict == "undecided here"  # until all parts are there
    text = ledger_of(reference, rules(), width=200)
    assert f"Rules {rules().digits} of {rules().date}. 1 of 2 parts, made at 0123abc" in text
    assert "4. not all measured, 1 part to do: gru-bench claims --part second" in text
    listed = shown(print_parts, reference, rules())
    assert "2 parts, 1 to do: about 5 minutes" in listed
    write(tmp_path, "second", [], rules())
    claims = {claim.name: claim for claim in read_reference(tmp_path).judge(rules())}
    assert claims["comparable"].verdict == "supported"


def test_the_ledger_fits_into_eighty_columns_and_cuts_nothing(tmp_path):
    runs = [
        starting(run, initialisation=start)
        for run in on_tasks(0.0, 0.0, 0.0, seeds=12)
        for start in ("orthogonal", "chrono")
    ]
    write(tmp_path, "first", runs, rules())
    write(tmp_path, "second", [], rules())
    text = ledger_of(read_reference(tmp_path), rules())
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert " 4 A GRU performs comparably to an LSTM on most tasks." in text
    assert "   ✓ supported (6 for, on 3 tasks)" in text
    assert "   · text-a(initialisation=chrono): gru against lstm, accuracy: ahead by" in text


def test_the_page_of_a_reference_has_every_test_of_each_claim(tmp_path):
    write(tmp_path, "first", on_tasks(0.0, 0.0, 0.0, seeds=12), rules())
    reference = read_reference(tmp_path)
    text = to_markdown(judge_reference(reference, rules(), None))
    tests = [test for claim in reference.judge(rules()) for test in claim.tests]
    assert len(tests) > 12
    for test in tests:
        row = f"| {test.shown_finding} | {escape(test.what)} | {escape(test.figure)} |"
        assert row in text
    assert "- 4. not all measured, 1 part to do: gru-bench claims --part second" in text


def test_the_page_of_a_reference_has_every_score_in_the_order_of_lengths(tmp_path):
    lengths = [
        replace(
            make_result("adding", "gru", [0.01 * length] * 3, task={"length": length}),
            tuning=replace(make_tuning(0.9, True), chosen=0.004),
        )
        for length in (100, 50)
    ]
    shares = [make_result("copy", cell, [0.9, 0.8, 1.0]) for cell in ("lstm", "gru")]
    write(tmp_path, "first", lengths, rules())
    write(tmp_path, "second", shares, rules())
    text = to_markdown(judge_reference(read_reference(tmp_path), rules(), None))
    _, _, table = text.partition(escape(SCORES_TITLE))
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][2:]
    assert [row[:2] for row in rows] == [
        ["| first", "gru at length 50"],
        ["| first", "gru at length 100"],
        ["| second", "gru"],
        ["| second", "lstm"],
    ]
    assert rows[0][-1] == "0.004 |"
    assert rows[0][3].startswith("0.5")
    assert rows[3][3].startswith("90.0% \\[")


def test_the_ledger_of_a_reference_is_written_as_markdown_alone(tmp_path, capsys):
    write(tmp_path, "first", on_tasks(0.0, 0.0, 0.0), rules())
    folder, page = str(tmp_path), tmp_path / "pages" / "ledger.md"
    for words in [["--list"], ["--part", "dyck"], ["--list", folder]]:
        assert main(["claims", *words, "--out", str(page)]) == 2
        assert "it is the ledger as Markdown" in capsys.readouterr().err
    assert main(["claims", folder, "--out", f"{tmp_path}/ledger.html"]) == 2
    assert not page.exists()
    assert main(["claims", folder, "--out", str(page)]) == 0
    assert page.read_text().startswith("# The ledger of the reference")


def test_comparisons_are_corrected_for_parts_that_are_still_to_be_made(tmp_path):
    write(tmp_path, "first", on_tasks(0.03, seeds=12), rules())
    reference = read_reference(tmp_path)

    def judged(judged_by):
        (setting,) = reference.evidence(judged_by).of("scores")
        pair = frozenset(("gru", "lstm"))
        return setting.compared[pair].typical.p, setting.confidence[pair]

    p, confidence = judged(rules())
    assert p.corrected == pytest.approx(2 * p.alone)
    assert confidence == pytest.approx(1 - 0.05 / 2)


def test_the_rules_say_in_how_many_settings_two_cells_are_compared():
    present, kinds = current_rules(), COMPARED
    assert present.settings_with(("gru", "lstm"), kinds) == 24
    assert present.settings_with(("attention", "gru"), kinds) == 4
    assert present.settings_with(("gru", "lstm"), [present.parts["rates_copy"].kind]) == 16
    assert present.settings_with(("gru", "nothing"), kinds) == 0


def test_a_part_of_other_settings_has_no_say(tmp_path):
    write(tmp_path, "first", on_tasks(0.0, 0.0, 0.0), rules())
    changed = rules(words={"scores": "seeds=99"})
    reference = read_reference(tmp_path)
    assert reference.state("first", changed) == "other settings"
    assert {claim.verdict for claim in reference.judge(changed)} == {"not measured"}


def test_the_ledger_says_what_other_rules_would_make_of_the_same_runs(tmp_path):
    earlier = rules()
    write(tmp_path, "first", on_tasks(0.0, 0.0, 0.0, seeds=12), earlier)
    write(tmp_path, "second", [], earlier)
    stricter = rules(least_tasks=4)
    reference = read_reference(tmp_path)
    assert reference.earlier_rules(stricter) == {earlier.digits: earlier}
    text = ledger_of(reference, stricter, width=200)
    assert f"Parts were made under rules {earlier.digits}" in text
    assert "Judged by those: supported, by these: undecided here. A GRU performs comparably" in text
    # By the rules that they were made under nothing has changed.
    assert "Parts were made under" not in ledger_of(reference, earlier)
    same = reference.judge(earlier)
    assert changed_verdicts(same, same) == []


def test_choices_at_an_end_of_the_grid_are_named(tmp_path):
    tuning = replace(make_tuning(0.9, True), chosen=0.016)
    runs = [replace(run, tuning=tuning) for run in on_tasks(0.0)]
    write(tmp_path, "first", runs, rules())
    text = ledger_of(read_reference(tmp_path), rules(), width=200)
    assert "chosen at an end of those tried: first: gru, lstm (0.016)" in text


def rising(cell, scores, solved=None, margin=0.01):
    """A run of six seeds with the same curve, which solved the task at some step if at all."""
    run = make_result("copy", cell, [0.9] * 6, curves=[scores] * 6, margin=margin, solved=0)
    seeds = [
        replace(seed, steps=100 * len(scores), solved_step=solved and 100 * solved)
        for seed in run.seeds
    ]
    return replace(run, seeds=seeds)


FLAT = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.85, 0.845]  # the last quarter begins after the sixth
STEEP = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.85, 0.88]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (rising("gru", FLAT), True),
        (rising("gru", STEEP), False),
        (rising("gru", STEEP, margin=0.04), True),
        (rising("gru", STEEP, margin=None), None),
        (rising("gru", STEEP, solved=6), True),
        (rising("gru", STEEP, solved=7), False),
        (rising("gru", [None] * 6 + [0.8, 0.9]), None),
    ],
)
def test_a_curve_is_flat_where_little_is_gained_in_the_last_quarter(run, expected):
    rule = current_rules().flat
    assert (rule.last_share, rule.margins, rule.solved_is_flat) == (0.25, 1, True)
    assert is_flat(run, rule) is expected


def test_it_is_the_median_over_seeds_that_has_to_be_flat():
    flat, steep = rising("gru", FLAT), rising("gru", STEEP)
    for n_steep, expected in ((2, True), (4, False)):
        seeds = [*steep.seeds[:n_steep], *flat.seeds[n_steep:]]
        assert is_flat(replace(flat, seeds=seeds), current_rules().flat) is expected


def test_budgets_at_whose_end_cells_still_gain_are_named(tmp_path):
    runs = [rising("gru", STEEP), rising("lstm", FLAT)]
    write(tmp_path, "second", runs, rules())
    text = ledger_of(read_reference(tmp_path), rules(), width=200)
    assert "in the last 25% of the budget: second: gru\n" in text
    longer = replace(runs[0], config=runs[0].config | {"task": {"name": "copy", "lag": 40}})
    write(tmp_path, "second", [longer, *runs], rules())
    text = ledger_of(read_reference(tmp_path), rules(), width=200)
    assert "second: gru at lag 20, gru at lag 40\n" in text
    write(tmp_path, "second", runs[1:], rules())
    text = ledger_of(read_reference(tmp_path), rules(), width=200)
    assert "of the budget" not in text


def test_a_damaged_part_is_told_of(tmp_path):
    write(tmp_path, "first", on_tasks(0.0), rules())
    (tmp_path / "first" / "runs.json.gz").write_bytes(b"x")
    with pytest.raises(UserError, match="first holds no part of a reference"):
        read_reference(tmp_path)
