"""The search for the horizon of each cell: the task becomes harder or easier, then is bisected."""

import dataclasses
import math
from collections.abc import Callable, Sequence

from gru_bench.config.experiment import ExperimentConfig
from gru_bench.evidence.horizon import HALF, Horizon, horizon
from gru_bench.experiments.sweep import Sweep
from gru_bench.runs.folder import read_result
from gru_bench.system.errors import UserError
from gru_bench.system.prose import counted

DOUBLINGS = 4  # beyond the difficulty of the task as it is asked for, at most

Train = Callable[[list[ExperimentConfig]], Sweep]
Note = Callable[[str], None]


class HorizonSearch:
    """What is known of one cell.

    Args:
        config: The cell, on the task at the difficulty to begin with.
        precision: The ratio of two difficulties between which it is not asked any further.
    """

    def __init__(self, config: ExperimentConfig, precision: float) -> None:
        self.config = config
        self.outcomes: dict[int, list[bool]] = {}
        self.reason = ""  # why the task cannot be had beyond the difficulties tried, if it cannot
        self._precision = precision
        self._first = round(config.task.difficulty)

    @property
    def cell(self) -> str:
        """The name of the cell."""
        return self.config.cell.name

    def next_run(self) -> ExperimentConfig | None:
        """Returns the run that is to be made next; None once the horizon is known.

        Where the task cannot be had at the difficulty that is wanted, it is the last one towards
        it at which it can.
        """
        wanted = self._next_difficulty()
        if wanted is None:
            return None
        if (run := self._at(wanted)) is not None:
            return run
        possible = min(self.outcomes, key=lambda tried: abs(tried - wanted))
        impossible = wanted
        while abs(impossible - possible) > 1:
            middle = (possible + impossible) // 2
            if self._at(middle) is None:
                impossible = middle
            else:
                possible = middle
        return None if possible in self.outcomes else self._at(possible)

    def _at(self, difficulty: int) -> ExperimentConfig | None:
        """Returns the run at a difficulty; None if the task cannot be had at it."""
        try:
            task = self.config.task.at_difficulty(difficulty)
        except UserError as error:
            self.reason = str(error)
            return None
        return dataclasses.replace(self.config, task=task)

    def _next_difficulty(self) -> int | None:
        if not self.outcomes:
            return self._first
        solved = [d for d, seeds in self.outcomes.items() if sum(seeds) >= HALF * len(seeds)]
        below = max(solved, default=0)
        above = min((d for d in self.outcomes if d > below), default=None)
        if above is None:
            harder = 2 * below
            return harder if harder <= self._first * 2**DOUBLINGS else None
        if below == 0:
            return above // 2 or None
        is_known = above <= below * self._precision or above == below + 1
        return None if is_known else round(math.sqrt(below * above))

    def learn(self, difficulty: int, solved: list[bool]) -> None:
        """Takes whether each seed solved the task at a difficulty."""
        self.outcomes[difficulty] = solved


def find_horizons(
    configs: Sequence[ExperimentConfig], precision: float, train: Train, note: Note
) -> dict[str, Horizon]:
    """Returns the horizon of each cell, by its name. Finished runs are not made again.

    `require_axis` says whether there can be one.

    Args:
        configs: One for each cell, on one task.
        precision: The ratio of two difficulties between which it is not asked any further.
        train: Runs some configurations.
        note: Takes a line for the user.

    Raises:
        UserError: A run failed, or another process is at work on one.
    """
    searches = [HorizonSearch(config, precision) for config in configs]
    while pending := [(s, run) for s in searches if (run := s.next_run()) is not None]:
        sweep = train([run for _, run in pending])
        sweep.require_none_elsewhere()
        if sweep.failures:
            folder, reason = sweep.failures[0]
            raise UserError(f"{folder} failed, without which there is no horizon: {reason}")
        for (search, run), folder in zip(pending, sweep.folders, strict=True):
            by_seed = {seed.seed: seed.solved_step for seed in read_result(folder).seeds}
            solved = [by_seed[seed] is not None for seed in run.seeds]
            search.learn(round(run.task.difficulty), solved)
            axis = run.task.AXIS
            note(
                f"{search.cell}: {axis}={run.task.difficulty:g} is solved by {sum(solved)} of"
                f" {counted(len(solved), 'seed')}"
            )
    for search in searches:
        if search.reason:
            note(f"{search.cell}: no further, since {search.reason}")
    return {search.cell: horizon(search.outcomes) for search in searches}


def require_axis(configs: Sequence[ExperimentConfig]) -> None:
    """Raises `UserError` unless it is one task with an axis and a mark, and a cell comes once."""
    tasks = {config.task_label for config in configs}
    task = configs[0].task
    if len(tasks) > 1:
        named = ", ".join(sorted(tasks))
        raise UserError(f"a horizon is of one task at a time, and these are {named}")
    if task.AXIS is None or task.SCORE.solved_rule is None:
        raise UserError(
            f"task={task.name} has no horizon: it has no key that makes it harder, or no mark from"
            " which it counts as solved"
        )
    cells = [config.cell.name for config in configs]
    if len(set(cells)) < len(cells):
        raise UserError("a horizon is of one setting a cell: list values of cell alone")
