"""Verdicts on cells: which is better, whether two are as good, or how many seeds would decide.

Runs of one group (one task in one setting) are compared pair by pair, seed by seed, in two respects
that are judged apart:

- *typical*: the median difference of the main score, in its own unit, over the seeds that learn the
  task under both cells. A seed learns it if its score beats the baseline by more than the margin.
  A cell is typically better if it is so with more than half of those seeds, and on average as well;
  two are equivalent if the median lies within the margin that the runs stated beforehand.
  Where predictions of each example of the test split are at hand, the mean difference must hold for
  other examples as well as for other seeds, by `crossed_mean`.
- *reliability*: the share of all seeds that solve the task or, where none of either cell does or
  there is no such mark, learn it.

Where a mark says when the task is solved, the steps that it takes are compared as well; those of
seeds that do not get there are censored. Each test is one of `paired`, so that a verdict may be
asked for after every added seed. Holm's correction covers all comparisons that are judged together,
for each kind of verdict by itself. No verdict rests on fewer than six pairs, and two cells of which
neither beats the baseline are "not learned", whatever their scores.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from gru_bench.evidence.comparison import Comparison, Pace, PValue, Reliability, Typical
from gru_bench.evidence.crossed import Crossed, crossed_mean
from gru_bench.evidence.estimates import holm
from gru_bench.evidence.paired import (
    equivalence_p,
    reliability_p,
    sooner_p,
    step_ratios,
    typical_p,
)
from gru_bench.evidence.record import Record, is_learned_by_neither, record_of
from gru_bench.evidence.rules import EXAMPLES_STRICTNESS
from gru_bench.evidence.run_settings import cell_order
from gru_bench.evidence.sequential import median_sequence
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError


def compare_group(
    results: Sequence[Result],
    margin: float | None = None,
    names: Sequence[str] | None = None,
) -> list[Comparison]:
    """Compares every two cells among runs of the same task and setting.

    Where a cell comes in several sizes, cells are compared at equal nominal sizes, which are those
    of the LSTM that they match. Two runs that share no seed are not compared. Seeds count as added
    in the order of their numbers.

    Args:
        results: One group's runs, in any order.
        margin: Differences of the score up to it do not matter; by default the smallest that the
            runs state, and none if one of them states none.
        names: The names of the runs, in order; by default the cell, with its nominal size if
            there are several of a cell.

    Returns:
        The comparisons, corrected for their number, in the usual order of cells (gru,
        gru_reset_after, lstm, rnn) and of nominal sizes.

    Raises:
        UserError: The margin is not above 0.
        ValueError: The results differ in task or score.
    """
    if margin is not None and not margin > 0:
        raise UserError(f"margin={margin} is not possible: margin must be above 0")
    if len({(result.task_label, result.score.name) for result in results}) > 1:
        raise ValueError("compare_group needs results of one task and score")
    several = has_sizes(results)
    if names is None:
        names = [f"{r.cell} h{r.nominal_size}" if several else r.cell for r in results]
    margin = _stated_margin(results) if margin is None else margin
    runs = [
        (result, record_of(result, margin), name)
        for result, name in sorted(
            zip(results, names, strict=True), key=lambda run: cell_order(run[0])
        )
    ]
    comparisons = [
        compare(runs[a][1], runs[b][1], margin, runs[a][2], runs[b][2])
        for a, b in compared_pairs([result for result, _, _ in runs])
    ]
    comparisons = [comparison for comparison in comparisons if comparison.n_pairs]
    judged = correct_together(comparisons)
    return [replace(comparison, judged_with=len(judged)) for comparison in judged]


def has_sizes(results: Sequence[Result]) -> bool:
    """Whether a cell comes in several sizes among the runs of a group."""
    return len({result.cell for result in results}) < len(results)


def compared_pairs(results: Sequence[Result]) -> list[tuple[int, int]]:
    """Returns the places of every two runs of a group that are compared if they share a seed."""
    several = has_sizes(results)
    return [
        (a, b)
        for (a, one), (b, other) in itertools.combinations(enumerate(results), 2)
        if one.cell != other.cell and (one.nominal_size == other.nominal_size or not several)
    ]


def correct_together(comparisons: Sequence[Comparison], among: int = 0) -> list[Comparison]:
    """Returns the comparisons as judged together, each kind of p corrected by Holm.

    A correction that they had before, such as that within a task, is replaced.

    Args:
        comparisons: The comparisons.
        among: How many there are in all, where some are still to be made.
    """
    typical = _corrected([c.typical.p for c in comparisons], among)
    equivalence = _corrected([c.typical.p_equivalence for c in comparisons], among)
    reliability = _corrected([c.reliability.p for c in comparisons], among)
    pace = iter(_corrected([c.pace.p for c in comparisons if c.pace], among))
    return [
        replace(
            comparison,
            typical=replace(comparison.typical, p=p, p_equivalence=p_equivalence),
            reliability=replace(comparison.reliability, p=p_reliability),
            pace=comparison.pace and replace(comparison.pace, p=next(pace)),
        )
        for comparison, p, p_equivalence, p_reliability in zip(
            comparisons, typical, equivalence, reliability, strict=True
        )
    ]


def _corrected(p_values: Sequence[PValue], among: int) -> list[PValue]:
    corrected = holm([p.alone for p in p_values], among)
    return [replace(p, corrected=new) for p, new in zip(p_values, corrected, strict=True)]


def _stated_margin(results: Sequence[Result]) -> float | None:
    """Returns the strictest of the margins, where every run states one."""
    margins = [result.margin for result in results]
    stated = [margin for margin in margins if margin is not None]
    return min(stated, default=None) if len(stated) == len(margins) else None


def compare(
    a: Record, b: Record, margin: float | None, name_a: str = "a", name_b: str = "b"
) -> Comparison:
    """Returns the comparison of two cells, judged as if it were the only one.

    Args:
        a: The first; verdicts are about it.
        b: The second.
        margin: Differences of the score up to it do not matter; None if none is stated.
        name_a: The name of the first.
        name_b: The name of the second.
    """
    is_unlearned = is_learned_by_neither(a, b)
    _, of_a, of_b = np.intersect1d(a.seeds, b.seeds, return_indices=True)
    a, b = a.of(of_a), b.of(of_b)
    learned = a.learned & b.learned
    differences = (a.scores - b.scores)[learned]
    crossed = _crossed(a.of(learned), b.of(learned))
    p = typical_p(differences)
    p_equivalence = 1.0 if margin is None else equivalence_p(differences, margin)
    if crossed is not None:
        p = max(p, _repeated(crossed.p))
        if margin is not None:
            p_equivalence = max(p_equivalence, _repeated(crossed.p_within(margin)))
    what: Literal["solved", "learned"] = "solved" if (a.solved | b.solved).any() else "learned"
    success_a, success_b = (getattr(record, what) for record in (a, b))
    return Comparison(
        cell_a=name_a,
        cell_b=name_b,
        n_pairs=len(of_a),
        is_unlearned=is_unlearned,
        typical=Typical(
            differences=tuple(differences.tolist()),
            higher_is_better=a.higher_is_better,
            margin=margin,
            p=_alone(p),
            p_equivalence=_alone(p_equivalence),
            crossed=crossed,
        ),
        reliability=Reliability(
            what=what,
            successes_a=int(success_a.sum()),
            successes_b=int(success_b.sum()),
            n_pairs=len(of_a),
            p=_alone(reliability_p(success_a, success_b)),
        ),
        pace=None
        if a.solved_step is None or b.solved_step is None
        else _pace(a.solved_step, b.solved_step),
    )


def _crossed(a: Record, b: Record) -> Crossed | None:
    """Returns the mean difference over seeds and examples, where both runs have predictions."""
    if a.examples is None or b.examples is None or a.examples.shape != b.examples.shape:
        return None
    if min(a.examples.shape) < 2:
        return None
    return crossed_mean(a.examples - b.examples)


def _repeated(p_of_one_look: float) -> float:
    """Returns the p over seeds and examples as it counts, since it is asked for at many looks."""
    return min(1.0, EXAMPLES_STRICTNESS * p_of_one_look)


def _pace(steps_a: Float[np.ndarray, " pairs"], steps_b: Float[np.ndarray, " pairs"]) -> Pace:
    ratios = step_ratios(steps_a, steps_b)
    return Pace(ratio=median_sequence(ratios) if len(ratios) else None, p=_alone(sooner_p(ratios)))


def _alone(p: float) -> PValue:
    return PValue(alone=p, corrected=p)
