"""Claims on what a length costs, and on what stands outside: attention and minGRU."""

import itertools
from collections.abc import Iterator

import numpy as np

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.claims.claim import Finding, Test
from gru_bench.evidence.claims.evidence import PACKAGE, Evidence
from gru_bench.evidence.claims.findings import (
    below,
    better,
    lead,
    open_if_unlearned,
    reliability,
)
from gru_bench.evidence.claims.pace import equal_time_tests, steps_to
from gru_bench.evidence.claims.rules import ClaimRule
from gru_bench.evidence.claims.setting import Setting, same_machine
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.paired import step_ratios
from gru_bench.evidence.runtimes import Work
from gru_bench.evidence.sequential import median_sequence
from gru_bench.runs.result import Result

ATTENTION, MINIMAL = "attention", "mingru"
# What attention has as much of as the cells, in the order of the parts of the claim on recall.
MATCHES = ("parameters", "state")


def moderate_lengths(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that GRUs suit moderate lengths where time is scarce."""
    pairs = (
        (setting, gru, lstm)
        for setting, gru, lstm in evidence.pairs("lengths")
        if setting.lag is not None and setting.lag <= rule.limits["longest"]
    )
    yield from equal_time_tests(evidence, pairs, is_enough_not_to_lose=True)


def recall(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that attention beats both gated cells on recall."""
    cells = (evidence.rules.textbook_cell, REFERENCE)
    parts = dict(zip(itertools.product(MATCHES, cells), rule.parts, strict=True))
    for setting in evidence.of("outside"):
        if setting.task_label not in rule.tasks:
            continue
        for (match, cell), part in parts.items():
            comparison = setting.comparison(ATTENTION, cell)
            if comparison is None or setting.keys.get("match") != match:
                continue
            run = setting.runs[ATTENTION]
            test = evidence.test(
                setting,
                run,
                f"against {cell}, {run.score.in_words}, {match} matched",
                f"{lead(run, setting.gain(ATTENTION, cell))}; {reliability(comparison)}"
                f" ({comparison.cell_a} first)",
                better(comparison.outcome_for(ATTENTION)),
                part,
            )
            yield open_if_unlearned(test, run, setting.runs[cell])


def cheaper_than_attention(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that a GRU costs less than attention for the same score."""
    time, memory = rule.parts
    for setting, gru, attention in evidence.pairs("lengths", other=ATTENTION):
        if setting.lag is None or setting.lag > rule.limits["longest"]:
            continue
        ratio = _time_ratio(evidence, gru, attention)
        if ratio is not None:
            test = evidence.test(
                setting,
                gru,
                f"against {ATTENTION}, time of training to solve it",
                f"{format_interval(ratio)} of {ATTENTION}'s; solved by {gru.solved_in_words} and"
                f" {attention.solved_in_words} seeds",
                below(ratio, 1),
                time,
            )
            yield open_if_unlearned(test, gru, attention)
        if gru.memory_mb and attention.memory_mb and same_machine(gru, attention):
            yield evidence.test(
                setting,
                gru,
                f"against {ATTENTION}, memory of a training step",
                f"{gru.memory_mb:.3g} and {attention.memory_mb:.3g} MB",
                "for" if gru.memory_mb < attention.memory_mb else "against",
                memory,
            )


def _time_ratio(evidence: Evidence, gru: Result, other: Result) -> Interval | None:
    """Returns the time until a GRU solves the task over another cell's; None if not known."""
    steps = [evidence.step_ratio(run) for run in (gru, other)]
    if steps[0] is None or steps[1] is None or gru.score.solved_rule is None:
        return None
    taken = [steps_to(run, None) for run in (gru, other)]
    shared = sorted(taken[0].keys() & taken[1].keys())
    ratios = step_ratios(*(np.array([each[seed] for seed in shared], float) for each in taken))
    if not len(ratios):
        return None
    return median_sequence(ratios).product(steps[0]).over(steps[1])


def minimal_gru(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim on minGRU: so much faster than a GRU, at no loss of score."""
    faster, score = rule.parts
    claimed = rule.limits["times_faster"]
    yield from _faster_in_runtimes(evidence, claimed, faster)
    for setting in evidence.of("lengths", "outside"):
        for gru, minimal in setting.pairs_with(MINIMAL, (evidence.rules.textbook_cell,)):
            yield from _times_faster(evidence, setting, gru, minimal, claimed, faster)
            yield from _no_loss(evidence, setting, minimal, score)


def _faster_in_runtimes(evidence: Evidence, claimed: float, part: str) -> Iterator[Test]:
    """Yields the tests whether a GRU's training step takes so often a minGRU's, by runtime."""
    runtimes = evidence.runtimes
    for figure in [] if runtimes is None else runtimes.figures:
        if (figure.cell, figure.work) != (MINIMAL, Work.TRAINING) or runtimes is None:
            continue
        cell, size = evidence.rules.textbook_cell, figure.hidden_size
        gru = runtimes.figure(figure.runtime, cell, Work.TRAINING, size)
        if gru is None or gru.vs_lstm is None or figure.vs_lstm is None:
            continue
        ratio = gru.vs_lstm.over(figure.vs_lstm)
        yield Test(
            task=f"layer h{size}, {runtimes.time} steps",
            what=f"{figure.runtime}: a GRU's training step over {MINIMAL}'s",
            figure=f"{format_interval(ratio)}, {claimed:g} claimed",
            finding=_reaches(ratio, claimed),
            part=f"{part} in {figure.runtime}",
        )


def _times_faster(
    evidence: Evidence, setting: Setting, gru: Result, minimal: Result, claimed: float, part: str
) -> Iterator[Test]:
    steps = [run.timing.train_step_vs_lstm and evidence.step_ratio(run) for run in (gru, minimal)]
    if steps[0] and steps[1]:
        ratio = steps[0].over(steps[1])
        what = "against gru, a GRU's training step over its own"
        figure = f"{format_interval(ratio)}, {claimed:g} claimed"
        finding = _reaches(ratio, claimed)
        yield evidence.test(setting, minimal, what, figure, finding, f"{part} in {PACKAGE}")


def _reaches(ratio: Interval, claimed: float) -> Finding:
    """Returns for if a ratio is surely no less than was claimed, against if it surely is less."""
    return below(ratio.times(-1), -claimed)


def _no_loss(evidence: Evidence, setting: Setting, minimal: Result, part: str) -> Iterator[Test]:
    cell = evidence.rules.textbook_cell
    comparison = setting.comparison(MINIMAL, cell)
    if comparison is None:
        return
    outcome = comparison.outcome_for(MINIMAL)
    finding: Finding = "for" if outcome in ("better", "equivalent") else "open"
    test = evidence.test(
        setting,
        minimal,
        f"against {cell}, {minimal.score.in_words}",
        lead(minimal, setting.gain(MINIMAL, cell)),
        "against" if outcome == "worse" else finding,
        part,
    )
    yield open_if_unlearned(test, minimal, setting.runs[cell])
