"""What textbooks claim of recurrent cells, each sentence tested on finished runs.

A claim is tested wherever the runs at hand allow it, test by test: for it, against it, or open.
Its verdict follows from these findings alone, by the rule that its own words ask for:

- all: supported if every test is for it, refuted if one is against it;
- most: supported if more than half of the tests are for it, refuted if at least half are against;
- some: supported if one test is for it, refuted if every test is against it;

and undecided here otherwise. A sentence that says two things has two parts: supported if both are,
refuted if either is, and a part without a test leaves the whole undecided.

No finding for or against rests on fewer than 6 seeds. Exempt are quantities without chance (counts
of parameters, bytes) and times taken in turns with the LSTM's, where the turns are the sample.
"""

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from gru_bench.config import ExperimentConfig
from gru_bench.runs import Result, SeedResult, Spread
from gru_bench.stats import (
    MIN_PAIRS,
    Interval,
    bootstrap_interval,
    median_interval,
    median_interval_from_quartiles,
    wilson_interval,
)
from gru_bench.verdicts import Comparison, compare_group

Finding = Literal["for", "against", "open"]
ClaimVerdict = Literal["supported", "refuted", "undecided here", "not tested"]
Quantifier = Literal["all", "most", "some"]

GRUS = ("gru", "gru_reset_after")
GATED = (*GRUS, "lstm")
# The tasks that ask for memory over a known time, with the key that sets it.
LAG_KEYS = {"copy": "lag", "adding": "length"}
# Gradients at the far end of a sequence, over those at the end where the loss is.
VANISHED, EXPLODED = 1e-3, 1e3


@dataclass(frozen=True, kw_only=True)
class Test:
    """One test of a claim.

    Attributes:
        what: Which runs and which quantity.
        figure: What was measured, with its 95 % interval where it has one.
        finding: For or against the claim, or open.
        part: Which part of the sentence it tests, if that has several.
    """

    what: str
    figure: str
    finding: Finding
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence with all its tests.

    Attributes:
        number: Its place in the ledger, from 1.
        sentence: As textbooks have it.
        how: How it is tested, and by which rule the verdict follows.
        quantifier: Of the rule.
        tests: In the order of tasks and settings.
        parts: Of the sentence; each is judged by the rule on its own.
    """

    number: int
    sentence: str
    how: str
    quantifier: Quantifier
    tests: list[Test]
    parts: tuple[str, ...] = ("",)

    @property
    def verdict(self) -> ClaimVerdict:
        """What all tests together come to."""
        if not self.tests:
            return "not tested"
        of_parts = {
            _judge([test.finding for test in self.tests if test.part == part], self.quantifier)
            for part in self.parts
        }
        if "refuted" in of_parts:
            return "refuted"
        return "supported" if of_parts == {"supported"} else "undecided here"


def _judge(findings: Sequence[Finding], quantifier: Quantifier) -> ClaimVerdict:
    n, n_for, n_against = len(findings), findings.count("for"), findings.count("against")
    if n == 0:
        return "not tested"
    supported, refuted = {
        "all": (n_for == n, n_against > 0),
        "most": (2 * n_for > n, 2 * n_against >= n),
        "some": (n_for > 0, n_against == n),
    }[quantifier]
    return "supported" if supported else "refuted" if refuted else "undecided here"


def ledger(results: Sequence[Result]) -> list[Claim]:
    """The ten claims with what the results say of them, always all and in order."""
    settings = _make_settings(results)
    claims = (
        _parameters,
        _speed,
        _memory,
        _comparable,
        _long_lags,
        _gradients_alive,
        _counting,
        _overfitting,
        _real_time,
        _no_dominance,
    )
    return [claim(settings) for claim in claims]


# Settings


@dataclass(frozen=True)
class _Setting:
    """Runs that differ in their cell alone, by its name.

    Attributes:
        task_label: The task, with its corpus.
        label: The same, with the keys that tell this setting from others of the task.
        keys: The configuration that the runs share, by dotted key.
        runs: By cell.
    """

    task_label: str
    label: str
    keys: dict[str, Any]
    runs: dict[str, Result]

    @cached_property
    def against_lstm(self) -> dict[str, Comparison]:
        """Each GRU against the LSTM, corrected for all comparisons of the setting."""
        compared = compare_group(list(self.runs.values()))
        return {c.cell_a: c for c in compared if c.cell_a in GRUS and c.cell_b == "lstm"}

    @property
    def task(self) -> str:
        return str(self.keys["task.name"])

    @property
    def lag(self) -> int:
        """Steps over which the task asks for memory, as its own key says it."""
        return int(self.keys[f"task.{LAG_KEYS[self.task]}"])

    @property
    def has_equal_sizes(self) -> bool:
        """Whether all cells have as many units."""
        return bool(self.keys.get("match", "hidden") == "hidden")


def _make_settings(results: Sequence[Result]) -> list[_Setting]:
    """Sorts runs into settings, in the order of tasks and of what tells settings apart.

    Runs of one task stand side by side if their configuration is equal in all but the cell and the
    seeds; where that would leave several runs of a cell, in all but the cell's name.
    """
    found: list[tuple[str, dict[str, Any], list[Result]]] = []
    for keys, runs in _grouped(results, lambda key: key != "seeds" and not key.startswith("cell.")):
        if len({run.cell for run in runs}) < len(runs):
            found += [
                (runs[0].task_label, strict, alike)
                for strict, alike in _grouped(runs, lambda key: key != "cell.name")
            ]
        else:
            found.append((runs[0].task_label, keys, runs))
    settings = []
    for task in sorted({label for label, _, _ in found}):
        of_task = [(keys, runs) for label, keys, runs in found if label == task]
        telling = _telling([keys for keys, _ in of_task])
        of_task.sort(key=lambda pair: [_order(pair[0].get(key)) for key in telling])
        for keys, runs in of_task:
            shown = [
                f"{key.rpartition('.')[2].replace('_', ' ')} {keys[key]}"
                for key in telling
                if keys.get(key) is not None
            ]
            # Of runs alike even in their seeds, over a file of texts that has changed, the newest.
            by_cell = {run.cell: run for run in sorted(runs, key=lambda run: run.created)}
            settings.append(_Setting(task, ", ".join([task, *shown]), keys, by_cell))
    return settings


def _grouped(
    results: Iterable[Result], is_shared: Callable[[str], bool]
) -> list[tuple[dict[str, Any], list[Result]]]:
    """Runs by the shared part of their configuration; a tuned learning rate is the cell's own."""
    groups: dict[str, tuple[dict[str, Any], list[Result]]] = {}
    for result in results:
        ignored = {*ExperimentConfig.NOT_IDENTITY} | (
            {"optim.learning_rate"} if result.tuning else set()
        )
        flat = _flatten(result.config)
        keys = {key: flat[key] for key in flat if key not in ignored and is_shared(key)}
        name = json.dumps([result.task_label, keys], sort_keys=True)
        groups.setdefault(name, (keys, []))[1].append(result)
    return list(groups.values())


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as dotted ones."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        nested = isinstance(value, dict)
        flat |= _flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat


def _telling(settings: list[dict[str, Any]]) -> list[str]:
    """Keys in which the settings of a task differ."""
    keys = dict.fromkeys(key for setting in settings for key in setting)
    return [key for key in keys if any(s.get(key) != settings[0].get(key) for s in settings)]


def _order(value: Any) -> tuple[int, float, str]:
    """Orders null before numbers before text."""
    if value is None:
        return 0, 0.0, ""
    return (1, float(value), "") if isinstance(value, int | float) else (2, 0.0, str(value))


def _grus(
    settings: Iterable[_Setting], equal_sizes: bool = False
) -> Iterator[tuple[_Setting, Result]]:
    """Every GRU with its setting; on request only those with as many units as the LSTM."""
    for setting in settings:
        for cell in GRUS:
            if cell in setting.runs and (setting.has_equal_sizes or not equal_sizes):
                yield setting, setting.runs[cell]


def _paired(
    settings: Iterable[_Setting], equal_sizes: bool = False
) -> Iterator[tuple[str, Result, Result]]:
    """Every GRU with the LSTM of its setting, after a label of the two."""
    for setting, gru in _grus(settings, equal_sizes):
        if "lstm" in setting.runs:
            yield f"{setting.label}: {gru.cell}", gru, setting.runs["lstm"]


# The claims


def _parameters(settings: list[_Setting]) -> Claim:
    tests = []
    for setting, gru in _grus(settings, equal_sizes=True):
        count = gru.parameters
        ratio = count.cell / count.lstm
        whole = count.total / (count.total - count.cell + count.lstm)
        tests.append(
            Test(
                what=f"{setting.label}: {gru.cell}, parameters of the recurrent layers",
                figure=f"{ratio:.4f} of the LSTM's; the whole model {whole:.4f} of its",
                finding="for" if abs(ratio - 0.75) <= 0.005 else "against",
            )
        )
    return Claim(
        number=1,
        sentence="A GRU has 75% of an LSTM's parameters.",
        how=(
            "Parameters of the recurrent layers over those of an LSTM with as many units, counted"
            " in the model: for if within 0.75 ± 0.005, else against. All tests must be for; one"
            " against refutes."
        ),
        quantifier="all",
        tests=tests,
    )


def _speed(settings: list[_Setting]) -> Claim:
    per_step, to_score = parts = ("per step", "to the same score")
    tests = []
    for setting, gru in _grus(settings, equal_sizes=True):
        if gru.timing.train_step_vs_lstm is None:
            continue
        step = _from_spread(gru.timing.train_step_vs_lstm)
        tests.append(
            Test(
                what=f"{setting.label}: {gru.cell}, time of a training step",
                figure=f"step {_show(step)} of the LSTM's",
                finding=_below(step, 1),
                part=per_step,
            )
        )
        if "lstm" in setting.runs:
            ratio, informative, pairs = _time_ratio(gru, setting.runs["lstm"], step)
            tests.append(
                Test(
                    what=f"{setting.label}: {gru.cell}, time of training to the same score",
                    figure=f"{informative} of {pairs} pairs"
                    + (f"; {_show(ratio)} of the LSTM's" if ratio else ""),
                    finding=_below(ratio, 1) if ratio else "open",
                    part=to_score,
                )
            )
    return Claim(
        number=2,
        sentence="A GRU trains faster than an LSTM, per step and to the same score.",
        how=(
            "With as many units. Per step: the median of ratios taken in turns. To the same score:"
            " steps until the task is solved or, where there is no such mark, until the worse of"
            " the two cells' median best validation score, less the margin; their ratio by seed,"
            " with its median, times that of a step's time. A seed that never gets there takes"
            " infinitely long, and a pair of two such seeds is left out. For if the interval lies"
            " below 1, against if above. Both parts must hold in most tests."
        ),
        quantifier="most",
        tests=tests,
        parts=parts,
    )


def _time_ratio(gru: Result, lstm: Result, step: Interval) -> tuple[Interval | None, int, int]:
    """The GRU's time to the same score over the LSTM's, the pairs that tell it, and all pairs.

    The interval's ends are products of the two factors' ends, which errs on the wide side.
    """
    target = min(_typical_best(result) for result in (gru, lstm))
    target -= min((r.margin for r in (gru, lstm) if r.margin is not None), default=0)
    steps_gru, steps_lstm = (_steps_to(target, result) for result in (gru, lstm))
    pairs = [(steps_gru[seed], steps_lstm[seed]) for seed in steps_gru.keys() & steps_lstm.keys()]
    ratios = [a / b for a, b in pairs if min(a, b) < math.inf]
    if not ratios:
        return None, 0, len(pairs)
    steps = median_interval(ratios)
    if steps.low is None or steps.high is None or step.low is None or step.high is None:
        ratio = Interval(steps.estimate * step.estimate, None, None)
    else:
        ratio = Interval(
            steps.estimate * step.estimate, steps.low * step.low, steps.high * step.high
        )
    return ratio, len(ratios), len(pairs)


def _typical_best(result: Result) -> float:
    """Median over seeds of the best validation score; turned so that higher is better."""
    return statistics.median(
        max((score for _, score in _validation(result, seed)), default=-math.inf)
        for seed in result.seeds
    )


def _steps_to(target: float, result: Result) -> dict[int, float]:
    """Steps by seed until the task is solved, or the target reached; infinity if never."""
    if result.solved is not None:
        return {s.seed: math.inf if s.solved_step is None else s.solved_step for s in result.seeds}
    return {
        seed.seed: next(
            (step for step, score in _validation(result, seed) if score >= target), math.inf
        )
        for seed in result.seeds
    }


def _validation(result: Result, seed: SeedResult) -> list[tuple[int, float]]:
    """Finite scores of the validation curve after their steps, turned so that higher is better."""
    return [
        (step, _sign(result) * score)
        for step, score in zip(seed.curve.step, seed.curve.validation_score, strict=True)
        if score is not None
    ]


def _memory(settings: list[_Setting]) -> Claim:
    training, streaming = parts = ("in training", "between two steps")
    tests = []
    for what, gru, lstm in _paired(settings, equal_sizes=True):
        if gru.memory_mb and lstm.memory_mb and _same_machine(gru, lstm):
            tests.append(
                Test(
                    what=f"{what}, memory of a training step",
                    figure=f"{gru.memory_mb:.3g} MB, {gru.memory_mb / lstm.memory_mb:.3f} of the"
                    " LSTM's",
                    finding="for" if gru.memory_mb < lstm.memory_mb else "against",
                    part=training,
                )
            )
        tests.append(_state(what, gru, lstm, streaming))
    return Claim(
        number=3,
        sentence="A GRU needs less memory than an LSTM.",
        how=(
            "With as many units, without chance: the peak of a compiled training step by the"
            " compiler's own account, and the bytes kept of one sequence between two steps. For if"
            " fewer than the LSTM's, else against. All tests must be for; one against refutes."
        ),
        quantifier="all",
        tests=tests,
        parts=parts,
    )


def _state(what: str, gru: Result, lstm: Result, part: str) -> Test:
    return Test(
        what=f"{what}, state kept of a sequence",
        figure=f"{gru.state_bytes} bytes, {gru.state_bytes / lstm.state_bytes:.2f} of the LSTM's",
        finding="for" if gru.state_bytes < lstm.state_bytes else "against",
        part=part,
    )


def _comparable(settings: list[_Setting]) -> Claim:
    tests = []
    for setting, gru in _grus(settings):
        comparison = setting.against_lstm.get(gru.cell)
        if comparison is None:
            continue
        gain, margin = _turned(comparison.difference, _sign(gru)), comparison.margin
        stated = "no margin" if margin is None else f"margin {_amount(gru, margin)}"
        tests.append(
            Test(
                what=f"{setting.label}: {gru.cell}, {_score_name(gru)} ahead of the LSTM's",
                figure=f"{_points(gru, gain)}, {stated}, {comparison.n_pairs} pairs",
                finding=_not_worse(gain, margin) if comparison.n_pairs >= MIN_PAIRS else "open",
            )
        )
    return Claim(
        number=4,
        sentence="A GRU performs comparably to an LSTM on most tasks.",
        how=(
            "The difference of test scores by seed, turned so that above 0 the GRU is ahead: for"
            " if its interval lies above minus the margin, which the runs stated beforehand;"
            " against if below it; open if it spans it, and then also where the LSTM is surely"
            " ahead but perhaps by less than matters. Without a margin only a GRU that is ahead"
            " counts as comparable. Supported if more than half of the tests are for, refuted if"
            " at least half are against."
        ),
        quantifier="most",
        tests=tests,
    )


def _not_worse(gain: Interval, margin: float | None) -> Finding:
    if margin is not None:
        return _above(gain, -margin)
    return "for" if _above(gain, 0) == "for" else "open"


def _long_lags(settings: list[_Setting]) -> Claim:
    failure, reason = parts = ("failure", "gradients")
    tests = []
    for longest, shortest in _longest(settings):
        if "rnn" not in longest.runs:
            continue
        tests.append(_fails(longest, failure))
        if shortest is not None and "rnn" in shortest.runs:
            tests.append(_solves(shortest, failure))
        tests += _gradient_tests(longest, ("rnn",), "before training", False, reason)
    return Claim(
        number=5,
        sentence="Plain RNNs fail on long lags, because gradients vanish or explode.",
        how=(
            "On the longest lag of each task. Failure: for if the interval of the RNN's solve rate"
            " lies below one half and that of a gated cell above, against if the RNN's lies above."
            " Where a shorter lag was run, the RNN must solve that, for else it is not the lag that"
            " it fails by; failing there too contradicts nothing, so it is open. Gradients: the"
            " RNN's before training, at the far end over the end where the loss is, for if the"
            " interval of the median over seeds lies below 0.001 or above 1000, against if"
            " between. All tests must be for; one against refutes. That the one is the cause of"
            " the other is not tested."
        ),
        quantifier="all",
        tests=tests,
        parts=parts,
    )


def _longest(settings: list[_Setting]) -> list[tuple[_Setting, _Setting | None]]:
    """Settings of each task's longest lag, with the shortest that is equal in all else."""
    by_task: dict[str, list[_Setting]] = defaultdict(list)
    for setting in settings:
        if setting.task in LAG_KEYS:
            by_task[setting.task].append(setting)
    found: list[tuple[_Setting, _Setting | None]] = []
    for of_task in by_task.values():
        most = max(setting.lag for setting in of_task)
        for setting in of_task:
            if setting.lag == most:
                alike = [s for s in of_task if s.lag < most and _differ_in_lag(s, setting)]
                found.append((setting, min(alike, key=lambda s: s.lag, default=None)))
    return found


def _differ_in_lag(a: _Setting, b: _Setting) -> bool:
    """Whether two settings of a task are the same but for the lag, and how long is trained."""
    own = {f"task.{LAG_KEYS[a.task]}", "steps", "evaluate_every", "patience", "seeds"}
    return all(a.keys.get(k) == b.keys.get(k) for k in (a.keys.keys() | b.keys.keys()) - own)


def _fails(setting: _Setting, part: str) -> Test:
    rnn = setting.runs["rnn"]
    rates = {cell: _solve_rate(run) for cell, run in setting.runs.items() if cell in GATED}
    best = max(rates, key=lambda cell: rates[cell].low or 0, default=None)
    rate = _solve_rate(rnn)
    finding: Finding = "open"
    if _below(rate, 0.5) == "against":
        finding = "against"
    elif _below(rate, 0.5) == "for" and best and _above(rates[best], 0.5) == "for":
        finding = "for"
    shown = [f"{name} {_solved(setting.runs[name])}" for name in ("rnn", best) if name]
    return Test(
        what=f"{setting.label}: seeds that solve it, rnn against the best gated cell",
        figure=", ".join(shown),
        finding=finding,
        part=part,
    )


def _solves(setting: _Setting, part: str) -> Test:
    rnn = setting.runs["rnn"]
    solves = _above(_solve_rate(rnn), 0.5) == "for"
    return Test(
        what=f"{setting.label}: seeds that solve it, rnn on a shorter lag",
        figure=f"rnn {_solved(rnn)}",
        finding="for" if solves else "open",
        part=part,
    )


def _solve_rate(result: Result) -> Interval:
    """Share of the seeds that solved the task; without an interval if they are too few."""
    rate = wilson_interval(result.solved or 0, len(result.seeds))
    return rate if len(result.seeds) >= MIN_PAIRS else Interval(rate.estimate, None, None)


def _solved(result: Result) -> str:
    rate = wilson_interval(result.solved or 0, len(result.seeds))
    return f"{result.solved or 0} of {len(result.seeds)} [{rate.low:.0%}, {rate.high:.0%}]"


def _gradients_alive(settings: list[_Setting]) -> Claim:
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
            " if it lies outside. All tests must be for; one against refutes."
        ),
        quantifier="all",
        tests=tests,
        parts=parts,
    )


def _gradient_tests(
    setting: _Setting, cells: Iterable[str], when: str, should_live: bool, part: str
) -> Iterator[Test]:
    for cell in cells:
        run = setting.runs.get(cell)
        norms = run.probes.gradients if run and run.probes else None
        if norms is None:
            continue
        far = max(range(len(norms.distance)), key=norms.distance.__getitem__)
        rows = norms.trained if when == "after training" else norms.initial
        values = [value for row in rows if (value := row[far]) is not None]
        if not values:
            continue
        relative = median_interval(values)
        seeds = f"{len(values)} of {len(rows)} seeds"
        yield Test(
            what=f"{setting.label}: {cell} {when}, gradient {norms.distance[far]} steps back",
            figure=f"{_show_powers(relative)} of that at the loss, {seeds}",
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


def _counting(settings: list[_Setting]) -> Claim:
    findings: dict[str, Finding] = {"worse": "for", "better": "against", "equivalent": "against"}
    tests = [
        Test(
            what=f"{setting.label}: lstm against {gru.cell}, {_score_name(gru)}",
            figure=f"lstm {_points(gru, _turned(comparison.difference, -_sign(gru)))} ahead,"
            f" {comparison.n_pairs} pairs, p {comparison.p_holm:.2g}",
            finding=findings.get(comparison.verdict, "open"),
        )
        for setting, gru in _grus(s for s in settings if s.task == "counting")
        if (comparison := setting.against_lstm.get(gru.cell))
    ]
    return Claim(
        number=7,
        sentence="An LSTM wins where storing and output must be controlled separately.",
        how=(
            "On the counting task, whose state must be kept exact while something else is put out:"
            " for if the LSTM is better than the GRU by the report's verdict, against if it is"
            " worse or equivalent. All tests must be for; one against refutes."
        ),
        quantifier="all",
        tests=tests,
    )


def _overfitting(settings: list[_Setting]) -> Claim:
    limited = [s for s in settings if s.keys.get("task.train_documents") is not None]
    fewest = {
        name: min(s.keys["task.train_documents"] for s in limited if s.task_label == name)
        for name in {s.task_label for s in limited}
    }
    small = [s for s in limited if s.keys["task.train_documents"] == fewest[s.task_label]]
    tests = [
        _overfits(f"{what}, {gru.config['task']['train_documents']} documents", gru, lstm)
        for what, gru, lstm in _paired(small)
    ]
    return Claim(
        number=8,
        sentence="On small data an LSTM overfits more.",
        how=(
            "On the fewest training documents of each corpus: the training score less the test"
            " score, the LSTM's less the GRU's, by seed. For if the interval of the mean lies above"
            " 0, against if below. Supported if more than half of the tests are for, refuted if at"
            " least half are against."
        ),
        quantifier="most",
        tests=[test for test in tests if test],
    )


def _overfits(what: str, gru: Result, lstm: Result) -> Test | None:
    gaps_gru, gaps_lstm = _gaps(gru), _gaps(lstm)
    more = [gaps_lstm[seed] - gaps_gru[seed] for seed in sorted(gaps_gru.keys() & gaps_lstm.keys())]
    if not more:
        return None
    excess = bootstrap_interval(more)
    tested = (
        f"{r.cell} {_amount(r, statistics.fmean(r.test_scores.values()))}" for r in (lstm, gru)
    )
    return Test(
        what=f"{what}, training less test {_score_name(gru)}",
        figure=f"lstm {_points(gru, excess)} more, {len(more)} pairs; test: {', '.join(tested)}",
        finding=_above(excess, 0) if len(more) >= MIN_PAIRS else "open",
    )


def _gaps(result: Result) -> dict[int, float]:
    """How much better the score is on training data than on test data, by seed."""
    name = result.score.name
    return {
        seed.seed: _sign(result) * (train - test)
        for seed in result.seeds
        if (train := seed.train.get(name)) is not None and (test := seed.test[name]) is not None
    }


def _real_time(settings: list[_Setting]) -> Claim:
    latency, state = parts = ("latency", "state")
    tests = []
    for setting, gru in _grus(settings, equal_sizes=True):
        if gru.timing.latency_vs_lstm is None:
            continue
        ratio = _from_spread(gru.timing.latency_vs_lstm)
        tests.append(
            Test(
                what=f"{setting.label}: {gru.cell}, time of one step of one sequence",
                figure=f"latency {_show(ratio)} of the LSTM's",
                finding=_below(ratio, 1),
                part=latency,
            )
        )
    tests += [_state(what, gru, lstm, state) for what, gru, lstm in _paired(settings, True)]
    return Claim(
        number=9,
        sentence="GRUs suit real-time use: lower latency and smaller state than an LSTM.",
        how=(
            "With as many units. Latency: the median of ratios taken in turns, for if its interval"
            " lies below 1, against if above. State: bytes kept of one sequence between two steps,"
            " for if fewer than the LSTM's, else against. Both parts must hold in most tests."
        ),
        quantifier="most",
        tests=tests,
        parts=parts,
    )


def _no_dominance(settings: list[_Setting]) -> Claim:
    compared = [
        (setting, comparison)
        for setting in settings
        for comparison in setting.against_lstm.values()
    ]
    verdicts = {comparison.verdict for _, comparison in compared}
    both_win, one_wins = {"better", "worse"} <= verdicts, bool({"better", "worse"} & verdicts)
    won = {"better": "the GRU is better", "worse": "the LSTM is better"}

    def finding(verdict: str) -> Finding:
        if both_win:
            return "for" if verdict in won else "open"
        return "against" if one_wins and verdict != "undecided" else "open"

    tests = [
        Test(
            what=f"{setting.label}: {c.cell_a} against lstm",
            figure=f"{won.get(c.verdict, c.verdict)}, {c.n_pairs} pairs, p {c.p_holm:.2g}",
            finding=finding(c.verdict),
        )
        for setting, c in compared
    ]
    return Claim(
        number=10,
        sentence="Neither dominates universally: the choice is made by trying both.",
        how=(
            "Every GRU against the LSTM by the report's verdict, in every setting. Supported if"
            " each kind is better somewhere; refuted if one is, the other nowhere, and no"
            " comparison is undecided. Verdicts are corrected within a setting, not across"
            " settings: of many, a lone win may be chance."
        ),
        quantifier="some",
        tests=tests,
    )


# Findings and figures


def _below(interval: Interval, bound: float) -> Finding:
    """For if the interval lies below the bound, against if above."""
    if interval.low is None or interval.high is None:
        return "open"
    return "for" if interval.high < bound else "against" if interval.low > bound else "open"


def _above(interval: Interval, bound: float) -> Finding:
    return _below(_turned(interval, -1), -bound)


def _turned(interval: Interval, sign: int) -> Interval:
    """The interval of sign times the quantity."""
    if sign > 0:
        return interval
    low, high = interval.low, interval.high
    ends = (None, None) if low is None or high is None else (-high, -low)
    return Interval(-interval.estimate, *ends)


def _from_spread(spread: Spread) -> Interval:
    """The interval of a median of repeated measurements; none where these are too few."""
    if spread.repeats is None or spread.repeats < MIN_PAIRS:
        return Interval(spread.median, None, None)
    return median_interval_from_quartiles(spread.median, spread.low, spread.high, spread.repeats)


def _sign(result: Result) -> int:
    return 1 if result.score.higher_is_better else -1


def _same_machine(a: Result, b: Result) -> bool:
    return all(
        getattr(a.environment, name) == getattr(b.environment, name)
        for name in ("device_kind", "device_count", "platform", "processor", "versions")
    )


def _score_name(result: Result) -> str:
    return "MSE" if result.score.name == "mse" else result.score.name.replace("_", " ")


def _is_percentage(result: Result) -> bool:
    return "accuracy" in result.score.name


def _points(result: Result, difference: Interval) -> str:
    return _show(difference, 100, " points") if _is_percentage(result) else _show(difference)


def _amount(result: Result, score: float) -> str:
    return f"{100 * score:.3g}%" if _is_percentage(result) else f"{score:.3g}"


def _show(interval: Interval, scale: int = 1, unit: str = "") -> str:
    """Such as `0.61 [0.50, 0.80]`, to two digits of the interval's half width."""
    estimate, low, high = interval.estimate, interval.low, interval.high
    if low is None or high is None:
        return _number(scale * estimate, ".3g") + unit
    half_width = scale * (high - low) / 2
    digits = ".3g"
    if 0 < half_width < math.inf:
        digits = f".{max(0, 1 - math.floor(math.log10(half_width)))}f"
    shown, shown_low, shown_high = (_number(scale * x, digits) for x in (estimate, low, high))
    return f"{shown}{unit} [{shown_low}, {shown_high}]"


def _show_powers(interval: Interval) -> str:
    """Such as `1.2e-09 [3.0e-10, 5.1e-09]`."""
    if interval.low is None or interval.high is None:
        return f"{interval.estimate:.1e}"
    return f"{interval.estimate:.1e} [{interval.low:.1e}, {interval.high:.1e}]"


def _number(value: float, digits: str) -> str:
    return "∞" if value == math.inf else f"{value:z{digits}}"
