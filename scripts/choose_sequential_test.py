"""Compares tests of paired seeds that may be asked after every seed: what the present one beat.

    python scripts/choose_sequential_test.py --out results/statistics/choice.md

All candidates look at every number of pairs from 6 to 64 at a level of 5 %, on made-up differences.
It takes a few minutes.
"""

import argparse
import platform
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import scipy
from scipy import special

from gru_bench.evidence.paired import mean_p
from gru_bench.evidence.rules import MEAN_STRICTNESS, MIN_PAIRS, SIGNIFICANCE
from gru_bench.evidence.sequential import decided_by

PAIRS = 64
N = np.arange(1, PAIRS + 1)
SIGN_PATTERNS = 2000

# Of differences, a row a simulation: whether there is a verdict with so many pairs.
Test = Callable[[np.ndarray], np.ndarray]
Draw = Callable[[np.random.Generator, int], np.ndarray]

DATA: dict[str, Draw] = {
    "normal": lambda rng, rows: rng.normal(size=(rows, PAIRS)),
    "t(3)": lambda rng, rows: rng.standard_t(3, size=(rows, PAIRS)),
    "exponential, mean 0": lambda rng, rows: rng.exponential(size=(rows, PAIRS)) - 1,
    "exponential, median 0": lambda rng, rows: rng.exponential(size=(rows, PAIRS)) - np.log(2),
    "normal + 1 sd": lambda rng, rows: rng.normal(1, 1, size=(rows, PAIRS)),
    "normal + 2 sd": lambda rng, rows: rng.normal(2, 1, size=(rows, PAIRS)),
}


def student_t(differences: np.ndarray) -> np.ndarray:
    """Returns the t statistic of the first n pairs, at every n."""
    mean = np.cumsum(differences, axis=1) / N
    square = np.cumsum(differences**2, axis=1) - N * mean**2
    error = np.sqrt(np.maximum(square, 0) / np.maximum(N - 1, 1) / N)
    return np.divide(mean, error, out=np.zeros_like(mean), where=error > 0)


def uncorrected_t(differences: np.ndarray) -> np.ndarray:
    """Returns Student's t test at each look."""
    p = 2 * special.stdtr(np.maximum(N - 1, 1), -np.abs(student_t(differences)))
    return np.asarray(p <= SIGNIFICANCE)


def spent_sign_flips(differences: np.ndarray) -> np.ndarray:
    """Returns the sign-flip test, its error spent as 1 - 5/n (Lan & DeMets 1983).

    Sign patterns that an earlier look would have rejected are left out of later ones.
    """
    signs = np.where(np.random.default_rng(1).random((SIGN_PATTERNS, PAIRS)) < 0.5, -1.0, 1.0)
    decided = np.zeros(differences.shape, dtype=bool)
    for row, values in enumerate(differences):
        flipped = np.abs(np.cumsum(signs * np.abs(values), axis=1))
        observed = np.abs(np.cumsum(values))
        alive = np.ones(SIGN_PATTERNS, dtype=bool)
        for n in range(MIN_PAIRS, PAIRS + 1):
            spent = int(SIGNIFICANCE * (1 - 5 / n) * SIGN_PATTERNS)
            room = spent - np.count_nonzero(~alive)
            if room <= 0:
                continue
            sums = flipped[:, n - 1]
            limit = np.sort(sums[alive])[::-1][room] * (1 + 1e-12)
            if observed[n - 1] > limit:
                decided[row, n - 1 :] = True
                break
            alive &= sums <= limit
    return decided


def t_mixture(differences: np.ndarray) -> np.ndarray:
    """Returns the e-process of a t test whose effect has a normal prior (Wang & Ramdas 2025)."""
    prior = 4.0
    share = student_t(differences) ** 2 / np.maximum(N - 1, 1)
    shrunk = share * prior / (N + prior)
    log_e = 0.5 * np.log(prior / (N + prior)) + N / 2 * np.log((1 + share) / (1 + shrunk))
    return np.asarray(log_e >= -np.log(SIGNIFICANCE))


def cosh_bets(differences: np.ndarray) -> np.ndarray:
    """Returns the e-process of symmetric differences: bets of several sizes, in past units."""
    scale = np.cumsum(np.abs(differences), axis=1) / N
    before = np.concatenate([np.abs(differences[:, :1]), scale[:, :-1]], axis=1)
    units = differences / before
    bets = [
        np.cumsum(sign * size * units - np.log(np.cosh(np.minimum(size * np.abs(units), 300))), 1)
        for size in (0.1, 0.2, 0.4, 0.8, 1.6)
        for sign in (1, -1)
    ]
    return np.asarray(special.logsumexp(bets, axis=0) - np.log(len(bets)) >= -np.log(SIGNIFICANCE))


def sign_bets(differences: np.ndarray) -> np.ndarray:
    """Returns the e-process of signs: bets of all sizes at once."""
    ahead = np.cumsum(differences > 0, axis=1)
    log_e = N * np.log(2) + special.betaln(ahead + 1, N - ahead + 1)
    return np.asarray(log_e >= -np.log(SIGNIFICANCE))


def smallest_p(differences: np.ndarray) -> np.ndarray:
    """Returns the binomial test by the smallest p of all looks."""
    up, down = (decided_by(sign * differences > 0, SIGNIFICANCE / 2) for sign in (1, -1))
    return np.asarray(up | down)


def chosen(differences: np.ndarray) -> np.ndarray:
    """Returns `typical_p` at every look, for which the mean has to agree, too."""
    agrees = np.zeros(differences.shape, dtype=bool)
    for n in range(MIN_PAIRS, PAIRS + 1):
        agrees[:, n - 1] = MEAN_STRICTNESS * mean_p(differences[:, :n]) <= SIGNIFICANCE
    return smallest_p(differences) & agrees


TESTS: dict[str, Test] = {
    "t test at each look, uncorrected": uncorrected_t,
    "sign flips, error spent as 1 - 5/n": spent_sign_flips,
    "e-process: t, normal mixture": t_mixture,
    "e-process: cosh bets on differences": cosh_bets,
    "e-process: bets on signs": sign_bets,
    "binomial, smallest p": smallest_p,
    "the same, and the mean agrees (chosen)": chosen,
}


def main() -> None:
    """Prints the table and writes it."""
    parser = argparse.ArgumentParser(description="Compare sequential tests of paired seeds.")
    parser.add_argument("--simulations", type=int, default=2000, help="for each number printed")
    parser.add_argument("--out", type=Path, help="file for the table, as Markdown")
    arguments = parser.parse_args()
    false = [f"{data}: false" for data in list(DATA)[:4]]
    right = [f"{data}: by {n}" for data in list(DATA)[4:] for n in (8, 12, 24)]
    lines = [
        "# What the sequential test was chosen from\n",
        f"Made by scripts/choose_sequential_test.py on {date.today().isoformat()} with Python"
        f" {platform.python_version()}, NumPy {np.__version__} and SciPy {scipy.__version__}:"
        f" {arguments.simulations} simulations for each number. Level {SIGNIFICANCE}, looks at"
        f" every number of pairs from {MIN_PAIRS} to {PAIRS}. False: a verdict at any look. By n: a"
        " verdict at a look no later.\n",
        f"| test | {' | '.join([*false, *right])} |",
        f"|---|{'---|' * len([*false, *right])}",
    ]
    print("\n".join(lines), flush=True)
    for name, test in TESTS.items():
        rates = []
        for place, draw in enumerate(DATA.values()):
            decided = test(draw(np.random.default_rng(place), arguments.simulations))
            decided[:, : MIN_PAIRS - 1] = False
            ends = (PAIRS,) if place < len(false) else (8, 12, 24)
            rates += [f"{decided[:, :end].any(axis=1).mean():.3f}" for end in ends]
        lines.append(f"| {name} | {' | '.join(rates)} |")
        print(lines[-1], flush=True)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
