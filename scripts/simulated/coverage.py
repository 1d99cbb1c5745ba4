"""How often intervals hold the truth."""

import numpy as np

from gru_bench.evidence.crossed import crossed_mean
from gru_bench.evidence.estimates import Interval, bootstrap_interval, mean_interval
from gru_bench.evidence.sequential import median_sequence
from simulated.cells import MEAN, MEDIAN
from simulated.tables import Rows, rate


def holds(interval: Interval, truth: float) -> bool:
    """Whether a value lies in an interval, or the interval has no ends."""
    low, high = interval.low, interval.high
    return low is None or high is None or low <= truth <= high


def over_seeds(simulations: int) -> Rows:
    """Returns how often 95 % intervals hold the truth: with so many seeds, or at all looks."""
    rng = np.random.default_rng(3)
    rows = []
    for name, draw in {
        "normal": lambda: rng.normal(size=24),
        "exponential": lambda: rng.exponential(size=24),
    }.items():
        mean, median = (0.0, 0.0) if name == "normal" else (MEAN, MEDIAN)
        held: dict[str, list[bool]] = {}
        for _ in range(simulations):
            values = draw()
            intervals = {n: median_sequence(values[:n]) for n in range(6, 25)}
            inside = {n: holds(interval, median) for n, interval in intervals.items()}
            held.setdefault("median, at all looks from 6 to 24", []).append(all(inside.values()))
            held.setdefault("median, 10 seeds", []).append(inside[10])
            for what, interval in (
                ("mean, Student, 10 seeds", mean_interval(values[:10].tolist())),
                ("mean, expanded bootstrap, 10 seeds", bootstrap_interval(values[:10].tolist())),
            ):
                held.setdefault(what, []).append(holds(interval, mean))
        rows += [[name, what, rate(holds)] for what, holds in held.items()]
    return rows


def over_seeds_and_examples(simulations: int) -> Rows:
    """Returns the coverage of intervals over seeds and examples, beside those of other kinds.

    The pigeonhole bootstrap (Owen 2007) draws seeds and examples, both with replacement.
    """
    rows = []
    for by_seed, by_example, rest in ((0.02, 0.3, 0.3), (0.1, 0.3, 0.3), (0.1, 0.05, 0.3)):
        for seeds in (6, 10):
            rng = np.random.default_rng(4)
            held = np.zeros((simulations, 3), dtype=bool)
            for simulation in range(simulations):
                values = (
                    by_seed * rng.normal(size=(seeds, 1))
                    + by_example * rng.normal(size=(1, 300))
                    + rest * rng.normal(size=(seeds, 300))
                )
                drawn_seeds = rng.multinomial(seeds, [1 / seeds] * seeds, 300) / seeds
                drawn_examples = rng.multinomial(300, [1 / 300] * 300, 300) / 300
                means = ((drawn_seeds @ values) * drawn_examples).sum(axis=1)
                alone = mean_interval(values.mean(axis=1).tolist())
                crossed = crossed_mean(values).interval()
                low, high = np.quantile(means, [0.025, 0.975])
                held[simulation] = [holds(alone, 0), holds(crossed, 0), low <= 0 <= high]
            parts = f"{by_seed:g}, {by_example:g}, {rest:g}"
            rows.append([parts, str(seeds), *map(rate, held.T)])
    return rows
