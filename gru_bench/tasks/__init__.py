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
from gru_bench.tasks.drawn import DrawnFromKeys

__all__ = [
    "SPLITS",
    "Batch",
    "DrawnFromKeys",
    "Readout",
    "Score",
    "Split",
    "Task",
    "evaluation_keys",
    "static",
    "step_keys",
]
