"""The base class of the declarations of tasks."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

from gru_bench.config.checks import require
from gru_bench.config.keys import MISSING, OnlyWith, check_keys, key
from gru_bench.config.score import ACCURACY, CLASSIFICATION_SCORES, Score

Readout = Literal["last", "mean", "max", "every"]
CLASS_WEIGHTS = ("balanced",)
# Why the sequences of some tasks are not to be read from both sides.
NEXT_SYMBOL = "it asks for the next symbol, which a cell that reads backwards has seen already"
PAST_ALONE = "its answers follow from the steps before them: there is nothing to be read backwards"


@dataclass
class TaskConfig:
    """A task: its keys, and what can be said of it without its data.

    A declaration is found by its place in this package, its code by its name: `make_task` of
    `gru_bench/tasks/<name>.py`.

    Attributes:
        SCORE: The main score. A baseline that depends on the data is None here; a user's class
            states its score itself.
        AXIS: The key that makes the task harder, without `task.`; None where there is none.
        READS_CORPUS: Whether it reads texts or series, those of `corpus`.
        HAS_EPOCHS: Whether it has a number of training examples, so that `epochs` can be asked
            for; None where only its data tell.
        FORWARD_ONLY: Why its sequences are not to be read from both sides, as a clause; None where
            they may be, and of a user's task, whose class tells.
    """

    name: str = key("the task", MISSING)

    SCORE: ClassVar[Score]
    AXIS: ClassVar[str | None] = None
    READS_CORPUS: ClassVar[bool] = False
    HAS_EPOCHS: ClassVar[bool | None] = False
    FORWARD_ONLY: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        declared = type(self).name
        require(self.name == declared, "task.name", self.name, f"{declared}, as the task is called")
        check_keys(self, "task.")

    @property
    def axis(self) -> str | None:
        """The key that makes the task harder, such as `task.lag`; None where there is none."""
        return None if self.AXIS is None else f"task.{self.AXIS}"

    @property
    def difficulty(self) -> float:
        """The value of that key; 0 where there is none."""
        return 0 if self.AXIS is None else float(getattr(self, self.AXIS))

    def at_difficulty(self, value: int) -> Self:
        """Returns the task with another value of the key that makes it harder.

        Raises:
            UserError: The task is not possible with it.
        """
        changes: dict[str, Any] = {} if self.AXIS is None else {self.AXIS: value}
        return replace(self, **changes)


@dataclass
class TokenTaskConfig(TaskConfig):
    """A task whose inputs may be tokens, which the model embeds."""

    embedding_size: int = key("features of an embedded token", 64, at_least=1)


def score_key(only_with: tuple[OnlyWith, ...] = ()) -> Any:
    """Returns the key of the score of a task that tells classes apart.

    Args:
        only_with: What other keys of the task have to be for it to tell classes apart.
    """
    return key(
        "what chooses parameters, rates and cells: the share of right answers, or one in which"
        " every class counts as much",
        ACCURACY.name,
        choices=CLASSIFICATION_SCORES,
        neutral=True,
        only_with=only_with,
    )


def class_weights_key(only_with: tuple[OnlyWith, ...] = ()) -> Any:
    """Returns the key of the weights of classes; see `score_key`."""
    return key(
        "balanced weighs the loss of a class by n / (classes times n of the class), counted in"
        " training; null weighs all alike",
        None,
        choices=CLASS_WEIGHTS,
        neutral=True,
        only_with=only_with,
    )


@dataclass
class ClassificationConfig(TaskConfig):
    """A task of telling classes apart, with the score and the weights that its classes have."""

    score: str = score_key()
    class_weights: str | None = class_weights_key()

    SCORE: ClassVar[Score] = ACCURACY


def declared(base: type[TaskConfig] = TaskConfig) -> dict[str, type[TaskConfig]]:
    """Returns the built-in tasks that have been imported, by name in alphabetical order."""
    found = {}
    for task in base.__subclasses__():
        if task.name not in (MISSING, ""):
            found[task.name] = task
        found |= declared(task)
    return dict(sorted(found.items()))
