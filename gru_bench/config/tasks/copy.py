"""Copy memory, declared: `gru_bench/tasks/copy.py` has its code."""

from dataclasses import dataclass
from typing import ClassVar

from gru_bench.config.keys import LONGEST, key
from gru_bench.config.score import Score
from gru_bench.config.tasks.base import PAST_ALONE, TaskConfig

SYMBOLS = 8
SOLVED_ACCURACY = 0.99


@dataclass
class CopyConfig(TaskConfig):
    """Copy memory: recall ten symbols after a number of blanks."""

    name: str = key("the task", "copy")
    lag: int = key("blanks before the recall", 10, at_least=1, at_most=LONGEST)

    AXIS: ClassVar[str | None] = "lag"
    FORWARD_ONLY: ClassVar[str | None] = PAST_ALONE
    SCORE: ClassVar[Score] = Score(
        name="recall_accuracy",
        higher_is_better=True,
        baseline=1 / SYMBOLS,
        baseline_name="guessing",
        solved_rule=f"validation recall accuracy of at least {SOLVED_ACCURACY}",
        is_share=True,
    )
