"""The tables of verdicts: cell against cell by typical score and by reliability."""

from collections.abc import Callable
from typing import Literal

from gru_bench.evidence.comparison import Comparison, Pace, Verdict
from gru_bench.evidence.crossed import Crossed
from gru_bench.evidence.rules import MIN_PAIRS
from gru_bench.report.detail_table import DetailTable
from gru_bench.report.format_numbers import (
    show_error,
    show_interval,
    show_margin,
    show_p,
    show_time,
)
from gru_bench.report.groups import Group
from gru_bench.system.prose import counted

RELIABILITY: dict[Verdict, str] = {
    "better": "more reliable",
    "worse": "less reliable",
    "undecided": "undecided",
}
PACE: dict[Verdict, str] = {"better": "sooner", "worse": "later", "undecided": "undecided"}


def typical(group: Group) -> DetailTable:
    """Returns how typical scores compare, a row for each comparison."""
    columns = _typical_columns(group)
    return DetailTable(
        title="Cell against cell: typical score",
        columns=list(columns),
        words=5 if group.robustness else 4,
        rows=[
            [show(comparison, over_page) for show in columns.values()]
            for comparison, over_page in zip(
                group.comparisons, group.comparisons_over_page, strict=True
            )
        ],
        note=_typical_note(group),
    )


def _typical_columns(group: Group) -> dict[str, Callable[[Comparison, Comparison], str]]:
    """Returns what shows a comparison, as judged within its task and over the page, by heading."""
    unit = " (points)" if group.is_percentage else ""
    columns: dict[str, Callable[[Comparison, Comparison], str]] = {
        "a": lambda comparison, _: comparison.cell_a,
        "b": lambda comparison, _: comparison.cell_b,
        "a is typically": lambda comparison, _: _typical_verdict(comparison),
        "over the page": lambda _, over: "-" if over.is_unlearned else over.typical.verdict,
    }
    if group.robustness:
        columns["holds at"] = lambda comparison, _: _holds_at(group, comparison)
    columns |= {
        f"a minus b{unit} [95%]": lambda c, _: show_interval(group, c.typical.difference()),
        "P(a beats b)": lambda comparison, _: _percent(comparison.typical.probability_a_beats_b),
        "p": lambda comparison, _: show_p(comparison.typical.p.corrected),
        "pairs": lambda comparison, _: str(comparison.typical.n_pairs),
    }
    if _crosses_examples(group):
        columns |= {
            "error from seeds": lambda c, _: _error(group, c.typical.crossed, "seeds_error"),
            "from examples": lambda c, _: _error(group, c.typical.crossed, "examples_error"),
        }
    return columns


def _typical_note(group: Group) -> str:
    margin = group.comparisons[0].typical.margin
    note = (
        f"a minus b: median difference of the test {group.score_name} over the seeds that learn the"
        " task under both: whose score beats the baseline"
        + (" by more than the margin" if margin is not None else "")
        + ". Its interval, and p, hold however often seeds are added; p is corrected by Holm for"
        " the comparisons of this task. Over the page: the verdict if it were corrected for all"
        " comparisons of this report."
    )
    if margin is not None:
        note += f" Margin: {show_margin(group, margin)}."
    if group.robustness:
        note += (
            " Holds at: the points of start, budget, readout and size at which both verdicts, on"
            " typical score and reliability, come out so."
        )
    if _crosses_examples(group):
        note += (
            " Interval and p hold for other examples of the test data as well; the last columns are"
            " the standard errors of the mean difference that other seeds alone, and other examples"
            " alone, would cause."
        )
    return note


def _crosses_examples(group: Group) -> bool:
    return any(comparison.typical.crossed for comparison in group.comparisons)


def _holds_at(group: Group, comparison: Comparison) -> str:
    points = group.over_points(comparison)
    return f"{points.holds_at(comparison.outcome)} of {len(points.points)}" if points else "-"


def _error(
    group: Group, crossed: Crossed | None, part: Literal["seeds_error", "examples_error"]
) -> str:
    return "-" if crossed is None else show_error(group, getattr(crossed, part))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _typical_verdict(comparison: Comparison) -> str:
    verdict, more = comparison.typical.verdict, comparison.more_seeds
    if comparison.is_unlearned:
        return "not learned by either"
    if verdict in ("better", "worse") and comparison.typical.within_margin:
        return f"{verdict}, within margin"
    if comparison.typical.n_pairs < MIN_PAIRS <= comparison.n_pairs:
        return "undecided; too few learn it"
    if comparison.typical.hangs_on_examples:
        return "undecided; it hangs on the examples"
    if verdict != "undecided" or more is None:
        return verdict
    return f"undecided; about {counted(more, 'more seed')}"


def reliability(group: Group) -> DetailTable:
    """Returns with how many seeds each cell succeeds, and how soon, a row for each comparison."""
    note = (
        "By a and b: seeds that solve the task or, where none of either does, learn it, of those"
        " that both have. p: McNemar's exact test on the seeds with which one cell alone succeeds,"
        " valid however often seeds are added, corrected by Holm for the comparisons of this task."
    )
    columns = ["a", "b", "a is", "over the page", "", "by a", "by b", "of seeds", "p"]
    if group.has_mark:
        columns += ["a is", "steps to solve, a over b [95%]", "p"]
        note += (
            " Steps: median ratio over the seeds that solve it under either cell; 0 or ∞ where one"
            " alone does."
        )
    rows = []
    for comparison, over_page in zip(group.comparisons, group.comparisons_over_page, strict=True):
        reliability = comparison.reliability
        rows.append(
            [
                comparison.cell_a,
                comparison.cell_b,
                RELIABILITY[reliability.verdict],
                RELIABILITY[over_page.reliability.verdict],
                reliability.what,
                str(reliability.successes_a),
                str(reliability.successes_b),
                str(reliability.n_pairs),
                show_p(reliability.p.corrected),
                *(_pace(comparison.pace) if comparison.pace else []),
            ]
        )
    return DetailTable(
        title="Cell against cell: reliability",
        columns=columns,
        words=5,
        rows=rows,
        note=note,
    )


def _pace(pace: Pace) -> list[str]:
    return [PACE[pace.verdict], show_time(pace.ratio), show_p(pace.p.corrected)]
