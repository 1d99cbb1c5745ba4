"""A claim, its tests and the verdict that follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Finding = Literal["for", "against", "open"]
ClaimVerdict = Literal["supported", "refuted", "undecided here", "not tested"]
Quantifier = Literal["all", "most", "some"]


@dataclass(frozen=True, kw_only=True)
class Test:
    """One test of a claim.

    Attributes:
        what: Which runs and which quantity.
        figure: What was measured, with its 95 % interval where it has one.
        finding: For or against the claim, or open.
        part: Which part of the sentence it tests, if that has several.
    """

    what: str
    figure: str
    finding: Finding
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence with all its tests.

    Attributes:
        number: Its place in the ledger, from 1.
        sentence: As textbooks have it.
        how: How it is tested, and by which rule the verdict follows.
        quantifier: Of the rule.
        tests: In the order of tasks and settings.
        parts: Of the sentence; each is judged by the rule on its own.
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
        of_parts = {
            _judge([test.finding for test in self.tests if test.part == part], self.quantifier)
            for part in self.parts
        }
        if "refuted" in of_parts:
            return "refuted"
        return "supported" if of_parts == {"supported"} else "undecided here"


def _judge(findings: Sequence[Finding], quantifier: Quantifier) -> ClaimVerdict:
    n, n_for, n_against = len(findings), findings.count("for"), findings.count("against")
    if n == 0:
        return "not tested"
    supported, refuted = {
        "all": (n_for == n, n_against > 0),
        "most": (2 * n_for > n, 2 * n_against >= n),
        "some": (n_for > 0, n_against == n),
    }[quantifier]
    return "supported" if supported else "refuted" if refuted else "undecided here"
