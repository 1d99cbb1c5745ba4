"""Claims on how well a cell does: who scores better, who overfits."""

import statistics
from typing import Literal

import numpy as np

from gru_bench.evidence.claims.claim import MIN_TASKS, Claim, Finding, Test
from gru_bench.evidence.claims.findings import (
    UNLEARNED,
    above,
    amount,
    level,
    open_if_unlearned,
    points,
    sign,
    turned,
)
from gru_bench.evidence.claims.setting import Setting, grus, paired
from gru_bench.evidence.comparison import Comparison
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.rules import MIN_PAIRS
from gru_bench.evidence.sequential import median_sequence
from gru_bench.runs.result import Result

Winner = Literal["gru", "lstm", "neither"]
# Closes the rule of a claim that compares scores.
LEDGER_WIDE = (
    " Intervals and verdicts hold for all comparisons of a GRU with an LSTM in the ledger together."
)


def comparable(settings: list[Setting]) -> Claim:
    """Claim 4, by non-inferiority within the margin."""
    tests = []
    for setting, gru in grus(settings):
        comparison = setting.against_lstm.get(gru.cell)
        if comparison is None:
            continue
        gain, margin = _gain(setting, comparison, gru), comparison.typical.margin
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


def _gain(setting: Setting, comparison: Comparison, run: Result) -> Interval | None:
    """Returns how far the GRU is typically ahead, with an interval that holds ledger-wide."""
    difference = comparison.typical.difference(setting.confidence)
    return difference and turned(difference, sign(run))


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


def counting(settings: list[Setting]) -> Claim:
    """Claim 7, by verdicts on the counting task."""
    findings: dict[str, Finding] = {"worse": "for", "better": "against", "equivalent": "against"}
    tests = [
        open_if_unlearned(
            Test(
                task=setting.task_label,
                what=f"{setting.label}: lstm against {gru.cell}, {gru.score.in_words}",
                figure=f"{_ahead(gru, lead and turned(lead, -1))}; {gru.cell} {_shown(comparison)}",
                finding=findings.get(comparison.outcome, "open"),
            ),
            gru,
            setting.runs["lstm"],
        )
        for setting, gru in grus(s for s in settings if s.task == "counting")
        if (comparison := setting.against_lstm.get(gru.cell))
        for lead in [_gain(setting, comparison, gru)]
    ]
    return Claim(
        number=7,
        sentence="An LSTM wins where storing and output must be controlled separately.",
        how=(
            "On the counting task, whose state must be kept exact while something else is put out:"
            " for if the LSTM is better than the GRU by the report's verdict, against if it is"
            " worse or equivalent. All tests must be for; one against refutes."
            + UNLEARNED
            + LEDGER_WIDE
        ),
        quantifier="all",
        tests=tests,
    )


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
        for comparison in setting.against_lstm.values()
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
