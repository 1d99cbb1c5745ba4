"""The results of each task in a sentence or two.

It restates the verdicts of `evidence`; nothing is judged here.
"""

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from gru_bench.evidence.comparison import Outcome, Verdict
from gru_bench.evidence.rules import SIGNIFICANCE
from gru_bench.report.format_numbers import (
    show_amount,
    show_interval,
    show_number,
    show_range,
    show_score_name,
)
from gru_bench.report.groups import Group
from gru_bench.report.reported_run import ReportedRun
from gru_bench.system.prose import counted, listed, spanned

# Runs that a summary names before it leaves the rest to the table.
MOST_NAMED = 4
# Pairs that a sentence names, those of four cells; it only counts more than these.
MOST_PAIRS_NAMED = 6
# What sets the seeds in a command.
SEEDS = r"""\s+['"]?seeds=(\[[^\]]*\]|\S+)['"]?"""
# Commands that take seeds. A part of the claims' reference has those that the rules say.
TAKING_SEEDS = re.compile(r"gru-bench (run|horizon|reproduce|claims(?! --part))\b")

Pair = tuple[str, str]

BRACKETS = (
    "Brackets, and ranges such as `1 to 2`, are 95% intervals; steps are medians over seeds."
    f" Verdicts of one kind are tested at {SIGNIFICANCE:.0%} for all pairs of cells of a task"
    " together, however often seeds were added."
)


def brackets(groups: Sequence[Group]) -> str:
    """Returns how to read what stands in brackets; nothing where no score has an interval."""
    scores = [run.score for group in groups for run in group.runs if run.score is not None]
    return BRACKETS if any(score.low is not None for score in scores) else ""


def summary(group: Group) -> str:
    """Returns what came out, in a sentence or two that claim nothing beyond the verdicts."""
    scores = _solved(group) if group.has_mark else _scores(group)
    sentences = [verdict(group), scores] if group.has_verdicts else [scores, verdict(group)]
    return " ".join(filter(None, sentences))


def brief(group: Group) -> str:
    """Returns the verdicts alone, or the summary if there are none: for one of many settings."""
    return verdict(group) if group.has_verdicts else summary(group)


def verdict(group: Group) -> str:
    """Returns all comparisons of a group in a few sentences; empty if there is only one cell.

    Where there are too few seeds, `adding_command` belongs behind them.
    """
    comparisons = group.comparisons
    if not comparisons:
        several = len({run.result.cell for run in group.runs}) > 1
        return "No two cells share a size and a seed to be compared by." if several else ""
    if not group.has_verdicts:
        return _too_few_seeds(group)
    if len(comparisons) > MOST_PAIRS_NAMED:
        count = Counter(comparison.outcome for comparison in comparisons)
        differ = len(group.better) + count["trade-off"]
        return (
            f"Of {len(comparisons)} pairs of cells, {differ} differ in test {group.score_name} or"
            f" reliability, {count['equivalent']} are as good as each other,"
            f" {count['not learned']} are not learned by either and {count['undecided']} are"
            " undecided."
        )
    parts = {
        f"By typical test {group.score_name}, ": [*_better(group), *_equivalent(group)],
        f"By seeds that {'solve' if group.has_mark else 'learn'} it, ": [*_more_reliable(group)],
        "No win, since it does not survive other settings: ": [*_short_lived(group)],
        "Not learned by either: ": [listed(cells) for cells in _cliques(group, "not learned")],
        "Not told apart yet: ": [*_undecided(group)],
    }
    return " ".join(f"{start}{'; '.join(texts)}." for start, texts in parts.items() if texts)


def _short_lived(group: Group) -> Iterator[str]:
    """Yields who is better here alone, and at how many points of start, budget, readout, size."""
    for comparison in group.comparisons:
        points = group.over_points(comparison)
        if points and comparison.outcome in ("better", "worse") and not group.lasts(comparison):
            pair = (comparison.cell_a, comparison.cell_b)
            winner, loser = pair if comparison.outcome == "better" else pair[::-1]
            held = points.holds_at(comparison.outcome)
            yield f"{winner} over {loser} (at {held} of {len(points.points)} points)"


def _too_few_seeds(group: Group) -> str:
    """Returns how many seeds there are and how many it takes, as what leads to the command."""
    numbers = (
        f"Too few seeds to judge: {spanned(group.seeds_in_common)}, and it takes"
        f" {group.seeds_needed}."
    )
    if not adding_command(group):
        return numbers
    commands = {run.result.command for run in group.runs}
    others = f" (and so the other {len(commands) - 1})" if len(commands) > 1 else ""
    return f"{numbers} Add them{others}:"


def adding_command(group: Group) -> str:
    """Returns the command that adds the seeds that a verdict takes, to be copied.

    It is empty where there are enough, and where a run comes from a command that decides on its
    seeds itself, as a choice does.
    """
    commands = [run.result.command for run in group.runs]
    if not group.comparisons or group.has_verdicts or not all(map(TAKING_SEEDS.match, commands)):
        return ""
    return f"{re.sub(SEEDS, '', commands[0])} seeds={group.seeds_needed}"


def with_command(sentences: str, group: Group) -> str:
    """Returns what is said of a group, with the command that adds seeds where there is one."""
    return f"{sentences} {adding_command(group)}".rstrip()


def _told_apart(group: Group, verdicts: Iterable[Verdict]) -> list[Pair]:
    """Returns the pairs of which one is better by these verdicts: its name comes first."""
    return [
        (c.cell_a, c.cell_b) if verdict == "better" else (c.cell_b, c.cell_a)
        for c, verdict in zip(group.comparisons, verdicts, strict=True)
        if verdict in ("better", "worse") and not c.is_unlearned and group.lasts(c)
    ]


def _better(group: Group) -> Iterator[str]:
    """Yields who beats whom by how much; cells that lose to the same others are named together."""
    comparisons = group.comparisons
    slightly = {frozenset((c.cell_a, c.cell_b)) for c in comparisons if c.typical.within_margin}
    beaten_by: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for winner, loser in _told_apart(group, (c.typical.verdict for c in comparisons)):
        beaten_by[frozenset((winner, loser)) in slightly, loser].append(winner)
    losers: dict[tuple[bool, tuple[str, ...]], list[str]] = defaultdict(list)
    for (slight, loser), winners in beaten_by.items():
        losers[slight, tuple(winners)].append(loser)
    for (slight, names), beaten in sorted(losers.items(), key=lambda item: -len(item[0][1])):
        verb = "beats" if len(names) == 1 else "beat"
        though = f", less than the {_margin(group)} that would matter" if slight else ""
        winners = [f"{name}{_failures(group, name)}" for name in names]
        yield f"{listed(winners)} {verb} {listed(beaten)} by {_lead(group, names, beaten)}{though}"


def _failures(group: Group, name: str) -> str:
    """Returns with how many seeds a cell that scores better fails, if with any."""
    run = next(run for run in group.runs if group.name(run) == name)
    solved, n = run.result.solved, len(run.result.seeds)
    return "" if solved is None or solved == n else f" (fails with {n - solved} of {n} seeds)"


def _lead(group: Group, winners: Collection[str], losers: Collection[str]) -> str:
    """Returns the lowest and the highest end of the intervals of these pairs' differences."""
    pairs = {frozenset(pair) for pair in itertools.product(winners, losers)}
    differences = [
        c.typical.difference() for c in group.comparisons if {c.cell_a, c.cell_b} in pairs
    ]
    ends = [abs(end) for d in differences if d for end in (d.low, d.high) if end is not None]
    return show_range(group, min(ends), max(ends))


def _equivalent(group: Group) -> Iterator[str]:
    for cells in _cliques(group, "equivalent"):
        yield f"{listed(cells)} are as good as each other, to within {_margin(group)}"


def _more_reliable(group: Group) -> Iterator[str]:
    """Yields who solves it, or learns it, with more seeds than which others."""
    comparisons = group.comparisons
    pairs = _told_apart(group, (c.reliability.verdict for c in comparisons))
    less: dict[str, list[str]] = defaultdict(list)
    for winner, loser in pairs:
        less[winner].append(loser)
    winners: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for winner, losers in less.items():
        winners[tuple(losers)].append(winner)
    for beaten, names in winners.items():
        verb = "beats" if len(names) == 1 else "beat"
        yield f"{listed(names)} {verb} {listed(beaten)}"


def _undecided(group: Group) -> Iterator[str]:
    for cells in _cliques(group, "undecided"):
        yield f"{listed(cells)}{_advice(group, cells)}"


def _advice(group: Group, cells: Collection[str]) -> str:
    """Returns the seeds that would likely decide between all of these cells, if known."""
    open_ = [c for c in group.comparisons if {c.cell_a, c.cell_b} <= set(cells)]
    if all(c.typical.hangs_on_examples for c in open_):
        return " (more seeds would not decide: it hangs on the test examples)"
    numbers = [c.more_seeds for c in open_ if c.more_seeds is not None]
    if len(numbers) < len(open_):
        return ""
    more = max(numbers)
    return f" (about {counted(more, 'more seed')} would likely decide)"


def _cliques(group: Group, outcome: Outcome) -> list[tuple[str, ...]]:
    """Returns the largest sets of cells any two of which have this outcome."""
    pairs = [{c.cell_a, c.cell_b} for c in group.comparisons if c.outcome == outcome]
    names = [name for name in map(group.name, group.runs) if any(name in pair for pair in pairs)]
    found: list[tuple[str, ...]] = []
    for size in range(len(names), 1, -1):
        for cells in itertools.combinations(names, size):
            new = not any(set(cells) <= set(larger) for larger in found)
            if new and all({a, b} in pairs for a, b in itertools.combinations(cells, 2)):
                found.append(cells)
    return found


def _margin(group: Group) -> str:
    margin = group.comparisons[0].typical.margin
    assert margin is not None, "nothing is within a margin that is not stated"
    return show_amount(group, margin)


def _solved(group: Group) -> str:
    """Returns solve rates, best first, with the median of steps where half of the seeds do."""

    def rank(run: ReportedRun) -> tuple[float, float]:
        return -(run.result.solved or 0) / len(run.result.seeds), run.steps_to_solve

    def name(run: ReportedRun) -> str:
        steps = run.steps_to_solve
        after = "" if steps == math.inf else f" ({show_number(steps)} steps)"
        return f"{group.name(run)}{after}"

    ranked = sorted(group.runs, key=rank)
    named, more = ranked[:MOST_NAMED], len(ranked) - MOST_NAMED
    shown = [
        f"in {rate} seeds by {listed([name(run) for run in runs])}"
        for rate, runs in itertools.groupby(named, key=lambda run: run.solved_seeds)
    ]
    return f"Solved {', '.join(shown + ([f'and {more} below'] if more > 0 else []))}."


def _scores(group: Group) -> str:
    if not group.by_score:
        return "No run has a test score."
    shown = [f"{group.name(run)} {show_interval(group, run.score)}" for run in group.by_score]
    more = len(shown) - MOST_NAMED
    named = shown[:MOST_NAMED] + ([f"and {more} below"] if more > 0 else [])
    return f"Test {show_score_name(group)}: {', '.join(named)}."
