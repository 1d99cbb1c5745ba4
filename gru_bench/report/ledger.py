"""The ledger of claims as reports show it: what decided each, and what was not tested."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gru_bench.claims import Claim, ClaimVerdict, Finding, Test, ledger
from gru_bench.runs import Result

SIGNS: dict[ClaimVerdict, str] = {"supported": "✓", "refuted": "✗", "undecided here": "?"}
# Tests that a row names before it leaves the rest to the list of all.
MOST_NAMED = 2


@dataclass(frozen=True)
class Ledger:
    """Claims with at least one test, and the others; both in the order of their numbers."""

    tested: list[Claim]
    untested: list[Claim]

    def untested_line(self) -> str:
        """Those without a test, in a line; empty if there are none."""
        claims = " ".join(f"{claim.number}. {claim.sentence}" for claim in self.untested)
        return f"Not tested by these runs: {claims}" if claims else ""


def make_ledger(results: Sequence[Result]) -> Ledger | None:
    """The ledger, or None if no claim but that on parameters, the first, is tested."""
    claims = ledger(results)
    tested = [claim for claim in claims if claim.tests]
    if all(claim.number == 1 for claim in tested):
        return None
    return Ledger(tested, [claim for claim in claims if not claim.tests])


def show_verdict(claim: Claim) -> str:
    """The verdict as a sign and words, such as `✗ refuted`."""
    return f"{SIGNS[claim.verdict]} {claim.verdict}"


def count_findings(claim: Claim) -> str:
    """Such as `5 for, 1 against, 2 open`."""
    count = Counter(test.finding for test in claim.tests)
    findings: tuple[Finding, ...] = ("for", "against", "open")
    return ", ".join(f"{count[finding]} {finding}" for finding in findings if count[finding])


def deciding(claim: Claim) -> list[Test]:
    """Some of the tests on which the verdict rests, of each part of the sentence the first."""
    wanted = {"supported": "for", "refuted": "against"}.get(claim.verdict, "open")
    tests = [test for test in claim.tests if test.finding == wanted] or claim.tests
    firsts = list({test.part: test for test in reversed(tests)}.values())[::-1]
    rest = [test for test in tests if test not in firsts]
    return [*firsts, *rest][:MOST_NAMED]


def show_test(test: Test) -> str:
    """A test and what it measured."""
    return f"{test.what}: {test.figure}"
