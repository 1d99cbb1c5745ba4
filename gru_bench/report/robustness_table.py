"""How verdicts fare at other points of start, budget, readout and size."""

from collections.abc import Iterator, Sequence

from gru_bench.evidence.comparison import Outcome
from gru_bench.evidence.robustness import Robustness
from gru_bench.evidence.rules import LASTING
from gru_bench.report.detail_table import DetailTable
from gru_bench.report.groups import Group

OUTCOMES: tuple[Outcome, ...] = (
    "better",
    "worse",
    "equivalent",
    "trade-off",
    "not learned",
    "undecided",
)


def all_robustness(groups: Sequence[Group]) -> list[Robustness]:
    """Returns every two cells that were compared at several points of a problem, each once."""
    found = [each for group in groups for each in group.robustness.values()]
    return list({(each.problem, each.cell_a, each.cell_b): each for each in found}.values())


def robustness_table(groups: Sequence[Group]) -> DetailTable | None:
    """Returns the share of the points at which each verdict holds; None if there are no points."""
    found = all_robustness(groups)
    if not found:
        return None
    shown = [o for o in OUTCOMES if any(o in each.shares for each in found)]
    return DetailTable(
        title="Robustness",
        columns=["problem", "a", "b", "survives", *(f"a is {o}" for o in shown), "points"],
        words=4,
        rows=[
            [
                each.problem,
                each.cell_a,
                each.cell_b,
                _survivor(each) or "none",
                *(f"{each.shares.get(o, 0):.0%}" for o in shown),
                str(len(each.points)),
            ]
            for each in found
        ],
        note=(
            "The share of points at which each verdict holds. A point is a choice of start, budget,"
            " readout and size, each judged by itself; a budget marked as of a curve is read off"
            " longer runs, on validation data. A verdict survives if it holds at"
            f" {LASTING:.0%} of the points and its contrary at none. A win that does not is not"
            " called one, wherever this report speaks of it."
        ),
    )


def robustness_lines(groups: Sequence[Group]) -> Iterator[str]:
    """Yields the same in a sentence for each two cells, and what a point is."""
    found = all_robustness(groups)
    for each in found:
        held = [f"{outcome} at {each.holds_at(outcome)}" for outcome in each.shares]
        survivor = _survivor(each)
        end = f"that it is {survivor} survives" if survivor else "no verdict survives"
        yield (
            f"{each.problem}, {each.cell_a} against {each.cell_b}: {', '.join(held)} of"
            f" {len(each.points)} points; {end}."
        )
    if found:
        yield (
            "A point is a choice of start, budget, readout and size. A verdict survives if it"
            f" holds at {LASTING:.0%} of them and its contrary at none.\n"
        )


def _survivor(each: Robustness) -> Outcome | None:
    """Returns the verdict that survives; None if none does, or it is none at all."""
    return next((o for o in OUTCOMES if o != "undecided" and each.survives(o)), None)
