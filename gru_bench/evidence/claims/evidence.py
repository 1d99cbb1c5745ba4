"""What claims are judged on: runs by what they were made for, and times in several runtimes."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.claims.claim import Finding, Test
from gru_bench.evidence.claims.findings import from_spread
from gru_bench.evidence.claims.rules import Kind, Rules
from gru_bench.evidence.claims.setting import Setting, judge_together, make_settings
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.runtimes import RuntimeFigures, Work
from gru_bench.runs.result import Result

# The kinds of runs whose scores are compared, and so corrected together.
COMPARED: tuple[Kind, ...] = ("scores", "outside")
# The runtime that trained the runs, as the measurement names it.
PACKAGE = "gru-bench"


@dataclass(frozen=True)
class Evidence:
    """What claims are judged on.

    Attributes:
        rules: The rules that they are judged by.
        settings: Settings by what their runs were made for.
        runtimes: What cells cost in several runtimes; without it, times are those of the runs.
        is_reference: Whether the runs are those of the parts that the rules name.
    """

    rules: Rules
    settings: Mapping[Kind, Sequence[Setting]]
    runtimes: RuntimeFigures | None = None
    is_reference: bool = False

    def of(self, *kinds: Kind) -> list[Setting]:
        """Returns the settings of some kinds, each once; none if nothing was run for them."""
        found = [setting for kind in kinds for setting in self.settings.get(kind, ())]
        return list({id(setting): setting for setting in found}.values())

    @property
    def grus(self) -> tuple[str, ...]:
        """The textbook's cell, then those that are shown beside it."""
        return (self.rules.textbook_cell, *self.rules.beside)

    def is_beside(self, cell: str) -> bool:
        """Returns whether a cell is shown without a vote."""
        return cell in self.rules.beside

    def pairs(
        self, *kinds: Kind, other: str = REFERENCE, equal_sizes: bool = False
    ) -> Iterator[tuple[Setting, Result, Result]]:
        """Yields every GRU with its setting and the run of another cell there.

        Args:
            kinds: What the runs were made for.
            other: The other cell.
            equal_sizes: Whether only those with as many units are wanted.
        """
        for setting in self.of(*kinds):
            if setting.has_equal_sizes or not equal_sizes:
                for gru, against in setting.pairs_with(other, self.grus):
                    yield setting, gru, against

    def step_ratio(self, run: Result) -> Interval | None:
        """Returns the time of a cell's training step over the LSTM's; None where it is not known.

        It is that of the run, taken in turns with the LSTM; where the run was not timed, that of
        this package at the nearest size that was measured.
        """
        if run.timing.train_step_vs_lstm is not None:
            return from_spread(run.timing.train_step_vs_lstm)
        figures = [] if self.runtimes is None else self.runtimes.figures
        known = [
            figure
            for figure in figures
            if (figure.runtime, figure.cell, figure.work) == (PACKAGE, run.cell, Work.TRAINING)
            and figure.vs_lstm is not None
        ]
        nearest = min(known, key=lambda f: abs(f.hidden_size - run.hidden_size), default=None)
        return None if nearest is None else nearest.vs_lstm

    def test(
        self,
        setting: Setting,
        run: Result,
        what: str,
        figure: str,
        finding: Finding,
        part: str = "",
    ) -> Test:
        """Returns a test of a run; that of a cell which is shown beside the others has no vote."""
        return Test(
            task=setting.task_label,
            what=f"{setting.label}: {run.cell} {what}",
            figure=figure,
            finding=finding,
            part=part,
            is_beside=self.is_beside(run.cell),
        )


def of_any_runs(
    results: Sequence[Result], rules: Rules, runtimes: RuntimeFigures | None = None
) -> Evidence:
    """Returns runs as evidence whatever they were made for: every claim may read every run."""
    settings = judge_together(make_settings(results), rules)
    kinds = {kind for claim in rules.claims.values() for kind in claim.kinds}
    return Evidence(rules, dict.fromkeys(kinds, settings), runtimes)


def of_reference(
    results: Mapping[Kind, Sequence[Result]],
    rules: Rules,
    runtimes: RuntimeFigures | None = None,
) -> Evidence:
    """Returns the runs of a reference as evidence, each for the claims that it was made for.

    Comparisons are corrected for all that the rules ask for, so that no verdict changes because
    further parts are made.
    """
    settings: dict[Kind, list[Setting]] = {
        kind: make_settings(of_kind) for kind, of_kind in results.items()
    }
    compared = [kind for kind in COMPARED if kind in settings]
    together = [setting for kind in compared for setting in settings[kind]]
    judged = iter(judge_together(together, rules, lambda pair: rules.settings_with(pair, COMPARED)))
    for kind in compared:
        settings[kind] = list(itertools.islice(judged, len(settings[kind])))
    return Evidence(rules, settings, runtimes, is_reference=True)
