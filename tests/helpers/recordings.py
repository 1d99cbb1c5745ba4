"""Small files of series, made up for tests."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.tasks.series import SeriesConfig
from gru_bench.tasks.series import load_data, make_task


def sensor_table(sequences: int = 30, seed: int = 0) -> pd.DataFrame:
    """Cycles of pumps: 3 to 8 steps each, two channels, a rare fault that shows in the pressure."""
    random = np.random.default_rng(seed)
    tables = []
    for cycle in range(sequences):
        length = int(random.integers(3, 9))
        is_faulty = cycle % 5 == 4
        tables.append(
            pd.DataFrame(
                {
                    "cycle": f"c{cycle}",
                    "pump": f"p{cycle // 5}",
                    "time": 10.0 * cycle + np.arange(length),
                    "pressure": random.normal(100 + 30 * is_faulty, 5, length),
                    "flow": random.normal(0.2, 0.01, length),
                    "state": np.where(np.arange(length) < 2, "start", "run"),
                    "fault": "leak" if is_faulty else "none",
                    "wear": 0.5 * cycle + 1,
                    "remark": "not a number",
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def hourly(days: int = 20) -> pd.DataFrame:
    """Two channels by the hour, of which one has a season of 24."""
    hours = np.arange(24 * days)
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "date": pd.date_range("2024-01-01", periods=len(hours), freq="h"),
            "heat": 20 + 5 * np.sin(2 * np.pi * hours / 24) + random.normal(0, 0.3, len(hours)),
            "load": 1000 + random.normal(0, 10, len(hours)),
        }
    )


def corpus_of(table: pd.DataFrame, path: Path, **changes: Any) -> CorpusConfig:
    """Writes a table, and returns the corpus of it; by itself that of `sensor_table`."""
    table.to_csv(path, index=False)
    columns: dict[str, Any] = {
        "series_column": "cycle",
        "channels": ["pressure", "flow"],
        "label_column": "fault",
    }
    return CorpusConfig(name="mine", train=str(path), **columns | changes)


def hourly_corpus(table: pd.DataFrame, path: Path, **changes: Any) -> CorpusConfig:
    """Writes a table, and returns the corpus of it; by itself that of `hourly`."""
    columns: dict[str, Any] = {
        "series_column": None,
        "time_column": "date",
        "channels": ["heat", "load"],
        "label_column": "label",
    }
    return corpus_of(table, path, **columns | changes)


def series_task(
    corpus: CorpusConfig, batch_size: int = 4, notes: list[str] | None = None, **task: Any
) -> Any:
    """Returns the task on a corpus of series."""
    config = SeriesConfig(**task)
    note = (notes if notes is not None else []).append
    return make_task(config, load_data(config, corpus, note, {}), batch_size, note)
