"""A run's part of the population that it is trained in."""

from dataclasses import dataclass

from gru_bench.experiments.resolve import Experiment
from gru_bench.runs.result import Result


@dataclass(frozen=True)
class Part:
    """One run's part of a population: the seeds that it lacks, from place `first` on.

    Attributes:
        experiment: The run.
        earlier: Its result so far, with other seeds; None if it has none.
        seeds: The seeds to train.
        first: The place of the first of them in the population.
        learning_rate: The learning rate of all of them.
    """

    experiment: Experiment
    earlier: Result | None
    seeds: list[int]
    first: int
    learning_rate: float

    @property
    def places(self) -> slice:
        """Its places in the population."""
        return slice(self.first, self.first + len(self.seeds))
