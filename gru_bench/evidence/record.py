"""What is judged of one cell: its scores seed by seed, and which seeds solved or learned the task.

A seed learns the task if its score beats the baseline by more than the margin. A cell has learned
it if a seed solved it, or if surely more than half of all seeds learn it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from gru_bench.evidence.example_scores import example_scores
from gru_bench.evidence.rules import MIN_PAIRS, SIGNIFICANCE
from gru_bench.evidence.sequential import sequential_p
from gru_bench.runs.result import Result


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
        examples: What each seed scores on each example of the test split, as `example_scores`
            gives it, so that the mean of a row is the seed's score; None where predictions are not
            at hand, or the score is another one than these tell.
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


def mean_validation_score(result: Result) -> float:
    """Returns the mean validation score over seeds, by which settings are chosen.

    A seed without a finite score counts with the baseline, and as the worst there can be where the
    task has none: to leave it out would favour the setting that failed.
    """
    name, baseline = result.score.name, result.score.baseline
    worst = -math.inf if result.score.higher_is_better else math.inf
    without = worst if baseline is None else baseline
    scores = [seed.validation.get(name) for seed in result.seeds]
    return float(np.mean([without if score is None else score for score in scores]))


def record_of(result: Result, margin: float | None) -> Record:
    """Returns what is judged of a run.

    Where the task has no baseline, nothing says which score is reached without learning: every
    seed with a score has learned, and one without is left out.

    Args:
        result: The run.
        margin: Differences of the score up to it do not matter; None if none is stated.
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
        examples=_examples(result, seeds, scores),
    )


def _examples(
    result: Result, seeds: Sequence[int], scores: Float[np.ndarray, " seeds"]
) -> Float[np.ndarray, "seeds examples"] | None:
    """Returns what each seed scores on each example; None where its score is no mean of that."""
    if result.predictions is None:
        return None
    values = example_scores(result.predictions, seeds, result.score.name)
    if values is None or not np.allclose(values.mean(axis=1), scores, rtol=1e-4):
        return None
    return values


def is_learned_by_neither(a: Record, b: Record) -> bool:
    """Returns whether there are seeds enough, and neither cell surely beats the baseline."""
    has_seeds = min(len(a.seeds), len(b.seeds)) >= MIN_PAIRS
    return has_seeds and not a.beats_baseline and not b.beats_baseline
