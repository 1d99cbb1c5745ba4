"""Published figures beside measured ones, as tables."""

from collections.abc import Iterator, Mapping

from gru_bench.config.paper import AnyPart, Paper, Row, TrainedPart
from gru_bench.evidence import interval_text
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.papers import Measured, Measurement, judge
from gru_bench.report.detail_table import DetailTable

SMALL = 1e-3  # numbers below it are written as powers of ten
NOTHING = "-"


def paper_tables(
    name: str, paper: Paper, measurements: Mapping[str, Measurement]
) -> Iterator[DetailTable]:
    """Yields a table for each part of a preset.

    Args:
        name: The name of the preset.
        paper: The preset.
        measurements: What was measured, by the names of the parts; of the others nothing was.
    """
    for part_name, part in paper.parts.items():
        yield part_table(f"{name}/{part_name}", part, measurements.get(part_name))


def part_table(label: str, part: AnyPart, measurement: Measurement | None) -> DetailTable:
    """Returns one part: published, measured with interval, and what became of it.

    Args:
        label: The name of the preset and of the part.
        part: The part.
        measurement: What was measured; None if nothing was.
    """
    words = [] if measurement is None else measurement.words
    measured = {} if measurement is None else measurement.rows
    judged = {row.label: judge(part, row, measured.get(row.label), words) for row in part.rows}
    return DetailTable(
        title=f"{label}: {part.title}{f' ({part.unit})' if part.unit else ''}",
        columns=["", "published", "measured", "seeds", "outcome"],
        words=1,
        rows=[
            [
                row.label,
                show_published(row),
                *show_measured(measured.get(row.label)),
                judged[row.label],
            ]
            for row in part.rows
        ],
        note=" ".join(notes(label, part, measurement)),
    )


def show_published(row: Row) -> str:
    """Returns a published figure, with a star if it is recalled; a dash if there is none."""
    if row.published is None:
        return NOTHING
    figure = row.published
    if not isinstance(figure, str):
        figure = f"{figure:,g}".replace("e-0", "e-")
    return f"{figure}*" if row.known == "recalled" else figure


def show_measured(measured: Measured | None) -> tuple[str, str]:
    """Returns what was measured with its interval, and of how many seeds."""
    if measured is None:
        return NOTHING, NOTHING
    seeds = str(len(measured.seeds)) if measured.seeds else NOTHING
    return show_interval(measured.interval), seeds


def show_interval(interval: Interval) -> str:
    """Returns a figure with its interval; small numbers are written as powers of ten."""
    if interval.low is None and float(interval.estimate).is_integer():
        return f"{interval.estimate:,.0f}"
    digits = interval_text.POWERS if 0 < abs(interval.estimate) < SMALL else None
    return interval_text.format_interval(interval, digits=digits)


def notes(label: str, part: AnyPart, measurement: Measurement | None) -> Iterator[str]:
    """Yields what is to be known of a part, in sentences."""
    if (published := part.definition) is not None:
        facts = "; ".join(f"{n}: {getattr(published, n)}" for n in published.__struct_fields__)
        yield f"As published, {facts}."
    if any(row.known == "recalled" for row in part.rows):
        yield "* is recalled, and was not read in the source."
    if part.differs:
        yield f"The definition differs: {'; '.join(part.differs)}."
    for row in part.rows:
        if row.differs:
            yield f"{row.label} differs: {row.differs}."
    if part.reduction:
        yield f"Reduced: {part.reduction}."
    if measurement is not None and measurement.words:
        yield f"Run with {' '.join(measurement.words)}, which the preset has not."
    if part.liberties:
        yield f"Done in another way, and taken to matter little: {'; '.join(part.liberties)}."
    if not part.differs and (ranges := show_ranges(part)):
        yield f"Fixed beforehand to count as the same: {ranges}."
    measured = {} if measurement is None else measurement.rows
    if isinstance(part, TrainedPart) and any(row.label not in measured for row in part.rows):
        yield f"Not run: gru-bench reproduce {label} runs it, or goes on with it."


def show_ranges(part: AnyPart) -> str:
    """Returns which values count as the same, row by row unless they are the same for all."""
    ranges = {r.label: f"{r.agrees[0]:,g} to {r.agrees[1]:,g}" for r in part.rows if r.agrees}
    if len(ranges) > 1 and len(set(ranges.values())) == 1:
        return next(iter(ranges.values()))
    return ", ".join(f"{label} {text}" for label, text in ranges.items())
