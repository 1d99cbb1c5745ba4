"""Rates of simulations as text, and tables of them."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Bool

from gru_bench.evidence.estimates import wilson_interval

Rows = list[list[str]]


def rate(outcomes: Sequence[bool] | Bool[np.ndarray, " simulations"]) -> str:
    """Returns the share of simulations as text, such as `0.050`."""
    return f"{np.mean(outcomes):.3f}"


def rate_with_interval(outcomes: Sequence[bool] | Bool[np.ndarray, " simulations"]) -> str:
    """Returns the share with its interval of 95 %, such as `0.050 [0.038, 0.065]`."""
    interval = wilson_interval(int(np.sum(outcomes)), len(outcomes))
    return f"{rate(outcomes)} [{interval.low:.3f}, {interval.high:.3f}]"


def markdown_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table under a title, padded so that it can be read as text, too."""
    lines = [list(columns), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    text = [
        " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines
    ]
    rule = "|".join("-" * (w + 2) for w in widths)
    body = "\n".join([f"| {text[0]} |", f"|{rule}|", *(f"| {line} |" for line in text[1:])])
    return f"\n## {title}\n\n{body}\n"
