"""The schema of the optimiser and of the search for its learning rate."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

from gru_bench.config.checks import one_of, require, require_choices, require_positive

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES = ("constant", "cosine", "linear")


@dataclass
class OptimConfig:
    """The optimiser, its learning rate and the clipping of the global gradient norm."""

    name: str = one_of(OPTIMIZERS, "adam")
    learning_rate: float = 1e-3
    schedule: str = one_of(SCHEDULES, "constant")
    warmup_steps: int = 0
    weight_decay: float = 0.0
    momentum: float = 0.0
    clip_norm: float | None = 1.0

    def __post_init__(self) -> None:
        require_choices(self, "optim.")
        require_positive("optim.learning_rate", self.learning_rate)
        require(self.warmup_steps >= 0, "optim.warmup_steps", self.warmup_steps, "0 or more")
        require(
            0 <= self.weight_decay < math.inf and (self.weight_decay == 0 or self.name == "adamw"),
            "optim.weight_decay",
            self.weight_decay,
            "0, or positive with optim.name=adamw",
        )
        require(
            0 <= self.momentum < 1 and (self.momentum == 0 or self.name in ("sgd", "rmsprop")),
            "optim.momentum",
            self.momentum,
            "0, or below 1 with optim.name=sgd or rmsprop",
        )
        if self.clip_norm is not None:
            require_positive("optim.clip_norm", self.clip_norm)


@dataclass
class TuneConfig:
    """A learning rate for each cell from the same grid, with the same budget.

    Every one of `learning_rates` is trained with `seeds` seeds that no reported run shares; the one
    with the best mean validation score is then used. An empty grid takes `optim.learning_rate`.
    """

    learning_rates: list[float] = field(default_factory=list)
    seeds: int = 2

    # Far from the seeds that people give, so that no run is reported on a seed it was tuned on.
    FIRST_SEED: ClassVar[int] = 1_000_000_000

    def __post_init__(self) -> None:
        for rate in self.learning_rates:
            require_positive("tune.learning_rates", rate)
        require(
            len(set(self.learning_rates)) == len(self.learning_rates),
            "tune.learning_rates",
            self.learning_rates,
            "different numbers",
        )
        require(self.seeds >= 1, "tune.seeds", self.seeds, "at least 1")

    @property
    def tuning_seeds(self) -> list[int]:
        """The seeds that rates are tried with."""
        return list(range(self.FIRST_SEED, self.FIRST_SEED + self.seeds))
