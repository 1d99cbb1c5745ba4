"""Associative recall, declared: `gru_bench/tasks/recall.py` has its code."""

from dataclasses import dataclass
from typing import ClassVar

from gru_bench.config.keys import key
from gru_bench.config.score import Score
from gru_bench.config.tasks.base import TaskConfig

KEYS, VALUES = 26, 10  # letters and digits
SOLVED_ACCURACY = 0.99


@dataclass
class RecallConfig(TaskConfig):
    """Associative recall: of pairs that were read, name the value of the key that is asked for."""

    name: str = key("the task", "recall")
    pairs: int = key("pairs of a key and a value", 4, at_least=2, at_most=KEYS)

    AXIS: ClassVar[str | None] = "pairs"
    SCORE: ClassVar[Score] = Score(
        name="accuracy",
        higher_is_better=True,
        baseline=None,
        baseline_name="the commonest value, whatever the key",
        solved_rule=f"validation accuracy of at least {SOLVED_ACCURACY}",
        is_share=True,
    )
