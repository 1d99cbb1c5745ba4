"""What came out: a sentence or two a task, and the tables that back them.

All of it restates `verdicts`; nothing is judged here.
"""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gru_bench.report.groups import Group, Run
from gru_bench.report.numbers import (
    show_interval,
    show_margin,
    show_number,
    show_p,
    show_score_name,
    show_spread,
    show_time,
)
from gru_bench.stats import MIN_PAIRS, Interval
from gru_bench.verdicts import Comparison, Verdict

# Runs that a summary names before it leaves the rest to the table.
MOST_NAMED = 4
# Pairs that a sentence names, those of four cells; it only counts more than these.
MOST_PAIRS_NAMED = 6


@dataclass(frozen=True)
class Evidence:
    """A table of text.

    Attributes:
        title: What it shows.
        columns: A heading for each entry of a row.
        words: How many columns, from the first, hold words and not numbers.
        rows: From top to bottom.
        note: How to read it.
    """

    title: str
    columns: list[str]
    words: int
    rows: list[list[str]]
    note: str


def summary(group: Group) -> str:
    """What came out, in a sentence or two that claim nothing beyond the verdicts."""
    scores = _solved(group) if _has_mark(group) else _scores(group)
    return f"{scores} {verdict(group)}".strip()


def verdict(group: Group) -> str:
    """All comparisons of a group in one sentence; empty if there is only one cell."""
    comparisons = group.comparisons
    if not comparisons:
        several = len({run.result.cell for run in group.runs}) > 1
        return "No two cells share a hidden size and a seed to be compared by." if several else ""
    if all(comparison.n_pairs < MIN_PAIRS for comparison in comparisons):
        return f"No verdict under {MIN_PAIRS} paired seeds."
    if len(comparisons) > MOST_PAIRS_NAMED:
        count = Counter(comparison.verdict for comparison in comparisons)
        return (
            f"Of {len(comparisons)} pairs, compared by test {group.score_name},"
            f" {len(group.better)} differ, {count['equivalent']} are equivalent and"
            f" {count['undecided']} undecided."
        )
    parts = [*_better(group), *_equivalent(group), *_undecided(group)]
    return f"By test {group.score_name}: {'; '.join(parts)}."


def evidence(group: Group) -> list[Evidence]:
    """The tables behind a group's summary; those without anything to show are left out."""
    return [
        *([_cell_against_cell(group)] if group.comparisons else []),
        _cell_by_cell(group),
        _cost(group),
    ]


def _cell_against_cell(group: Group) -> Evidence:
    """Every comparison, a row each."""
    unit = " (points)" if group.is_percentage else ""
    margin = group.comparisons[0].margin
    note = f"a minus b: mean difference of the test {group.score_name} over the seeds of both."
    if margin is not None:
        note += f" Margin: {show_margin(group, margin)}."
    return Evidence(
        title="Cell against cell",
        columns=["a", "b", "a is", f"a minus b{unit} [95%]", "P(a beats b)", "Holm p", "seeds"],
        words=3,
        rows=[
            [
                comparison.cell_a,
                comparison.cell_b,
                _judgement(comparison),
                show_interval(group, comparison.difference),
                f"{comparison.probability_a_beats_b:.0%}",
                show_p(comparison.p_holm),
                str(comparison.n_pairs),
            ]
            for comparison in group.comparisons
        ],
        note=note,
    )


def _cell_by_cell(group: Group) -> Evidence:
    """What each run comes to by itself, a row each."""
    note = (
        "Interquartile mean of the test scores, with its bootstrap interval: a single bad seed"
        " counts for less than in the mean."
    )
    if _has_mark(group):
        columns = ["seeds solved [95%]", "steps to solve [95%]", "seconds to solve [95%]"]
        note += (
            " Seeds solved: Wilson interval. To solve: median over all seeds; one that did not"
            " solve it counts as slower than all that did, and an interval takes 6 seeds."
        )
    else:
        columns = ["train minus test [95%]"]
        note += " Train minus test: mean over seeds, on a sample of the training data."
    return Evidence(
        title="Cell by cell",
        columns=["cell", f"interquartile mean {show_score_name(group)} [95%]", *columns],
        words=1,
        rows=[[group.name(run), *_entries(group, run)] for run in group.runs],
        note=note,
    )


def _cost(group: Group) -> Evidence:
    """What each run took, a row each."""
    rows = []
    for run in group.runs:
        result, timing = run.result, run.result.timing
        rows.append(
            [
                group.name(run),
                show_spread(timing.train_step_ms),
                show_spread(timing.latency_us),
                show_number(timing.compile_s),
                show_number(timing.train_s),
                show_number(timing.wall_s),
                show_number(result.memory_mb),
                f"{result.state_bytes:,}",
            ]
        )
    return Evidence(
        title="Cost",
        columns=[
            "cell",
            "training step, ms [quartiles]",
            "latency, µs [quartiles]",
            "compiling, s",
            "training, s",
            "in all, s",
            "peak, MB",
            "state, bytes",
        ],
        words=1,
        rows=rows,
        note=(
            "A training step and the latency are of one model; seconds are of a run with all its"
            " seeds. Latency: one step of one sequence, the call from Python included. State: what"
            " is kept of one sequence between two steps."
        ),
    )


def _entries(group: Group, run: Run) -> Iterator[str]:
    yield show_interval(group, run.summary.score)
    if not _has_mark(group):
        yield show_interval(group, run.train_minus_test)
        return
    rate = run.summary.solve_rate
    yield "-" if rate is None else f"{_count_solved(run)} {_percent(rate)}"
    yield show_time(run.summary.steps_to_solve)
    yield show_time(run.summary.seconds_to_solve)


def _judgement(comparison: Comparison) -> str:
    if comparison.verdict in ("better", "worse") and comparison.within_margin:
        return f"{comparison.verdict}, within margin"
    if comparison.verdict != "undecided" or comparison.more_seeds is None:
        return comparison.verdict
    more = comparison.more_seeds
    return f"undecided; about {more} more seed{'' if more == 1 else 's'}"


def _has_mark(group: Group) -> bool:
    """Whether the task is solved or not."""
    return group.runs[0].result.score.solved_rule is not None


def _solved(group: Group) -> str:
    """Solve rates, best first, each with the median of steps where half of the seeds got there."""

    def rank(run: Run) -> tuple[float, float]:
        return -(run.result.solved or 0) / len(run.result.seeds), _steps(run)

    shown = []
    for run in sorted(group.runs, key=rank):
        steps = _steps(run)
        after = "" if steps == math.inf else f" ({show_number(steps)})"
        shown.append(f"{group.name(run)} {_count_solved(run)}{after}")
    return f"seeds that solved it (median steps): {_first(shown)}."


def _scores(group: Group) -> str:
    if not group.by_score:
        return "no run has a test score."
    shown = [f"{group.name(run)} {show_interval(group, run.score)}" for run in group.by_score]
    return f"test {show_score_name(group)}: {_first(shown)}."


def _steps(run: Run) -> float:
    median = run.summary.steps_to_solve
    return math.inf if median is None else median.estimate


def _count_solved(run: Run) -> str:
    return f"{run.result.solved}/{len(run.result.seeds)}"


def _percent(rate: Interval) -> str:
    return f"[{rate.low:.0%}, {rate.high:.0%}]"


def _better(group: Group) -> Iterator[str]:
    """Who is better than whom; cells that lose to the same others are named together."""
    slightly = {frozenset((c.cell_a, c.cell_b)) for c in group.comparisons if c.within_margin}
    beaten_by: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for winner, loser in group.better:
        beaten_by[frozenset((winner, loser)) in slightly, loser].append(winner)
    losers: dict[tuple[bool, tuple[str, ...]], list[str]] = defaultdict(list)
    for (slight, loser), winners in beaten_by.items():
        losers[slight, tuple(winners)].append(loser)
    for (slight, names), beaten in sorted(losers.items(), key=lambda item: -len(item[0][1])):
        verb = "is" if len(names) == 1 else "are"
        though = f", though by less than the margin{_margin(group)}" if slight else ""
        yield f"{_and(names)} {verb} better than {_and(beaten)}{though}"


def _equivalent(group: Group) -> Iterator[str]:
    for cells in _cliques(group, "equivalent"):
        yield f"{_and(cells)} are equivalent{_margin(group)}"


def _undecided(group: Group) -> Iterator[str]:
    for cells in _cliques(group, "undecided"):
        yield f"undecided {'among' if len(cells) > 2 else 'between'} {_and(cells)}"


def _cliques(group: Group, verdict: Verdict) -> list[tuple[str, ...]]:
    """The largest sets of cells any two of which have this verdict."""
    pairs = [{c.cell_a, c.cell_b} for c in group.comparisons if c.verdict == verdict]
    names = [name for name in map(group.name, group.runs) if any(name in pair for pair in pairs)]
    found: list[tuple[str, ...]] = []
    for size in range(len(names), 1, -1):
        for cells in itertools.combinations(names, size):
            new = not any(set(cells) <= set(larger) for larger in found)
            if new and all({a, b} in pairs for a, b in itertools.combinations(cells, 2)):
                found.append(cells)
    return found


def _margin(group: Group) -> str:
    margin = group.comparisons[0].margin
    return "" if margin is None else f" ({show_margin(group, margin)})"


def _first(shown: list[str]) -> str:
    more = len(shown) - MOST_NAMED
    return ", ".join(shown[:MOST_NAMED] + ([f"and {more} below"] if more > 0 else []))


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
