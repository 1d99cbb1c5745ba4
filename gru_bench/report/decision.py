"""The answer that every report opens with: which cell to take, what it costs, and what is open."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from gru_bench.config.cell import REFERENCE
from gru_bench.report.groups import Group
from gru_bench.report.reported_run import ReportedRun
from gru_bench.system.prose import counted, listed, spanned

# Settings that a sentence names before it counts the others.
MOST_NAMED = 3


@dataclass(frozen=True)
class Standing:
    """How a cell stands against the others of a report.

    Attributes:
        cell: Its name.
        beaten_by: The cells that beat it in a group, by the group's label.
        beats: The cells that it beats in a group, by the group's label.
    """

    cell: str
    beaten_by: dict[str, list[str]]
    beats: dict[str, list[str]]


def decision(groups: Sequence[Group]) -> str:
    """Returns which cell to take, at which cost, where it does not matter and what is open.

    A cell is beaten where another has the verdict of better, by more than the margin. Taken is the
    cell that is beaten in the fewest settings; among several, that which beats the most others,
    since a cell of which nothing is decided is not beaten either; then that with the fewest
    parameters.
    """
    compared = [group for group in groups if group.comparisons]
    if not compared:
        cells = {run.result.cell for group in groups for run in group.runs}
        (first, *others) = sorted(cells)
        return (
            f"No cells to choose between: the runs are of {first} alone."
            if not others
            else "No decision: no two cells were run on one task with a size and a seed in common."
        )
    judged = [group for group in compared if group.has_verdicts]
    sentences = [_choice(judged)] if judged else []
    sentences += [*_short_lived(judged), *_ties(judged), *_trade_offs(judged), *_unlearned(judged)]
    sentences += _open(compared, judged)
    return " ".join(filter(None, sentences))


def _choice(groups: Sequence[Group]) -> str:
    standings = {cell: _standing(cell, groups) for cell in _cells(groups)}
    if not any(standing.beats for standing in standings.values()):
        return ""
    present = Counter(cell for group in groups for cell in {r.result.cell for r in group.runs})
    most = max(present.values())
    candidates = [standing for cell, standing in standings.items() if present[cell] == most]

    def rank(standing: Standing) -> tuple[int, int, float]:
        wins = sum(map(len, standing.beats.values()))
        return len(standing.beaten_by), -wins, _relative_parameters(standing.cell, groups)

    taken = min(candidates, key=rank)
    where = counted(len(groups), "setting") if len(groups) > 1 else groups[0].label
    if taken.beaten_by:
        lost = [f"{label} (by {listed(cells)})" for label, cells in taken.beaten_by.items()]
        choice = (
            f"Take {taken.cell}, which is beaten in the fewest settings: on {listed(_few(lost))}"
        )
    else:
        among = "any of " if len(groups) > 1 else ""
        choice = f"Take {taken.cell}: no other cell beats it on {among}{where}"
    beaten = Counter(cell for cells in taken.beats.values() for cell in set(cells))
    wins = [f"{cell} on {count if len(groups) > 1 else where}" for cell, count in beaten.items()]
    won = f"; it beats {listed(wins)}" if wins else ""
    return f"{choice}{won}.{_cost(taken.cell, groups)}{_failures(taken.cell, groups)}"


def _standing(cell: str, groups: Sequence[Group]) -> Standing:
    beaten_by: dict[str, list[str]] = defaultdict(list)
    beats: dict[str, list[str]] = defaultdict(list)
    for group in groups:
        cells = {group.name(run): run.result.cell for run in group.runs}
        for winner, loser in group.clearly_better:
            if cells[loser] == cell:
                beaten_by[group.label].append(cells[winner])
            if cells[winner] == cell:
                beats[group.label].append(cells[loser])
    return Standing(cell, beaten_by, beats)


def _cost(cell: str, groups: Sequence[Group]) -> str:
    """Returns which share of the LSTM's parameters and training time the cell takes."""
    if cell == REFERENCE:
        return ""
    runs = [run for group in groups for run in group.runs if run.result.cell == cell]
    parts = [f"{_relative_parameters(cell, groups):.2f} of an LSTM's parameters"]
    steps = [step.median for run in runs if (step := run.result.timing.train_step_vs_lstm)]
    if steps:
        parts.append(f"{median(steps):.2f} of its time for a training step")
    return f" It takes {listed(parts)}."


def _failures(cell: str, groups: Sequence[Group]) -> str:
    """Returns where the cell does not solve the task with every seed, and with how many it does."""
    results = [
        (group.label, run.result.solved, len(run.result.seeds))
        for group in groups
        for run in group.runs
        if run.result.cell == cell
    ]
    failed = [
        f"{label} with {solved} of {counted(n, 'seed')}"
        for label, solved, n in results
        if solved is not None and solved < n
    ]
    return f" It solves {listed(_few(failed))}." if failed else ""


def _relative_parameters(cell: str, groups: Sequence[Group]) -> float:
    runs: list[ReportedRun] = [
        run for group in groups for run in group.runs if run.result.cell == cell
    ]
    return median(run.parameters_vs_lstm for run in runs)


def _short_lived(groups: Sequence[Group]) -> Iterator[str]:
    """Yields the problems on which who wins depends on what a point is a choice of."""
    found: dict[str, list[str]] = defaultdict(list)
    for group in groups:
        for comparison in group.comparisons:
            points = group.over_points(comparison)
            wins = comparison.outcome in ("better", "worse")
            if points and wins and not group.lasts(comparison):
                found[points.problem].append(f"{points.cell_a} and {points.cell_b}")
    for problem, pairs in found.items():
        yield (
            f"On {problem} no winner is named between {listed(list(dict.fromkeys(pairs)))}: it"
            " depends on the start, the budget, the readout or the size."
        )


def _ties(groups: Sequence[Group]) -> Iterator[str]:
    """Yields where cells are as good as each other."""
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for group in groups:
        pairs = [(c.cell_a, c.cell_b) for c in group.comparisons if c.outcome == "equivalent"]
        cells = tuple(dict.fromkeys(cell for pair in pairs for cell in pair))
        if len(pairs) == len(cells) * (len(cells) - 1) / 2 and cells:
            found[cells].append(group.label)
    for cells, labels in found.items():
        yield f"It does not matter which of {listed(cells)} on {listed(_few(labels))}."


def _trade_offs(groups: Sequence[Group]) -> Iterator[str]:
    """Yields where one cell is typically better and the other more reliable."""
    for group in groups:
        for c in group.comparisons:
            if c.outcome == "trade-off":
                ahead, behind = c.cell_a, c.cell_b
                if c.typical.verdict == "worse":
                    ahead, behind = behind, ahead
                yield f"On {group.label} {ahead} scores better and {behind} is more reliable."


def _unlearned(groups: Sequence[Group]) -> Iterator[str]:
    """Yields which cells did not learn a task, so that nothing can be said of them there."""
    for group in groups:
        pairs = [(c.cell_a, c.cell_b) for c in group.comparisons if c.outcome == "not learned"]
        cells = list(dict.fromkeys(cell for pair in pairs for cell in pair))
        if cells:
            yield f"{group.label} was not learned by {listed(cells)}."


def _open(groups: Sequence[Group], judged: Sequence[Group]) -> Iterator[str]:
    """Yields what is not decided, and what would likely decide it."""
    yield from _too_few_seeds([group for group in groups if not group.has_verdicts])
    open_ = [
        (group.label, [c for c in group.comparisons if c.outcome == "undecided"])
        for group in judged
    ]
    open_ = [(label, comparisons) for label, comparisons in open_ if comparisons]
    if not open_:
        return
    labels = [label for label, _ in open_]
    pairs = counted(sum(len(comparisons) for _, comparisons in open_), "pair")
    # Each of these numbers is a simulation, so only the settings that are named have them.
    more = [c.more_seeds for _, comparisons in open_[:MOST_NAMED] for c in comparisons]
    known = [number for number in more if number is not None]
    where = " those named" if len(open_) > MOST_NAMED else ""
    advice = (
        f"; up to {counted(max(known), 'more seed')} would likely decide{where}" if known else ""
    )
    yield f"Open: {pairs} of cells on {listed(_few(labels))}{advice}."


def _too_few_seeds(groups: Sequence[Group]) -> Iterator[str]:
    """Yields where there are too few seeds, how many there are and how many it takes.

    Settings that differ in this have a sentence each, as far as there are few such.
    """
    alike: dict[tuple[str, int], list[Group]] = defaultdict(list)
    for group in groups:
        alike[spanned(group.seeds_in_common), group.seeds_needed].append(group)
    for found in alike.values() if len(alike) <= MOST_NAMED else [list(groups)]:
        where = listed(_few([group.label for group in found]))
        shared = spanned([number for group in found for number in group.seeds_in_common])
        needed = spanned([group.seeds_needed for group in found])
        are = "seed in common is" if shared == "1" else "seeds in common are"
        yield f"No decision yet on {where}: {shared} {are} too few, and it takes {needed}."


def _cells(groups: Sequence[Group]) -> list[str]:
    return list(dict.fromkeys(run.result.cell for group in groups for run in group.runs))


def _few(labels: Sequence[str]) -> list[str]:
    more = len(labels) - MOST_NAMED
    return [*labels[:MOST_NAMED], *([counted(more, "other setting")] if more > 0 else [])]
