"""Made-up records of two cells of which it is known how they truly compare.

Scores are accuracies whose baseline is 0.5. Where a cell fails, differences and spreads are given
in units of the margin, so that what is measured holds for scores of any scale.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy import special

from gru_bench.evidence.record import Record

SEEDS = 64
BASELINE, MARGIN = 0.5, 0.02
DOCUMENTS = 500  # of the test split that all seeds share
# The shares of the variance of how easy a document comes: by the document, and by it with the cell.
OF_THE_DOCUMENT, OF_THE_CELL = 0.6, 0.2

Pair = tuple[Record, Record]
Draw = Callable[[np.random.Generator], Pair]
Noise = Callable[[np.random.Generator, int], Float[np.ndarray, " seeds"]]


def made_up(
    scores: Float[np.ndarray, " seeds"],
    solved_step: Float[np.ndarray, " seeds"] | None = None,
    examples: Float[np.ndarray, "seeds examples"] | None = None,
) -> Record:
    """Returns a cell's record."""
    return Record(
        seeds=np.arange(len(scores)),
        scores=scores,
        higher_is_better=True,
        learned=scores - BASELINE > MARGIN,
        solved_step=solved_step,
        examples=examples,
    )


def normal(rng: np.random.Generator, n: int) -> Float[np.ndarray, " seeds"]:
    """Returns noise of mean 0 and standard deviation 1."""
    return rng.normal(size=n)


def exponential(centre: float) -> Noise:
    """Returns skewed noise of standard deviation 1, whose `centre` is moved to 0."""
    return lambda rng, n: rng.exponential(size=n) - centre


# The mean of exponential noise, and its median.
MEAN, MEDIAN = 1.0, float(np.log(2))


def like(noise: Noise = normal, lead: float = 0.0) -> Draw:
    """Returns two cells whose scores differ by `lead` and by noise in units of the margin."""

    def draw(rng: np.random.Generator) -> Pair:
        common = 0.9 + MARGIN * rng.normal(size=SEEDS)
        return made_up(common + MARGIN * (lead + noise(rng, SEEDS))), made_up(common)

    return draw


def failing(rate_a: float, rate_b: float, lead: float = 0.0) -> Draw:
    """Returns two cells that fail at these rates, and otherwise differ by `lead` margins."""

    def cell(rng: np.random.Generator, rate: float, lead: float) -> Record:
        fails = rng.random(SEEDS) < rate
        learned = 0.9 + MARGIN * (lead + rng.normal(size=SEEDS) / 4)
        scores = np.where(fails, BASELINE + MARGIN / 4 * rng.normal(size=SEEDS), learned)
        return made_up(scores, np.where(fails, np.inf, np.round(rng.lognormal(6, 0.3, SEEDS), -1)))

    return lambda rng: (cell(rng, rate_a, lead), cell(rng, rate_b, 0.0))


def at_the_floor(rng: np.random.Generator) -> Pair:
    """Returns two cells that score as the baseline does, but for noise of the margin's size."""
    never = np.full(SEEDS, np.inf)
    a, b = (made_up(BASELINE + MARGIN * rng.normal(size=SEEDS), never) for _ in range(2))
    return a, b


def on_documents(draw: Draw) -> Draw:
    """Returns the cells with what each seed predicts of each document of one test split.

    The scores that are drawn are taken as accuracies over all documents there are; those of the
    records are on the documents at hand. A cell is right on the documents that come easiest to it.
    How easy one comes hangs on the document, on the cell with that document, and on chance, so that
    cells that are equal over all documents are not so on these.
    """

    def predicting(
        rng: np.random.Generator, cell: Record, common: Float[np.ndarray, " documents"]
    ) -> Record:
        of_the_cell = np.sqrt(OF_THE_CELL) * rng.normal(size=DOCUMENTS)
        chance = np.sqrt(1 - OF_THE_DOCUMENT - OF_THE_CELL) * rng.normal(size=(SEEDS, DOCUMENTS))
        right = special.ndtr(common + of_the_cell + chance) < cell.scores[:, None]
        return made_up(right.mean(axis=1), cell.solved_step, right.astype(float))

    def drawn(rng: np.random.Generator) -> Pair:
        a, b = draw(rng)
        common = np.sqrt(OF_THE_DOCUMENT) * rng.normal(size=DOCUMENTS)
        return predicting(rng, a, common), predicting(rng, b, common)

    return drawn


def without_predictions(draw: Draw) -> Draw:
    """Returns the cells with the same scores, as if no predictions were at hand."""

    def drawn(rng: np.random.Generator) -> Pair:
        a, b = draw(rng)
        return replace(a, examples=None), replace(b, examples=None)

    return drawn
