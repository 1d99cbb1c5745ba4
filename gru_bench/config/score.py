"""The main score of a task, by which its runs are ranked."""

from dataclasses import dataclass

ERRORS = ("mse", "mae", "rmse", "mase", "scaled_mae")  # scores that are 0 at best


@dataclass(frozen=True)
class Score:
    """The main score of a task: a key of every seed's `test`, `validation` and `train`.

    Attributes:
        name: Its name among the scores of the task.
        higher_is_better: Whether larger is better.
        baseline: The value that is reached without using the history; None if it is not known.
        baseline_name: What reaches the baseline, in words.
        solved_rule: When the task counts as solved, in words; None if it has no such mark.
        is_share: Whether it is a share of right answers or, like F1, made of such shares: it is
            then shown in percent and percentage points.
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
        return score_in_words(self.name)


def score_in_words(name: str) -> str:
    """Returns the name of a score as prose has it."""
    words = name.replace("f1", "F1").split("_")
    return " ".join(word.upper() if word in ERRORS else word for word in words)


ACCURACY = Score(
    name="accuracy",
    higher_is_better=True,
    baseline=None,
    baseline_name="always the commonest class",
    is_share=True,
)
CLASSIFICATION_SCORES = (ACCURACY.name, "macro_f1", "balanced_accuracy")
