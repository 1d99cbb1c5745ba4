"""Verdicts on cells: which is better, whether two are as good, or what it would take to know.

Runs of one group (one task in one setting) are compared pair by pair, seed by seed, in two respects
that are judged apart:

- *typical*: the median difference of the main score, in its own unit, over the seeds that learn the
  task under both cells. A seed learns it if its score beats the baseline by more than the margin.
  A cell is typically better if it is so with more than half of those seeds, and on average as well;
  two are equivalent if the median lies within the margin that the runs stated beforehand.
  Where the answers to each example of the test split are at hand, the mean difference must hold for
  other examples as well as for other seeds, by `crossed_mean`.
- *reliability*: the share of all seeds that solve the task or, where none of either cell does or
  there is no such mark, learn it.

Where the task is solved or not, the steps that it takes are compared as well, those of seeds that
did not get there censored. Each test is of `paired`, so verdicts may be asked for after every added
seed. Holm's correction covers all comparisons that are judged together, for each kind of verdict by
itself. No verdict rests on fewer than six pairs, and two cells of which neither beats the baseline
are "not learned", whatever their scores.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from gru_bench.config.cell import CELLS
from gru_bench.config.score import Score
from gru_bench.evidence.crossed import Crossed, crossed_mean
from gru_bench.evidence.estimates import (
    Interval,
    holm,
    interquartile_mean_interval,
    largest_failure_rate,
    median_time_to_event,
    probability_of_improvement,
    wilson_interval,
)
from gru_bench.evidence.paired import (
    equivalence_p,
    reliability_p,
    sooner_p,
    step_ratios,
    typical_p,
)
from gru_bench.evidence.planning import more_seeds
from gru_bench.evidence.rules import MIN_PAIRS, SIGNIFICANCE
from gru_bench.evidence.sequential import median_sequence, sequential_p
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError

Verdict = Literal["better", "worse", "equivalent", "undecided"]
Outcome = Literal["better", "worse", "equivalent", "trade-off", "not learned", "undecided"]


@dataclass(frozen=True)
class P:
    """A p value, by itself and corrected for all comparisons that are judged together."""

    alone: float
    corrected: float

    @property
    def decides(self) -> bool:
        """Whether it is small enough for a verdict."""
        return self.corrected <= SIGNIFICANCE


@dataclass(frozen=True, kw_only=True)
class Typical:
    """How two cells compare with the seeds that learn the task under both.

    Attributes:
        differences: Score of a less that of b, in the order of the seeds.
        higher_is_better: Direction of the score.
        margin: Median differences up to it do not matter; None if none is stated, and then nothing
            is called equivalent.
        p: Of "neither is typically better".
        p_equivalence: Of "the median is not within the margin".
        crossed: The mean difference over seeds and examples; None where examples are not at hand.
    """

    differences: tuple[float, ...]
    higher_is_better: bool
    margin: float | None
    p: P
    p_equivalence: P
    crossed: Crossed | None = None

    @property
    def n_pairs(self) -> int:
        """Seeds that learn the task under both."""
        return len(self.differences)

    @property
    def gains(self) -> list[float]:
        """The differences, turned so that above 0 is better for a."""
        return [d if self.higher_is_better else -d for d in self.differences]

    def difference(self, confidence: float = 0.95) -> Interval | None:
        """Returns the median with an interval that holds at every look; None without pairs."""
        if not self.differences:
            return None
        return median_sequence(np.array(self.differences), confidence)

    @cached_property
    def probability_a_beats_b(self) -> float | None:
        """The share of the pairs in which a is better; ties count half."""
        return probability_of_improvement(self.gains) if self.differences else None

    @property
    def within_margin(self) -> bool:
        """Whether the median is surely within the margin."""
        return self.p_equivalence.decides

    @property
    def verdict(self) -> Verdict:
        """Of a against b."""
        if self.p.decides:
            return "better" if np.median(self.gains) > 0 else "worse"
        return "equivalent" if self.within_margin else "undecided"


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """With how many of the shared seeds each cell solves the task, or learns it if none does.

    Attributes:
        what: What is counted.
        successes_a: Of the first cell.
        successes_b: Of the second.
        n_pairs: Seeds that both have.
        p: Of "both succeed with equally many of all seeds".
    """

    what: Literal["solved", "learned"]
    successes_a: int
    successes_b: int
    n_pairs: int
    p: P

    @property
    def verdict(self) -> Verdict:
        """Of a against b; equal reliability is never claimed."""
        if not self.p.decides:
            return "undecided"
        return "better" if self.successes_a > self.successes_b else "worse"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Steps to solve the task, of a over those of b, seed by seed.

    Attributes:
        ratio: Median over the seeds that solve it under either cell, with an interval that holds at
            every look; 0 or infinity where one cell alone gets there. None if no seed does.
        p: Of "neither is sooner with more than half of these seeds".
    """

    ratio: Interval | None
    p: P

    @property
    def verdict(self) -> Verdict:
        """Better where a is sooner."""
        if not self.p.decides or self.ratio is None:
            return "undecided"
        return "better" if self.ratio.estimate < 1 else "worse"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two cells, paired by seed.

    Attributes:
        cell_a: Name of the first; verdicts are about it.
        cell_b: Name of the second.
        n_pairs: Seeds that both have.
        is_unlearned: Whether there are seeds enough, and neither cell beats the baseline.
        typical: The typical score.
        reliability: The share of seeds that succeed.
        pace: Steps to solve the task; None where it has no such mark.
        more_seeds: Seeds to add until a verdict on the typical score is likely; None if there is
            one, or no such number.
    """

    cell_a: str
    cell_b: str
    n_pairs: int
    is_unlearned: bool
    typical: Typical
    reliability: Reliability
    pace: Pace | None
    more_seeds: int | None = None

    @property
    def within_margin(self) -> bool:
        """Whether they surely differ by less than matters, as far as is known."""
        return self.typical.within_margin and self.reliability.verdict == "undecided"

    @property
    def outcome(self) -> Outcome:
        """Both verdicts in a word: a trade-off is one of better and one of worse."""
        if self.is_unlearned:
            return "not learned"
        told = {self.typical.verdict, self.reliability.verdict} & {"better", "worse"}
        if len(told) == 2:
            return "trade-off"
        if "better" in told:
            return "better"
        return "worse" if told else self.typical.verdict


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is judged of one cell: an entry a seed, in the order in which seeds are added.

    Attributes:
        seeds: Their numbers.
        scores: Test scores; a seed without one counts with the baseline.
        higher_is_better: Direction of the score.
        learned: Whether the score beats the baseline by more than the margin.
        solved_step: Steps until the task was solved, infinity where it was not; None where it has
            no such mark.
        examples: What each seed came to on each example of the test split, such as 1 where it is
            right and 0 where it is wrong, so that the mean of a row is the seed's score; None where
            that is not at hand.
    """

    seeds: Int[np.ndarray, " seeds"]
    scores: Float[np.ndarray, " seeds"]
    higher_is_better: bool
    learned: Bool[np.ndarray, " seeds"]
    solved_step: Float[np.ndarray, " seeds"] | None
    examples: Float[np.ndarray, "seeds examples"] | None = None

    @property
    def solved(self) -> Bool[np.ndarray, " seeds"]:
        """Which seeds solved the task; none where it has no such mark."""
        if self.solved_step is None:
            return np.zeros(len(self.seeds), dtype=bool)
        return np.asarray(np.isfinite(self.solved_step))

    @property
    def beats_baseline(self) -> bool:
        """Whether a seed solved the task, or surely more than half of all seeds learn it."""
        return bool(self.solved.any()) or sequential_p(self.learned) <= SIGNIFICANCE

    def of(
        self, places: Int[np.ndarray, " places"] | Bool[np.ndarray, " seeds"] | slice
    ) -> "Record":
        """Returns the record of some of the seeds."""
        steps, examples = self.solved_step, self.examples
        return replace(
            self,
            seeds=self.seeds[places],
            scores=self.scores[places],
            learned=self.learned[places],
            solved_step=None if steps is None else steps[places],
            examples=None if examples is None else examples[places],
        )


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One cell by itself.

    Attributes:
        cell: Its name.
        score: Interquartile mean of the test scores with its bootstrap interval; None if no seed
            has a score.
        success_rate: Share of the seeds that solved the task or, where it has no such mark, learned
            it, with Wilson's interval.
        failures_not_excluded: The highest rate of failures that so many seeds leave possible.
        steps_to_solve: Median over all seeds, infinity if under half of them solved the task; None
            where the task has no such mark.
        seconds_to_solve: The same in seconds of training.
    """

    cell: str
    score: Interval | None
    success_rate: Interval
    failures_not_excluded: float
    steps_to_solve: Interval | None
    seconds_to_solve: Interval | None


def summarize(result: Result, name: str | None = None) -> Summary:
    """Returns what one cell comes to: score, reliability, time to solve.

    Args:
        result: The cell's run.
        name: Of the cell, if its own does not tell it apart.
    """
    scores = list(scores_by_seed(result).values())
    has_mark = result.solved is not None
    record = record_of(result, result.margin)
    n, successes = len(result.seeds), int((record.solved if has_mark else record.learned).sum())
    return Summary(
        cell=name or result.cell,
        score=interquartile_mean_interval(scores) if scores else None,
        success_rate=wilson_interval(successes, n),
        failures_not_excluded=largest_failure_rate(n - successes, n),
        steps_to_solve=median_time_to_event([s.solved_step for s in result.seeds])
        if has_mark
        else None,
        seconds_to_solve=median_time_to_event([s.solved_s for s in result.seeds])
        if has_mark
        else None,
    )


def scores_by_seed(result: Result) -> dict[int, float]:
    """Returns the main test score by seed; a seed without one counts with the baseline.

    A run without a finite score has learned nothing of use. To leave it out would favour the cell
    that failed. Only where the task has no baseline is it left out.
    """
    scores = result.test_scores
    if result.score.baseline is not None:
        missing = {s.seed: result.score.baseline for s in result.seeds if s.seed not in scores}
        return scores | missing
    return scores


def record_of(
    result: Result,
    margin: float | None,
    examples: Float[np.ndarray, "seeds examples"] | None = None,
) -> Record:
    """Returns what is judged of a run.

    Where the task has no baseline, nothing says which score could be had without learning: every
    seed with a score has learned, and one without is left out.

    Args:
        result: The run.
        margin: Differences of the score up to it do not matter; None if none is stated.
        examples: As of `Record.examples`.
    """
    by_seed, baseline = scores_by_seed(result), result.score.baseline
    seeds = sorted(by_seed)
    scores = np.array([by_seed[seed] for seed in seeds], dtype=float)
    learned = np.ones(len(seeds), dtype=bool)
    if baseline is not None:
        sign = 1 if result.score.higher_is_better else -1
        learned = sign * (scores - baseline) > (margin or 0)
    steps = {seed.seed: seed.solved_step for seed in result.seeds}
    solved = np.array([math.inf if steps[s] is None else steps[s] for s in seeds], dtype=float)
    return Record(
        seeds=np.array(seeds, dtype=int),
        scores=scores,
        higher_is_better=result.score.higher_is_better,
        learned=learned,
        solved_step=None if result.solved is None else solved,
        examples=examples,
    )


def is_learned_by_neither(a: Record, b: Record) -> bool:
    """Returns whether there are seeds enough, and neither cell surely beats the baseline."""
    has_seeds = min(len(a.seeds), len(b.seeds)) >= MIN_PAIRS
    return has_seeds and not a.beats_baseline and not b.beats_baseline


def score_in_words(score: Score) -> str:
    """Returns the score's name as prose has it."""
    return "MSE" if score.name == "mse" else score.name.replace("_", " ")


def compare_group(
    results: Sequence[Result],
    margin: float | None = None,
    names: Sequence[str] | None = None,
    examples: Mapping[str, Float[np.ndarray, "seeds examples"]] | None = None,
) -> list[Comparison]:
    """Compares every two cells among runs of the same task and setting.

    Where a cell comes in several sizes, cells are compared at equal nominal sizes, which are those
    of the LSTM that they match. Two runs that share no seed are not compared. Seeds count as added
    in the order of their numbers.

    Args:
        results: One group's runs, in any order.
        margin: Differences of the score up to it do not matter; by default the smallest that the
            runs state, and none if one of them states none.
        names: Of the runs, in their order; by default the cell, with its nominal size if there are
            several of a cell.
        examples: By the identity of a run, `Record.examples`: a row for each of its seeds, in the
            order of their numbers, and the same examples for all runs.

    Returns:
        Corrected for their number; in the usual order of cells (gru, gru_reset_after, lstm, rnn),
        and of nominal sizes.

    Raises:
        UserError: The margin is not above 0.
        ValueError: The results differ in task or score.
    """
    if margin is not None and not margin > 0:
        raise UserError(f"margin={margin} is not possible: margin must be above 0")
    if len({(result.task_label, result.score.name) for result in results}) > 1:
        raise ValueError("compare_group needs results of one task and score")
    several = len({result.cell for result in results}) < len(results)
    if names is None:
        names = [f"{r.cell} h{r.nominal_size}" if several else r.cell for r in results]
    runs = sorted(zip(results, names, strict=True), key=lambda run: cell_order(run[0]))
    margin = _stated_margin(results) if margin is None else margin

    def of(result: Result) -> Float[np.ndarray, "seeds examples"] | None:
        return examples.get(result.identity) if examples else None

    comparisons = [
        compare(record_of(a, margin, of(a)), record_of(b, margin, of(b)), margin, name_a, name_b)
        for (a, name_a), (b, name_b) in itertools.combinations(runs, 2)
        if a.cell != b.cell and (a.nominal_size == b.nominal_size or not several)
    ]
    comparisons = [comparison for comparison in comparisons if comparison.n_pairs]
    judged = correct_together(comparisons)
    return [
        replace(comparison, more_seeds=_more_seeds(comparison, len(judged)))
        for comparison in judged
    ]


def correct_together(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Returns the comparisons as judged together, each kind of p corrected by Holm.

    A correction that they had before, such as that within a task, is replaced.
    """
    typical = _corrected([c.typical.p for c in comparisons])
    equivalence = _corrected([c.typical.p_equivalence for c in comparisons])
    reliability = _corrected([c.reliability.p for c in comparisons])
    pace = iter(_corrected([c.pace.p for c in comparisons if c.pace]))
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


def _corrected(p_values: Sequence[P]) -> list[P]:
    corrected = holm([p.alone for p in p_values])
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
        name_a: Of the first.
        name_b: Of the second.
    """
    is_unlearned = is_learned_by_neither(a, b)
    _, of_a, of_b = np.intersect1d(a.seeds, b.seeds, return_indices=True)
    a, b = a.of(of_a), b.of(of_b)
    learned = a.learned & b.learned
    differences = (a.scores - b.scores)[learned]
    crossed = _crossed(a.of(learned), b.of(learned))
    p = max(typical_p(differences), crossed.p if crossed else 0.0)
    p_equivalence = 1.0
    if margin is not None:
        p_equivalence = max(
            equivalence_p(differences, margin), crossed.p_within(margin) if crossed else 0.0
        )
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
    """Returns the mean difference over seeds and examples, where both runs have the same ones."""
    if a.examples is None or b.examples is None or min(a.examples.shape) < 2:
        return None
    return crossed_mean(a.examples - b.examples)


def _pace(steps_a: Float[np.ndarray, " pairs"], steps_b: Float[np.ndarray, " pairs"]) -> Pace:
    ratios = step_ratios(steps_a, steps_b)
    return Pace(ratio=median_sequence(ratios) if len(ratios) else None, p=_alone(sooner_p(ratios)))


def _alone(p: float) -> P:
    return P(alone=p, corrected=p)


def _more_seeds(comparison: Comparison, comparisons: int) -> int | None:
    """Returns the seeds to add to an undecided comparison; of all seeds, as few learn as so far."""
    typical = comparison.typical
    if comparison.outcome != "undecided":
        return None
    further = more_seeds(np.array(typical.differences), typical.margin, comparisons)
    if further is None:
        return None
    return math.ceil(further * comparison.n_pairs / typical.n_pairs)


def cell_order(result: Result) -> tuple[int, str, int]:
    """Returns what orders runs by cell, those that are not built in last, then by nominal size."""
    place = CELLS.index(result.cell) if result.cell in CELLS else len(CELLS)
    return place, result.cell, result.nominal_size
