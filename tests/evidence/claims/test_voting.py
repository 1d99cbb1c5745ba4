"""Verdicts that follow from findings, each task counting once, and how often they err."""

import numpy as np
import pytest

from gru_bench.evidence.claims.claim import Claim, vote
from gru_bench.evidence.claims.claim import Test as ClaimTest
from gru_bench.evidence.claims.rules import ClaimRule
from gru_bench.evidence.sequential import decided_by


def made(findings, quantifier, expected=(), parts=("",), apart=" ", is_whole=True):
    """A claim with findings such as `a:for`, of task a, or `a/part:for`."""
    tests = []
    for word in findings.split(apart):
        place, _, finding = word.rpartition(":")
        task, _, part = place.partition("/")
        is_beside = finding.startswith("(")
        tests.append(
            ClaimTest(
                task=task,
                what="",
                figure="",
                finding=finding.strip("()"),
                part=part,
                is_beside=is_beside,
            )
        )
    rule = ClaimRule(
        number=1, sentence="", how="", quantifier=quantifier, kinds=("scores",), parts=parts
    )
    return Claim(
        name="",
        rule=rule,
        tests=tests,
        least_tasks=2,
        expected=tuple(expected),
        is_whole=is_whole,
    )


@pytest.mark.parametrize(
    ("quantifier", "findings", "expected"),
    [
        ("all", "a:for b:for", "supported"),
        ("all", "a:for b:open", "undecided here"),
        ("all", "a:for b:for c:for d:against", "refuted"),
        ("most", "a:for b:for", "supported"),
        ("most", "a:for b:for c:against", "supported"),
        ("most", "a:for b:against", "refuted"),
        ("most", "a:for b:open", "undecided here"),
        ("most", "a:for", "undecided here"),
        # Many settings of one task are one task.
        ("most", "a:for a:for a:for", "undecided here"),
        # What one setting finds and another contradicts is open.
        ("most", "a:for a:for a:against b:for c:for", "supported"),
        ("most", "a:for a:for a:against b:for", "undecided here"),
        ("all", "a:for a:for a:against b:for", "undecided here"),
        # What has to hold on all tasks has to hold in every test of each.
        ("all", "a:for a:for a:open b:for", "undecided here"),
        ("most", "a:for a:for a:open b:for", "supported"),
        # Half of a task's tests is not most of them.
        ("most", "a:for b:for b:open", "undecided here"),
        ("most", "a:against a:against b:against c:for", "refuted"),
        ("some", "a:for b:against", "supported"),
        ("some", "a:against b:against", "refuted"),
        ("some", "a:against b:open", "undecided here"),
        # What is shown beside has no vote.
        ("all", "a:for a:(against) b:for", "supported"),
        ("all", "a:(for)", "not measured"),
    ],
)
def test_a_verdict_follows_from_tasks_by_the_quantifier(quantifier, findings, expected):
    assert made(findings, quantifier).verdict == expected


def test_a_task_that_is_to_vote_and_is_missing_counts_as_open():
    assert made("a:for b:for", "most", expected="abc").verdict == "supported"
    assert made("a:for b:for", "most", expected="abcd").verdict == "undecided here"
    assert made("a:for b:for", "all", expected="abc").verdict == "undecided here"
    assert made("a:against b:against", "most", expected="abcde").verdict == "undecided here"


@pytest.mark.parametrize("quantifier", ["all", "most", "some"])
@pytest.mark.parametrize("finding", ["for", "against"])
def test_a_part_of_the_runs_decides_nothing(quantifier, finding):
    findings = f"a:{finding} b:{finding}"
    assert made(findings, quantifier).verdict in ("supported", "refuted")
    assert made(findings, quantifier, is_whole=False).verdict == "undecided here"


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ("t/a:for t/b:for", "supported"),
        ("t/a:for t/b:against", "refuted"),
        ("t/a:for t/b:open", "undecided here"),
        ("t/a:for", "undecided here"),
        ("t/a:against", "refuted"),
    ],
)
def test_a_sentence_of_two_parts_needs_both(findings, expected):
    assert made(findings, "all", parts=("a", "b")).verdict == expected


def test_a_part_that_several_runtimes_judge_is_the_parts_of_them():
    claim = made("t/a in X:for,t/a in Y:against,t/b:for", "all", parts=("a", "b"), apart=",")
    verdicts = {"a in X": "supported", "a in Y": "refuted", "b": "supported"}
    assert claim.part_verdicts == verdicts


def test_the_vote_of_ten_tasks_errs_less_often_than_a_task_does():
    # Twelve seeds a task, no difference anywhere, each task judged by the sequential test at the
    # level of one comparison: uncorrected, and so the vote alone is seen.
    rng = np.random.default_rng(0)
    ledgers, tasks, seeds, level = 2000, 10, 12, 0.05
    gains = rng.standard_normal((ledgers, tasks, seeds))
    up, down = (decided_by(side, level / 2)[..., -1] for side in (gains > 0, gains < 0))
    of_tasks = (up | down).mean()
    words = np.where(up, "for", np.where(down, "against", "open"))
    verdicts = [vote(list(row), "most", 2) for row in words]
    wrong = np.mean([verdict != "undecided here" for verdict in verdicts])
    # A task errs in no more than 5%; five or six of ten at once hardly ever do.
    assert 0.005 < of_tasks <= 0.05
    assert wrong == 0


def test_the_vote_finds_what_most_tasks_show():
    rng = np.random.default_rng(1)
    gains = rng.standard_normal((500, 10, 12)) + 2
    gains[:, 7:] -= 4  # against on three tasks
    up, down = (decided_by(side, 0.025 / 20)[..., -1] for side in (gains > 0, gains < 0))
    words = np.where(up, "for", np.where(down, "against", "open"))
    supported = np.mean([vote(list(row), "most", 2) == "supported" for row in words])
    assert supported > 0.5
