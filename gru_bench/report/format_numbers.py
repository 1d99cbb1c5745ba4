"""How reports write numbers: to the digits that their uncertainty allows."""

import math
from collections.abc import Sequence

from gru_bench.evidence.estimates import Interval
from gru_bench.report.groups import Group
from gru_bench.runs.result import Spread


def show_score_name(group: Group) -> str:
    """The score's name with its unit."""
    return f"{group.score_name} (%)" if group.is_percentage else group.score_name


def show_score(group: Group, value: float) -> str:
    """A score in the unit of `show_score_name`: accuracies in percent, the rest to 3 digits."""
    return f"{100 * value:z.1f}" if group.is_percentage else f"{value:.3g}"


def show_interval(group: Group, interval: Interval | None) -> str:
    """A score or difference with its interval, such as `94.5 [93.9, 95.1]`.

    All three numbers have the same decimals, by two digits of the interval's half width.
    """
    if interval is None:
        return "-"
    if interval.low is None or interval.high is None:
        return show_score(group, interval.estimate)
    numbers = (interval.estimate, interval.low, interval.high)
    shown = _show_alike(group, numbers, (interval.high - interval.low) / 2)
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"


def show_range(group: Group, low: float, high: float) -> str:
    """Amounts by which scores differ, such as `3.9 to 5.1 points`."""
    shown = " to ".join(dict.fromkeys(_show_alike(group, (low, high), (high - low) / 2)))
    return f"{shown} points" if group.is_percentage else shown


def _show_alike(group: Group, numbers: Sequence[float], half_width: float) -> list[str]:
    """Numbers of the same decimals: two digits of the half width, and one decimal of percents."""
    if group.is_percentage:
        return [show_score(group, number) for number in numbers]
    if 0 < half_width < 1e-4:
        return [f"{number:z.1e}".replace("e-0", "e-") for number in numbers]
    decimals = max(0, 1 - math.floor(math.log10(half_width))) if half_width else 4
    return [f"{number:z.{min(decimals, 5)}f}" for number in numbers]


def show_amount(group: Group, amount: float) -> str:
    """A difference of scores, such as `1 point`."""
    if not group.is_percentage:
        return f"{amount:g}"
    return f"{100 * amount:g} point{'' if amount == 0.01 else 's'}"


def show_margin(group: Group, margin: float) -> str:
    """A difference that does not matter, such as `±1 point`."""
    return f"±{show_amount(group, margin)}"


def show_time(interval: Interval | None) -> str:
    """Steps or seconds until an event; infinity is a time that was not reached."""
    if interval is None:
        return "-"
    reached = interval.estimate < math.inf
    estimate = show_number(interval.estimate) if reached else "not reached"
    if interval.low is None or interval.high is None or interval.low == math.inf:
        return estimate
    high = show_number(interval.high) if interval.high < math.inf else "∞"
    return f"{estimate} [{show_number(interval.low)}, {high}]"


def show_number(value: float | None) -> str:
    """Three digits, and all those before the decimal point."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 99.95 else f"{value:#.3g}"


def show_ratio(value: float | None) -> str:
    """Two decimals."""
    return "-" if value is None else f"{value:.2f}"


def show_spread(spread: Spread | None) -> str:
    """A measured quantity with its quartiles, such as `3.00 [2.93, 3.15]`."""
    if spread is None:
        return "-"
    low, high = show_number(spread.low), show_number(spread.high)
    return f"{show_number(spread.median)} [{low}, {high}]"


def show_p(p: float) -> str:
    """A p value to three decimals."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def median(spread: Spread | None) -> float | None:
    """The median of a quantity that may not have been measured."""
    return spread.median if spread else None
