"""What became of a published figure: reproduced, contradicted, or something else was measured.

The rule is fixed beforehand. A row of a preset states the range of values that count as the same,
and what is measured is an interval. Where the interval lies within the range, the figure is
reproduced; where it lies outside as a whole, it is contradicted; otherwise more seeds are needed.
Less training than published may explain a worse figure and never a better one. A worse one then
contradicts nothing, and the same one reproduces nothing unless there is no better: what was trained
for longer might have left it behind.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, assert_never

import msgspec
import numpy as np

from gru_bench.config.paper import Part, Row, TrainedRow
from gru_bench.config.score import ERRORS
from gru_bench.evidence.estimates import Interval, mean_interval, wilson_interval
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError
from gru_bench.system.files import write_atomically

Outcome = Literal[
    "reproduced", "contradicted", "undecided", "definition differs", "unpublished", "not run"
]
PERCENT = 100
NEVER_NEGATIVE = (*ERRORS, "loss", "counts_to")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured for one row, in the unit of its part.

    Attributes:
        interval: The figure with its 95% interval, which has no ends where there is none.
        values: One value for each seed; empty where nothing was trained.
        seeds: The seeds, in the same order.
        hidden_size: Units of the cell.
        parameters: Parameters of its recurrent layers; None where they are not known.
        steps: Updates of training, of the seed that had most; None where nothing was trained.
    """

    interval: Interval
    values: list[float] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    hidden_size: int
    parameters: int | None = None
    steps: int | None = None


@dataclass(frozen=True)
class Measurement:
    """One part of a preset, as it was measured.

    Attributes:
        created: When the last of it was, in UTC.
        machine: Where.
        minutes: Minutes that training took, with compilation.
        runs: What the preset asked for then.
        words: What was run in another way than the preset has it, as words of a command.
        rows: What was measured, by the labels of the rows.
    """

    created: str
    machine: str
    minutes: float
    runs: dict[str, Any]
    words: list[str]
    rows: dict[str, Measured]


def measure_row(row: TrainedRow, part_score: str, unit: str, result: Result) -> Measured | None:
    """Returns what a run comes to for a row; None where no seed has the score.

    A seed without a finite score counts for a rate as one that does not reach it. In a mean or a
    maximum it counts with the baseline where the score is that of the task, and not otherwise.

    Args:
        row: What is asked for.
        part_score: The score of the part, if the row names none.
        unit: That of the part.
        result: The run.
    """
    name = row.score or part_score
    baseline = result.score.baseline if name == result.score.name else None
    scores = {seed.seed: seed.test.get(name) for seed in result.seeds}
    if row.reaches is None:
        filled = {seed: baseline if s is None else s for seed, s in scores.items()}
        kept = {seed: s for seed, s in filled.items() if s is not None}
    else:
        kept = {seed: -math.inf if s is None else s for seed, s in scores.items()}
    scale = PERCENT if unit == "%" else 1
    if row.reaches is not None:
        kept = {seed: float(s >= row.reaches) for seed, s in kept.items()}
    values = [scale * kept[seed] for seed in sorted(kept)]
    if not values:
        return None
    return Measured(
        interval=estimate(row, values, unit, name),
        values=values,
        seeds=sorted(kept),
        hidden_size=result.hidden_size,
        parameters=result.parameters.cell,
        steps=max(seed.steps for seed in result.seeds),
    )


def estimate(row: TrainedRow, values: Sequence[float], unit: str, score: str) -> Interval:
    """Returns what a row's statistic makes of values, one a seed, with its 95% interval.

    A mean has Student's interval, which is cut where a share or an error cannot be; a rate has
    Wilson's. A maximum has none: it is that of as many seeds as there are.

    Args:
        row: What is asked for.
        values: The values, one at least.
        unit: That of the part.
        score: The name of the score that the values are of.
    """
    scale = PERCENT if unit == "%" else 1
    match row.statistic:
        case "mean":
            mean = mean_interval(values)
            if mean.low is None or mean.high is None:
                return mean
            lowest = 0.0 if unit == "%" or score in NEVER_NEGATIVE else -math.inf
            highest = float(PERCENT) if unit == "%" else math.inf
            return Interval(mean.estimate, max(mean.low, lowest), min(mean.high, highest))
        case "rate":
            return wilson_interval(int(np.sum(np.asarray(values) > 0)), len(values)).times(scale)
        case "maximum":
            return Interval(max(values), None, None)
        case never:
            assert_never(never)


def judge(part: Part, row: Row, measured: Measured | None, words: Sequence[str]) -> Outcome:
    """Returns what became of a published figure.

    Args:
        part: The part that the row is of.
        row: What was published.
        measured: What was measured; None if nothing was.
        words: What was run in another way than the preset has it.
    """
    if measured is None:
        return "not run"
    if row.agrees is None:
        return "unpublished"
    if row.differs or part.differs or words:
        return "definition differs"
    place = _place(measured.interval, row)
    if place == "unclear":
        return "undecided"
    is_worse = place == ("below" if _more_is_better(part, row) else "above")
    may_improve = is_worse or (place == "inside" and not _has_the_best(part, row))
    if part.reduction and may_improve:
        return "definition differs"
    return "reproduced" if place == "inside" else "contradicted"


def _place(interval: Interval, row: Row) -> Literal["inside", "below", "above", "unclear"]:
    """Returns where a measured interval lies, as seen from the range that counts as the same."""
    assert row.agrees is not None
    if interval.low is None or interval.high is None:
        if isinstance(row, TrainedRow) and row.statistic != "maximum":
            return "unclear"  # One seed says nothing of the others.
        low = high = interval.estimate
    else:
        low, high = interval.low, interval.high
    lowest, highest = row.agrees
    if lowest <= low and high <= highest:
        return "inside"
    if high < lowest:
        return "below"
    return "above" if highest < low else "unclear"


def _has_the_best(part: Part, row: Row) -> bool:
    """Whether the best figure that is possible counts as the same; False where none is known."""
    assert row.agrees is not None
    lowest, highest = row.agrees
    if not _more_is_better(part, row):
        return lowest <= 0
    is_rate = isinstance(row, TrainedRow) and row.statistic == "rate"
    return highest >= PERCENT if part.unit == "%" else is_rate and highest >= 1


def _more_is_better(part: Part, row: Row) -> bool:
    is_rate = isinstance(row, TrainedRow) and row.statistic == "rate"
    return is_rate or part.better == "higher"


def read_measurements(folder: Path, name: str) -> dict[str, Measurement]:
    """Returns what `write_measurement` has kept of the parts of a preset, by their names.

    Raises:
        UserError: A file holds something else.
    """
    found = {}
    for file in sorted(folder.glob(f"{name}.*.json")):
        try:
            found[file.stem.removeprefix(f"{name}.")] = msgspec.json.decode(
                file.read_bytes(), type=Measurement
            )
        except (OSError, msgspec.MsgspecError) as error:
            raise UserError(
                f"{file} cannot be read: {error}; gru-bench reproduce --record writes it"
            ) from None
    return found


def write_measurement(folder: Path, name: str, part: str, measurement: Measurement) -> None:
    """Writes what was measured of a part of a preset, as `NAME.PART.json`."""
    content = msgspec.json.format(msgspec.json.encode(measurement), indent=1) + b"\n"
    write_atomically(folder / f"{name}.{part}.json", content)
