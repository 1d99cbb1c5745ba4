"""The ledger of claims as reports show it: what decided each, and what was not tested."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gru_bench.evidence.claims.claim import Claim, ClaimVerdict, Finding, Test
from gru_bench.evidence.claims.ledger import ledger
from gru_bench.evidence.runtimes import RuntimeFigures
from gru_bench.runs.result import Result
from gru_bench.system.prose import counted

SIGNS: dict[ClaimVerdict, str] = {"supported": "✓", "refuted": "✗", "undecided here": "?"}
# Claims that a single run tests.
OF_ONE_CELL = ("parameters", "update_gate", "reset_shut", "reset_open")
# Tests that a row names before it leaves the rest to the list of all.
MOST_NAMED = 2


@dataclass(frozen=True)
class Ledger:
    """Claims with at least one test that votes, and the others, in the order of their numbers."""

    tested: list[Claim]
    untested: list[Claim]

    def untested_line(self) -> str:
        """Returns the claims without a test in a line; empty if there are none."""
        claims = " ".join(f"{claim.number}. {claim.sentence}" for claim in self.untested)
        return f"Not measured by these runs: {claims}" if claims else ""


def make_ledger(results: Sequence[Result], runtimes: RuntimeFigures | None = None) -> Ledger | None:
    """Returns the ledger, or None if no claim is tested that takes more than one cell."""
    made = sort_claims(ledger(results, runtimes))
    return None if all(claim.name in OF_ONE_CELL for claim in made.tested) else made


def sort_claims(claims: Sequence[Claim]) -> Ledger:
    """Returns claims as a ledger, those without a test apart."""
    tested = [claim for claim in claims if claim.voting]
    return Ledger(tested, [claim for claim in claims if not claim.voting])


def show_verdict(claim: Claim) -> str:
    """Returns the verdict as a sign and words, such as `✗ refuted`."""
    return f"{SIGNS[claim.verdict]} {claim.verdict}"


def count_findings(claim: Claim) -> str:
    """Returns the counts as text, such as `5 for, 1 against, 2 open`, with the number of tasks."""
    count = Counter(test.finding for test in claim.voting)
    findings: tuple[Finding, ...] = ("for", "against", "open")
    shown = ", ".join(f"{count[finding]} {finding}" for finding in findings if count[finding])
    tasks = counted(len({test.task for test in claim.voting}), "task")
    missing = len(set(claim.expected) - {test.task for test in claim.voting})
    return f"{shown}, on {tasks}" + (f", {missing} more not measured" if missing else "")


def deciding(claim: Claim) -> list[Test]:
    """Returns some of the tests on which the verdict rests, of several tasks if possible."""
    wanted = {"supported": "for", "refuted": "against"}.get(claim.verdict, "open")
    tests = [test for test in claim.voting if test.finding == wanted] or claim.voting
    named: list[Test] = []
    while len(named) < min(MOST_NAMED, len(tests)):
        parts, tasks = {test.part for test in named}, {test.task for test in named}
        rest = [test for test in tests if test not in named]
        named.append(min(rest, key=lambda test: (test.part in parts, test.task in tasks)))
    return named


def show_parts(claim: Claim) -> str:
    """Returns the parts' verdicts as text, such as `latency: supported`; empty if it has none.

    Where all are alike the parts alone are named, since the claim's verdict is theirs.
    """
    verdicts = claim.part_verdicts
    if len(verdicts) == 1:
        return ""
    if len(set(verdicts.values())) == 1:
        return f"every part alike: {', '.join(verdicts)}"
    return ", ".join(f"{part}: {verdict}" for part, verdict in verdicts.items())


def show_deciding(claim: Claim) -> list[str]:
    """Returns what the verdict rests on, as text: the parts with their verdicts, and tests."""
    tests = [f"{test.what}: {test.figure}" for test in deciding(claim)]
    return [*filter(None, [show_parts(claim)]), *tests]


def print_ledger(
    results: Sequence[Result], console: Console, runtimes: RuntimeFigures | None = None
) -> None:
    """Prints the claims with their verdicts and what decided them, then how to read that."""
    made = make_ledger(results, runtimes)
    if made is None:
        console.print("These runs test no claim.")
    else:
        print_claims(made, console)
        if line := made.untested_line():
            console.print(Text(line, "dim"))


def print_claims(made: Ledger, console: Console) -> None:
    """Prints each claim that was tested with its verdict, and under it what decided that."""
    for claim in made.tested:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=2, justify="right")
        grid.add_column(overflow="fold")
        grid.add_row(Text(str(claim.number)), Text(claim.sentence, "bold"))
        grid.add_row("", Text(f"{show_verdict(claim)} ({count_findings(claim)})", "bold"))
        for line in show_deciding(claim):
            grid.add_row("", Text(f"· {line}"))
        console.print(grid)
