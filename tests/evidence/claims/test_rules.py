"""The file of rules: read, checked and hashed; every claim has what measures it."""

import subprocess
import sys

import pytest
import yaml

from gru_bench.evidence.claims.evidence import of_any_runs, of_reference
from gru_bench.evidence.claims.ledger import TESTS, judge, ledger
from gru_bench.evidence.claims.rules import current_rules, read_rules, rules_file
from gru_bench.system.errors import UserError


def changed(tmp_path, change):
    """A file of rules that differs from the present one."""
    content = yaml.safe_load(rules_file().read_text())
    change(content)
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_every_claim_of_the_rules_is_measured_and_none_without_runs():
    rules = current_rules()
    assert list(rules.claims) == list(TESTS)
    assert {claim.verdict for claim in ledger([])} == {"not measured"}
    assert {claim.verdict for claim in judge(of_reference({}, rules))} == {"not measured"}


def test_ten_tasks_at_least_vote_and_every_claim_reads_a_kind():
    rules = current_rules()
    assert len(rules.voting) >= 10
    for claim in rules.claims.values():
        assert claim.kinds
        assert set(claim.tasks) <= {*rules.voting, "recall", "selective_copy"}


def test_the_hash_is_of_the_content_and_not_of_the_comments(tmp_path):
    rules = current_rules()
    same = read_rules(changed(tmp_path, lambda content: None))
    assert same.digits == rules.digits

    def stricter(content):
        content["claims"]["memory"]["limits"]["margin"] = 0.03

    assert read_rules(changed(tmp_path, stricter)).digits != rules.digits


def test_a_number_of_the_rule_stands_in_its_words():
    limits = current_rules().claims["gradients_alive"]
    assert f"between {limits.limits['vanished']:g} and" in limits.explained


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda c: c.pop("date"), "missing required field `date`"),
        (lambda c: c.update(dat=1), "unknown field `dat`"),
        (lambda c: c["claims"]["speed"].update(number=3), "must be numbered 1, 2, 3"),
        (lambda c: c["claims"]["speed"].update(quantifier="few"), "Invalid enum value 'few'"),
        (lambda c: c["claims"]["speed"].update(how="Below {bound}."), "none of its limits"),
        (lambda c: c["claims"]["speed"].update(how="Below"), "end with a full stop"),
        (
            lambda c: c["parts"].update(x={"kind": "scores", "minutes": 1, "words": "task"}),
            "must be settings, key=value",
        ),
    ],
)
def test_what_is_wrong_with_rules_is_said_in_a_line(tmp_path, change, why):
    with pytest.raises(UserError, match=r"rules\.yaml holds no rules of claims: .*") as raised:
        read_rules(changed(tmp_path, change))
    assert why in str(raised.value)


@pytest.mark.process
def test_importing_the_claims_leaves_jax_alone():
    code = "import gru_bench.evidence.claims.ledger, sys; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_any_runs_may_speak_for_every_kind_but_count_once():
    evidence = of_any_runs([], current_rules())
    assert evidence.of("scores", "lengths", "rates") == []
