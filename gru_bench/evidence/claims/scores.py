"""Claims on how well a cell does: who scores better, where, and whether one gate is enough."""

from collections.abc import Iterator
from typing import Literal

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.claims.claim import Finding, Test
from gru_bench.evidence.claims.evidence import Evidence
from gru_bench.evidence.claims.findings import (
    amount,
    better,
    lead,
    open_if_unlearned,
    reliability,
    within,
)
from gru_bench.evidence.claims.rules import ClaimRule
from gru_bench.evidence.claims.setting import Setting
from gru_bench.evidence.comparison import Comparison
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.rules import MIN_PAIRS

Winner = Literal["gru", "lstm", "neither"]
# What is shown beside the parts of the claim on separate control, and no part of its sentence.
INPUT_GATE = "input gate"


def comparable(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that a GRU is as good as an LSTM, by equivalence."""
    for setting, gru, _ in evidence.pairs("scores"):
        yield from _as_good(evidence, setting, gru.cell, REFERENCE)


def one_gate(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that an LSTM needs no input gate of its own, by equivalence."""
    for setting in evidence.of("scores"):
        yield from _as_good(evidence, setting, "lstm_coupled", REFERENCE)


def _as_good(evidence: Evidence, setting: Setting, cell: str, other: str) -> Iterator[Test]:
    """Yields the test whether two cells are as good as each other, where both were run."""
    comparison = setting.comparison(cell, other)
    if comparison is None:
        return
    run = setting.runs[cell]
    gain = setting.gain(cell, other)
    margin = comparison.typical.margin
    stated = f"margin {amount(run, margin)}" if margin is not None else "no margin"
    test = evidence.test(
        setting,
        run,
        f"against {other}, {run.score.in_words}",
        f"{lead(run, gain)}, {comparison.typical.n_pairs} pairs, {stated};"
        f" {reliability(comparison)}",
        _equivalent(gain, comparison),
    )
    yield open_if_unlearned(test, run, setting.runs[other])


def _equivalent(gain: Interval | None, comparison: Comparison) -> Finding:
    """Returns for if both are as good, against if one is better by more than matters."""
    if comparison.reliability.verdict != "undecided":
        return "against"
    margin = comparison.typical.margin
    if gain is None or margin is None or comparison.typical.n_pairs < MIN_PAIRS:
        return "open"
    return within(gain, margin)


def separate_control(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim on separate control of storing and output.

    A 2 x 2 of the output gate and of separate gates for keeping and taking in tells to which of the
    two a win of the LSTM over the GRU is due.
    """
    win, output_gate = rule.parts
    needs = [
        (REFERENCE, evidence.rules.textbook_cell, win),
        *((REFERENCE, beside, win) for beside in evidence.rules.beside),
        (REFERENCE, "lstm_no_output", output_gate),
        ("lstm_coupled", "gru_no_reset", output_gate),
        (REFERENCE, "lstm_coupled", INPUT_GATE),
        ("lstm_no_output", "gru_no_reset", INPUT_GATE),
    ]
    for setting in evidence.of("scores"):
        if setting.task_label in rule.tasks:
            for cell, without, part in needs:
                yield from _better(evidence, setting, cell, without, part)


def _better(
    evidence: Evidence, setting: Setting, cell: str, other: str, part: str
) -> Iterator[Test]:
    """Yields the test whether a cell is better than another one, where both were run."""
    comparison = setting.comparison(cell, other)
    if comparison is None:
        return
    run = setting.runs[other]
    gain = setting.gain(cell, other)
    test = Test(
        task=setting.task_label,
        what=f"{setting.label}: {cell} against {other}, {run.score.in_words}",
        figure=f"{lead(run, gain)}; {comparison.cell_a} {_shown(comparison)}",
        finding=better(comparison.outcome_for(cell)),
        part=part,
        is_beside=evidence.is_beside(other) or part == INPUT_GATE,
    )
    yield open_if_unlearned(test, run, setting.runs[cell])


def no_dominance(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that neither cell is better everywhere."""
    compared = [
        (setting, cell, comparison, lasting_winner(setting, comparison))
        for setting in evidence.of("scores")
        for cell in evidence.grus
        if (comparison := setting.comparison(cell, REFERENCE))
    ]
    voting = [(s, winner) for s, cell, _, winner in compared if not evidence.is_beside(cell)]
    won = {
        kind: {setting.task_label for setting, winner in voting if winner == kind}
        for kind in ("gru", "lstm")
    }
    decided = {setting.task_label for setting, winner in voting if winner}
    each_wins = all(won.values()) and len(won["gru"] | won["lstm"]) > 1
    one_wins = any(won.values()) and not all(won.values())
    enough = len(decided) >= evidence.rules.least_tasks

    def finding(winner: Winner | None) -> Finding:
        if each_wins:
            return "for" if winner in won else "open"
        return "against" if one_wins and enough and winner else "open"

    for setting, cell, comparison, winner in compared:
        what = f"against {REFERENCE}"
        run = setting.runs[cell]
        yield evidence.test(
            setting, run, what, _shown(comparison) + _lasts(setting, comparison), finding(winner)
        )


def lasting_winner(setting: Setting, comparison: Comparison) -> Winner | None:
    """Returns who is better, lastingly and not by less than the margin; None if that is open.

    Lasting is what survives a robustness sweep; `neither` are cells that are equivalent, or of
    which the better one leads by less than matters.
    """
    if comparison.outcome in ("undecided", "not learned"):
        return None
    if comparison.outcome in ("equivalent", "trade-off") or comparison.within_margin:
        return "neither"
    robustness = setting.robustness.get((comparison.cell_a, comparison.cell_b))
    if robustness is not None and not robustness.survives(comparison.outcome):
        return None
    return "gru" if comparison.outcome == "better" else "lstm"


def _lasts(setting: Setting, comparison: Comparison) -> str:
    """Returns at how many points of a robustness sweep an outcome holds, if there was one."""
    robustness = setting.robustness.get((comparison.cell_a, comparison.cell_b))
    if robustness is None:
        return ""
    return f"; at {robustness.holds_at(comparison.outcome)} of {len(robustness.points)} points"


def _shown(comparison: Comparison) -> str:
    """Returns a comparison as text.

    Such as `typically better, 10 pairs, p 0.02; solved by 10 and 9 of 10 seeds, undecided`.
    """
    if comparison.outcome == "not learned":
        return "not learned by either"
    typical = comparison.typical
    within_margin = typical.verdict in ("better", "worse") and typical.within_margin
    return (
        f"typically {typical.verdict}{' by less than matters' if within_margin else ''},"
        f" {typical.n_pairs} pairs, p {typical.p.corrected:.2g}; {reliability(comparison)},"
        f" {comparison.reliability.verdict}"
    )
