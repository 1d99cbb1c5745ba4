"""Claims on gradients through time: which cells keep them alive, and by what."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.claims.claim import Finding, Test
from gru_bench.evidence.claims.evidence import Evidence
from gru_bench.evidence.claims.rules import ClaimRule, Rules
from gru_bench.evidence.claims.setting import Setting
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.interval_text import POWERS, format_interval
from gru_bench.evidence.sequential import median_sequence
from gru_bench.runs.result import Result

CONTROL = "rnn"
ABLATION = "gru_no_update"


def gradients_alive(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that gated cells keep gradients alive, with an RNN beside."""
    before, during, after = rule.parts
    for longest in _longest(evidence.of("gradients")):
        most = max((steps_of(setting) for setting in longest), default=0)
        for setting in longest:
            for cell in (*evidence.grus, REFERENCE, CONTROL):
                run = setting.runs.get(cell)
                if run is None:
                    continue
                whens = [(after, True)] if steps_of(setting) == most else [(during, True)]
                # It is the same before training, however long that was.
                whens += [(before, False)] if steps_of(setting) == most else []
                for part, is_trained in sorted(whens, key=lambda when: when[1]):
                    yield from _alive(evidence, rule, setting, run, part, is_trained)


def _alive(
    evidence: Evidence,
    rule: ClaimRule,
    setting: Setting,
    run: Result,
    part: str,
    is_trained: bool,
) -> Iterator[Test]:
    """Yields the test whether a gradient lives and, without a vote, its direct part."""
    for is_direct in (False, True):
        flow = flow_back(run, evidence.rules, is_trained, is_direct)
        if flow is None:
            continue
        of_which = ", of which directly through what is kept" if is_direct else ""
        yield Test(
            task=setting.task_label,
            what=f"{setting.label}: {run.cell} {part}, gradient {flow.distance} steps back"
            + of_which,
            figure=flow.shown,
            finding=lives(flow.relative, rule),
            part=part,
            is_beside=is_direct or evidence.is_beside(run.cell) or run.cell == CONTROL,
        )


def interpolation(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that interpolating the state keeps a GRU's gradients alive.

    The intervention is a GRU without it, whose new state is the candidate alone.
    """
    before, after = rule.parts
    for setting in evidence.of("gradients"):
        for gru, ablated in setting.pairs_with(ABLATION, (evidence.rules.textbook_cell,)):
            for part, is_trained in ((before, False), (after, True)):
                flows = [flow_back(run, evidence.rules, is_trained) for run in (gru, ablated)]
                with_it, without = flows
                if with_it is None or without is None:
                    continue
                yield evidence.test(
                    setting,
                    gru,
                    f"and {ABLATION} {part}, gradients {with_it.distance} steps back",
                    f"{with_it.shown}; without it {without.shown}",
                    _kept_by(lives(with_it.relative, rule), lives(without.relative, rule)),
                    part,
                )


def _kept_by(with_it: Finding, without: Finding) -> Finding:
    """Returns for if a gradient lives with the mechanism and not without it."""
    if with_it == "against" or without == "for":
        return "against"
    return "for" if (with_it, without) == ("for", "against") else "open"


class Flow:
    """A gradient some steps back, over that at the loss.

    Args:
        distance: The steps.
        values: A number a seed whose gradient is finite at the loss; infinity where it overflowed.
        seeds: All seeds.
    """

    def __init__(self, distance: int, values: Sequence[float], seeds: int) -> None:
        self.distance = distance
        self.relative: Interval = median_sequence(np.array(values))
        self._seeds = f"{len(values)} of {seeds} seeds"

    @property
    def shown(self) -> str:
        """The median over seeds as text."""
        return f"{format_interval(self.relative, digits=POWERS)} of that at the loss, {self._seeds}"


def flow_back(run: Result, rules: Rules, is_trained: bool, is_direct: bool = False) -> Flow | None:
    """Returns the gradient where what is asked for was read; None where it was not looked at.

    That is at the far end of a sequence, unless the rules say how far back a task's symbols lie.

    Args:
        run: The run.
        rules: The rules.
        is_trained: Whether the gradient after training is wanted, or that before.
        is_direct: Whether it is its direct part, with gates and candidates held constant.
    """
    norms = run.probes.gradients if run.probes else None
    rows = None if norms is None else norms.of(is_trained, is_direct)
    if norms is None or rows is None:
        return None
    near, far = min(norms.distance), max(norms.distance)
    beyond = rules.read_back.get(run.config["task"]["name"])
    if beyond is not None and run.difficulty is not None:
        read = run.difficulty + beyond
        far = min(norms.distance, key=lambda d: abs(d - read))
    columns = norms.distance.index(near), norms.distance.index(far)
    # A row that is finite at the loss and not at the far end overflowed between them.
    known = [row[columns[1]] for row in rows if row[columns[0]] is not None]
    values = [math.inf if norm is None else norm for norm in known]
    return Flow(far, values, len(rows)) if values else None


def lives(relative: Interval, rule: ClaimRule) -> Finding:
    """Returns for if a gradient has neither vanished nor exploded, against if it surely has."""
    vanished, exploded = rule.limits["vanished"], rule.limits["exploded"]
    if relative.low is None or relative.high is None:
        return "open"
    if relative.low > vanished and relative.high < exploded:
        return "for"
    return "against" if relative.high < vanished or relative.low > exploded else "open"


def steps_of(setting: Setting) -> float:
    """Returns how long was trained, in the unit that the runs state."""
    return float(setting.keys.get("steps") or setting.keys.get("epochs") or 0)


def _longest(settings: Sequence[Setting]) -> list[list[Setting]]:
    """Returns the settings of each task's longest lag, for each size by itself."""
    by_task: dict[tuple[str, int], list[Setting]] = defaultdict(list)
    for setting in settings:
        if setting.lag is not None:
            by_task[setting.task_label, setting.nominal_size].append(setting)
    return [
        [setting for setting in of_task if setting.lag == max(s.lag or 0 for s in of_task)]
        for of_task in by_task.values()
    ]
