"""How numbers with intervals are written: to the digits that their uncertainty allows."""

import math
from collections.abc import Sequence

from gru_bench.evidence.estimates import Interval

# Below this precision, decimals would be mostly zeros, and powers of ten are written instead.
FINEST = 1e-6
POWERS = ".1e"


def number_format(intervals: Sequence[Interval], scale: float = 1.0) -> str:
    """Returns the one format specification for numbers that are to be compared with each other.

    Of the intervals, the shortest is written with two digits of its half width. Numbers without any
    interval are written with three digits of the smallest.

    Args:
        intervals: The intervals of one quantity, such as a column of a table.
        scale: What the numbers are multiplied by before they are written.
    """
    spans = [
        (interval.high - interval.low) / 2
        for interval in intervals
        if interval.low is not None and interval.high is not None
    ]
    spans = [span for span in spans if 0 < span < math.inf]
    if not spans and len(intervals) == 1:
        return ".3g"
    amounts = [abs(interval.estimate) / 10 for interval in intervals]
    spans = spans or [amount for amount in amounts if 0 < amount < math.inf]
    if not spans:
        return ".3g"
    finest = scale * min(spans)
    if finest < FINEST:
        return POWERS
    return f".{max(0, 1 - math.floor(math.log10(finest)))}f"


def format_interval(
    interval: Interval, scale: float = 1.0, unit: str = "", digits: str | None = None
) -> str:
    """Returns a text such as `0.61 [0.50, 0.80]`, in which all numbers have the same decimals.

    Args:
        interval: What to write; without its ends, the estimate alone.
        scale: What the numbers are multiplied by, such as 100 for percent.
        unit: What follows the estimate, such as ` points`.
        digits: A format specification; that of the interval alone if not given.
    """
    digits = number_format([interval], scale) if digits is None else digits
    shown = format_number(scale * interval.estimate, digits) + unit
    if interval.low is None or interval.high is None:
        return shown
    low, high = (format_number(scale * end, digits) for end in (interval.low, interval.high))
    return f"{shown} [{low}, {high}]"


def format_number(value: float, digits: str) -> str:
    """Returns the number by a format specification; powers of ten are short, infinity is a sign."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:z{digits}}".replace("e-0", "e-").replace("e+0", "e")
