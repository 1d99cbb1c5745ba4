"""Storing and releasing, declared: `gru_bench/tasks/store_release.py` has its code."""

from dataclasses import dataclass
from typing import ClassVar

from gru_bench.config.keys import LONGEST, key
from gru_bench.config.score import Score
from gru_bench.config.tasks.base import PAST_ALONE, TaskConfig

SYMBOLS = 8
SOLVED_ACCURACY = 0.99


@dataclass
class StoreReleaseConfig(TaskConfig):
    """Store and release: hold symbols while others are put out, give them back on a cue."""

    name: str = key("the task", "store_release")
    values: int = key("symbols to be stored", 3, at_least=1, at_most=1000)
    distractors: int = key(
        "steps without a cue, at which the symbol before is asked for", 20,
        at_least=2, at_most=LONGEST,
    )  # fmt: skip

    AXIS: ClassVar[str | None] = "distractors"
    FORWARD_ONLY: ClassVar[str | None] = PAST_ALONE
    SCORE: ClassVar[Score] = Score(
        name="release_accuracy",
        higher_is_better=True,
        baseline=1 / SYMBOLS,
        baseline_name="guessing",
        solved_rule=f"validation accuracy of at least {SOLVED_ACCURACY}, of what is released and of"
        " what is put out meanwhile",
        is_share=True,
    )
