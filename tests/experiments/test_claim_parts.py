"""A part of the reference is trained, kept in a few files, and gone on with where it stopped."""

import msgspec
import pytest
from helpers.unmeasured import leave_unmeasured

from gru_bench.cli.main import main
from gru_bench.evidence.claims import rules as claim_rules
from gru_bench.evidence.claims.reference import read_reference
from gru_bench.evidence.claims.rules import Part, current_rules
from gru_bench.experiments import claim_parts
from gru_bench.experiments.claim_parts import configs_of, run_part
from gru_bench.system.errors import UserError

TINY = "task=adding task.length=6 hidden_size=4 steps=4 batch_size=8 save_weights=none probes=false"
PARTS = {
    "scores": Part(kind="scores", minutes=1, words=f"{TINY} cell=gru,lstm seeds=2"),
    "horizons": Part(
        kind="horizons", minutes=1, words=f"{TINY} cell=rnn seeds=2", command="horizon"
    ),
}


@pytest.fixture
def rules():
    return msgspec.structs.replace(current_rules(), parts=PARTS, words={})


@pytest.mark.parametrize(("part", "lengths"), [("scores", {6}), ("horizons", {6, 3})])
def test_a_part_is_made_once(tmp_path, monkeypatch, capsys, rules, part, lengths):
    leave_unmeasured(monkeypatch)
    configs = configs_of(part, rules, tmp_path / "runs")
    run_part(part, configs, rules, tmp_path / "reference", quiet=True)
    reference = read_reference(tmp_path / "reference")
    assert reference.state(part, rules) == "done"
    results = reference.results[part]
    assert {result.config["task"]["length"] for result in results} >= lengths
    assert {result.command for result in results} == {f"gru-bench claims --part {part}"}
    assert reference.records[part].rules == rules.digits
    # Again, nothing is trained, and the files are the same.
    made = (tmp_path / "reference" / part / "runs.json.gz").read_bytes()
    assert capsys.readouterr().err == ""
    run_part(part, configs, rules, tmp_path / "reference", quiet=False)
    assert (tmp_path / "reference" / part / "runs.json.gz").read_bytes() == made
    printed = capsys.readouterr()
    assert printed.out == ""
    assert ("rnn: length=3 is solved by 0 of 2 seeds" in printed.err) == (part == "horizons")


def test_a_run_that_fails_leaves_the_part_undone(tmp_path, monkeypatch, rules):
    def fail(*arguments, **options):
        raise RuntimeError("a failure")

    monkeypatch.setattr("gru_bench.experiments.sweep.run_population", fail)
    leave_unmeasured(monkeypatch)
    configs = configs_of("scores", rules, tmp_path / "runs")
    with pytest.raises(UserError, match="a failure"):
        run_part("scores", configs, rules, tmp_path / "reference", quiet=True)
    assert read_reference(tmp_path / "reference").records == {}


def test_an_unknown_part_is_refused(tmp_path, rules):
    with pytest.raises(UserError, match="there is no part nothing: gru-bench claims --list"):
        configs_of("nothing", rules, tmp_path)


def test_parts_of_every_kind_can_be_asked_for_and_fit_into_eight_hours(tmp_path):
    rules = current_rules()
    assert sum(part.minutes for part in rules.parts.values()) <= 8 * 60
    assert max(part.minutes for part in rules.parts.values()) < 25
    # One of each kind: to compose all takes many seconds.
    for name in {part.kind: name for name, part in rules.parts.items()}.values():
        assert configs_of(name, rules, tmp_path)


def test_the_command_lists_judges_and_refuses(tmp_path, capsys):
    assert main(["claims", "--list", "--reference", str(tmp_path)]) == 0
    assert "to do" in capsys.readouterr().out
    assert main(["claims", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert f"Rules {claim_rules.current_rules().digits}" in printed
    assert main(["claims", str(tmp_path), "seeds=3"]) == 2
    assert "so give its folder alone" in capsys.readouterr().err
    assert claim_parts.PRECISION > 1
