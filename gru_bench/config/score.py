"""The main score of a task, by which its runs are ranked."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """The main score of a task: a key of every seed's `test`, `validation` and `train`.

    Attributes:
        name: Its name among the scores of the task.
        higher_is_better: Whether larger is better.
        baseline: The value that is reached without using the history; None if it is not known.
        baseline_name: What reaches the baseline, in words.
        solved_rule: When the task counts as solved, in words; None if it has no such mark.
        is_share: Whether it is a share of right answers, shown in percent and percentage points.
    """

    name: str
    higher_is_better: bool
    baseline: float | None
    baseline_name: str
    solved_rule: str | None = None
    is_share: bool = False

    @property
    def in_words(self) -> str:
        """The name as prose has it, such as `recall accuracy`."""
        return "MSE" if self.name == "mse" else self.name.replace("_", " ")


ACCURACY = Score(
    name="accuracy",
    higher_is_better=True,
    baseline=None,
    baseline_name="always the commonest class",
    is_share=True,
)
