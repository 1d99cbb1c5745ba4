"""The schema of the optimiser, and of the choice of its learning rate and the cell's start."""

from dataclasses import dataclass, fields
from typing import ClassVar

from gru_bench.config.cell import NO_GATES
from gru_bench.config.checks import require
from gru_bench.config.keys import OnlyWith, check_keys, key

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES = ("constant", "cosine", "linear")


@dataclass
class OptimizerConfig:
    """The optimiser and the clipping of the gradient, whatever the learning rate."""

    name: str = key("the optimiser", "adam", choices=OPTIMIZERS)
    schedule: str = key("how the learning rate goes to 0 at the last step", "constant",
                        choices=SCHEDULES)  # fmt: skip
    warmup_steps: int = key("steps over which the rate rises from 0", 0, at_least=0)
    weight_decay: float = key(
        "weight decay", 0.0, at_least=0, only_with=(OnlyWith("optim.name", ("adamw",)),)
    )
    momentum: float = key(
        "momentum",
        0.0,
        at_least=0,
        below=1,
        only_with=(OnlyWith("optim.name", ("sgd", "rmsprop")),),
    )
    clip_norm: float | None = key(
        "largest norm of the gradient of all parameters together; null clips nothing", 1.0, above=0
    )

    def __post_init__(self) -> None:
        check_keys(self, "optim.")


@dataclass
class OptimConfig(OptimizerConfig):
    """The optimiser, its learning rate and the clipping of the gradient."""

    learning_rate: float = key(
        "its learning rate, before the schedule lowers it",
        1e-3,
        above=0,
        only_with=(OnlyWith("tune.learning_rates", (None,)),),
    )

    @property
    def optimizer(self) -> OptimizerConfig:
        """The optimiser but for the learning rate, in which members of a population may differ."""
        own = {each.name: getattr(self, each.name) for each in fields(OptimizerConfig)}
        return OptimizerConfig(**own)


@dataclass
class TuneConfig:
    """A learning rate and a start for each cell from the same grid, with the same budget.

    Every rate is trained with every start, with seeds that no reported run shares. The pair with
    the best mean validation score is then used.
    """

    learning_rates: list[float] = key(
        "the grid, such as [1e-3,3e-3,1e-2]; empty takes optim.learning_rate", [], above=0
    )
    keeps: list[float] = key(
        "shares of the state that gated cells keep at the start, each tried with every rate, such"
        " as [0.5,0.9]; empty takes cell.keep",
        [],
        above=0,
        below=1,
        not_with=(NO_GATES,),
    )
    seeds: int = key(
        "seeds that each rate and start is tried with, others than those reported",
        2,
        at_least=1,
        at_most=10_000,
        only_with=(OnlyWith("tune.learning_rates"), OnlyWith("tune.keeps")),
    )

    # Far from the seeds that people give, so that no run is reported on a seed it was tuned on.
    FIRST_SEED: ClassVar[int] = 1_000_000_000

    def __post_init__(self) -> None:
        check_keys(self, "tune.")
        for name, grid in (("learning_rates", self.learning_rates), ("keeps", self.keeps)):
            require(len(set(grid)) == len(grid), f"tune.{name}", grid, "different numbers")

    @property
    def is_asked_for(self) -> bool:
        """Whether anything is to be chosen."""
        return bool(self.learning_rates or self.keeps)

    @property
    def starts(self) -> list[float | None]:
        """The shares kept at the start that are tried; None alone if the start is not tuned."""
        return [*self.keeps] or [None]

    @property
    def tuning_seeds(self) -> list[int]:
        """The seeds that rates and starts are tried with."""
        return self.seeds_to_choose_with(self.seeds)

    @classmethod
    def seeds_to_choose_with(cls, count: int) -> list[int]:
        """Returns seeds to try settings with, on which no run is reported."""
        return list(range(cls.FIRST_SEED, cls.FIRST_SEED + count))
