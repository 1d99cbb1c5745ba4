"""The content of a report, whatever its format."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gru_bench.evidence.runtimes import RuntimeFigures
from gru_bench.report.decision import decision
from gru_bench.report.detail_table import DetailTable
from gru_bench.report.figures import series
from gru_bench.report.figures.canvas import Picture
from gru_bench.report.figures.series import Series
from gru_bench.report.groups import Group, make_groups
from gru_bench.report.ledger import Ledger, make_ledger
from gru_bench.runs.result import Result


@dataclass(frozen=True)
class TaskSection:
    """One task in all its settings.

    Attributes:
        label: Its name.
        groups: A group a setting.
        series: How the score changes with a number in which settings differ.
    """

    label: str
    groups: list[Group]
    series: list[Series]


@dataclass(frozen=True)
class Document:
    """Everything a report shows.

    Attributes:
        answer: Which cell to take, at which cost, and what is open.
        tasks: A section for each task.
        ledger: The ledger of claims; None if there is too little to test them.
        commands: The commands that made the runs, each once, the oldest first.
        warnings: What was passed over, a line each.
        published: Published figures beside what the runs come to, a table for each part of a paper.
        overview: The picture of the whole, and those of robustness; empty until drawn.
        pictures: The pictures by the slug of their group or series; empty until drawn.
    """

    answer: str
    tasks: list[TaskSection]
    ledger: Ledger | None
    commands: list[str]
    warnings: list[str]
    published: list[DetailTable] = field(default_factory=list)
    overview: list[Picture] = field(default_factory=list)
    pictures: dict[str, list[Picture]] = field(default_factory=dict)

    @property
    def groups(self) -> list[Group]:
        """Those of all tasks."""
        return [group for task in self.tasks for group in task.groups]

    def draw(self) -> None:
        """Draws all figures, which takes a third of a second each."""
        from gru_bench.report.figures import overview, robustness, scores

        self.overview.extend([*overview.draw(self.groups), *robustness.draw(self.groups)])
        for task in self.tasks:
            self.pictures.update({group.slug: scores.draw(group) for group in task.groups})
            self.pictures.update({one.slug: series.draw(one) for one in task.series})


def make_document(
    results: Sequence[Result],
    warnings: Sequence[str],
    runtimes: RuntimeFigures | None = None,
    published: Sequence[DetailTable] = (),
) -> Document:
    """Sorts results and finds what can be said of them."""
    groups = make_groups(results)
    all_series = series.make_series(groups)
    labels = dict.fromkeys(group.task_label for group in groups)
    return Document(
        answer=decision(groups),
        tasks=[
            TaskSection(
                label,
                [group for group in groups if group.task_label == label],
                [one for one in all_series if one.task_label == label],
            )
            for label in labels
        ],
        ledger=make_ledger(results, runtimes),
        commands=list(
            dict.fromkeys(r.command for r in sorted(results, key=lambda r: (r.created, r.command)))
        ),
        warnings=list(warnings),
        published=list(published),
    )
