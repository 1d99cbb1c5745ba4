"""The minutes of a choice, and how much training will probably fit into what is left of them."""

import math
import time
from collections.abc import Sequence

from gru_bench.runs.result import Result

CHEAP = 0.1  # of a program's compilation: training that takes no longer hardly counts


class Minutes:
    """Time from now on, by a clock that no one sets.

    What runs take is learnt from results, which remember it even where they were finished in an
    earlier start: the compilation of a program, whatever it trains, and a whole training of one
    seed.

    Args:
        minutes: How many there are.
    """

    def __init__(self, minutes: float) -> None:
        self._began = time.monotonic()
        self._minutes = minutes
        self._program_s = self._training_s = 0.0
        self._wall_s: dict[str, float] = {}  # of each run, by its identity

    @property
    def passed(self) -> float:
        """Minutes since the beginning."""
        return (time.monotonic() - self._began) / 60

    @property
    def of_runs(self) -> float:
        """Minutes that all runs took that were learnt from, in earlier starts as well."""
        return sum(self._wall_s.values()) / 60

    def learn(self, results: Sequence[Result], programs: int, trainings: float) -> None:
        """Takes note of what some runs took.

        Args:
            results: The runs.
            programs: In how many programs they were trained.
            trainings: How many whole trainings of a seed they come to.
        """
        self._wall_s |= {each.identity: each.timing.wall_s for each in results}
        if results:
            training_s = sum(each.timing.train_s for each in results)
            whole_s = sum(each.timing.wall_s for each in results)
            self._training_s = training_s / trainings
            self._program_s = max(whole_s - training_s, 0.0) / programs

    def trainings_left(self, programs: int, share: float = 1.0) -> float:
        """Returns how many trainings will probably end within a share of all minutes.

        As long as nothing is known of what one takes there is no limit.

        Args:
            programs: In how many programs they are.
            share: The share.
        """
        left = 60 * (share * self._minutes - self.passed) - programs * self._program_s
        if left <= 0:
            return 0.0
        return left / self._training_s if self._training_s else math.inf

    def seeds_left(self, programs: int) -> int:
        """Returns how many seeds fit in each of some programs, two at least.

        Those that add little to a compilation that takes place in any case are among them.
        """
        fitting = self.trainings_left(programs) / programs
        if self._training_s:
            fitting = max(fitting, CHEAP * self._program_s / self._training_s)
        return max(2, int(min(fitting, 1e6)))
