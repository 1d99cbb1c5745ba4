"""The tables behind the answers, as text: what was compared, counted, measured and chosen."""

from collections.abc import Iterator
from dataclasses import dataclass

from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.verdicts import Comparison
from gru_bench.report.format_numbers import (
    show_interval,
    show_margin,
    show_number,
    show_p,
    show_score_name,
    show_spread,
    show_time,
)
from gru_bench.report.groups import Group, Run
from gru_bench.runs.result import GateEnds, Tuning


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


def evidence(group: Group) -> list[Evidence]:
    """The tables behind a group's summary; those without anything to show are left out."""
    return [
        *([_cell_against_cell(group)] if group.comparisons else []),
        _cell_by_cell(group),
        _cost(group),
        *_learning_rates(group),
        *_gate_ends(group),
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
    if group.has_mark:
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
            " seeds, its share where runs were trained together. Latency: one step of one sequence,"
            " as in real-time use. State: what is kept of one sequence between two steps."
        ),
    )


def _entries(group: Group, run: Run) -> Iterator[str]:
    yield show_interval(group, run.summary.score)
    if not group.has_mark:
        yield show_interval(group, run.train_minus_test)
        return
    rate = run.summary.solve_rate
    yield "-" if rate is None else f"{run.solved_seeds} [{rate.low:.0%}, {rate.high:.0%}]"
    yield show_time(run.summary.steps_to_solve)
    yield show_time(run.summary.seconds_to_solve)


def _judgement(comparison: Comparison) -> str:
    if comparison.verdict in ("better", "worse") and comparison.within_margin:
        return f"{comparison.verdict}, within margin"
    if comparison.verdict != "undecided" or comparison.more_seeds is None:
        return comparison.verdict
    more = comparison.more_seeds
    return f"undecided; about {more} more seed{'' if more == 1 else 's'}"


def _learning_rates(group: Group) -> Iterator[Evidence]:
    """The rates tried for each cell, and what they scored on validation data."""
    tuned = [(run, tuning) for run in group.runs if (tuning := run.result.tuning)]
    if not tuned:
        return
    rates = sorted({rate for _, tuning in tuned for rate in tuning.learning_rates})
    yield Evidence(
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


def _gate_ends(group: Group) -> Iterator[Evidence]:
    """What the trained gates do at their ends."""
    ends = [
        (run, probes.gate_ends)
        for run in group.runs
        if (probes := run.result.probes) and probes.gate_ends
    ]
    if not ends:
        return
    yield Evidence(
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
