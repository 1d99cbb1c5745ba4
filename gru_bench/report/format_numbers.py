"""How reports write numbers: to the digits that their uncertainty allows, alike in a column."""

import math
from collections.abc import Sequence

from gru_bench.evidence import interval_text
from gru_bench.evidence.estimates import Interval
from gru_bench.report.groups import Group
from gru_bench.runs.result import Spread


def show_score_name(group: Group) -> str:
    """Returns the score's name with its unit."""
    return f"{group.score_name} (%)" if group.is_percentage else group.score_name


def show_score(group: Group, value: float) -> str:
    """Returns a score in the unit of `show_score_name`: shares in percent, the rest to 3 digits."""
    return f"{100 * value:z.1f}" if group.is_percentage else f"{value:.3g}"


def score_digits(group: Group, intervals: Sequence[Interval | None]) -> str:
    """Returns the one format of a column of scores or differences: one decimal of percents."""
    if group.is_percentage:
        return ".1f"
    return interval_text.number_format([interval for interval in intervals if interval])


def show_interval(group: Group, interval: Interval | None, digits: str | None = None) -> str:
    """Returns a score or difference with its interval, such as `94.5 [93.9, 95.1]`.

    Args:
        group: Whose score it is.
        interval: What to write; `-` if there is none.
        digits: The format of the column that it stands in; its own if not given.
    """
    if interval is None:
        return "-"
    digits = score_digits(group, [interval]) if digits is None else digits
    return interval_text.format_interval(interval, _scale(group), digits=digits)


def show_interval_column(group: Group, intervals: Sequence[Interval | None]) -> list[str]:
    """Returns scores or differences that stand below each other, with the same decimals."""
    digits = score_digits(group, intervals)
    return [show_interval(group, interval, digits) for interval in intervals]


def show_range(group: Group, low: float, high: float) -> str:
    """Returns amounts by which scores differ, such as `3.9 to 5.1 points`."""
    digits = score_digits(group, [Interval((low + high) / 2, low, high)])
    ends = [interval_text.format_number(_scale(group) * end, digits) for end in (low, high)]
    shown = " to ".join(dict.fromkeys(ends))
    return f"{shown} points" if group.is_percentage else shown


def show_error(group: Group, error: float) -> str:
    """Returns a standard error of a score, in points with two decimals."""
    return f"{100 * error:.2f}" if group.is_percentage else f"{error:.2g}"


def _scale(group: Group) -> float:
    return 100.0 if group.is_percentage else 1.0


def show_amount(group: Group, amount: float) -> str:
    """Returns a difference of scores, such as `1 point`."""
    if not group.is_percentage:
        return f"{amount:g}"
    return f"{100 * amount:g} point{'' if amount == 0.01 else 's'}"


def show_margin(group: Group, margin: float) -> str:
    """Returns a difference that does not matter, such as `±1 point`."""
    return f"±{show_amount(group, margin)}"


def show_time(interval: Interval | None) -> str:
    """Returns steps or seconds until an event; infinity is a time that was not reached."""
    if interval is None:
        return "-"
    reached = interval.estimate < math.inf
    estimate = show_number(interval.estimate) if reached else "not reached"
    if interval.low is None or interval.high is None or interval.low == math.inf:
        return estimate
    high = show_number(interval.high) if interval.high < math.inf else "∞"
    return f"{estimate} [{show_number(interval.low)}, {high}]"


def show_number(value: float | None) -> str:
    """Returns a number with three digits, and all those before the decimal point."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 99.95 else f"{value:#.3g}"


def show_number_column(values: Sequence[float | None]) -> list[str]:
    """Returns numbers that stand below each other: three digits of the smallest."""
    known = [abs(value) for value in values if value is not None and value != 0]
    smallest = min(known, default=1.0)
    decimals = min(max(0, 2 - math.floor(math.log10(smallest))), 5) if smallest < 99.95 else 0
    return ["-" if value is None else f"{value:,.{decimals}f}" for value in values]


def show_ratio(value: float | None) -> str:
    """Returns a ratio with two decimals."""
    return "-" if value is None else f"{value:.2f}"


def show_spread(spread: Spread | None) -> str:
    """Returns a measured quantity with its quartiles, such as `3.00 [2.93, 3.15]`."""
    if spread is None:
        return "-"
    low, high = show_number(spread.low), show_number(spread.high)
    return f"{show_number(spread.median)} [{low}, {high}]"


def show_p(p: float) -> str:
    """Returns a p value with three decimals."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"
