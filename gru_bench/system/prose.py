"""Counts and lists as English has them."""

from collections.abc import Sequence

NAMED = 3  # things that a message names before it counts the others


def counted(number: int, noun: str) -> str:
    """Returns a number with its noun, such as `1 seed` or `2 seeds`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Returns names in a row, such as `gru, lstm and rnn`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def spanned(numbers: Sequence[int]) -> str:
    """Returns the least and the largest of some numbers, such as `2 to 5`; `2` if all are equal."""
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def some(items: Sequence[str]) -> str:
    """Lists the first few, and says how many more there are."""
    more = f" and {len(items) - NAMED} more" if len(items) > NAMED else ""
    return ", ".join(items[:NAMED]) + more
