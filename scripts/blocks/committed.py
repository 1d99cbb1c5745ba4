"""Reads the committed results, and writes what they hold as it stands on a page."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gru_bench.config.score import ERRORS
from gru_bench.evidence.claims.claim import Claim
from gru_bench.evidence.claims.evidence import Evidence
from gru_bench.evidence.claims.lags import horizon_of
from gru_bench.evidence.claims.reference import Reference, read_reference
from gru_bench.evidence.claims.rules import current_rules
from gru_bench.evidence.claims.setting import Setting
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.runtimes import RuntimeFigures, read_runtimes
from gru_bench.report.reported_run import ReportedRun
from gru_bench.runs.result import Result

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "results"
REFERENCE = RESULTS / "reference" / "claims"
CELLS = ("gru", "gru_reset_after", "lstm", "rnn")
DEFAULT, CHRONO = "orthogonal", "chrono"  # the initialisations of the reference
Row = dict[str, Any]


def read_text(path: str) -> str:
    """Returns a file below `results/`."""
    return (RESULTS / path).read_text(encoding="utf-8")


def read_json(path: str) -> Any:
    """Returns what a JSON file below `results/` holds."""
    return json.loads(read_text(path))


@cache
def reference() -> Reference:
    """Returns the reference of the claims."""
    return read_reference(REFERENCE)


@cache
def runtimes() -> RuntimeFigures | None:
    """Returns what cells cost in several runtimes."""
    return read_runtimes(RESULTS / "speed" / "runtimes.json")


@cache
def evidence() -> Evidence:
    """Returns what the claims are judged on: the reference, and what cells cost in runtimes."""
    return reference().evidence(current_rules(), runtimes())


@cache
def claims() -> list[Claim]:
    """Returns the claims with what the reference says of them."""
    return reference().judge(current_rules(), runtimes())


def setting_of(task: str, initialisation: str) -> Setting:
    """Returns the runs of the reference on a task, from one initialisation."""
    (setting,) = (
        setting
        for setting in evidence().of("scores")
        if setting.task_label == task
        and all(
            run.config["cell"]["initialisation"] == initialisation for run in setting.runs.values()
        )
    )
    return setting


def horizon(task: str, cell: str, default_start: bool = True) -> Interval:
    """Returns how far a cell bridges a task, from the default start or from another one."""
    span = horizon_of(evidence(), task, cell, default_start)
    assert span is not None
    return span


def markdown_rows(path: str) -> list[list[str]]:
    """Returns the cells of the table of a Markdown file below `results/`, without its head."""
    lines = [line for line in read_text(path).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def table(head: str, rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table; its head has the names of the columns between bars."""
    names = [name.strip() for name in head.split("|")]
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mean_score(run: Result) -> Interval:
    """Returns the mean test score as reports have it, over seeds and over examples where known."""
    score = ReportedRun(run, {}).score
    assert score is not None
    return score


def show_score(run: Result) -> str:
    """Returns the mean test score of a run: a share in percent, an error to two digits."""
    mean = mean_score(run).estimate
    return f"{mean:.2g}" if is_error(run) else f"{mean:.1%}"


def is_error(run: Result) -> bool:
    """Returns whether the score of a run is an error, and so is better the lower it is."""
    return run.score.name in ERRORS


def span(values: Iterable[float]) -> str:
    """Returns the range of some values."""
    low, *_, high = sorted(values)
    return f"{low:.2f} to {high:.2f}"
