"""The tables behind the answers, as text: comparisons, counts, costs and learning rates."""

from collections.abc import Iterator, Sequence

import numpy as np

from gru_bench.evidence.across_tasks import area_under_sensitivity, expected_best
from gru_bench.evidence.estimates import Interval
from gru_bench.report.class_scores import class_table
from gru_bench.report.detail_table import DetailTable
from gru_bench.report.format_numbers import (
    show_interval,
    show_number,
    show_score,
    show_score_name,
    show_spread,
    show_time,
)
from gru_bench.report.groups import Group
from gru_bench.report.reported_run import ReportedRun
from gru_bench.report.verdict_tables import reliability, typical
from gru_bench.runs.probe_results import GateEnds
from gru_bench.runs.result import Tuning


def detail_tables(group: Group) -> list[DetailTable]:
    """Returns the tables behind a group's summary; those without anything to show are left out."""
    return [
        *([typical(group), reliability(group)] if group.comparisons else []),
        _cell_by_cell(group),
        *class_table(group),
        _cost(group),
        *_learning_rates(group),
        *_search(group),
        *_gate_ends(group),
    ]


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
                "-" if result.state_bytes is None else f"{result.state_bytes:,}",
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
            " steps, of attention at the last step of the longest sequence."
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
    """Yields the table of the rates and starts tried for each cell, with their scores."""
    tuned = [(run, tuning) for run in group.runs if (tuning := run.result.tuning)]
    if not tuned:
        return
    rates = sorted({rate for _, tuning in tuned for rate in tuning.learning_rates})
    has_starts = any(tuning.keeps for _, tuning in tuned)
    what = "rate and start" if has_starts else "rate"
    rows = []
    for run, tuning in tuned:
        for keep in tuning.starts:
            chosen = f"{tuning.chosen:g}" if keep == tuning.chosen_keep else ""
            start = ["-" if keep is None else f"{keep:g}"] if has_starts else []
            tried = [_tried(group, tuning, rate, keep) for rate in rates]
            rows.append([group.name(run), *start, chosen, *tried])
    yield DetailTable(
        title="Learning rates and starts tried" if has_starts else "Learning rates tried",
        columns=[
            *("cell", *(["kept at the start"] if has_starts else []), "chosen"),
            *(f"{rate:g}" for rate in rates),
        ],
        words=1,
        rows=rows,
        note=(
            f"Validation {show_score_name(group)} at each {what}: mean over seeds that no reported"
            " run shares, lowest to highest in brackets. All cells were given the same"
            f" {'rates, starts' if has_starts else 'rates'} and seeds, and each is reported at the"
            f" {what} with the best mean."
        ),
    )


def _search(group: Group) -> Iterator[DetailTable]:
    """Yields the table of what a search of fewer trials would have found."""
    tuned = [(run, tuning) for run in group.runs if (tuning := run.result.tuning)]
    trials = max((len(tuning.scores) for _, tuning in tuned), default=0)
    if trials < 2:
        return
    rows = []
    for run, tuning in tuned:
        means = _mean_scores(group, tuning.scores)
        scored = means[np.isfinite(means)]
        best = expected_best(scored, group.higher_is_better) if len(scored) else scored
        known = [show_score(group, value) for value in best]
        at_start = _mean_scores(group, tuning.scores_at(tuning.chosen_keep))
        rates = np.array(tuning.learning_rates)[np.isfinite(at_start)]
        sensitivity = at_start[np.isfinite(at_start)]
        mean = "-"
        if len(rates) > 1:
            mean = show_score(group, area_under_sensitivity(rates, sensitivity))
        rows.append([group.name(run), mean, *known, *["-"] * (trials - len(known))])
    yield DetailTable(
        title="Budget of the search",
        columns=["cell", "mean over rates", *(f"best of {k}" for k in range(1, trials + 1))],
        words=1,
        rows=rows,
        note=(
            f"Validation {show_score_name(group)}. Best of k: expected if k of these candidates had"
            " been tried, drawn with replacement (Dodge et al. 2019). Mean over rates: the area"
            " under the curve of the score against the logarithm of the rate, over its width, at"
            " the start that was chosen."
        ),
    )


def _mean_scores(group: Group, rows: Sequence[Sequence[float | None]]) -> np.ndarray:
    """Returns the mean score of each row, nan where none; a lost seed counts with the baseline."""
    lost = group.runs[0].result.score.baseline
    filled = [[lost if score is None else score for score in row] for row in rows]
    known = [[score for score in row if score is not None] for row in filled]
    return np.array([sum(row) / len(row) if row else np.nan for row in known])


def _tried(group: Group, tuning: Tuning, rate: float, keep: float | None) -> str:
    if rate not in tuning.learning_rates:
        return "-"
    scores = tuning.scores_at(keep)[tuning.learning_rates.index(rate)]
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
