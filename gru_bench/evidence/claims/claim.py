"""A claim, its tests and the verdict that follows from them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gru_bench.evidence.claims.rules import ClaimRule, Quantifier

Finding = Literal["for", "against", "open"]
ClaimVerdict = Literal["supported", "refuted", "undecided here", "not measured"]


@dataclass(frozen=True, kw_only=True)
class Test:
    """One test of a claim.

    Attributes:
        task: Label of the task that the runs are of, which is the unit of voting.
        what: Which runs and which quantity.
        figure: What was measured, with its 95 % interval where it has one.
        finding: For or against the claim, or open.
        part: Which part of the sentence it tests, if that has several.
        is_beside: Whether it is shown beside the others and has no vote.
    """

    task: str
    what: str
    figure: str
    finding: Finding
    part: str = ""
    is_beside: bool = False

    @property
    def shown_finding(self) -> str:
        """The finding as text, in brackets where it has no vote."""
        return f"({self.finding})" if self.is_beside else self.finding


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence with all its tests.

    Attributes:
        name: Its name in the file of rules.
        rule: How it is judged.
        tests: The tests, in the order of tasks and settings.
        least_tasks: How many tasks must be decided where most of them count.
        expected: Labels of the tasks that are to vote; one without a test counts as open.
        is_whole: Whether all was run that the rules ask for. Else it has no verdict, since further
            runs may change any.
    """

    name: str
    rule: ClaimRule
    tests: Sequence[Test]
    least_tasks: int
    expected: tuple[str, ...] = ()
    is_whole: bool = True

    @property
    def number(self) -> int:
        """Its place in the ledger, from 1."""
        return self.rule.number

    @property
    def sentence(self) -> str:
        """The sentence, as textbooks or papers have it."""
        return self.rule.sentence

    @property
    def how(self) -> str:
        """How it is tested, and by which rule the verdict follows."""
        return self.rule.explained

    @property
    def voting(self) -> list[Test]:
        """The tests that have a vote."""
        return [test for test in self.tests if not test.is_beside]

    @property
    def verdict(self) -> ClaimVerdict:
        """What all tests together come to."""
        if not self.voting:
            return "not measured"
        of_parts = set(self.part_verdicts.values())
        if "refuted" in of_parts:
            return "refuted"
        return "supported" if of_parts == {"supported"} else "undecided here"

    @property
    def part_verdicts(self) -> dict[str, ClaimVerdict]:
        """What the tests of each part come to.

        A part such as `per step` may be judged in several runtimes, as `per step in PyTorch`; these
        then stand in its place.
        """
        tested = list(dict.fromkeys(test.part for test in self.voting))
        parts: list[str] = []
        for part in self.rule.parts:
            within = [name for name in tested if name.startswith(f"{part} in ")] if part else []
            parts += within or [part]
        return {
            part: self._judge(part) for part in [*parts, *(p for p in tested if p not in parts)]
        }

    def task_findings(self, part: str) -> dict[str, Finding]:
        """Returns a finding for each task of a part, those that are expected and missing open."""
        by_task: dict[str, list[Finding]] = defaultdict(list)
        if part in self.rule.parts:
            by_task.update({task: [] for task in self.expected})
        for test in self.voting:
            if test.part == part:
                by_task[test.task].append(test.finding)
        needs_all = self.rule.quantifier == "all"
        return {task: of_task(findings, needs_all) for task, findings in by_task.items()}

    def _judge(self, part: str) -> ClaimVerdict:
        if not any(test.part == part for test in self.voting):
            return "not measured"
        if not self.is_whole:
            return "undecided here"
        findings = list(self.task_findings(part).values())
        return vote(findings, self.rule.quantifier, self.least_tasks)


def of_task(findings: Sequence[Finding], needs_all: bool = False) -> Finding:
    """Returns what the tests of one task come to: what most of them find and none contradicts.

    Args:
        findings: One for each test.
        needs_all: Whether it takes all of them, and not most, to be for the claim.
    """
    if needs_all and "for" in findings and "open" in findings:
        return "open"
    for finding, contrary in (("for", "against"), ("against", "for")):
        if 2 * findings.count(finding) > len(findings) and contrary not in findings:
            return "for" if finding == "for" else "against"
    return "open"


def vote(findings: Sequence[Finding], quantifier: Quantifier, least: int) -> ClaimVerdict:
    """Returns what the findings of tasks come to, each of which counts once.

    Args:
        findings: One for each task that is to vote.
        quantifier: On how many tasks the claim has to hold.
        least: How many tasks must be decided where most of them count.
    """
    n, n_for, n_against = len(findings), findings.count("for"), findings.count("against")
    if quantifier == "most" and n_for + n_against < least:
        return "undecided here"
    supported, refuted = {
        "all": (n_for == n, n_against > 0),
        "most": (2 * n_for > n, 2 * n_against >= n),
        "some": (n_for > 0, n_against == n),
    }[quantifier]
    return "supported" if supported else "refuted" if refuted else "undecided here"
