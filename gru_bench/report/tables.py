"""The main table of a group as text, with a row for each run, and the notes that go with it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gru_bench.config.score import ACCURACY, CLASSIFICATION_SCORES, score_in_words
from gru_bench.evidence.rules import MIN_PAIRS, SIGNIFICANCE
from gru_bench.report.format_numbers import (
    show_interval_column,
    show_number_column,
    show_ratio,
    show_score,
    show_score_name,
)
from gru_bench.report.group_notes import group_notes
from gru_bench.report.groups import Group
from gru_bench.report.rows import median

# Settings whose tables are shown at once; who has more wants to find, not to read.
MOST_SHOWN = 20
LEGEND = (
    "Scores are on test data: mean over seeds [95% Student t interval]. Bold: shortest step, lowest"
    " latency, and each score that no verdict calls worse, where verdicts tell any two apart."
    " Cell params: of the recurrent layers alone; vs LSTM: over those of the LSTM with as many"
    " units, or of the one that the cell matches; model params: with embedding and head. Step:"
    " median time of one training step of one model."
    " Latency: one step of one sequence in real time. Peak: memory while training."
)
VERDICTS = (
    "Verdicts pair cells by seed. Typically better: with more than half of all seeds that learn the"
    " task under both cells, and on average; equivalent: the median difference is within a margin"
    " set beforehand. More reliable: solves the task, or learns it where it has no mark, with more"
    f" of all seeds. Each kind is tested at {SIGNIFICANCE} for all pairs of the task together, by a"
    f" test that holds however often seeds are added, on {MIN_PAIRS} pairs at least;"
    " docs/statistics.md has the error rates. How many more seeds would decide is an estimate. The"
    " choice of a learning rate is no part of the uncertainty."
)
CROSSED = (
    "Where all seeds share one test split, as on text, intervals of mean scores and verdicts on"
    " typical scores hold for other examples as well as for other seeds, if predictions are stored"
    " with the runs."
)


def heading(group: Group) -> str:
    """Returns what a group's rows have in common: score, baseline, solved rule, setting."""
    score = group.runs[0].result.score
    parts = [f"test {show_score_name(group)} {group.arrow}"]
    if score.baseline is not None:
        parts.append(f"{score.baseline_name} scores {show_score(group, score.baseline)}")
    if score.solved_rule is not None:
        parts.append(f"solved: {score.solved_rule}")
    if setting := group.setting():
        parts.append(setting)
    if matching := group.matching():
        parts.append(matching)
    return "; ".join(parts)


class Entry(NamedTuple):
    """What stands in one cell of a table."""

    text: str
    stands_out: bool = False


@dataclass(frozen=True)
class Column:
    """A column of the main table.

    Attributes:
        name: Upper line of its heading.
        unit: Lower line.
        entries: The entries from top to bottom, one for each run.
        rank: The higher, the sooner it is left out where there is little room; 0 always stays.
    """

    name: str
    unit: str
    entries: list[Entry] = field(default_factory=list)
    rank: int = 0


def columns(group: Group) -> list[Column]:
    """Returns the columns of a group's table; the numbers of one have one format."""
    results = [run.result for run in group.runs]
    timings = [result.timing for result in results]
    names = [group.name(run) if group.matching() else run.result.cell for run in group.runs]
    latency = [
        Column(
            "latency",
            "µs",
            _entries(show_number_column([median(t.latency_us) for t in timings]), group.quickest()),
            rank=3,
        ),
        Column("vs", "LSTM", _entries(show_ratio(median(t.latency_vs_lstm)) for t in timings), 4),
    ]
    return [
        Column("cell", "", _entries(names)),
        Column("hidden", "size", _entries(str(result.hidden_size) for result in results)),
        Column(
            show_score_name(group),
            group.arrow,
            _entries(
                show_interval_column(group, [run.score for run in group.runs]),
                [group.runs.index(run) for run in group.unbeaten()],
            ),
        ),
        *_score_beside(group),
        Column("seeds", "", _entries(str(len(result.seeds)) for result in results))
        if results[0].solved is None
        else Column("solved", "seeds", _entries(run.solved_seeds for run in group.runs)),
        Column("cell", "params", _entries(f"{r.parameters.cell:,}" for r in results)),
        Column("vs", "LSTM", _entries(f"{run.parameters_vs_lstm:.2f}" for run in group.runs), 2),
        Column("model", "params", _entries(f"{r.parameters.total:,}" for r in results), rank=4),
        Column(
            "step",
            "ms",
            _entries(
                show_number_column([median(t.train_step_ms) for t in timings]), group.fastest()
            ),
            rank=1,
        ),
        Column(
            "vs", "LSTM", _entries(show_ratio(median(t.train_step_vs_lstm)) for t in timings), 1
        ),
        *(latency if any(timing.latency_us for timing in timings) else []),
        Column("peak", "MB", _entries(show_number_column([r.memory_mb for r in results])), 5),
    ]


def _score_beside(group: Group) -> Iterator[Column]:
    """Yields the mean of macro F1 where classes are told apart by accuracy, else of accuracy."""
    name = "macro_f1" if group.runs[0].result.score.name == ACCURACY.name else ACCURACY.name
    means = [run.mean_of(name) for run in group.runs]
    if group.runs[0].result.score.name in CLASSIFICATION_SCORES and None not in means:
        shown = [show_score(group, mean) for mean in means if mean is not None]
        yield Column(score_in_words(name), "(%) ↑", _entries(shown), rank=2)


def _entries(texts: Iterable[str], stand_out: Collection[int] = ()) -> list[Entry]:
    return [Entry(text, place in stand_out) for place, text in enumerate(texts)]


def in_rows(columns: Sequence[Column]) -> list[tuple[Entry, ...]]:
    """Returns the entries of columns row by row."""
    return list(zip(*(column.entries for column in columns), strict=True))


def legend(groups: Sequence[Group]) -> list[str]:
    """Returns how to read scores and verdicts."""
    is_shared = any(group.shares_test_split for group in groups)
    compared = [VERDICTS] if any(group.comparisons for group in groups) else []
    return [LEGEND, *compared, *([CROSSED] if is_shared else [])]


def notes(groups: Sequence[Group]) -> list[str]:
    """Returns how to read the table, and what to know before comparing its rows."""
    return [*legend(groups), *(note for group in groups for note in group_notes(group))]


def machines(groups: Sequence[Group]) -> list[dict[str, str]]:
    """Returns each different machine with its versions once."""
    different = []
    for run in (run for group in groups for run in group.runs):
        environment = run.result.environment
        devices = "device" if environment.device_count == 1 else "devices"
        shown = {
            "Device": f"{environment.device_count} {environment.device} {devices}"
            f" ({environment.device_kind})",
            "Processor": environment.processor or "unknown",
            "System": environment.platform,
            "Python": environment.python,
            "Packages": ", ".join(f"{name} {v}" for name, v in environment.versions.items()),
            "Git revision": environment.git_revision or "unknown",
        }
        if shown not in different:
            different.append(shown)
    return different
