"""Measures by simulation whether the statistics of the reports keep what they promise.

    python scripts/check_statistics.py --simulations 1000

prints, for paired differences of several distributions, how often nominal 95 % intervals cover the
true mean, and how often tests and verdicts are wrong or right. It takes about 10 minutes on one
core; time grows with the number of simulations, and the error of a rate r is sqrt(r(1-r)/number).
"""

import argparse
from collections.abc import Callable
from itertools import combinations

import numpy as np
from scipy import stats

from gru_bench.evidence.estimates import (
    BOOTSTRAP_RESAMPLES,
    SIGNIFICANCE,
    Interval,
    bootstrap_interval,
    holm,
    interquartile_mean_interval,
    mean_interval,
    sign_flip_test,
)

Draw = Callable[[np.random.Generator, int], np.ndarray]
Method = Callable[[list[float]], Interval]
PAIRS = (5, 6, 8, 10, 20)


def _failures(rng: np.random.Generator, n: int) -> np.ndarray:
    """MSE of two like cells on the adding task, each failing with one seed in five."""
    solved = 1e-3 * rng.lognormal(sigma=0.5, size=(2, n))
    mse = np.where(rng.random((2, n)) < 0.2, 1 / 6, solved)
    return np.asarray(mse[0] - mse[1])


# Differences of mean 0. All but the last are symmetric, which is what the sign-flip test asks for.
DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: rng.uniform(-1, 1, size=n),
    "student t(3)": lambda rng, n: rng.standard_t(3, size=n),
    "failures": _failures,
    "exponential": lambda rng, n: rng.exponential(size=n) - 1,
}


def _plain_bootstrap(method: str) -> Method:
    def interval(values: list[float]) -> Interval:
        rng = np.random.default_rng(0)
        found = stats.bootstrap((values,), np.mean, n_resamples=2_000, method=method, rng=rng)
        low, high = found.confidence_interval
        return Interval(float(np.mean(values)), float(low), float(high))

    return interval


# Ours is the expanded percentile interval; the others are what it was chosen from.
METHODS: dict[str, Method] = {
    "expanded": bootstrap_interval,
    "percentile": _plain_bootstrap("percentile"),
    "BCa": _plain_bootstrap("BCa"),
    "student": mean_interval,
}


def coverage(method: Method, draw: Draw, n: int, simulations: int, true_value: float = 0) -> float:
    """How often the interval of `n` values holds the true value."""
    rng = np.random.default_rng(n)
    covered = 0
    for _ in range(simulations):
        interval = method(draw(rng, n).tolist())
        assert interval.low is not None
        assert interval.high is not None
        covered += interval.low <= true_value <= interval.high
    return covered / simulations


def significance_rate(draw: Draw, n: int, simulations: int, shift: float = 0) -> float:
    """How often the sign-flip test of differences moved by `shift` gives p below 0.05."""
    rng = np.random.default_rng(n)
    p_values = [sign_flip_test((draw(rng, n) + shift).tolist()) for _ in range(simulations)]
    return float(np.mean(np.asarray(p_values) < SIGNIFICANCE))


def family_wise_error_rate(n: int, simulations: int, cells: int = 4) -> float:
    """How often like cells give at least one corrected p below 0.05 over all their pairs.

    A score is normal noise of the run and of the seed; the latter is common to the cells.
    """
    rng = np.random.default_rng(n)
    errors = 0
    for _ in range(simulations):
        scores = rng.normal(size=(cells, n)) + rng.normal(size=n)
        p_values = [sign_flip_test((a - b).tolist()) for a, b in combinations(scores, 2)]
        errors += min(holm(p_values)) < SIGNIFICANCE
    return errors / simulations


def equivalence_rate(n: int, simulations: int, difference: float, margin: float = 1) -> float:
    """How often normal differences of sd margin / 2 put the interval inside ±margin."""
    rng = np.random.default_rng(n)
    found = 0
    for _ in range(simulations):
        interval = bootstrap_interval(rng.normal(difference, margin / 2, n).tolist())
        assert interval.low is not None
        assert interval.high is not None
        found += -margin < interval.low and interval.high < margin
    return found / simulations


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="Check the statistics by simulation.")
    parser.add_argument("--simulations", type=int, default=1000, help="for each number printed")
    simulations = parser.parse_args().simulations

    print(f"{simulations} simulations, {BOOTSTRAP_RESAMPLES} resamples; every number is a rate.\n")
    print("Coverage of nominal 95 % intervals of the mean; IQM: expanded, of normal scores;")
    print("false: sign-flip p < 0.05 though the mean is 0; power: though it is one sd.")
    methods = "".join(f"{name:>11}" for name in METHODS)
    print(f"{'pairs':>5} {'differences':<13}{methods}{'IQM':>8}{'false':>8}{'power':>8}")
    for n in PAIRS:
        for name, draw in DISTRIBUTIONS.items():
            sd = float(np.std(draw(np.random.default_rng(0), 100_000)))
            rates = [coverage(method, draw, n, simulations) for method in METHODS.values()]
            iqm = (
                f"{coverage(interquartile_mean_interval, draw, n, simulations):8.3f}"
                if name == "normal"
                else " " * 8
            )
            false = significance_rate(draw, n, simulations)
            power = significance_rate(draw, n, simulations, shift=sd)
            shown = "".join(f"{rate:11.3f}" for rate in rates)
            print(f"{n:>5} {name:<13}{shown}{iqm}{false:8.3f}{power:8.3f}", flush=True)

    print("\nFamily-wise: any Holm-corrected p < 0.05 among 6 comparisons of 4 like cells.")
    print(
        "Equivalence: interval inside the margin of 2 sd, at a true difference of 0, of the margin."
    )
    print(f"{'pairs':>5}{'family-wise':>13}{'at 0':>10}{'at margin':>11}")
    for n in PAIRS:
        family = family_wise_error_rate(n, simulations)
        right = equivalence_rate(n, simulations, difference=0)
        wrong = equivalence_rate(n, simulations, difference=1)
        print(f"{n:>5}{family:13.3f}{right:10.3f}{wrong:11.3f}", flush=True)


if __name__ == "__main__":
    main()
