"""The claim on speed: per step, to a fixed target, and in what is reached in equal time."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.claims.by_runtime import time_tests
from gru_bench.evidence.claims.claim import Test
from gru_bench.evidence.claims.evidence import PACKAGE, Evidence
from gru_bench.evidence.claims.findings import (
    above,
    ahead,
    below,
    best_by,
    open_if_unlearned,
    points,
    validation,
)
from gru_bench.evidence.claims.rules import ClaimRule
from gru_bench.evidence.claims.setting import Setting
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.paired import step_ratios
from gru_bench.evidence.run_settings import freeze
from gru_bench.evidence.runtimes import Work
from gru_bench.evidence.sequential import median_sequence
from gru_bench.runs.result import Result

RATE = "optim.learning_rate"
# Steps to a target by seed, infinity where it was not reached.
Steps = Mapping[int, float]


def speed(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim on speed."""
    per_step, to_target, equal_time = rule.parts
    yield from time_tests(evidence, Work.TRAINING, per_step)
    for setting, gru, _ in evidence.pairs("scores", equal_sizes=True):
        if evidence.runtimes is None and (ratio := evidence.step_ratio(gru)) is not None:
            figure = f"step {format_interval(ratio)} of the LSTM's"
            finding = below(ratio, 1)
            yield evidence.test(setting, gru, "time of a training step", figure, finding, per_step)
    yield from _to_targets(evidence, int(rule.limits["seeds_to_choose"]), to_target)
    for test in equal_time_tests(evidence, evidence.pairs("scores", equal_sizes=True)):
        yield replace(test, part=equal_time)


def equal_time_tests(
    evidence: Evidence,
    pairs: Iterator[tuple[Setting, Result, Result]],
    is_enough_not_to_lose: bool = False,
) -> Iterator[Test]:
    """Yields the tests whether a GRU is ahead of the LSTM once both have trained for equal time.

    The cell whose step is quicker has its whole budget, the other as many steps as fit into that
    time; what counts is the best validation score by then, which is read off the curves.

    Args:
        evidence: What was measured.
        pairs: Settings, each with the runs of a GRU and of the LSTM.
        is_enough_not_to_lose: Whether it is enough that the GRU is surely not behind by more than
            the margin.
    """
    for setting, gru, lstm in pairs:
        ratio = evidence.step_ratio(gru)
        if ratio is None:
            continue
        longest = min(max((s.steps for s in run.seeds), default=0) for run in (gru, lstm))
        of_gru = best_by(gru, longest * min(1.0, 1 / ratio.estimate))
        of_lstm = best_by(lstm, longest * min(1.0, ratio.estimate))
        shared = sorted(of_gru.keys() & of_lstm.keys())
        if not shared:
            continue
        gain = median_sequence(np.array([of_gru[seed] - of_lstm[seed] for seed in shared]))
        margin = min((r.margin for r in (gru, lstm) if r.margin is not None), default=0.0)
        test = evidence.test(
            setting,
            gru,
            f"against {REFERENCE}, validation {gru.score.in_words} after equal time",
            f"ahead by {points(gru, gain)}, {len(shared)} pairs, step {ratio.estimate:.3g} of the"
            " LSTM's",
            above(gain, -margin) if is_enough_not_to_lose else ahead(gain, margin),
        )
        yield open_if_unlearned(test, gru, lstm)


def _to_targets(evidence: Evidence, seeds_to_choose: int, part: str) -> Iterator[Test]:
    """Yields the tests whether a GRU gets to a fixed target sooner, at the rate that is quickest.

    Where a cell was trained at several learning rates, the one with the fewest steps is chosen on
    the first seeds, and judged on the others.
    """
    part = part if evidence.runtimes is None else f"{part} in {PACKAGE}"
    for settings in _by_problem(evidence.of("scores", "rates")):
        runs: dict[str, list[Result]] = defaultdict(list)
        for setting in settings:
            for cell, run in setting.runs.items():
                runs[cell].append(run)
        for cell in evidence.grus:
            if not (runs[cell] and runs[REFERENCE]):
                continue
            gru, lstm = runs[cell][0], runs[REFERENCE][0]
            step = evidence.step_ratio(gru)
            target = evidence.rules.targets.get(settings[0].task_label)
            if step is None or (target is None and gru.score.solved_rule is None):
                continue
            quickest = [_quickest(runs[c], target, seeds_to_choose) for c in (cell, REFERENCE)]
            shared = sorted(quickest[0].keys() & quickest[1].keys())
            ratios = step_ratios(*(np.array([q[s] for s in shared], float) for q in quickest))
            ratio = median_sequence(ratios).product(step) if len(ratios) else None
            to = "solve it" if target is None else f"{gru.score.in_words} {target:g}"
            # Of several learning rates none tells this comparison from others.
            problem = replace(settings[0], label=settings[0].task_label)
            test = evidence.test(
                settings[0] if len(settings) == 1 else problem,
                gru,
                f"time of training to {to}",
                f"{len(ratios)} of {len(shared)} pairs"
                + (f"; {format_interval(ratio)} of the LSTM's" if ratio else ""),
                below(ratio, 1) if ratio else "open",
                part,
            )
            yield open_if_unlearned(test, gru, lstm)


def _by_problem(settings: Sequence[Setting]) -> list[list[Setting]]:
    """Returns settings that differ in the learning rate alone, together."""
    found: dict[Any, list[Setting]] = defaultdict(list)
    for setting in settings:
        if setting.has_equal_sizes:
            keys = {key: value for key, value in setting.keys.items() if key != RATE}
            found[setting.task_label, setting.nominal_size, freeze(keys)].append(setting)
    return list(found.values())


def _quickest(runs: Sequence[Result], target: float | None, seeds_to_choose: int) -> Steps:
    """Returns the steps to the target at the rate that is quickest, of seeds it was not chosen on.

    Args:
        runs: A cell at several learning rates, or at one, which needs no choice.
        target: A validation score; None takes the mark from which on the task counts as solved.
        seeds_to_choose: How many of the first seeds a rate is chosen on.
    """
    steps = [steps_to(run, target) for run in runs]
    if len(steps) == 1:
        return steps[0]
    first = sorted(set.intersection(*(set(each) for each in steps)))[:seeds_to_choose]
    if not first:
        return {}

    def typical(each: Steps) -> tuple[float, float]:
        taken = [each[seed] for seed in first]
        return statistics.median(taken), min(taken)

    chosen = min(steps, key=typical)
    return {seed: taken for seed, taken in chosen.items() if seed not in first}


def steps_to(result: Result, target: float | None) -> dict[int, float]:
    """Returns the steps by seed to a validation score, or to the task's mark where that is None."""
    if target is None:
        return {s.seed: math.inf if s.solved_step is None else s.solved_step for s in result.seeds}
    turned = target if result.score.higher_is_better else -target
    return {
        seed.seed: next(
            (step for step, score in validation(result, seed) if score >= turned), math.inf
        )
        for seed in result.seeds
    }
