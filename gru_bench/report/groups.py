"""Which runs stand side by side: groups of one task in one setting."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gru_bench.config.cell import INITIALISATIONS, LAYERS, MAIN_CELLS, STARTS
from gru_bench.config.run import neutral_values
from gru_bench.evidence.comparable import group_runs
from gru_bench.evidence.comparison import Comparison
from gru_bench.evidence.planning import fewest_pairs
from gru_bench.evidence.robustness import Robustness, measure_robustness
from gru_bench.evidence.run_settings import NOT_A_SETTING, idle_task_keys, is_common, show_value
from gru_bench.evidence.verdicts import compare_group, compared_pairs, correct_together
from gru_bench.report.reported_run import ReportedRun
from gru_bench.runs.result import Result, Spread
from gru_bench.system.prose import counted

_MATCHED = {
    "parameters": "hidden sizes for as many parameters",
    "flops": "hidden sizes for as many operations",
    "state": "hidden sizes for as many bytes of state",
    "time": "hidden sizes for as long a training step",
}
_TUNED = {
    "tune.learning_rates": "learning rate",
    "tune.keeps": "share of the state kept at the start",
}


@dataclass(frozen=True)
class Group:
    """Runs of one task in one setting, in the order of the table.

    Attributes:
        label: The task, with the keys that tell this setting from others of the report.
        slug: The label made fit for a file name or an HTML id; no two groups share one.
        runs: The runs, ordered by cell, then by nominal size.
        keys: What tells this setting from others of the task: values by dotted key.
        robustness: How cells compare over the points of this problem, by the names of two cells.
        page: All groups of the report, this one among them.
    """

    label: str
    slug: str
    runs: list[ReportedRun]
    keys: dict[str, Any]
    robustness: dict[tuple[str, str], Robustness] = field(default_factory=dict, repr=False)
    page: list["Group"] = field(default_factory=list, repr=False, compare=False)

    def name(self, run: ReportedRun) -> str:
        """Returns the run's cell, with its nominal size where these differ."""
        several = len(self.nominal_sizes) > 1
        return f"{run.result.cell} h{run.result.nominal_size}" if several else run.result.cell

    @property
    def task_label(self) -> str:
        """The task without the setting."""
        return self.runs[0].result.task_label

    @property
    def nominal_sizes(self) -> list[int]:
        """The sizes at which cells are compared, those of the LSTM that they match."""
        return sorted({run.result.nominal_size for run in self.runs})

    @property
    def score_name(self) -> str:
        """Name of the main score, in words."""
        return self.runs[0].result.score.in_words

    @property
    def is_percentage(self) -> bool:
        """Whether the main score is shown in percent, and differences in percentage points."""
        return self.runs[0].result.score.is_share

    @property
    def shares_test_split(self) -> bool:
        """Whether all seeds are tested on the same examples."""
        data = self.runs[0].result.config.get("corpus") is not None
        return data or any(run.result.predictions is not None for run in self.runs)

    @property
    def has_mark(self) -> bool:
        """Whether the task is solved or not."""
        return self.runs[0].result.score.solved_rule is not None

    @property
    def higher_is_better(self) -> bool:
        """Direction of the main score."""
        return self.runs[0].result.score.higher_is_better

    @property
    def arrow(self) -> str:
        """Direction of the main score as a sign."""
        return "↑" if self.higher_is_better else "↓"

    @cached_property
    def by_score(self) -> list[ReportedRun]:
        """The runs that have a score, best mean first."""
        scored = [(run.score.estimate, run) for run in self.runs if run.score is not None]
        ordered = sorted(scored, key=lambda pair: pair[0], reverse=self.higher_is_better)
        return [run for _, run in ordered]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Every two cells, paired by seed, under the names that `name` gives them."""
        results = [run.result for run in self.runs]
        return compare_group(results, names=[self.name(run) for run in self.runs])

    @property
    def has_verdicts(self) -> bool:
        """Whether any two cells share enough seeds for a verdict."""
        enough = fewest_pairs(max(len(self.comparisons), 1))
        return any(comparison.n_pairs >= enough for comparison in self.comparisons)

    @cached_property
    def seeds_in_common(self) -> list[int]:
        """How many seeds any two cells share that are compared once they share some."""
        pairs = compared_pairs([run.result for run in self.runs])
        shared = [comparison.n_pairs for comparison in self.comparisons]
        return shared + [0] * (len(pairs) - len(shared))

    @property
    def seeds_needed(self) -> int:
        """The least number of seeds that can decide once all runs have the same."""
        return fewest_pairs(len(self.seeds_in_common))

    @cached_property
    def comparisons_over_page(self) -> list[Comparison]:
        """The same comparisons, corrected for all that the report makes."""
        judged = iter(correct_together([c for group in self.page for c in group.comparisons]))
        by_group = {
            group.slug: list(itertools.islice(judged, len(group.comparisons)))
            for group in self.page
        }
        return by_group[self.slug]

    def over_points(self, comparison: Comparison) -> Robustness | None:
        """Returns how its two cells compare over several points; None if there is but this one."""
        cells = {self.name(run): run.result.cell for run in self.runs}
        return self.robustness.get((cells[comparison.cell_a], cells[comparison.cell_b]))

    def lasts(self, comparison: Comparison) -> bool:
        """Returns whether nothing is known of other points, or its outcome survives them."""
        found = self.over_points(comparison)
        return found is None or found.survives(comparison.outcome)

    @cached_property
    def better(self) -> list[tuple[str, str]]:
        """The pairs of which one cell is better, in one respect at least: its name comes first.

        Those that do not survive another start, budget, readout or size are left out.
        """
        told_apart = [
            c for c in self.comparisons if c.outcome in ("better", "worse") and self.lasts(c)
        ]
        return [
            (c.cell_a, c.cell_b) if c.outcome == "better" else (c.cell_b, c.cell_a)
            for c in told_apart
        ]

    @cached_property
    def clearly_better(self) -> list[tuple[str, str]]:
        """Those of `better` that differ by more than the margin, as far as is known."""
        slightly = {frozenset((c.cell_a, c.cell_b)) for c in self.comparisons if c.within_margin}
        return [pair for pair in self.better if frozenset(pair) not in slightly]

    def unbeaten(self) -> list[ReportedRun]:
        """Returns the runs that no verdict calls worse; none if no two runs are told apart."""
        if not self.better:
            return []
        compared = {name for c in self.comparisons for name in (c.cell_a, c.cell_b)}
        beaten = {worse for _, worse in self.better}
        return [run for run in self.runs if self.name(run) in compared - beaten]

    def fastest(self) -> list[int]:
        """Returns the place of the run with the shortest training step, if several were timed."""
        return self._least([run.result.timing.train_step_ms for run in self.runs])

    def quickest(self) -> list[int]:
        """Returns the place of the run with the lowest latency, if several were timed."""
        return self._least([run.result.timing.latency_us for run in self.runs])

    def _least(self, spreads: Sequence[Spread | None]) -> list[int]:
        timed = [(spread.median, place) for place, spread in enumerate(spreads) if spread]
        return [min(timed)[1]] if len(timed) > 1 else []

    def setting(self) -> str:
        """Returns the task's own keys and how it was trained, where that is equal for all runs."""
        flat = [run.settings for run in self.runs]
        usual = neutral_values(self.runs[0].result.config)
        told = [k for k, value in flat[0].items() if k not in usual or value != usual[k]]
        left_out = NOT_A_SETTING | idle_task_keys(flat[0]) | {k for k in told if flat[0][k] == []}
        task = [k for k in told if k.startswith("task.") and k not in left_out]
        options = [k for k in told if k in usual and "." not in k]
        starts = [key for key in STARTS if flat[0].get(key) != INITIALISATIONS[0]]
        training = ["steps", "epochs", "batch_size", "optim.name", "optim.learning_rate"]
        keys = task + options + starts + training
        common = {key: flat[0][key] for key in keys if is_common(key, flat)}
        shown = [
            f"{key.replace('optim.name', 'optim').rpartition('.')[2]}={show_value(key, value)}"
            for key, value in common.items()
        ]
        tried = [
            f"{what} from {', '.join(map(str, flat[0][key]))}"
            for key, what in _TUNED.items()
            if is_common(key, flat)
        ]
        if tried and is_common("tune.seeds", flat):
            seeds = flat[0]["tune.seeds"]
            shown.append(f"each cell's {' and '.join(tried)}, by {counted(seeds, 'other seed')}")
        return ", ".join(shown)

    def matching(self) -> str:
        """Returns what all cells have as much of as the LSTM; nothing if it is hidden units."""
        settings = [run.settings for run in self.runs]
        if not is_common("match", settings) or settings[0]["match"] == "hidden":
            return ""
        if budget := settings[0].get("budget"):
            return f"hidden sizes for {budget:,} parameters"
        sizes = " and ".join(map(str, self.nominal_sizes))
        return f"{_MATCHED[settings[0]['match']]} as an LSTM of {sizes} units"


def make_groups(results: Sequence[Result]) -> list[Group]:
    """Returns the groups of comparable runs, each with a name for files and links."""
    others = sorted({result.cell for result in results} - {*MAIN_CELLS, *LAYERS})
    places = {cell: place for place, cell in enumerate(others)}
    groups: list[Group] = []
    taken: set[str] = set()
    settings = group_runs(results)
    robustness = measure_robustness(settings)
    for group in settings:
        slug = make_slug(group.label, taken)
        taken.add(slug)
        runs = [
            ReportedRun(run.result, run.settings, places.get(run.result.cell, 0))
            for run in group.runs
        ]
        of_problem = robustness[group.label]
        groups.append(Group(group.label, slug, runs, group.keys, of_problem, groups))
    return groups


def make_slug(label: str, taken: set[str]) -> str:
    """Returns a label fit for a file name or an HTML id that is not taken."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-").lower() or "task"
    numbered = (f"{plain}-{i}" for i in itertools.count(2))
    return next(slug for slug in itertools.chain([plain], numbered) if slug not in taken)
