"""Counting, declared: `gru_bench/tasks/counting.py` has its code."""

from dataclasses import dataclass
from typing import ClassVar

from gru_bench.config.checks import require
from gru_bench.config.keys import LONGEST, key
from gru_bench.config.score import Score
from gru_bench.config.tasks.base import NEXT_SYMBOL, TaskConfig


@dataclass
class CountingConfig(TaskConfig):
    """Counting: the strings a^n b^n, learnt with small n and tested with larger ones."""

    name: str = key("the task", "counting")
    max_n: int = key("largest n that is trained on", 50, at_least=1, at_most=LONGEST)
    test_max_n: int = key("largest n of the test, which begins above twice max_n", 200,
                          at_least=3, at_most=LONGEST)  # fmt: skip

    AXIS: ClassVar[str | None] = "max_n"
    FORWARD_ONLY: ClassVar[str | None] = NEXT_SYMBOL
    SCORE: ClassVar[Score] = Score(
        name="acceptance",
        higher_is_better=True,
        baseline=0.0,
        baseline_name="never ending",
        solved_rule="every validation string accepted: counts to twice the n trained on",
        is_share=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.test_max_n > 2 * self.max_n,
            "task.test_max_n",
            self.test_max_n,
            f"greater than {2 * self.max_n}, twice task.max_n: validation goes to there",
        )
