"""Measures by simulation how often each verdict errs, and what it takes to reach one.

    python scripts/check_statistics.py --simulations 1000 --out results/statistics/error_rates.md

prints tables of rates and writes them as Markdown. Verdicts are those of reports, by the same code,
on made-up scores of which the truth is known: asked for once, with ten seeds, and after every added
seed. It takes about 15 minutes on one core; the standard error of a rate r is
sqrt(r(1-r)/simulations).
"""

import argparse
import platform
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import combinations
from pathlib import Path

import numpy as np
import scipy

from gru_bench.evidence import rules
from gru_bench.evidence.comparison import Comparison
from gru_bench.evidence.crossed import crossed_mean
from gru_bench.evidence.estimates import bootstrap_interval, mean_interval
from gru_bench.evidence.planning import more_seeds
from gru_bench.evidence.record import Record
from gru_bench.evidence.sequential import median_sequence
from gru_bench.evidence.verdicts import compare, correct_together

SEEDS = 64
BASELINE, MARGIN = 0.5, 0.01
LOOKS = {"10 seeds": [10], "6 to 24": range(6, 25), "6 to 64": range(6, SEEDS + 1)}

Pair = tuple[Record, Record]
Draw = Callable[[np.random.Generator], Pair]


def made_up(scores: np.ndarray, solved_step: np.ndarray | None = None) -> Record:
    """Returns a cell's record of an accuracy whose baseline is 0.5."""
    return Record(
        seeds=np.arange(len(scores)),
        scores=scores,
        higher_is_better=True,
        learned=scores - BASELINE > MARGIN,
        solved_step=solved_step,
    )


def like(noise: Callable[[np.random.Generator], np.ndarray], lead: float = 0.0) -> Draw:
    """Returns two cells whose scores differ by `lead` and by noise in units of the margin."""

    def draw(rng: np.random.Generator) -> Pair:
        common = 0.9 + 0.01 * rng.normal(size=SEEDS)
        return made_up(common + lead + MARGIN * noise(rng)), made_up(common)

    return draw


def failing(rate_a: float, rate_b: float, lead: float = 0.0) -> Draw:
    """Returns two cells that fail at these rates, and otherwise differ by `lead`."""

    def cell(rng: np.random.Generator, rate: float, lead: float) -> Record:
        fails = rng.random(SEEDS) < rate
        learned = 0.9 + lead + MARGIN / 4 * rng.normal(size=SEEDS)
        scores = np.where(fails, BASELINE + MARGIN / 4 * rng.normal(size=SEEDS), learned)
        return made_up(scores, np.where(fails, np.inf, np.round(rng.lognormal(6, 0.3, SEEDS), -1)))

    return lambda rng: (cell(rng, rate_a, lead), cell(rng, rate_b, 0.0))


def at_the_floor(rng: np.random.Generator) -> Pair:
    """Returns two cells that score as the baseline does, but for noise of the margin's size."""
    never = np.full(SEEDS, np.inf)
    a, b = (made_up(BASELINE + MARGIN * rng.normal(size=SEEDS), never) for _ in range(2))
    return a, b


def typically(comparison: Comparison) -> bool:
    """Whether one cell is called typically better."""
    return not comparison.is_unlearned and comparison.typical.verdict in ("better", "worse")


def told_apart(comparison: Comparison) -> bool:
    """Whether one cell is called better in any respect."""
    return comparison.outcome in ("better", "worse", "trade-off")


def equivalent(comparison: Comparison) -> bool:
    """Whether the cells are called equivalent."""
    return comparison.outcome == "equivalent"


def reliable(comparison: Comparison) -> bool:
    """Whether one cell is called more reliable."""
    return not comparison.is_unlearned and comparison.reliability.verdict != "undecided"


def sooner(comparison: Comparison) -> bool:
    """Whether one cell is called sooner."""
    return comparison.pace is not None and comparison.pace.verdict != "undecided"


LIKE = like(lambda rng: rng.normal(size=SEEDS))
# What is wrong to say of two cells, by what is true of them.
WRONG: dict[str, tuple[Draw, dict[str, Callable[[Comparison], bool]]]] = {
    "normal differences of mean 0": (LIKE, {"typically better": typically}),
    "normal differences, mean = margin": (
        like(lambda rng: 0.5 * rng.normal(size=SEEDS), MARGIN),
        {"equivalent": equivalent},
    ),
    "skewed (exponential), mean 0": (
        like(lambda rng: rng.exponential(size=SEEDS) - 1),
        {"typically better": typically},
    ),
    "skewed (exponential), median 0": (
        like(lambda rng: rng.exponential(size=SEEDS) - np.log(2)),
        {"typically better": typically},
    ),
    "like cells, 1 of 10 seeds fails": (
        failing(0.1, 0.1),
        {
            "typically better": typically,
            "more reliable": reliable,
            "sooner": sooner,
            "better in any respect": told_apart,
        },
    ),
    "one fails 1 of 20, and else leads": (
        failing(0.05, 0.0, MARGIN),
        {"more reliable": lambda c: c.reliability.verdict == "better"},
    ),
    "floor: neither learns": (
        at_the_floor,
        {
            "equivalent": equivalent,
            "typically better": typically,
            "more reliable": reliable,
            "better in any respect": told_apart,
        },
    ),
}


def error_rates(simulations: int) -> list[list[str]]:
    """Returns a row for each wrong statement: data, verdict, and its rate by plan of looks."""
    rows = []
    for data, (draw, verdicts) in WRONG.items():
        rng = np.random.default_rng(0)
        wrong = np.zeros((len(verdicts), simulations, SEEDS + 1), dtype=bool)
        for simulation in range(simulations):
            a, b = draw(rng)
            for n in range(rules.MIN_PAIRS, SEEDS + 1):
                comparison = compare(a.of(slice(n)), b.of(slice(n)), MARGIN)
                wrong[:, simulation, n] = [says(comparison) for says in verdicts.values()]
        for verdict, errs in zip(verdicts, wrong, strict=True):
            rates = [errs[:, list(looks)].any(axis=1).mean() for looks in LOOKS.values()]
            rows.append([data, verdict, *map(show, rates)])
    return rows


def family_rate(simulations: int, cells: int = 4) -> list[str]:
    """Returns the rate at which any comparison of like cells, corrected, is called better."""
    rng = np.random.default_rng(0)
    wrong = np.zeros((simulations, 25), dtype=bool)
    for simulation in range(simulations):
        common = 0.9 + 0.01 * rng.normal(size=24)
        records = [made_up(common + MARGIN * rng.normal(size=24)) for _ in range(cells)]
        for n in range(rules.MIN_PAIRS, 25):
            pairs = combinations([record.of(slice(n)) for record in records], 2)
            judged = correct_together([compare(a, b, MARGIN) for a, b in pairs])
            wrong[simulation, n] = any(map(typically, judged))
    rates = [wrong[:, list(LOOKS[plan])].any(axis=1).mean() for plan in ("10 seeds", "6 to 24")]
    return [f"{cells} like cells, normal", "any typically better", *map(show, rates), "-"]


def power(simulations: int) -> list[list[str]]:
    """Returns how often a true difference, and true equality, are found with so many seeds."""
    sizes = (6, 8, 10, 12, 16, 24, 32)
    rows = []
    for shift, comparisons in ((1.0, 1), (1.0, 6), (2.0, 1), (2.0, 6), (0.0, 1)):
        rng = np.random.default_rng(1)
        sd = 1.0 if shift else 0.5
        found = np.zeros((simulations, len(sizes)), dtype=bool)
        for simulation in range(simulations):
            lead = MARGIN * (shift + sd * rng.normal(size=SEEDS))
            a, b = made_up(0.9 + lead), made_up(np.full(SEEDS, 0.9))
            for place, n in enumerate(sizes):
                typical = compare(a.of(slice(n)), b.of(slice(n)), MARGIN).typical
                p = (typical.p if shift else typical.p_equivalence).alone
                found[simulation, place] = comparisons * p <= rules.SIGNIFICANCE
        what = f"typically better by {shift:g} sd" if shift else "equivalent, margin 2 sd"
        among = "two cells" if comparisons == 1 else "four cells"
        rows.append([what, among, *map(show, found.mean(axis=0))])
    return rows


def advice(simulations: int) -> list[list[str]]:
    """Returns how often the advised number of seeds led to a verdict."""
    rows = []
    for n in (6, 8, 12):
        rng = np.random.default_rng(2)
        decided: list[bool] = []
        without = 0
        while len(decided) + without < simulations:
            lead = rng.choice([0, 0.5, 1, 1.5]) + rng.normal(size=rules.MOST_PAIRS)
            a, b = made_up(0.9 + MARGIN * lead), made_up(np.full(rules.MOST_PAIRS, 0.9))
            margin = 1.5 * MARGIN
            comparison = compare(a.of(slice(n)), b.of(slice(n)), margin)
            if comparison.typical.verdict != "undecided":
                continue
            more = more_seeds(np.array(comparison.typical.differences), margin, 1)
            if more is None:
                without += 1
                continue
            later = compare(a.of(slice(n + more)), b.of(slice(n + more)), margin)
            decided.append(later.typical.verdict != "undecided")
        rows.append([str(n), show(float(np.mean(decided))), show(without / simulations)])
    return rows


def coverage(simulations: int) -> list[list[str]]:
    """Returns how often 95 % intervals hold the truth: with so many seeds, or at all looks."""
    rng = np.random.default_rng(3)
    rows = []
    for name, draw in {
        "normal": lambda: rng.normal(size=24),
        "exponential": lambda: rng.exponential(size=24),
    }.items():
        mean, median = (0.0, 0.0) if name == "normal" else (1.0, np.log(2))
        held: dict[str, list[bool]] = {}
        for _ in range(simulations):
            values = draw()
            intervals = {n: median_sequence(values[:n]) for n in range(6, 25)}
            inside = {n: i.low is None or i.low <= median <= i.high for n, i in intervals.items()}
            held.setdefault("median, at all looks from 6 to 24", []).append(all(inside.values()))
            held.setdefault("median, 10 seeds", []).append(inside[10])
            for what, interval in (
                ("mean, Student, 10 seeds", mean_interval(values[:10].tolist())),
                ("mean, expanded bootstrap, 10 seeds", bootstrap_interval(values[:10].tolist())),
            ):
                held.setdefault(what, []).append(interval.low <= mean <= interval.high)
        rows += [[name, what, show(float(np.mean(inside)))] for what, inside in held.items()]
    return rows


def crossed_coverage(simulations: int) -> list[list[str]]:
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
                held[simulation] = [
                    low <= 0 <= high
                    for low, high in (
                        (alone.low, alone.high),
                        (crossed.low, crossed.high),
                        np.quantile(means, [0.025, 0.975]),
                    )
                ]
            parts = f"{by_seed:g}, {by_example:g}, {rest:g}"
            rows.append([parts, str(seeds), *map(show, held.mean(axis=0))])
    return rows


def show(rate: float) -> str:
    """Returns a rate as text, such as 0.050."""
    return f"{rate:.3f}"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table under a title, padded so that it can be read as text, too."""
    lines = [list(columns), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    text = [
        " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines
    ]
    rule = "|".join("-" * (w + 2) for w in widths)
    body = "\n".join([f"| {text[0]} |", f"|{rule}|", *(f"| {line} |" for line in text[1:])])
    return f"\n## {title}\n\n{body}\n"


def main() -> None:
    """Prints the tables and writes them."""
    parser = argparse.ArgumentParser(description="Check the verdicts by simulation.")
    parser.add_argument("--simulations", type=int, default=1000, help="for each number printed")
    parser.add_argument("--out", type=Path, help="file for the tables, as Markdown")
    arguments = parser.parse_args()
    n = arguments.simulations
    constants = ", ".join(
        f"{name}={value}" for name, value in vars(rules).items() if name.isupper()
    )
    plans = [f"looks: {plan}" for plan in LOOKS]
    sections = [
        "# How often verdicts err\n\n"
        f"Made by `make check-statistics` on {date.today().isoformat()} with Python"
        f" {platform.python_version()}, NumPy {np.__version__} and SciPy {scipy.__version__}: {n}"
        " simulations for each number, from generators of the fixed seeds 0 to 4. Rules:"
        f" {constants}.\n",
    ]
    print(sections[0], flush=True)
    for title, columns, rows in (
        (
            "Wrong verdicts, by the data and by when one looks",
            ["data", "verdict", *plans],
            lambda: [*error_rates(n), family_rate(n)],
        ),
        (
            "Right verdicts, by the number of seeds",
            ["what is true", "among", "6", "8", "10", "12", "16", "24", "32"],
            lambda: power(n),
        ),
        (
            "Advised seeds: how often they led to a verdict (a third as many simulations)",
            ["seeds so far", "verdict", "no advice given"],
            lambda: advice(max(n // 3, 1)),
        ),
        (
            "Coverage of nominal 95% intervals over seeds",
            ["scores", "interval", "coverage"],
            lambda: coverage(n),
        ),
        (
            "Coverage over seeds and 300 examples",
            ["sd of seeds, examples, rest", "seeds", "seeds alone", "crossed", "pigeonhole"],
            lambda: crossed_coverage(n),
        ),
    ):
        section = table(title, columns, rows())
        print(section, flush=True)
        sections.append(section)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text("".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
