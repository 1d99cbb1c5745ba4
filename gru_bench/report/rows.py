"""The runs as data, a row for each: what CSV and JSON hold."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from gru_bench.evidence.run_settings import NOT_A_SETTING
from gru_bench.report.groups import make_groups
from gru_bench.report.reported_run import ReportedRun
from gru_bench.runs.result import Result, Spread

# What a spreadsheet takes for the start of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Returns one mapping a run, in the order of tables: what it measured, then its settings.

    All rows have the same keys: null where a quantity does not exist, or where a run does not have
    a setting. A setting is named by its dotted key.
    """
    runs = [run for group in make_groups(results) for run in group.runs]
    measured = [_measured(run) for run in runs]
    keys = dict.fromkeys(key for run in runs for key in run.settings)
    names = [key for key in keys if key not in {*NOT_A_SETTING, "score"} | measured[0].keys()]
    return [
        row | {name: run.settings.get(name) for name in names}
        for run, row in zip(runs, measured, strict=True)
    ]


def _measured(run: ReportedRun) -> dict[str, Any]:
    result, score, timing = run.result, run.score, run.result.timing
    return {
        "identity": result.identity,
        "task": result.task_label,
        "cell": result.cell,
        "hidden_size": result.hidden_size,
        "nominal_size": result.nominal_size,
        "match": result.config.get("match"),
        "seeds": len(result.seeds),
        "learning_rate": result.seeds[0].learning_rate,
        "parameters": result.parameters.cell,
        "parameters_vs_lstm": run.parameters_vs_lstm,
        "total_parameters": result.parameters.total,
        "score_name": result.score.name,
        "score_mean": score.estimate if score else None,
        "score_low": score.low if score else None,
        "score_high": score.high if score else None,
        "solved": result.solved,
        "train_step_ms": median(timing.train_step_ms),
        "train_step_vs_lstm": median(timing.train_step_vs_lstm),
        "latency_us": median(timing.latency_us),
        "latency_vs_lstm": median(timing.latency_vs_lstm),
        "memory_mb": result.memory_mb,
        "state_bytes": result.state_bytes,
    }


def median(spread: Spread | None) -> float | None:
    """Returns the median of a quantity that may not have been measured."""
    return spread.median if spread else None


def to_json(results: Sequence[Result]) -> str:
    """Returns the rows as a list of objects."""
    return json.dumps(rows(results), indent=1, ensure_ascii=False) + "\n"


def to_csv(results: Sequence[Result]) -> str:
    """Returns the rows under a line of their names; an empty cell is null, a list is JSON."""
    table = rows(results)
    return write_csv(table[0], (row.values() for row in table))


def write_csv(names: Iterable[str], lines: Iterable[Iterable[Any]]) -> str:
    """Returns CSV of which a spreadsheet evaluates nothing.

    A text that begins as a formula does gets an apostrophe before it; truth is `true` or `false`.
    A carriage return within a text would end the line for some readers, and becomes a newline,
    which is quoted.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_in_csv, names))
    writer.writerows(map(_in_csv, line) for line in lines)
    return text.getvalue()


def _in_csv(value: Any) -> Any:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return value
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{value}" if value.startswith(FORMULA) else value
