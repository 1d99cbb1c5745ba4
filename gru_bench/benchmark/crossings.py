"""From which length of sequences on one layer costs more than another."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gru_bench.measuring.over_processes import ratio_interval

FROM, TO, ALWAYS, NEVER, UNCLEAR = "from", "up to", "always", "never", "unclear"


def crossing(lengths: Sequence[int], ratios: Sequence[float]) -> tuple[str, float | None]:
    """Returns where a ratio that was measured at some lengths is above 1.

    Args:
        lengths: The lengths, in rising order.
        ratios: The ratio at each.

    Returns:
        `from` or `up to` with the length at which it passes 1, interpolated between logarithms;
        `always` or `never` at the lengths measured; `unclear` where it passes 1 more than once.
    """
    x, y = np.log(lengths), np.log(ratios)
    above = y > 0
    if above.all() or not above.any():
        return (ALWAYS if above.all() else NEVER), None
    (changes,) = np.nonzero(above[1:] != above[:-1])
    if len(changes) > 1:
        return UNCLEAR, None
    (i,) = changes
    passed = x[i] - y[i] * (x[i + 1] - x[i]) / (y[i + 1] - y[i])
    return (FROM if above[-1] else TO), float(np.exp(passed))


def joined_crossing(lengths: Sequence[int], processes: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Returns the crossing over several processes: a mean of their lengths with its interval.

    Args:
        lengths: The lengths, in rising order.
        processes: The ratio at each length, as each process measured it.

    Returns:
        `where`, as `crossing` has it and `unclear` where processes differ; `length`, the geometric
        mean with its 95% interval over processes, or None.
    """
    found = [crossing(lengths, ratios) for ratios in processes]
    kinds = {kind for kind, _ in found}
    if len(kinds) > 1:
        return {"where": UNCLEAR, "length": None}
    (kind,) = kinds
    passed = [length for _, length in found if length is not None]
    return {"where": kind, "length": vars(ratio_interval(passed)) if passed else None}


def in_words(found: dict[str, Any], lengths: Sequence[int]) -> str:
    """Returns a crossing as words behind "costs more", such as `from 310 [280, 350] steps on`."""
    if found["length"] is None:
        ends = f"{min(lengths):,} to {max(lengths):,} steps"
        return {
            ALWAYS: f"at every length from {ends}",
            NEVER: f"at no length from {ends}",
            UNCLEAR: "at some lengths, no clear crossing",
        }[found["where"]]
    length = found["length"]
    interval = "" if length["low"] is None else f" [{length['low']:,.0f}, {length['high']:,.0f}]"
    behind = " steps on" if found["where"] == FROM else " steps"
    return f"{found['where']} {length['estimate']:,.0f}{interval}{behind}"
