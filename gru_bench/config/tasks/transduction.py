"""Transduction of strings, declared: `gru_bench/tasks/transduction.py` has its code."""

from dataclasses import dataclass
from typing import ClassVar

from gru_bench.config.checks import require
from gru_bench.config.keys import LONGEST, key
from gru_bench.config.score import Score
from gru_bench.config.tasks.base import PAST_ALONE, TaskConfig

PROBLEMS = ("parity", "modular_arithmetic", "reverse", "bucket_sort")
SOLVED_ACCURACY = 0.99


@dataclass
class TransductionConfig(TaskConfig):
    """Transduction: answer a string once it is read, learnt on short and tested on longer ones."""

    name: str = key("the task", "transduction")
    problem: str = key(
        "what is answered: the parity of ones, the value modulo five of sums and products, the"
        " string in reverse, the string sorted",
        "reverse",
        choices=PROBLEMS,
    )
    length: int = key("longest string that is trained on", 20, at_least=3, at_most=LONGEST)
    test_length: int = key("longest string of the test, which begins above length", 60,
                           at_least=5, at_most=LONGEST)  # fmt: skip

    AXIS: ClassVar[str | None] = "length"
    FORWARD_ONLY: ClassVar[str | None] = PAST_ALONE
    SCORE: ClassVar[Score] = Score(
        name="answer_accuracy",
        higher_is_better=True,
        baseline=None,
        baseline_name="the commonest symbol of the answers",
        solved_rule=f"validation accuracy of answers of at least {SOLVED_ACCURACY}, at the lengths"
        " trained on",
        is_share=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        # Expressions have odd lengths: one of them at least is to be tested.
        require(
            self.test_length > self.length + 1,
            "task.test_length",
            self.test_length,
            f"greater than {self.length + 1}: the test is on strings longer than task.length",
        )
