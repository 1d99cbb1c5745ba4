"""The adding problem, declared: `gru_bench/tasks/adding.py` has its code."""

from dataclasses import dataclass
from typing import ClassVar

from gru_bench.config.keys import LONGEST, key
from gru_bench.config.score import Score
from gru_bench.config.tasks.base import TaskConfig

SOLVED_MSE = 0.01


@dataclass
class AddingConfig(TaskConfig):
    """Adding problem: sum the two marked numbers of a sequence."""

    name: str = key("the task", "adding")
    length: int = key(
        "steps of a sequence, with one marker in each half", 100, at_least=2, at_most=LONGEST
    )

    AXIS: ClassVar[str | None] = "length"
    SCORE: ClassVar[Score] = Score(
        name="mse",
        higher_is_better=False,
        baseline=1 / 6,
        baseline_name="always predicting 1",
        solved_rule=f"validation MSE below {SOLVED_MSE}",
    )
