"""Selective copying, declared: `gru_bench/tasks/selective_copy.py` has its code."""

from dataclasses import dataclass
from typing import ClassVar

from gru_bench.config.checks import require
from gru_bench.config.keys import LONGEST, key
from gru_bench.config.score import Score
from gru_bench.config.tasks.base import PAST_ALONE, TaskConfig

SYMBOLS = 14
SOLVED_ACCURACY = 0.99


@dataclass
class SelectiveCopyConfig(TaskConfig):
    """Selective copying: recall symbols that were strewn among blanks, in their order."""

    name: str = key("the task", "selective_copy")
    length: int = key("steps among which the symbols are strewn", 32, at_least=1, at_most=LONGEST)
    copied: int = key("symbols to be recalled", 4, at_least=1)

    AXIS: ClassVar[str | None] = "length"
    FORWARD_ONLY: ClassVar[str | None] = PAST_ALONE
    SCORE: ClassVar[Score] = Score(
        name="recall_accuracy",
        higher_is_better=True,
        baseline=1 / SYMBOLS,
        baseline_name="guessing",
        solved_rule=f"validation recall accuracy of at least {SOLVED_ACCURACY}",
        is_share=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.copied <= self.length,
            "task.copied",
            self.copied,
            f"at most task.length, which is {self.length}",
        )
