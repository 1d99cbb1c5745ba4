"""Finite automata, declared: `gru_bench/tasks/automaton.py` has their tables and its code."""

from dataclasses import dataclass
from typing import ClassVar

from gru_bench.config.keys import LONGEST, key
from gru_bench.config.score import Score
from gru_bench.config.tasks.base import PAST_ALONE, TaskConfig

MACHINES = ("parity", "modular", "flip_flop", "a5")
SOLVED_ACCURACY = 0.99


@dataclass
class AutomatonConfig(TaskConfig):
    """Finite automata: name the state after every symbol read."""

    name: str = key("the task", "automaton")
    machine: str = key(
        "automaton to follow: parity of ones, counting modulo five, a switch that is set and held,"
        " products in the alternating group A5",
        "parity",
        choices=MACHINES,
    )
    length: int = key("symbols of a sequence", 40, at_least=2, at_most=LONGEST)

    AXIS: ClassVar[str | None] = "length"
    FORWARD_ONLY: ClassVar[str | None] = PAST_ALONE
    SCORE: ClassVar[Score] = Score(
        name="state_accuracy",
        higher_is_better=True,
        baseline=None,
        baseline_name="the last symbol read alone",
        solved_rule=f"validation accuracy of states of at least {SOLVED_ACCURACY}",
        is_share=True,
    )
