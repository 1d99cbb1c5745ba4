"""The tables behind the answers, as text: comparisons, counts, costs and learning rates."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gru_bench.evidence.across_tasks import area_under_sensitivity, expected_best
from gru_bench.evidence.comparison import Comparison, Pace, Verdict
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.rules import MIN_PAIRS
from gru_bench.report.format_numbers import (
    show_interval,
    show_margin,
    show_number,
    show_p,
    show_score,
    show_score_name,
    show_spread,
    show_time,
)
from gru_bench.report.groups import Group, ReportedRun
from gru_bench.runs.result import GateEnds, Tuning

RELIABILITY: dict[Verdict, str] = {
    "better": "more reliable",
    "worse": "less reliable",
    "undecided": "undecided",
}
PACE: dict[Verdict, str] = {"better": "sooner", "worse": "later", "undecided": "undecided"}


@dataclass(frozen=True)
class DetailTable:
    """A table of text.

    Attributes:
        title: What it shows.
        columns: A heading for each entry of a row.
        words: How many columns, from the first, hold words and not numbers.
        rows: The rows, from top to bottom.
        note: How to read it.
    """

    title: str
    columns: list[str]
    words: int
    rows: list[list[str]]
    note: str


def detail_tables(group: Group) -> list[DetailTable]:
    """Returns the tables behind a group's summary; those without anything to show are left out."""
    return [
        *([_typical(group), _reliability(group)] if group.comparisons else []),
        _cell_by_cell(group),
        _cost(group),
        *_learning_rates(group),
        *_search(group),
        *_gate_ends(group),
    ]


def _typical(group: Group) -> DetailTable:
    """Returns how typical scores compare, a row for each comparison."""
    unit = " (points)" if group.is_percentage else ""
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
    columns = [
        "a",
        "b",
        "a is typically",
        "over the page",
        f"a minus b{unit} [95%]",
        "P(a beats b)",
        "p",
        "pairs",
    ]
    return DetailTable(
        title="Cell against cell: typical score",
        columns=columns,
        words=4,
        rows=[
            [
                comparison.cell_a,
                comparison.cell_b,
                _typical_verdict(comparison),
                over_page.typical.verdict if not over_page.is_unlearned else "-",
                show_interval(group, comparison.typical.difference()),
                _percent(comparison.typical.probability_a_beats_b),
                show_p(comparison.typical.p.corrected),
                str(comparison.typical.n_pairs),
            ]
            for comparison, over_page in zip(
                group.comparisons, group.comparisons_over_page, strict=True
            )
        ],
        note=note,
    )


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
    if verdict != "undecided" or more is None:
        return verdict
    return f"undecided; about {more} more seed{'' if more == 1 else 's'}"


def _reliability(group: Group) -> DetailTable:
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


def _cell_by_cell(group: Group) -> DetailTable:
    """Returns what each run comes to by itself, a row for each."""
    note = (
        "Interquartile mean of the test scores, with its bootstrap interval: a single bad seed"
        " counts for less than in the mean."
    )
    what = "solved" if group.has_mark else "learned"
    columns = [f"seeds {what} [95%]", "failures not excluded"]
    note += (
        f" Seeds {what}: Wilson interval. Failures not excluded: the highest rate of seeds that are"
        f" not {what} which so many leave possible, by the one-sided bound of Clopper and Pearson."
    )
    if group.has_mark:
        columns += ["steps to solve [95%]", "seconds to solve [95%]"]
        note += (
            " To solve: median over all seeds; one that did not solve it counts as slower than all"
            " that did, and an interval takes 6 seeds."
        )
    else:
        columns += ["train minus test [95%]"]
        note += " Train minus test: mean over seeds, on a sample of the training data."
    return DetailTable(
        title="Cell by cell",
        columns=["cell", f"interquartile mean {show_score_name(group)} [95%]", *columns],
        words=1,
        rows=[[group.name(run), *_entries(group, run)] for run in group.runs],
        note=note,
    )


def _cost(group: Group) -> DetailTable:
    """Returns what each run took, a row for each."""
    rows = []
    for run in group.runs:
        result, timing = run.result, run.result.timing
        rows.append(
            [
                group.name(run),
                show_spread(timing.train_step_ms),
                show_spread(timing.latency_us),
                show_number(calls.median if (calls := timing.call_us) else None),
                show_number(calls.p99 if calls else None),
                show_number(result.memory_mb),
                f"{result.state_bytes:,}",
            ]
        )
    return DetailTable(
        title="Cost",
        columns=[
            "cell",
            "training step, ms [quartiles]",
            "latency, µs [quartiles]",
            "single call, µs",
            "99% of them, µs",
            "peak, MB",
            "state, bytes",
        ],
        words=1,
        rows=rows,
        note=(
            "All is of one model, measured in turns with the others in one process; quartiles are"
            " of its rounds. Latency: one step of one sequence, as in real-time use, in a program"
            " of many steps. Single call: the same where steps arrive one by one: the median, and"
            " what 99% of the calls do not exceed. State: what is kept of one sequence between two"
            " steps."
        ),
    )


def _entries(group: Group, run: ReportedRun) -> Iterator[str]:
    yield show_interval(group, run.summary.score)
    rate, n = run.summary.success_rate, len(run.result.seeds)
    yield f"{round(n * rate.estimate)}/{n} [{rate.low:.0%}, {rate.high:.0%}]"
    yield f"{run.summary.failures_not_excluded:.0%}"
    if not group.has_mark:
        yield show_interval(group, run.train_minus_test)
        return
    yield show_time(run.summary.steps_to_solve)
    yield show_time(run.summary.seconds_to_solve)


def _learning_rates(group: Group) -> Iterator[DetailTable]:
    """Yields the table of the rates tried for each cell, with their validation scores."""
    tuned = [(run, tuning) for run in group.runs if (tuning := run.result.tuning)]
    if not tuned:
        return
    rates = sorted({rate for _, tuning in tuned for rate in tuning.learning_rates})
    yield DetailTable(
        title="Learning rates tried",
        columns=["cell", "chosen", *(f"{rate:g}" for rate in rates)],
        words=1,
        rows=[
            [group.name(run), f"{tuning.chosen:g}", *(_tried(group, tuning, r) for r in rates)]
            for run, tuning in tuned
        ],
        note=(
            f"Validation {show_score_name(group)} at each rate: mean over seeds that no reported"
            " run shares, lowest to highest in brackets. All cells were given the same rates and"
            " seeds, and each is reported at the rate with the best mean."
        ),
    )


def _search(group: Group) -> Iterator[DetailTable]:
    """Yields the table of what a search of fewer trials would have found."""
    tuned = [(run, tuning) for run in group.runs if (tuning := run.result.tuning)]
    trials = max((len(tuning.learning_rates) for _, tuning in tuned), default=0)
    if trials < 2:
        return
    rows = []
    for run, tuning in tuned:
        rates, means = _mean_scores(group, tuning)
        best = expected_best(means, group.higher_is_better) if len(means) else means
        known = [show_score(group, value) for value in best]
        mean = show_score(group, area_under_sensitivity(rates, means)) if len(rates) > 1 else "-"
        rows.append([group.name(run), mean, *known, *["-"] * (trials - len(known))])
    yield DetailTable(
        title="Budget of the search",
        columns=["cell", "mean over rates", *(f"best of {k}" for k in range(1, trials + 1))],
        words=1,
        rows=rows,
        note=(
            f"Validation {show_score_name(group)}. Best of k: expected if k of these rates had been"
            " tried, drawn with replacement (Dodge et al. 2019). Mean over rates: the area under"
            " the curve of the score against the logarithm of the rate, over its width."
        ),
    )


def _mean_scores(group: Group, tuning: Tuning) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rates and mean scores; a seed without a score counts with the baseline."""
    lost = group.runs[0].result.score.baseline
    means = {
        rate: sum(known) / len(known)
        for rate, scores in zip(tuning.learning_rates, tuning.scores, strict=True)
        if (known := [s for s in (lost if s is None else s for s in scores) if s is not None])
    }
    return np.array(list(means)), np.array(list(means.values()))


def _tried(group: Group, tuning: Tuning, rate: float) -> str:
    if rate not in tuning.learning_rates:
        return "-"
    scores = tuning.scores[tuning.learning_rates.index(rate)]
    known = [score for score in scores if score is not None]
    lost = len(scores) - len(known)
    diverged = [f"{lost} of {len(scores)} diverged"] if lost else []
    if not known:
        return diverged[0]
    mean = Interval(sum(known) / len(known), min(known), max(known))
    return ", ".join([show_interval(group, mean), *diverged])


def _gate_ends(group: Group) -> Iterator[DetailTable]:
    """Yields the table of what the trained gates do at their ends."""
    ends = [
        (run, probes.gate_ends)
        for run in group.runs
        if (probes := run.result.probes) and probes.gate_ends
    ]
    if not ends:
        return
    yield DetailTable(
        title="Gates at their ends",
        columns=[
            "cell",
            "z that keeps",
            "state then moves by",
            "z that replaces",
            "state is then off the candidate by",
            "reset shut: history moves the candidate by",
            "reset open: by",
        ],
        words=1,
        rows=[[group.name(run), *_at_ends(end)] for run, end in ends],
        note=(
            "Trained cells, their gates driven to their ends; the largest deviation of any unit"
            " over all seeds. Textbooks differ in which end of z keeps the state, z = 0 or z = 1:"
            " either way one end keeps it unchanged and the other replaces it by the candidate. A"
            " reset gate that is shut makes the candidate forget the history. For an LSTM, state is"
            " its cell c, kept or replaced by the forget and input gates."
        ),
    )


def _at_ends(ends: GateEnds) -> Iterator[str]:
    for z, deviation in ((ends.z_kept, ends.kept), (ends.z_replaced, ends.replaced)):
        yield "-" if z is None else f"{z:g}"
        yield f"{deviation:.2g}"
    for moved in (ends.reset_shut, ends.reset_open):
        yield "-" if moved is None else f"{moved:.2g}"
