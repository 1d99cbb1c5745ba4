"""Balanced brackets, declared: `gru_bench/tasks/dyck.py` has its code."""

from dataclasses import dataclass
from typing import ClassVar

from gru_bench.config.checks import require
from gru_bench.config.keys import key
from gru_bench.config.score import Score
from gru_bench.config.tasks.base import NEXT_SYMBOL, TaskConfig

SOLVED_ACCEPTANCE = 0.99


@dataclass
class DyckConfig(TaskConfig):
    """Balanced brackets: which one closes next, learnt with few levels, tested with more."""

    name: str = key("the task", "dyck")
    kinds: int = key("kinds of brackets", 2, at_least=2, at_most=100)
    depth: int = key("deepest nesting that is trained on", 4, at_least=1, at_most=49)
    test_depth: int = key("deepest nesting of the test, which begins above depth", 8,
                          at_least=2, at_most=50)  # fmt: skip
    length: int = key("brackets of a string", 40, at_least=4, at_most=1000)

    AXIS: ClassVar[str | None] = "depth"
    FORWARD_ONLY: ClassVar[str | None] = NEXT_SYMBOL
    SCORE: ClassVar[Score] = Score(
        name="acceptance",
        higher_is_better=True,
        baseline=None,
        baseline_name="the last bracket read alone",
        solved_rule=f"validation acceptance of at least {SOLVED_ACCEPTANCE}, at the depths trained"
        " on",
        is_share=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.test_depth > self.depth,
            "task.test_depth",
            self.test_depth,
            f"greater than {self.depth}, task.depth: the test is on deeper strings",
        )
        require(
            self.length % 2 == 0 and self.length >= 2 * self.test_depth,
            "task.length",
            self.length,
            f"even, and at least {2 * self.test_depth}, twice task.test_depth",
        )
