"""The minutes of a choice, and how much training will probably fit into what is left of them."""

import math
import time
from collections.abc import Iterable

from gru_bench.runs.result import Result


class Minutes:
    """Time from now on, by a clock that no one sets.

    What training takes is learnt from the results of runs, which remember it even where they were
    finished in an earlier start. It is counted in whole trainings of one seed.

    Args:
        minutes: How many there are.
    """

    def __init__(self, minutes: float) -> None:
        self._began = time.monotonic()
        self._minutes = minutes
        self._seconds_each: float | None = None

    @property
    def passed(self) -> float:
        """Minutes since the beginning."""
        return (time.monotonic() - self._began) / 60

    def learn(self, results: Iterable[Result], trainings: float) -> None:
        """Takes note of what some runs took, compilation included.

        Args:
            results: The runs.
            trainings: How many whole trainings they come to.
        """
        if trainings > 0:
            self._seconds_each = sum(each.timing.wall_s for each in results) / trainings

    def room(self, share: float = 1.0) -> float:
        """Returns how many trainings fit into what is left of a share of all minutes.

        It is infinite as long as nothing is known of what one takes.
        """
        left = 60 * (share * self._minutes - self.passed)
        if left <= 0:
            return 0.0
        return left / self._seconds_each if self._seconds_each else math.inf
