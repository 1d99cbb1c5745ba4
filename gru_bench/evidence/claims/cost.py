"""Claims on what a cell costs: parameters, time, memory."""

import math
import statistics
from collections.abc import Sequence

import numpy as np

from gru_bench.evidence.claims.by_runtime import (
    BY_RUNTIME,
    MEMORY_BY_RUNTIME,
    PACKAGE,
    memory_tests,
    time_tests,
)
from gru_bench.evidence.claims.claim import Claim, Test
from gru_bench.evidence.claims.findings import (
    UNLEARNED,
    below,
    from_spread,
    open_if_unlearned,
    sign,
)
from gru_bench.evidence.claims.setting import Setting, grus, paired
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.paired import step_ratios
from gru_bench.evidence.runtimes import RuntimeFigures, Work
from gru_bench.evidence.sequential import median_sequence
from gru_bench.runs.result import Result, SeedResult

# Closes the rule of a claim whose times are of the runs alone.
IN_THIS_PACKAGE = (
    " Times are of gru-bench alone, and of one process: gru-bench speed --runtimes measures other"
    " runtimes, in several."
)


def parameters(settings: list[Setting]) -> Claim:
    """Claim 1, from counts."""
    tests = []
    for setting, gru in grus(settings, equal_sizes=True):
        count, units = gru.parameters, gru.hidden_size * gru.config.get("layers", 1)
        ratio = count.cell / count.lstm
        whole = count.total / (count.total - count.cell + count.lstm)
        tests.append(
            Test(
                task=setting.task_label,
                what=f"{setting.label}: {gru.cell}, parameters of the recurrent layers",
                figure=f"{ratio:.4f} of the LSTM's; the whole model {whole:.4f} of its",
                finding="for" if abs(count.cell - 0.75 * count.lstm) <= units else "against",
            )
        )
    return Claim(
        number=1,
        sentence="A GRU has 75% of an LSTM's parameters.",
        how=(
            "Parameters of the recurrent layers over those of an LSTM with as many units, counted"
            " in the model: for if they are 0.75 to within one number a unit, which is what the"
            " second bias of the reset-after GRU adds, else against. All tests must be for; one"
            " against refutes."
        ),
        quantifier="all",
        tests=tests,
    )


def speed(settings: list[Setting], figures: RuntimeFigures | None = None) -> Claim:
    """Claim 2, from times taken in turns and from validation curves.

    Args:
        settings: The runs.
        figures: Times in several runtimes, which then decide on the time of a step.
    """
    per_step, to_score = "per step", f"to the same score{_in_package(figures)}"
    tests = [] if figures is None else time_tests(figures, Work.TRAINING, per_step)
    for setting, gru in grus(settings, equal_sizes=True):
        if gru.timing.train_step_vs_lstm is None:
            continue
        step = from_spread(gru.timing.train_step_vs_lstm)
        if figures is None:
            what = "time of a training step"
            tests.append(_ratio_test(setting, gru, "step", what, step, per_step))
        if "lstm" in setting.runs:
            lstm = setting.runs["lstm"]
            ratio, informative, pairs = _time_ratio(gru, lstm, step)
            test = Test(
                task=setting.task_label,
                what=f"{setting.label}: {gru.cell}, time of training to the same score",
                figure=f"{informative} of {pairs} pairs"
                + (f"; {format_interval(ratio)} of the LSTM's" if ratio else ""),
                finding=below(ratio, 1) if ratio else "open",
                part=to_score,
            )
            tests.append(open_if_unlearned(test, gru, lstm))
    return Claim(
        number=2,
        sentence="A GRU trains faster than an LSTM, per step and to the same score.",
        how=(
            "With as many units. Per step: the median of ratios taken in turns. To the same score:"
            " steps until the task is solved or, where there is no such mark, until the worse of"
            " the two cells' median best validation score, less the margin; their ratio by seed,"
            " with its median, times that of a step's time. A seed that never gets there takes"
            " infinitely long, and a pair of two such seeds is left out. For if the interval lies"
            " below 1, against if above. Every part must hold in most tests."
            + (f"{BY_RUNTIME} Time to the same score is that of gru-bench." if figures else "")
            + ("" if figures else IN_THIS_PACKAGE)
            + UNLEARNED
        ),
        quantifier="most",
        tests=tests,
        parts=_parts(tests, (per_step,) if figures is None else (), to_score),
    )


def _in_package(figures: RuntimeFigures | None) -> str:
    """Returns what names a part that is of the runs alone, where other parts name a runtime."""
    return "" if figures is None else f" in {PACKAGE}"


def _parts(tests: Sequence[Test], first: tuple[str, ...], last: str) -> tuple[str, ...]:
    """Returns the parts of a claim: those that are always asked for, and one for each runtime."""
    return tuple(dict.fromkeys([*first, *(test.part for test in tests if test.part != last), last]))


def _ratio_test(
    setting: Setting, gru: Result, name: str, what: str, ratio: Interval, part: str
) -> Test:
    """Returns the test whether a GRU's time is below the LSTM's."""
    return Test(
        task=setting.task_label,
        what=f"{setting.label}: {gru.cell}, {what}",
        figure=f"{name} {format_interval(ratio)} of the LSTM's",
        finding=below(ratio, 1),
        part=part,
    )


def _time_ratio(gru: Result, lstm: Result, step: Interval) -> tuple[Interval | None, int, int]:
    """Returns the ratio of times to the same score, how many pairs it is of, and all pairs."""
    target = min(_typical_best(result) for result in (gru, lstm))
    target -= min((r.margin for r in (gru, lstm) if r.margin is not None), default=0)
    steps_gru, steps_lstm = (_steps_to(target, result) for result in (gru, lstm))
    shared = sorted(steps_gru.keys() & steps_lstm.keys())
    ratios = step_ratios(
        *(np.array([steps[seed] for seed in shared], float) for steps in (steps_gru, steps_lstm))
    )
    ratio = _product(median_sequence(ratios), step) if len(ratios) else None
    return ratio, len(ratios), len(shared)


def _product(a: Interval, b: Interval) -> Interval:
    """Returns the product of two positive quantities, with an interval that is rather too wide."""
    estimate = a.estimate * b.estimate
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return Interval(estimate, None, None)
    return Interval(estimate, a.low * b.low, a.high * b.high)


def _typical_best(result: Result) -> float:
    """Returns the median over seeds of the best validation score; a higher one is better."""
    return statistics.median(
        max((score for _, score in _validation(result, seed)), default=-math.inf)
        for seed in result.seeds
    )


def _steps_to(target: float, result: Result) -> dict[int, float]:
    """Returns steps by seed until the task is solved, or the target reached; infinity if never."""
    if result.solved is not None:
        return {s.seed: math.inf if s.solved_step is None else s.solved_step for s in result.seeds}
    return {
        seed.seed: next(
            (step for step, score in _validation(result, seed) if score >= target), math.inf
        )
        for seed in result.seeds
    }


def _validation(result: Result, seed: SeedResult) -> list[tuple[int, float]]:
    """Returns steps and finite validation scores, turned so that higher is better."""
    return [
        (step, sign(result) * score)
        for step, score in zip(seed.curve.step, seed.curve.validation_score, strict=True)
        if score is not None
    ]


def memory(settings: list[Setting], figures: RuntimeFigures | None = None) -> Claim:
    """Claim 3, from bytes.

    Args:
        settings: The runs.
        figures: Memory in several runtimes, which is judged besides.
    """
    training, streaming = "in training", "between two steps"
    tests = [] if figures is None else memory_tests(figures, training)
    training += _in_package(figures)
    for what, gru, lstm in paired(settings, equal_sizes=True):
        if gru.memory_mb and lstm.memory_mb and _same_machine(gru, lstm):
            tests.append(
                Test(
                    task=gru.task_label,
                    what=f"{what}, memory of a training step",
                    figure=f"{gru.memory_mb:.3g} MB, {gru.memory_mb / lstm.memory_mb:.3f} of the"
                    " LSTM's",
                    finding="for" if gru.memory_mb < lstm.memory_mb else "against",
                    part=training,
                )
            )
        tests += _state(what, gru, lstm, streaming)
    return Claim(
        number=3,
        sentence="A GRU needs less memory than an LSTM.",
        how=(
            "With as many units, without chance: the peak of a compiled training step by the"
            " compiler's own account, and the bytes kept of one sequence between two steps. For if"
            " fewer than the LSTM's, else against. All tests must be for; one against refutes."
            + (MEMORY_BY_RUNTIME if figures else "")
        ),
        quantifier="all",
        tests=tests,
        parts=_parts(tests, (training,), streaming),
    )


def _state(what: str, gru: Result, lstm: Result, part: str) -> list[Test]:
    """Returns the test of what is kept of a sequence; none where a model takes no single steps."""
    if gru.state_bytes is None or lstm.state_bytes is None:
        return []
    ratio = gru.state_bytes / lstm.state_bytes
    return [
        Test(
            task=gru.task_label,
            what=f"{what}, state kept of a sequence",
            figure=f"{gru.state_bytes} bytes, {ratio:.2f} of the LSTM's",
            finding="for" if ratio < 1 else "against",
            part=part,
        )
    ]


def _same_machine(a: Result, b: Result) -> bool:
    return all(
        getattr(a.environment, name) == getattr(b.environment, name)
        for name in ("device_kind", "device_count", "platform", "processor", "versions")
    )


def real_time(settings: list[Setting], figures: RuntimeFigures | None = None) -> Claim:
    """Claim 9, from times of single steps and bytes.

    Args:
        settings: The runs.
        figures: Times in several runtimes, which then decide on latency.
    """
    latency, state = "latency", "state"
    tests = [] if figures is None else time_tests(figures, Work.STEP, latency)
    for setting, gru in grus(settings, equal_sizes=True):
        if figures is not None or gru.timing.latency_vs_lstm is None:
            continue
        ratio = from_spread(gru.timing.latency_vs_lstm)
        what = "time of one step of one sequence"
        tests.append(_ratio_test(setting, gru, "latency", what, ratio, latency))
    for what, gru, lstm in paired(settings, equal_sizes=True):
        tests += _state(what, gru, lstm, state)
    return Claim(
        number=9,
        sentence="GRUs suit real-time use: lower latency and smaller state than an LSTM.",
        how=(
            "With as many units. Latency: the median of ratios taken in turns, for if its interval"
            " lies below 1, against if above. State: bytes kept of one sequence between two steps,"
            " for if fewer than the LSTM's, else against. Every part must hold in most tests."
            + (BY_RUNTIME if figures else IN_THIS_PACKAGE)
        ),
        quantifier="most",
        tests=tests,
        parts=_parts(tests, (latency,) if figures is None else (), state),
    )
