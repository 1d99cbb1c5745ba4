"""The claim on long lags: how far an RNN and gated cells bridge them, and whether by gradients."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from gru_bench.config.cell import KEEP, REFERENCE
from gru_bench.evidence.claims.claim import Finding, Test
from gru_bench.evidence.claims.evidence import Evidence
from gru_bench.evidence.claims.findings import surely_less
from gru_bench.evidence.claims.gradients import flow_back, lives
from gru_bench.evidence.claims.rules import ClaimRule
from gru_bench.evidence.claims.setting import Setting
from gru_bench.evidence.estimates import Interval, wilson_interval
from gru_bench.evidence.horizon import horizon
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.rules import SIGNIFICANCE
from gru_bench.evidence.sequential import sequential_p
from gru_bench.runs.result import Result

PLAIN = "rnn"


@dataclass
class Lags:
    """What cells did on one task at several lags.

    Attributes:
        settings: The settings, in the order of their lags.
        runs: Runs by cell and whether they are from the default start, then by lag.
    """

    settings: list[Setting] = field(default_factory=list)
    runs: dict[tuple[str, bool], dict[int, Result]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def of(self, cell: str, default_start: bool = True) -> Mapping[int, Result]:
        """Returns a cell's runs by lag, none if there are none."""
        return self.runs.get((cell, default_start), {})


def long_lags(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that plain RNNs fail on long lags because of gradients."""
    failure, gradients, cause = rule.parts
    for task, lags in _by_task(evidence).items():
        plain = _span(lags.of(PLAIN))
        gated = (evidence.rules.textbook_cell, *evidence.rules.beside, REFERENCE)
        spans = {cell: _span(lags.of(cell)) for cell in gated}
        known = {cell: span for cell, span in spans.items() if span is not None}
        if plain is None or not known:
            continue
        best = max(known, key=lambda cell: known[cell].low or 0)
        shown = [f"{cell} {show_horizon(span)}" for cell, span in {PLAIN: plain, **known}.items()]
        yield Test(
            task=task,
            what=f"{task}: the lag up to which half of the seeds solve it, {PLAIN} against {best}",
            figure=", ".join(shown),
            finding=_fails(plain, known[best], rule.limits["longest_lag"]),
            part=failure,
        )
        yield from _changed_starts(task, lags, cause)
        for setting in lags.settings:
            lag = setting.lag or 0
            if lag > plain.estimate and lag >= rule.limits["shortest_lag"]:
                yield from _gradients(evidence, rule, setting, gradients)
                yield from _live_and_fails(evidence, rule, setting, known[best], cause)
                yield from _dead_and_solves(evidence, rule, setting, lags, cause)


def _by_task(evidence: Evidence) -> dict[str, Lags]:
    """Returns what was done on each task, in the size that has the most lags."""
    found: dict[str, dict[int, Lags]] = defaultdict(lambda: defaultdict(Lags))
    for setting in sorted(evidence.of("horizons"), key=lambda setting: setting.lag or 0):
        if setting.lag is None:
            continue
        lags = found[setting.task_label][setting.nominal_size]
        lags.settings.append(setting)
        for cell, run in setting.runs.items():
            lags.runs[cell, _has_default_start(run)][round(setting.lag)] = run
    return {
        task: max(by_size.values(), key=lambda lags: len(lags.settings))
        for task, by_size in found.items()
    }


def _has_default_start(run: Result) -> bool:
    cell = run.config["cell"]
    default = cell.get("initialisation", "orthogonal") == "orthogonal"
    return default and cell.get("keep") in (None, KEEP)


def horizon_of(
    evidence: Evidence, task: str, cell: str, default_start: bool = True
) -> Interval | None:
    """Returns how far a cell bridges a task; None where that was not run.

    Args:
        evidence: The runs.
        task: The label of the task.
        cell: The name of the cell.
        default_start: Whether from the default start, or from one that keeps gradients alive or
            lets them die.
    """
    lags = _by_task(evidence).get(task)
    return _span(lags.of(cell, default_start)) if lags else None


def _span(runs: Mapping[int, Result]) -> Interval | None:
    """Returns the horizon with its interval; None where one lag alone was tried."""
    if len(runs) < 2:
        return None
    shared = set.intersection(*({seed.seed for seed in run.seeds} for run in runs.values()))
    outcomes = {
        lag: [s.solved_step is not None for s in run.seeds if s.seed in shared]
        for lag, run in runs.items()
    }
    return horizon(outcomes).span if shared else None


def show_horizon(span: Interval) -> str:
    """Returns a horizon as text; of one beyond the lags tried the lower end of its interval."""
    if span.estimate == 0:
        return f"below {span.high:g}"
    return f"at least {span.low:.3g}" if math.isinf(span.estimate) else format_interval(span)


def _fails(plain: Interval, gated: Interval, longest: float) -> Finding:
    """Returns for if the RNN's horizon lies below, against if it lies beyond what is long."""
    if (plain.low is not None and plain.low >= longest) or surely_less(gated, plain):
        return "against"
    # Where it solves nothing at all it is not the lag that it fails by.
    return "for" if plain.estimate > 0 and surely_less(plain, gated) else "open"


def _gradients(evidence: Evidence, rule: ClaimRule, setting: Setting, part: str) -> Iterator[Test]:
    """Yields the test whether an RNN's gradients vanish or explode where it fails."""
    run = setting.runs.get(PLAIN)
    flow = run and flow_back(run, evidence.rules, is_trained=False)
    if run and flow and _has_default_start(run):
        turned: dict[Finding, Finding] = {"for": "against", "against": "for"}
        what = f"before training, gradient {flow.distance} steps back"
        finding = turned.get(lives(flow.relative, rule), "open")
        yield evidence.test(setting, run, what, flow.shown, finding, part)


def _changed_starts(task: str, lags: Lags, part: str) -> Iterator[Test]:
    """Yields, without a vote, how far cells bridge a task from starts that change gradients."""
    for cell, default_start in lags.runs:
        span = None if default_start else _span(lags.of(cell, default_start))
        if span is not None:
            yield Test(
                task=task,
                what=(
                    f"{task}: the lag up to which half of the seeds solve it, {cell} from the"
                    " start that changes its gradients"
                ),
                figure=show_horizon(span),
                finding="open",
                part=part,
                is_beside=True,
            )


def _live_and_fails(
    evidence: Evidence, rule: ClaimRule, setting: Setting, gated: Interval, part: str
) -> Iterator[Test]:
    """Yields the test whether an RNN bridges a lag beyond its horizon if gradients live.

    Where it fails, the best gated cell must reach that lag: else it is too long for all.
    """
    run = setting.runs.get(PLAIN)
    flow = run and flow_back(run, evidence.rules, is_trained=False)
    if run and flow and lives(flow.relative, rule) == "for":
        is_reached = (setting.lag or 0) <= (gated.low or 0)
        finding: Finding = "open"
        if _most(run):
            finding = "for"
        elif _most(run, fail=True) and is_reached:
            finding = "against"
        what = "with live gradients before training, seeds that solve it"
        yield evidence.test(setting, run, what, f"{_solved(run)}; {flow.shown}", finding, part)


def _dead_and_solves(
    evidence: Evidence, rule: ClaimRule, setting: Setting, lags: Lags, part: str
) -> Iterator[Test]:
    """Yields the test whether a GRU fails on a lag that it can bridge if gradients are dead.

    Where it fails, a GRU at the default start must bridge that lag: else it is too long for all.
    """
    cell = evidence.rules.textbook_cell
    run = setting.runs.get(cell)
    flow = run and flow_back(run, evidence.rules, is_trained=False)
    if not (run and flow and lives(flow.relative, rule) == "against"):
        return
    usual = lags.of(cell).get(round(setting.lag or 0))
    finding: Finding = "open"
    if _most(run):
        finding = "against"
    elif _most(run, fail=True) and usual is not None and _most(usual):
        finding = "for"
    what = "with dead gradients before training, seeds that solve it"
    yield evidence.test(setting, run, what, f"{_solved(run)}; {flow.shown}", finding, part)


def _most(result: Result, fail: bool = False) -> bool:
    """Returns whether the run surely solves, or fails, the task with most of all seeds."""
    solved = np.array([(seed.solved_step is None) == fail for seed in result.seeds])
    return 2 * sequential_p(solved) <= SIGNIFICANCE


def _solved(result: Result) -> str:
    rate = wilson_interval(result.solved or 0, len(result.seeds))
    return f"{result.solved_in_words} [{rate.low:.0%}, {rate.high:.0%}]"
