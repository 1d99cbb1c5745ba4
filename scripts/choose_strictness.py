"""Compares how strictly the test over seeds and examples is to be held, as it is repeated.

    python scripts/choose_strictness.py --out results/statistics/strictness.md

A verdict needs the sequential test over seeds and, where predictions are at hand, the analysis of
variance over seeds and examples, whose p is multiplied by the strictness. It is of one look, and
a look with fewer seeds may fall on either side of the last one's. Chosen is the smallest whole
number with which no kind of data has more than 5 % of false verdicts at any look. It takes about
three minutes.
"""

import argparse
import platform
from datetime import date
from pathlib import Path

import numpy as np
import scipy
from simulated.cells import DOCUMENTS, MARGIN, SEEDS, Draw, failing, like, normal, on_documents
from simulated.tables import markdown_table, rate

from gru_bench.evidence.crossed import crossed_mean
from gru_bench.evidence.paired import equivalence_p, typical_p
from gru_bench.evidence.rules import MIN_PAIRS, SIGNIFICANCE

STRICTNESS = (1, 2, 3, 4, 5)


def _like(spread: float, lead: float = 0.0) -> Draw:
    """Returns cells whose difference varies by so many margins over seeds."""
    return on_documents(like(lambda rng, n: spread * normal(rng, n), lead))


# Data, whether equivalence is asked for, and after how many seeds.
DATA: dict[str, tuple[Draw, bool, int]] = {
    "false: better, spread over seeds 1/8 margin": (_like(1 / 8), False, SEEDS),
    "false: better, spread 1/4": (_like(1 / 4), False, SEEDS),
    "false: better, spread 1/2": (_like(1 / 2), False, SEEDS),
    "false: better, spread 1": (_like(1), False, SEEDS),
    "false: better, 1 of 10 seeds fails": (on_documents(failing(0.1, 0.1)), False, SEEDS),
    "false: equivalent, spread 1/4, mean = margin": (_like(1 / 4, 1), True, SEEDS),
    "right: better by 2 margins, spread 1/2, by 10 seeds": (_like(1 / 2, 2), False, 10),
    "right: the same, by 24 seeds": (_like(1 / 2, 2), False, 24),
    "right: equivalent, spread 1/4, by 24 seeds": (_like(1 / 4), True, 24),
}


def smallest_p(draw: Draw, equivalence: bool, seeds: int, rng: np.random.Generator) -> float:
    """Returns the smallest p over seeds and examples of the looks at which that over seeds decides.

    Args:
        draw: Makes two cells.
        equivalence: Whether it is asked if they are equivalent, and not which is better.
        seeds: The last look.
        rng: The source of chance.
    """
    a, b = (cell.of(slice(seeds)) for cell in draw(rng))
    assert a.examples is not None
    assert b.examples is not None
    learned = a.learned & b.learned
    differences, examples = (a.scores - b.scores)[learned], (a.examples - b.examples)[learned]
    smallest = 1.0
    for n in range(MIN_PAIRS, len(differences) + 1):
        of_seeds = differences[:n]
        if (equivalence_p(of_seeds, MARGIN) if equivalence else typical_p(of_seeds)) > SIGNIFICANCE:
            continue
        crossed = crossed_mean(examples[:n])
        smallest = min(smallest, crossed.p_within(MARGIN) if equivalence else crossed.p)
    return smallest


def main() -> None:
    """Prints the table and writes it."""
    parser = argparse.ArgumentParser(description="Compare strictnesses by simulation.")
    parser.add_argument("--simulations", type=int, default=2000, help="for each number printed")
    parser.add_argument("--out", type=Path, help="file for the table, as Markdown")
    arguments = parser.parse_args()
    rows = []
    for place, (data, (draw, equivalence, seeds)) in enumerate(DATA.items()):
        rng = np.random.default_rng(place)
        p = np.array(
            [smallest_p(draw, equivalence, seeds, rng) for _ in range(arguments.simulations)]
        )
        rows.append([data, *(rate(strictness * p <= SIGNIFICANCE) for strictness in STRICTNESS)])
    text = (
        "# How strictly the test over seeds and examples is held\n\n"
        f"Made by scripts/choose_strictness.py on {date.today().isoformat()} with Python"
        f" {platform.python_version()}, NumPy {np.__version__} and SciPy {scipy.__version__}:"
        f" {arguments.simulations} simulations for each number, {DOCUMENTS} documents, looks at"
        f" every number of seeds from {MIN_PAIRS} to {SEEDS}. False: a verdict at any look.\n"
        + markdown_table(
            "Rate of verdicts, by the number that p is multiplied by",
            ["verdict", *map(str, STRICTNESS)],
            rows,
        )
    )
    print(text)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
