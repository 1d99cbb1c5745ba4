"""Reads the committed results, and writes what they hold as it stands on a page."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gru_bench.config.score import ERRORS

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "results"
CLAIMS = "reference/claims/claims"
CELLS = ("gru", "gru_reset_after", "lstm", "rnn")
Row = dict[str, Any]


def read_text(path: str) -> str:
    """Returns a file below `results/`."""
    return (RESULTS / path).read_text(encoding="utf-8")


def read_json(path: str) -> Any:
    """Returns what a JSON file below `results/` holds."""
    return json.loads(read_text(path))


def reference_runs() -> dict[tuple[str, str], Row]:
    """Returns the reference runs by task and cell."""
    return {(row["task"], row["cell"]): row for row in read_json(f"{CLAIMS}.json")}


def reference_scores(task: str, cell: str, name: str) -> list[float]:
    """Returns the test scores of a reference run, seed by seed, from the page of the runs."""
    page = read_text(f"{CLAIMS}.html")
    (run,) = re.findall(
        rf"<summary>{re.escape(f'{task}, {cell}')}</summary>(.*?)</table>", page, re.DOTALL
    )
    column = re.findall(r'<th scope="col">(.*?)</th>', run).index(f"test {name}")
    rows = re.findall(r"<tr>(.*?)</tr>", run.partition("<tbody>")[2], re.DOTALL)
    return [float(re.findall(r">([^<>]+)</t[hd]>", row)[column]) for row in rows]


def markdown_rows(path: str) -> list[list[str]]:
    """Returns the cells of the table of a Markdown file below `results/`, without its head."""
    lines = [line for line in read_text(path).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def table(head: str, rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table; its head has the names of the columns between bars."""
    names = [name.strip() for name in head.split("|")]
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(row: Row, digits: int = 1) -> str:
    """Returns the mean score of a run."""
    return f"{100 * row['score_mean']:.{digits}f}%"


def interval(row: Row) -> tuple[float, float]:
    """Returns the ends of the interval of a mean score; those of a share stay within its range."""
    low, high = row["score_low"], row["score_high"]
    return (low, high) if is_error(row) else (max(low, 0.0), min(high, 1.0))


def is_error(row: Row) -> bool:
    """Returns whether the score of a run is an error, and so is better the lower it is."""
    return row["score_name"] in ERRORS


def solved(row: Row) -> str:
    """Returns how many seeds of a run solved its task."""
    return f"{row['solved']} of {row['seeds']}"


def span(values: Iterable[float]) -> str:
    """Returns the range of some values."""
    low, *_, high = sorted(values)
    return f"{low:.2f} to {high:.2f}"
