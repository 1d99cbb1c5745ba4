"""The comparison of two cells, with the verdicts that follow from its p values.

Two cells are compared in two respects that are judged apart: the typical score, and reliability;
where the task has a mark, also in pace, the steps that they take to solve it.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy import special

from gru_bench.evidence.crossed import Crossed
from gru_bench.evidence.estimates import Interval, probability_of_improvement
from gru_bench.evidence.planning import more_seeds
from gru_bench.evidence.rules import EXAMPLES_STRICTNESS, SIGNIFICANCE
from gru_bench.evidence.sequential import median_sequence

Verdict = Literal["better", "worse", "equivalent", "undecided"]
Outcome = Literal["better", "worse", "equivalent", "trade-off", "not learned", "undecided"]
# What an outcome is of the second cell against the first; the others are the same.
TURNED: dict[Outcome, Outcome] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True)
class PValue:
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
        p: The p value of "neither is typically better".
        p_equivalence: The p value of "the median is not within the margin".
        crossed: The mean difference over seeds and examples; None where examples are not at hand.
    """

    differences: tuple[float, ...]
    higher_is_better: bool
    margin: float | None
    p: PValue
    p_equivalence: PValue
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
        """Returns the median with an interval that holds at every look; None without pairs.

        Where examples are at hand, it reaches as far as that of the mean for other examples, which
        is wider by `EXAMPLES_STRICTNESS`, as it is of one look.
        """
        if not self.differences:
            return None
        over_seeds = median_sequence(np.array(self.differences), confidence)
        if self.crossed is None or over_seeds.low is None or over_seeds.high is None:
            return over_seeds
        low, high = self.crossed.ends(1 - (1 - confidence) / EXAMPLES_STRICTNESS)
        return Interval(over_seeds.estimate, min(over_seeds.low, low), max(over_seeds.high, high))

    @property
    def hangs_on_examples(self) -> bool:
        """Whether no number of seeds would decide, but only another or a larger test split."""
        if self.crossed is None or self.verdict != "undecided":
            return False
        ends = [0.0] if self.margin is None else [0.0, self.margin, -self.margin]
        level = SIGNIFICANCE / EXAMPLES_STRICTNESS
        reach = float(special.ndtri(1 - level / 2)) * self.crossed.least_error
        return all(abs(self.crossed.estimate - end) < reach for end in ends)

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
        successes_a: Seeds with which the first cell succeeds.
        successes_b: Seeds with which the second does.
        n_pairs: Seeds that both have.
        p: The p value of "both succeed with equally many of all seeds".
    """

    what: Literal["solved", "learned"]
    successes_a: int
    successes_b: int
    n_pairs: int
    p: PValue

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
        p: The p value of "neither is sooner with more than half of these seeds".
    """

    ratio: Interval | None
    p: PValue

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
        judged_with: How many comparisons of the task are judged together, this one among them.
    """

    cell_a: str
    cell_b: str
    n_pairs: int
    is_unlearned: bool
    typical: Typical
    reliability: Reliability
    pace: Pace | None
    judged_with: int = 1

    @cached_property
    def more_seeds(self) -> int | None:
        """Seeds to add until a verdict on the typical score is likely.

        None if there is a verdict, or no such number. Of all seeds, as few are taken to learn the
        task as so far. It is a simulation, and made only when asked for.
        """
        typical = self.typical
        if self.outcome != "undecided" or typical.hangs_on_examples:
            return None
        further = more_seeds(np.array(typical.differences), typical.margin, self.judged_with)
        return None if further is None else math.ceil(further * self.n_pairs / typical.n_pairs)

    @property
    def within_margin(self) -> bool:
        """Whether they surely differ by less than matters, as far as is known."""
        return self.typical.within_margin and self.reliability.verdict == "undecided"

    @property
    def outcome(self) -> Outcome:
        """Both verdicts in a word: a trade-off is one of better and one of worse."""
        if self.is_unlearned:
            return "not learned"
        decided = {self.typical.verdict, self.reliability.verdict} & {"better", "worse"}
        if len(decided) == 2:
            return "trade-off"
        if "better" in decided:
            return "better"
        return "worse" if decided else self.typical.verdict

    def outcome_for(self, cell: str) -> Outcome:
        """Returns the outcome as it is of one of the two cells against the other."""
        return self.outcome if cell == self.cell_a else TURNED.get(self.outcome, self.outcome)

    def gain_of(self, cell: str, confidence: float = 0.95) -> Interval | None:
        """Returns by how much one of the two cells is typically better, with its interval.

        None where no seed learns the task under both.
        """
        difference = self.typical.difference(confidence)
        is_turned = (cell == self.cell_a) != self.typical.higher_is_better
        return difference and difference.times(-1 if is_turned else 1)
