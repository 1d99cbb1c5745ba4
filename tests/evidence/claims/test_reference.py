"""A reference is judged again from its files, under present rules and those it was made by."""

import io
from dataclasses import replace

import pytest
from helpers.claims import on_tasks
from helpers.made_up import make_tuning
from msgspec.structs import replace as replace_in
from rich.console import Console

from gru_bench.evidence.claims.reference import (
    PartRecord,
    changed_verdicts,
    read_reference,
    write_part,
)
from gru_bench.evidence.claims.rules import Part, current_rules
from gru_bench.report.reference_ledger import print_parts, print_reference
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


def test_a_reference_without_parts_measures_nothing(tmp_path):
    reference = read_reference(tmp_path)
    assert {claim.verdict for claim in reference.judge(rules())} == {"not measured"}
    text = shown(print_reference, reference, rules(), None)
    assert "0 of 2 parts" in text
    assert "4. not measured, 2 parts to do: gru-bench claims --part first" in text


def test_parts_are_judged_together_once_they_are_there(tmp_path):
    write(tmp_path, "first", on_tasks(0.0, 0.0, 0.0, seeds=12), rules())
    reference = read_reference(tmp_path)
    assert [reference.state(part, rules()) for part in PARTS] == ["done", "to do"]
    claims = {claim.name: claim for claim in reference.judge(rules())}
    assert claims["comparable"].verdict == "supported"
    text = shown(print_reference, reference, rules(), None, width=200)
    assert f"Rules {rules().digits} of {rules().date}. 1 of 2 parts, made at 0123abc" in text
    assert "4. not all measured, 1 part to do: gru-bench claims --part second" in text
    listed = shown(print_parts, reference, rules())
    assert "2 parts, 1 to do: about 5 minutes" in listed


def test_a_part_of_other_settings_has_no_say(tmp_path):
    write(tmp_path, "first", on_tasks(0.0, 0.0, 0.0), rules())
    changed = rules(words={"scores": "seeds=99"})
    reference = read_reference(tmp_path)
    assert reference.state("first", changed) == "other settings"
    assert {claim.verdict for claim in reference.judge(changed)} == {"not measured"}


def test_the_ledger_says_what_other_rules_would_make_of_the_same_runs(tmp_path):
    earlier = rules()
    write(tmp_path, "first", on_tasks(0.0, 0.0, 0.0, seeds=12), earlier)
    stricter = rules(least_tasks=4)
    reference = read_reference(tmp_path)
    assert list(reference.earlier_rules(stricter)) == [earlier.digits]
    text = shown(print_reference, reference, stricter, None, width=200)
    assert f"Parts were made under rules {earlier.digits}" in text
    assert "Judged by those: supported, by these: undecided here. A GRU performs comparably" in text
    # By the rules that they were made under nothing has changed.
    assert "Parts were made under" not in shown(print_reference, reference, earlier, None)
    same = reference.judge(earlier)
    assert changed_verdicts(same, same) == []


def test_choices_at_an_end_of_the_grid_are_named(tmp_path):
    tuning = replace(make_tuning(0.9, True), chosen=0.016)
    runs = [replace(run, tuning=tuning) for run in on_tasks(0.0)]
    write(tmp_path, "first", runs, rules())
    text = shown(print_reference, read_reference(tmp_path), rules(), None, width=200)
    assert "chosen at an end of those tried: first: gru 0.016; first: lstm 0.016" in text


def test_a_damaged_part_is_told_of(tmp_path):
    write(tmp_path, "first", on_tasks(0.0), rules())
    (tmp_path / "first" / "runs.json.gz").write_bytes(b"x")
    with pytest.raises(UserError, match="first holds no part of a reference"):
        read_reference(tmp_path)
