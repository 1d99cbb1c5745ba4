"""Measures by simulation how often each verdict errs, and what it takes to reach one.

    python scripts/check_statistics.py --simulations 1000 --out results/statistics/error_rates.md

prints tables of rates and writes them as Markdown. Verdicts are those of reports, by the same code,
on made-up scores and predictions of which the truth is known: asked for once, with ten seeds, and
after every added seed. It takes about ten minutes on one core.
"""

import argparse
import platform
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import scipy
from simulated import coverage, points, verdict_rates
from simulated.cells import DOCUMENTS
from simulated.tables import Rows, markdown_table

from gru_bench.evidence import rules

_JUDGED = ["data", "verdict", *(f"looks: {plan}" for plan in verdict_rates.LOOKS)]
_FEWER = "a third as many simulations"
# What is measured: a title, the columns, and what makes so many simulations.
SECTIONS: tuple[tuple[str, list[str], Callable[[int], Rows]], ...] = (
    (
        "Wrong verdicts on scores",
        _JUDGED,
        lambda n: [
            *verdict_rates.error_rates(verdict_rates.ON_SCORES, n),
            verdict_rates.family_rate(n),
        ],
    ),
    (
        f"Wrong verdicts where predictions of {DOCUMENTS} documents are at hand ({_FEWER})",
        _JUDGED,
        lambda n: verdict_rates.error_rates(verdict_rates.ON_DOCUMENTS, max(n // 3, 1)),
    ),
    (
        "Right verdicts, by the number of seeds",
        ["what is true", "among", "6", "8", "10", "12", "16", "24", "32"],
        verdict_rates.power,
    ),
    (
        "Wins that survive other settings",
        ["what is true", "points", "seeds", "win at the first point alone", *points.RULES],
        points.surviving_wins,
    ),
    (
        f"Advised seeds: how often they led to a verdict ({_FEWER})",
        ["seeds so far", "verdict", "no advice given"],
        lambda n: verdict_rates.advice(max(n // 3, 1)),
    ),
    (
        "Coverage of nominal 95% intervals over seeds",
        ["scores", "interval", "coverage"],
        coverage.over_seeds,
    ),
    (
        "Coverage over seeds and 300 examples",
        ["sd of seeds, examples, rest", "seeds", "seeds alone", "crossed", "pigeonhole"],
        coverage.over_seeds_and_examples,
    ),
)


def heading(simulations: int) -> str:
    """Returns what stands above the tables: how they were made, and by which rules."""
    constants = ", ".join(
        f"{name}={value}" for name, value in vars(rules).items() if name.isupper()
    )
    widest = 1.96 * np.sqrt(0.25 / simulations)
    return (
        "# How often verdicts err\n\n"
        f"Made by `make check-statistics` on {date.today().isoformat()} with Python"
        f" {platform.python_version()}, NumPy {np.__version__} and SciPy {scipy.__version__}:"
        f" {simulations} simulations for each number, from generators of the fixed seeds 0 to 5."
        " Brackets are 95% intervals of a rate, for the number of simulations; where none is shown,"
        f" a rate r is known to within 1.96 sqrt(r(1-r)/{simulations}), at most {widest:.3f}."
        f" Rules: {constants}.\n"
    )


def main() -> None:
    """Prints the tables and writes them."""
    parser = argparse.ArgumentParser(description="Check the verdicts by simulation.")
    parser.add_argument("--simulations", type=int, default=1000, help="for each number printed")
    parser.add_argument("--out", type=Path, help="file for the tables, as Markdown")
    arguments = parser.parse_args()
    sections = [heading(arguments.simulations)]
    print(sections[0], flush=True)
    for title, columns, measure in SECTIONS:
        section = markdown_table(title, columns, measure(arguments.simulations))
        print(section, flush=True)
        sections.append(section)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text("".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
