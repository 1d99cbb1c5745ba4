"""Tasks: what sequences are drawn, what must come out, and when that counts as solved."""

from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.tasks.base import (
    SPLITS,
    Batch,
    Split,
    Task,
    evaluation_keys,
    static,
    step_keys,
)

__all__ = [
    "SPLITS",
    "Batch",
    "Readout",
    "Score",
    "Split",
    "Task",
    "evaluation_keys",
    "static",
    "step_keys",
]
