"""Claims on long lags: who bridges them, and whether gradients do."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from gru_bench.evidence.claims.claim import Claim, Finding, Test
from gru_bench.evidence.claims.setting import GRUS, Setting
from gru_bench.evidence.estimates import Interval, wilson_interval
from gru_bench.evidence.interval_text import POWERS, format_interval
from gru_bench.evidence.rules import SIGNIFICANCE
from gru_bench.evidence.sequential import median_sequence, sequential_p
from gru_bench.runs.result import Result

GATED = (*GRUS, "lstm")
# Gradients at the far end of a sequence, over those at the end where the loss is.
VANISHED, EXPLODED = 1e-3, 1e3


def long_lags(settings: list[Setting]) -> Claim:
    """Claim 5, from solve rates and gradients of RNNs."""
    failure, reason = parts = ("failure", "gradients")
    tests = []
    for longest, shortest in _longest(settings):
        if shortest is None or "rnn" not in longest.runs.keys() & shortest.runs.keys():
            continue
        tests += [_fails(longest, failure), _solves(shortest, failure)]
        tests += _gradient_tests(longest, ("rnn",), "before training", False, reason)
    return Claim(
        number=5,
        sentence="Plain RNNs fail on long lags, because gradients vanish or explode.",
        how=(
            "The lag of a task is the key that makes it harder, such as the lag of copy, where a"
            " mark says when the task is solved. On the longest lag of each task that was run with"
            " a shorter one, too, since one lag alone does not tell what is long. Failure: for if"
            " the RNN surely solves it with fewer than half of all seeds and a gated cell with"
            " more, against if the RNN does with more."
            " It must solve the shorter lag, for else it is not the lag that it fails by;"
            " failing there too contradicts nothing, so it is open. Gradients: the RNN's before"
            " training, at the far end over the end where the loss is, for if the"
            " interval of the median over seeds lies below 0.001 or above 1000, against if"
            " between; one that overflowed on its way counts as infinite. All tests must be for;"
            " one against refutes. That the one is the cause of the other is not tested."
        ),
        quantifier="all",
        tests=tests,
        parts=parts,
    )


def _longest(settings: list[Setting]) -> list[tuple[Setting, Setting | None]]:
    """Returns settings of each task's longest lag, with the shortest that is equal in all else."""
    by_task: dict[str, list[tuple[float, Setting]]] = defaultdict(list)
    for setting in settings:
        if setting.lag is not None:
            by_task[setting.task].append((setting.lag, setting))
    found: list[tuple[Setting, Setting | None]] = []
    for of_task in by_task.values():
        longest = max(lag for lag, _ in of_task)
        for lag, setting in of_task:
            if lag == longest:
                alike = [pair for pair in of_task if _differ_in_lag(pair[1], setting)]
                shorter = [pair for pair in alike if pair[0] < lag]
                shortest = min(shorter, key=lambda pair: pair[0])[1] if shorter else None
                found.append((setting, shortest))
    return found


def _differ_in_lag(a: Setting, b: Setting) -> bool:
    """Returns whether settings of a task are alike but for the lag and how long is trained."""
    own = {a.axis, "steps", "evaluate_every", "patience", "seeds"}
    others = (a.keys.keys() | b.keys.keys()) - own
    return a.nominal_size == b.nominal_size and all(a.keys.get(k) == b.keys.get(k) for k in others)


def _fails(setting: Setting, part: str) -> Test:
    rnn = setting.runs["rnn"]
    rates = {cell: _rate(run).low or 0 for cell, run in setting.runs.items() if cell in GATED}
    best = max(rates, key=lambda cell: rates[cell], default=None)
    finding: Finding = "open"
    if _solves_most(rnn):
        finding = "against"
    elif _solves_most(rnn, fails=True) and best and _solves_most(setting.runs[best]):
        finding = "for"
    shown = [f"{name} {_solved(setting.runs[name])}" for name in ("rnn", best) if name]
    return Test(
        task=setting.task_label,
        what=f"{setting.label}: seeds that solve it, rnn against the best gated cell",
        figure=", ".join(shown),
        finding=finding,
        part=part,
    )


def _solves(setting: Setting, part: str) -> Test:
    rnn = setting.runs["rnn"]
    return Test(
        task=setting.task_label,
        what=f"{setting.label}: seeds that solve it, rnn on a shorter lag",
        figure=f"rnn {_solved(rnn)}",
        finding="for" if _solves_most(rnn) else "open",
        part=part,
    )


def _solves_most(result: Result, fails: bool = False) -> bool:
    """Returns whether the run surely solves, or fails, the task with most of all seeds."""
    solved = np.array([(seed.solved_step is None) == fails for seed in result.seeds])
    return 2 * sequential_p(solved) <= SIGNIFICANCE


def _rate(result: Result) -> Interval:
    return wilson_interval(result.solved or 0, len(result.seeds))


def _solved(result: Result) -> str:
    rate = _rate(result)
    return f"{result.solved or 0} of {len(result.seeds)} [{rate.low:.0%}, {rate.high:.0%}]"


def gradients_alive(settings: list[Setting]) -> Claim:
    """Claim 6, from gradients of gated cells."""
    parts = ("before training", "after training")
    tests = [
        test
        for setting, _ in _longest(settings)
        for part in parts
        for test in _gradient_tests(setting, GATED, part, True, part)
    ]
    return Claim(
        number=6,
        sentence="GRUs and LSTMs keep gradients alive across time.",
        how=(
            "On the longest lag of each task: the gradient at the far end of a sequence over that"
            " at the end where the loss is, before training, when learning has to begin, and after"
            " it. For if the interval of the median over seeds lies between 0.001 and 1000, against"
            " if it lies outside; a gradient that overflowed on its way counts as infinite. Before"
            " training this is of the start of these runs (cell.keep, cell.initialisation) more"
            " than of the equations. All tests must be for; one against refutes."
        ),
        quantifier="all",
        tests=tests,
        parts=parts,
    )


def _gradient_tests(
    setting: Setting, cells: Iterable[str], when: str, should_live: bool, part: str
) -> Iterator[Test]:
    for cell in cells:
        run = setting.runs.get(cell)
        norms = run.probes.gradients if run and run.probes else None
        if norms is None:
            continue
        near, far = (norms.distance.index(pick(norms.distance)) for pick in (min, max))
        rows = norms.trained if when == "after training" else norms.initial
        # A row that is finite at the loss and not at the far end overflowed between them.
        known = [row[far] for row in rows if row[near] is not None]
        values = [math.inf if norm is None else norm for norm in known]
        if not values:
            continue
        relative = median_sequence(np.array(values))
        seeds = f"{len(values)} of {len(rows)} seeds"
        yield Test(
            task=setting.task_label,
            what=f"{setting.label}: {cell} {when}, gradient {norms.distance[far]} steps back",
            figure=f"{format_interval(relative, digits=POWERS)} of that at the loss, {seeds}",
            finding=_lives(relative, should_live),
            part=part,
        )


def _lives(relative: Interval, should: bool) -> Finding:
    if relative.low is None or relative.high is None:
        return "open"
    if relative.low > VANISHED and relative.high < EXPLODED:
        return "for" if should else "against"
    if relative.high < VANISHED or relative.low > EXPLODED:
        return "against" if should else "for"
    return "open"
