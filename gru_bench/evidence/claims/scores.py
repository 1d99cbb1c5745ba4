"""Claims on how well a cell does: who scores better, who overfits."""

import statistics
from typing import Literal

import numpy as np

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.claims.claim import MIN_TASKS, Claim, Finding, Test
from gru_bench.evidence.claims.findings import (
    UNLEARNED,
    above,
    amount,
    level,
    open_if_unlearned,
    points,
    sign,
)
from gru_bench.evidence.claims.setting import GRUS, NO_OUTPUT_GATE, Setting, grus, paired
from gru_bench.evidence.comparison import Comparison, Outcome
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.rules import MIN_PAIRS
from gru_bench.evidence.sequential import median_sequence
from gru_bench.runs.result import Result

Winner = Literal["gru", "lstm", "neither"]
# Tasks in which something is stored while other things are put out.
STORING = ("counting", "store_release")
# Closes the rule of a claim that compares scores.
LEDGER_WIDE = (
    " Intervals and verdicts hold for all comparisons with an LSTM in the ledger together. They are"
    " of the start, the budget and the sizes of these runs: gru-bench robustness tries others."
)


def comparable(settings: list[Setting]) -> Claim:
    """Claim 4, by non-inferiority within the margin."""
    tests = []
    for setting, gru in grus(settings):
        comparison = setting.against_lstm.get(gru.cell)
        if comparison is None:
            continue
        gain = comparison.gain_of(gru.cell, setting.confidence)
        margin = comparison.typical.margin
        stated = f"margin {amount(gru, margin)}" if margin is not None else "no margin"
        test = Test(
            task=setting.task_label,
            what=f"{setting.label}: {gru.cell} against lstm, {gru.score.in_words}",
            figure=f"{_ahead(gru, gain)}, {comparison.typical.n_pairs} pairs, {stated};"
            f" {_reliability(comparison)}",
            finding=_comparable(gain, comparison),
        )
        tests.append(open_if_unlearned(test, gru, setting.runs["lstm"]))
    return Claim(
        number=4,
        sentence="A GRU performs comparably to an LSTM on most tasks.",
        how=(
            "The typical difference of test scores, over seeds that learn the task under both,"
            " turned so that above 0 the GRU is ahead: for if its interval lies above minus the"
            " margin, which the runs stated beforehand; against if below it; open if it spans it,"
            " and then also where the LSTM is surely ahead but perhaps by less than matters."
            " Without a margin only a GRU that is ahead counts as comparable. Against, too, if the"
            " GRU is less reliable; for if it is more so and too few seeds learn it under both."
            + UNLEARNED
            + LEDGER_WIDE
            + " A task counts once: for if more than half of its tests are, against if at least"
            " half are. Supported if more than half of the tasks are for, refuted if at least half"
            f" are against, and either takes {MIN_TASKS} decided tasks."
        ),
        quantifier="most tasks",
        tests=tests,
    )


def _ahead(run: Result, gain: Interval | None) -> str:
    return f"ahead by {points(run, gain)}" if gain else "no seed learns it under both"


def _reliability(comparison: Comparison) -> str:
    """Returns the counts as text, such as `solved by 10 and 9 of 10 seeds`."""
    counted = comparison.reliability
    successes = f"{counted.successes_a} and {counted.successes_b}"
    return f"{counted.what} by {successes} of {counted.n_pairs} seeds"


def _comparable(gain: Interval | None, comparison: Comparison) -> Finding:
    if comparison.reliability.verdict == "worse":
        return "against"
    if gain is None or comparison.typical.n_pairs < MIN_PAIRS:
        return "for" if comparison.reliability.verdict == "better" else "open"
    margin = comparison.typical.margin
    if margin is not None:
        return above(gain, -margin)
    return "for" if above(gain, 0) == "for" else "open"


def separate_control(settings: list[Setting]) -> Claim:
    """Claim 7, by verdicts on tasks in which something is stored while other things are put out."""
    win, output_gate = parts = ("win", "output gate")
    stored = [setting for setting in settings if setting.task in STORING]
    tests = [
        _lstm_wins(setting, gru, win)
        for setting, gru in grus(stored)
        if gru.cell in setting.against_lstm
    ]
    tests += [
        _lstm_wins(setting, setting.runs[NO_OUTPUT_GATE], output_gate)
        for setting in stored
        if NO_OUTPUT_GATE in setting.against_lstm
    ]
    return Claim(
        number=7,
        sentence="An LSTM wins where storing and output must be controlled separately.",
        how=(
            "On counting and on store and release, where the state must be kept while something"
            " else is put out. Win: for if the LSTM is better than the GRU by the report's verdict,"
            " against if it is worse or equivalent. Output gate, without which the state is stored"
            f" and put out as one: the same against an LSTM without it ({NO_OUTPUT_GATE}), since a"
            " win over the GRU does not tell which gate it is due to. All tests must be for; one"
            " against refutes." + UNLEARNED + LEDGER_WIDE
        ),
        quantifier="all",
        tests=tests,
        parts=parts,
    )


def _lstm_wins(setting: Setting, other: Result, part: str) -> Test:
    """Returns the test whether the LSTM is better than another cell."""
    comparison, lstm = setting.against_lstm[other.cell], setting.runs[REFERENCE]
    lead = comparison.gain_of(REFERENCE, setting.confidence)
    findings: dict[Outcome, Finding] = {
        "better": "for",
        "worse": "against",
        "equivalent": "against",
    }
    test = Test(
        task=setting.task_label,
        what=f"{setting.label}: {REFERENCE} against {other.cell}, {other.score.in_words}",
        figure=f"{_ahead(other, lead)}; {comparison.cell_a} {_shown(comparison)}",
        finding=findings.get(comparison.outcome_for(REFERENCE), "open"),
        part=part,
    )
    return open_if_unlearned(test, other, lstm)


def overfitting(settings: list[Setting]) -> Claim:
    """Claim 8, from training and test scores."""
    limited = [s for s in settings if s.keys.get("task.train_documents") is not None]
    fewest = {
        name: min(s.keys["task.train_documents"] for s in limited if s.task_label == name)
        for name in {s.task_label for s in limited}
    }
    small = [s for s in limited if s.keys["task.train_documents"] == fewest[s.task_label]]
    tests = [_overfits(what, gru, lstm) for what, gru, lstm in paired(small)]
    return Claim(
        number=8,
        sentence="On small data an LSTM overfits more.",
        how=(
            "On the fewest training documents of each corpus: the training score less the test"
            " score, the LSTM's less the GRU's, by seed. For if the interval of the median lies"
            " above 0, against if below. Supported if more than half of the tests are for, refuted"
            " if at least half are against."
        ),
        quantifier="most",
        tests=[test for test in tests if test],
    )


def _overfits(what: str, gru: Result, lstm: Result) -> Test | None:
    gaps_gru, gaps_lstm = _gaps(gru), _gaps(lstm)
    more = [gaps_lstm[seed] - gaps_gru[seed] for seed in sorted(gaps_gru.keys() & gaps_lstm.keys())]
    if not more:
        return None
    excess, documents = median_sequence(np.array(more)), gru.config["task"]["train_documents"]
    tested = (f"{r.cell} {level(r, statistics.fmean(r.test_scores.values()))}" for r in (lstm, gru))
    score = gru.score.in_words
    return Test(
        task=gru.task_label,
        what=f"{what} against lstm, training less test {score} on {documents} documents",
        figure=f"lstm {points(gru, excess)} more, {len(more)} pairs; test: {', '.join(tested)}",
        finding=above(excess, 0),
    )


def _gaps(result: Result) -> dict[int, float]:
    """Returns how much better the score is on training data than on test data, by seed."""
    name = result.score.name
    return {
        seed.seed: sign(result) * (train - test)
        for seed in result.seeds
        if (train := seed.train.get(name)) is not None and (test := seed.test[name]) is not None
    }


def no_dominance(settings: list[Setting]) -> Claim:
    """Claim 10, by verdicts on all tasks."""
    compared = [
        (setting, comparison, _winner(comparison))
        for setting in settings
        for cell, comparison in setting.against_lstm.items()
        if cell in GRUS
    ]
    won = {
        kind: {setting.label for setting, _, winner in compared if winner == kind}
        for kind in ("gru", "lstm")
    }
    decided = {setting.task_label for setting, _, winner in compared if winner}
    each_wins = all(won.values()) and len(won["gru"] | won["lstm"]) > 1
    one_wins = any(won.values()) and not all(won.values()) and len(decided) >= MIN_TASKS

    def finding(winner: Winner | None) -> Finding:
        if each_wins:
            return "for" if winner in won else "open"
        return "against" if one_wins and winner else "open"

    return Claim(
        number=10,
        sentence="Neither dominates universally: the choice is made by trying both.",
        how=(
            "Every GRU against the LSTM by the report's verdict, in every setting; better by less"
            " than the margin is as good as equivalent. If each kind is better somewhere, and not"
            " in one setting alone, these tests are for and support it. If only one is, and"
            f" {MIN_TASKS} tasks at least have a verdict, all that is decided is against, which"
            " refutes it where nothing is open." + UNLEARNED + LEDGER_WIDE
        ),
        quantifier="some",
        tests=[
            Test(
                task=setting.task_label,
                what=f"{setting.label}: {comparison.cell_a} against lstm",
                figure=_shown(comparison),
                finding=finding(winner),
            )
            for setting, comparison, winner in compared
        ],
    )


def _winner(comparison: Comparison) -> Winner | None:
    """Returns who is better by more than the margin; None if that is not decided."""
    if comparison.outcome in ("undecided", "not learned"):
        return None
    if comparison.outcome in ("equivalent", "trade-off") or comparison.within_margin:
        return "neither"
    return "gru" if comparison.outcome == "better" else "lstm"


def _shown(comparison: Comparison) -> str:
    """Returns a comparison as text.

    Such as `typically better, 10 pairs, p 0.02; solved by 10 and 9 of 10 seeds, undecided`.
    """
    if comparison.outcome == "not learned":
        return "not learned by either"
    typical, reliability = comparison.typical, comparison.reliability
    within = typical.verdict in ("better", "worse") and typical.within_margin
    return (
        f"typically {typical.verdict}{' by less than matters' if within else ''},"
        f" {typical.n_pairs} pairs, p {typical.p.corrected:.2g}; {_reliability(comparison)},"
        f" {reliability.verdict}"
    )
