"""The long table: a line for each evaluation of each seed, for pandas, polars and R."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import get_args, get_type_hints

from gru_bench.config.cell import CellConfig
from gru_bench.config.optim import OptimConfig
from gru_bench.config.run import RunConfig
from gru_bench.config.tasks import TASKS
from gru_bench.evidence.run_settings import NOT_A_SETTING, settings_of
from gru_bench.report.rows import median, write_csv
from gru_bench.runs.result import Curve, Result, SeedResult, Timing
from gru_bench.system.errors import UserError

Value = str | int | float | bool | None

RUN: dict[str, type] = {
    "identity": str,
    "task": str,
    "corpus": str,
    "cell": str,
    "hidden_size": int,
    "nominal_size": int,
    "parameters": int,
    "lstm_parameters": int,
    "total_parameters": int,
    "state_bytes": int,
    "tuned": bool,
    "score": str,
    "higher_is_better": bool,
    "baseline": float,
    "margin": float,
    "train_step_ms": float,
    "train_step_vs_lstm": float,
    "latency_us": float,
    "latency_vs_lstm": float,
    "memory_mb": float,
}
SEED: dict[str, type] = {
    "seed": int,
    "learning_rate": float,
    "trained_steps": int,
    "best_step": int,
    "solved_step": int,
    "solved_s": float,
    "diverged_step": int,
    "best_validation_score": float,
    "best_train_score": float,
    "test_score": float,
}
EVALUATION: dict[str, type] = {
    "step": int,
    "paired_s": float,
    "train_loss": float,
    "validation_loss": float,
    "validation_score": float,
    "gradient_norm": float,
    "scheduled_learning_rate": float,
}
SECTIONS = (
    ("", RunConfig),
    ("cell.", CellConfig),
    *(("task.", task) for task in TASKS.values()),
    ("optim.", OptimConfig),
)


def _settings() -> dict[str, type]:
    """Returns the keys of the configuration that take one value and have no other column, typed."""
    # A rate that was tuned is the seed's, not the configuration's.
    elsewhere = {*NOT_A_SETTING, "optim.learning_rate"}
    kinds = {}
    for prefix, schema in SECTIONS:
        hints = get_type_hints(schema)
        for key, hint in ((f"{prefix}{field.name}", hints[field.name]) for field in fields(schema)):
            kind = get_args(hint)[0] if isinstance(hint, UnionType) else hint
            if kind in (str, int, float, bool) and key not in elsewhere:
                kinds[key] = kind
    return kinds


SETTINGS = _settings()


def columns(results: Sequence[Result]) -> dict[str, type]:
    """Returns the columns in their order, with the type of their values; any of them may be null.

    They are the same for all results but for `test.<name>`, one for each score that a seed has.
    """
    names = dict.fromkeys(name for r in results for seed in r.seeds for name in seed.test)
    tests: dict[str, type] = {f"test.{name}": float for name in names}
    return RUN | SEED | tests | EVALUATION | SETTINGS


def rows(results: Sequence[Result]) -> Iterator[dict[str, Value]]:
    """Yields the lines, each with the columns that have a value there.

    What a run or a seed comes to is repeated with every evaluation. A seed without evaluations has
    one line, so that none is lost.
    """
    for result in results:
        of_run = _of_run(result)
        for seed in result.seeds:
            of_seed = of_run | _of_seed(result, seed)
            for evaluation in _of_evaluations(seed.curve, result.timing) or [{}]:
                yield of_seed | evaluation


def _of_run(result: Result) -> dict[str, Value]:
    timing, settings = result.timing, settings_of(result)
    return {key: settings.get(key) for key in SETTINGS} | {
        "identity": result.identity,
        "task": settings.get("task.name"),
        "corpus": settings.get("corpus.name"),
        "cell": result.cell,
        "hidden_size": result.hidden_size,
        "nominal_size": result.nominal_size,
        "parameters": result.parameters.cell,
        "lstm_parameters": result.parameters.lstm,
        "total_parameters": result.parameters.total,
        "state_bytes": result.state_bytes,
        "tuned": result.tuning is not None,
        "score": result.score.name,
        "higher_is_better": result.score.higher_is_better,
        "baseline": result.score.baseline,
        "margin": result.margin,
        "train_step_ms": median(timing.train_step_ms),
        "train_step_vs_lstm": median(timing.train_step_vs_lstm),
        "latency_us": median(timing.latency_us),
        "latency_vs_lstm": median(timing.latency_vs_lstm),
        "memory_mb": result.memory_mb,
    }


def _of_seed(result: Result, seed: SeedResult) -> dict[str, Value]:
    score = result.score.name
    tests: dict[str, Value] = {f"test.{name}": value for name, value in seed.test.items()}
    return tests | {
        "seed": seed.seed,
        "learning_rate": seed.learning_rate,
        "trained_steps": seed.steps,
        "best_step": seed.best_step,
        "solved_step": seed.solved_step,
        "solved_s": seed.solved_s,
        "diverged_step": seed.diverged_step,
        "best_validation_score": seed.validation.get(score),
        "best_train_score": seed.train.get(score),
        "test_score": seed.test[score],
    }


def _of_evaluations(curve: Curve, timing: Timing) -> list[dict[str, Value]]:
    step_ms = median(timing.train_step_ms)
    return [
        {
            "step": curve.step[i],
            # Not the seconds that passed, in which the load of the host is.
            "paired_s": None if step_ms is None else curve.step[i] * step_ms / 1000,
            "train_loss": curve.train_loss[i],
            "validation_loss": curve.validation_loss[i],
            "validation_score": curve.validation_score[i],
            "gradient_norm": curve.gradient_norm[i],
            "scheduled_learning_rate": curve.learning_rate[i],
        }
        for i in range(len(curve.step))
    ]


def _columnwise(results: Sequence[Result]) -> dict[str, list[Value]]:
    """Returns the table by columns, each value of its column's type or None."""
    kinds = columns(results)
    table: dict[str, list[Value]] = {name: [] for name in kinds}
    for row in rows(results):
        for name, kind in kinds.items():
            value = row.get(name)
            table[name].append(None if value is None else kind(value))
    return table


def to_csv(results: Sequence[Result]) -> str:
    """Returns the table as CSV with a header line; an empty cell is null."""
    table = _columnwise(results)
    return write_csv(table, zip(*table.values(), strict=True))


def to_parquet(results: Sequence[Result]) -> bytes:
    """Returns the table as a Parquet file."""
    # It takes a while, and no other report needs it.
    import pyarrow
    from pyarrow import parquet

    names = {str: "string", int: "int64", float: "float64", bool: "bool"}
    schema = pyarrow.schema([(name, names[kind]) for name, kind in columns(results).items()])
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(_columnwise(results), schema), file)
    return file.getvalue()


def to_file(results: Sequence[Result], out: Path | None) -> bytes:
    """Returns the table in the format that the ending of `out` names; CSV without a file.

    Raises:
        UserError: The ending is neither `.csv` nor `.parquet`.
    """
    if out is not None and out.suffix == ".parquet":
        return to_parquet(results)
    if out is None or out.suffix == ".csv":
        return to_csv(results).encode()
    raise UserError(
        f"out={out} is not possible: a long table is written to a file ending in .csv or .parquet"
    )
