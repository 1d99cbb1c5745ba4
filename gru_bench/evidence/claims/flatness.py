"""Whether a budget was long enough: what is still gained in the last part of it."""

import statistics

from gru_bench.evidence.claims.findings import best_by
from gru_bench.evidence.claims.rules import FlatRule
from gru_bench.runs.result import Result


def is_flat(result: Result, rule: FlatRule) -> bool | None:
    """Returns whether a run's curves are flat at the end of its budget.

    The budget is what the longest of its seeds trained. None where no margin says what matters, or
    no seed has a score before the last share of the budget.
    """
    budget = max(seed.steps for seed in result.seeds)
    begins = (1 - rule.last_share) * budget
    before, after = best_by(result, begins), best_by(result, budget)
    if result.margin is None or not before:
        return None
    if rule.solved_is_flat:
        solved = {s.seed for s in result.seeds if s.solved_step and s.solved_step <= begins}
        after |= {seed: score for seed, score in before.items() if seed in solved}
    gained = statistics.median(after[seed] for seed in before) - statistics.median(before.values())
    return gained <= rule.margins * result.margin
