"""How well each class is recognised: precision, recall, F1, and what it is taken for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gru_bench.evidence.record import mean_validation_score
from gru_bench.report.detail_table import DetailTable
from gru_bench.report.groups import Group
from gru_bench.report.reported_run import ReportedRun
from gru_bench.runs.result import Result

MOST_CLASSES = 12  # that are shown; of more, those that are recognised worst


@dataclass(frozen=True, eq=False)
class ClassScores:
    """How well one run recognises each class of the test split, its seeds taken together.

    Attributes:
        names: The names of the classes.
        confusion: Decisions by actual and predicted class, means over seeds.
    """

    names: list[str]
    confusion: Float[np.ndarray, "actual predicted"]

    @property
    def examples(self) -> Float[np.ndarray, " classes"]:
        """Test examples of each class."""
        return np.asarray(self.confusion.sum(axis=1))

    @property
    def precision(self) -> Float[np.ndarray, " classes"]:
        """Of the decisions for a class those that are right; nan where there is none."""
        return _shares(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def recall(self) -> Float[np.ndarray, " classes"]:
        """Of the examples of a class those that are recognised; nan where there is none."""
        return _shares(self.confusion.diagonal(), self.examples)

    @property
    def f1(self) -> Float[np.ndarray, " classes"]:
        """The harmonic mean of the two, as 2 TP / (2 TP + FP + FN); nan where a class is absent."""
        both = self.examples + self.confusion.sum(axis=0)
        return _shares(2 * self.confusion.diagonal(), both)


def _shares(
    parts: Float[np.ndarray, " classes"], wholes: Float[np.ndarray, " classes"]
) -> Float[np.ndarray, " classes"]:
    unknown = np.full(len(parts), np.nan)
    return np.asarray(np.divide(parts, wholes, out=unknown, where=wholes > 0))


def class_scores(result: Result) -> ClassScores | None:
    """Returns how well a run recognises each class; None where it has no predictions of classes."""
    predictions = result.predictions
    if predictions is None or predictions.actual is None:
        return None
    actual, given = predictions.actual.astype(int), predictions.given.astype(int)
    names = result.class_names or []
    classes = max(len(names), 1 + int(max(actual.max(), given.max())))
    pairs = (classes * actual[None] + given).ravel()
    counts = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    names = [*names, *map(str, range(len(names), classes))]
    return ClassScores(names, counts / len(given))


def scored_runs(group: Group) -> dict[ReportedRun, ClassScores]:
    """Returns the scores of the run of each cell that is best on validation data.

    Runs without predictions of classes are left out, and those of other classes than the first.
    """
    sign = 1 if group.higher_is_better else -1
    ordered = sorted(group.runs, key=lambda run: sign * mean_validation_score(run.result))
    best = set({run.result.cell: run for run in ordered}.values())
    found = {
        run: scores
        for run in group.runs
        if run in best and (scores := class_scores(run.result)) is not None
    }
    names = next((scores.names for scores in found.values()), [])
    return {run: scores for run, scores in found.items() if scores.names == names}


def shown_classes(scores: Sequence[ClassScores]) -> list[int]:
    """Returns the classes to show: all if they are few, else those with the least mean F1.

    Classes that do not occur in the test split are left out.
    """
    tested = np.flatnonzero(scores[0].examples > 0)
    if len(tested) > MOST_CLASSES:
        f1 = np.mean([each.f1[tested] for each in scores], axis=0)
        tested = tested[np.argsort(f1, kind="stable")[:MOST_CLASSES]]
    return [int(place) for place in tested]


def what_is_shown(scores: Sequence[ClassScores]) -> str:
    """Returns a sentence on the classes that are left out; empty if all are shown."""
    tested = np.count_nonzero(scores[0].examples)
    if tested <= MOST_CLASSES:
        return ""
    return f" Of {tested} classes, the {MOST_CLASSES} that are recognised worst, by F1."


def class_table(group: Group) -> list[DetailTable]:
    """Returns the table of each class under each cell; none where no classes were predicted."""
    runs = scored_runs(group)
    scores = list(runs.values())
    if not runs:
        return []
    rows = [
        [each.names[i], f"{each.examples[i]:.0f}", group.name(run)]
        + [_percent(values[i]) for values in (each.precision, each.recall, each.f1)]
        for i in shown_classes(scores)
        for run, each in runs.items()
    ]
    return [
        DetailTable(
            title="Class by class",
            columns=["class", "test examples", "cell", "precision (%)", "recall (%)", "F1 (%)"],
            words=1,
            rows=rows,
            note=(
                "Precision: of the decisions for a class, those that are right. Recall: of its"
                " examples, those that are recognised. All seeds taken together."
                + what_is_shown(scores)
            ),
        )
    ]


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.1f}"
