"""Claims on how well a cell does: who scores better, who overfits."""

import statistics
from typing import Literal

from gru_bench.evidence.claims.claim import MIN_TASKS, Claim, Finding, Test
from gru_bench.evidence.claims.comparable import Setting, grus, paired
from gru_bench.evidence.claims.findings import (
    UNLEARNED,
    above,
    amount,
    learned,
    level,
    open_if_unlearned,
    points,
    sign,
    turned,
)
from gru_bench.evidence.estimates import MIN_PAIRS, Interval, bootstrap_interval
from gru_bench.evidence.verdicts import Comparison, score_in_words
from gru_bench.runs.result import Result

Outcome = Literal["gru", "lstm", "neither"]


def comparable(settings: list[Setting]) -> Claim:
    """Claim 4, by non-inferiority within the margin."""
    tests = []
    for setting, gru in grus(settings):
        comparison = setting.against_lstm.get(gru.cell)
        if comparison is None:
            continue
        gain, margin = turned(comparison.difference, sign(gru)), comparison.margin
        stated = f"margin {amount(gru, margin)}" if margin is not None else "no margin"
        test = Test(
            task=setting.task_label,
            what=f"{setting.label}: {gru.cell} against lstm, {score_in_words(gru.score)}",
            figure=f"ahead by {points(gru, gain)}, {stated}, {comparison.n_pairs} pairs",
            finding=_not_worse(gain, margin) if comparison.n_pairs >= MIN_PAIRS else "open",
        )
        tests.append(open_if_unlearned(test, gru, setting.runs["lstm"]))
    return Claim(
        number=4,
        sentence="A GRU performs comparably to an LSTM on most tasks.",
        how=(
            "The difference of test scores by seed, turned so that above 0 the GRU is ahead: for"
            " if its interval lies above minus the margin, which the runs stated beforehand;"
            " against if below it; open if it spans it, and then also where the LSTM is surely"
            " ahead but perhaps by less than matters. Without a margin only a GRU that is ahead"
            " counts as comparable."
            + UNLEARNED
            + " A task counts once: for if more than half of its tests are, against if at least"
            " half are. Supported if more than half of the tasks are for, refuted if at least half"
            f" are against, and either takes {MIN_TASKS} decided tasks."
        ),
        quantifier="most tasks",
        tests=tests,
    )


def _not_worse(gain: Interval, margin: float | None) -> Finding:
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
                what=f"{setting.label}: lstm against {gru.cell}, {score_in_words(gru.score)}",
                figure=f"ahead by {points(gru, turned(comparison.difference, -sign(gru)))},"
                f" {comparison.n_pairs} pairs, p {comparison.p_holm:.2g}",
                finding=findings.get(comparison.verdict, "open"),
            ),
            gru,
            setting.runs["lstm"],
        )
        for setting, gru in grus(s for s in settings if s.task == "counting")
        if (comparison := setting.against_lstm.get(gru.cell))
    ]
    return Claim(
        number=7,
        sentence="An LSTM wins where storing and output must be controlled separately.",
        how=(
            "On the counting task, whose state must be kept exact while something else is put out:"
            " for if the LSTM is better than the GRU by the report's verdict, against if it is"
            " worse or equivalent. All tests must be for; one against refutes." + UNLEARNED
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
    excess, documents = bootstrap_interval(more), gru.config["task"]["train_documents"]
    tested = (f"{r.cell} {level(r, statistics.fmean(r.test_scores.values()))}" for r in (lstm, gru))
    score = score_in_words(gru.score)
    return Test(
        task=gru.task_label,
        what=f"{what} against lstm, training less test {score} on {documents} documents",
        figure=f"lstm {points(gru, excess)} more, {len(more)} pairs; test: {', '.join(tested)}",
        finding=above(excess, 0) if len(more) >= MIN_PAIRS else "open",
    )


def _gaps(result: Result) -> dict[int, float]:
    """How much better the score is on training data than on test data, by seed."""
    name = result.score.name
    return {
        seed.seed: sign(result) * (train - test)
        for seed in result.seeds
        if (train := seed.train.get(name)) is not None and (test := seed.test[name]) is not None
    }


def no_dominance(settings: list[Setting]) -> Claim:
    """Claim 10, by verdicts on all tasks."""
    compared = [
        (setting, comparison, _outcome(setting, comparison))
        for setting in settings
        for comparison in setting.against_lstm.values()
    ]
    won = {
        kind: {setting.label for setting, _, outcome in compared if outcome == kind}
        for kind in ("gru", "lstm")
    }
    decided = {setting.task_label for setting, _, outcome in compared if outcome}
    each_wins = all(won.values()) and len(won["gru"] | won["lstm"]) > 1
    one_wins = any(won.values()) and not all(won.values()) and len(decided) >= MIN_TASKS

    def finding(outcome: Outcome | None) -> Finding:
        if each_wins:
            return "for" if outcome in won else "open"
        return "against" if one_wins and outcome else "open"

    return Claim(
        number=10,
        sentence="Neither dominates universally: the choice is made by trying both.",
        how=(
            "Every GRU against the LSTM by the report's verdict, in every setting; better by less"
            " than the margin is as good as equivalent. If each kind is better somewhere, and not"
            " in one setting alone, these tests are for and support it. If only one is, and"
            f" {MIN_TASKS} tasks at least have a verdict, all that is decided is against, which"
            " refutes it where nothing is open." + UNLEARNED + " Verdicts are corrected within a"
            " setting, not across settings: of many, a lone win may be chance."
        ),
        quantifier="some",
        tests=[
            Test(
                task=setting.task_label,
                what=f"{setting.label}: {comparison.cell_a} against lstm",
                figure=_shown(setting, comparison),
                finding=finding(outcome),
            )
            for setting, comparison, outcome in compared
        ],
    )


def _outcome(setting: Setting, comparison: Comparison) -> Outcome | None:
    """Who is better by more than does not matter; None if that is not decided."""
    if comparison.verdict == "undecided" or not _learned(setting, comparison):
        return None
    if comparison.verdict == "equivalent" or comparison.within_margin:
        return "neither"
    return "gru" if comparison.verdict == "better" else "lstm"


def _learned(setting: Setting, comparison: Comparison) -> bool:
    return learned(setting.runs[comparison.cell_a], setting.runs[comparison.cell_b])


def _shown(setting: Setting, comparison: Comparison) -> str:
    won = {"better": "the GRU is better", "worse": "the LSTM is better"}
    verdict = won.get(comparison.verdict, comparison.verdict)
    if comparison.verdict in won and comparison.within_margin:
        verdict += ", within the margin"
    shown = f"{verdict}, {comparison.n_pairs} pairs, p {comparison.p_holm:.2g}"
    return shown if _learned(setting, comparison) else f"{shown}; neither learned the task"
