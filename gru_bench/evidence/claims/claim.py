"""A claim, its tests and the verdict that follows from them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Finding = Literal["for", "against", "open"]
ClaimVerdict = Literal["supported", "refuted", "undecided here", "not tested"]
Quantifier = Literal["all", "most", "most tasks", "some"]
# Fewer tasks say nothing of tasks in general.
MIN_TASKS = 2


@dataclass(frozen=True, kw_only=True)
class Test:
    """One test of a claim.

    Attributes:
        task: Label of the task that the runs are of.
        what: Which runs and which quantity.
        figure: What was measured, with its 95 % interval where it has one.
        finding: For or against the claim, or open.
        part: Which part of the sentence it tests, if that has several.
    """

    task: str
    what: str
    figure: str
    finding: Finding
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence with all its tests.

    Attributes:
        number: Its place in the ledger, from 1.
        sentence: The sentence, as textbooks have it.
        how: How it is tested, and by which rule the verdict follows.
        quantifier: The quantifier of that rule.
        tests: The tests, in the order of tasks and settings.
        parts: The parts of the sentence; each is judged by the rule on its own.
    """

    number: int
    sentence: str
    how: str
    quantifier: Quantifier
    tests: list[Test]
    parts: tuple[str, ...] = ("",)

    @property
    def verdict(self) -> ClaimVerdict:
        """What all tests together come to."""
        if not self.tests:
            return "not tested"
        of_parts = set(self.part_verdicts.values())
        if "refuted" in of_parts:
            return "refuted"
        return "supported" if of_parts == {"supported"} else "undecided here"

    @property
    def part_verdicts(self) -> dict[str, ClaimVerdict]:
        """What the tests of each part come to."""
        return {
            part: _judge([test for test in self.tests if test.part == part], self.quantifier)
            for part in self.parts
        }


def _judge(tests: Sequence[Test], quantifier: Quantifier) -> ClaimVerdict:
    if not tests:
        return "not tested"
    by_task = quantifier == "most tasks"
    findings = _of_tasks(tests) if by_task else [test.finding for test in tests]
    n, n_for, n_against = len(findings), findings.count("for"), findings.count("against")
    if by_task and n_for + n_against < MIN_TASKS:
        return "undecided here"
    supported, refuted = {
        "all": (n_for == n, n_against > 0),
        "most": (2 * n_for > n, 2 * n_against >= n),
        "most tasks": (2 * n_for > n, 2 * n_against >= n),
        "some": (n_for > 0, n_against == n),
    }[quantifier]
    return "supported" if supported else "refuted" if refuted else "undecided here"


def _of_tasks(tests: Sequence[Test]) -> list[Finding]:
    """Returns a finding for each task: that of most of its tests."""
    by_task: dict[str, list[Test]] = defaultdict(list)
    for test in tests:
        by_task[test.task].append(test)
    findings: dict[ClaimVerdict, Finding] = {"supported": "for", "refuted": "against"}
    return [findings.get(_judge(of_task, "most"), "open") for of_task in by_task.values()]
