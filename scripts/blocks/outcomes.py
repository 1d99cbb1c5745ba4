"""What comparing the GRU with the LSTM came to on the tasks of the reference, in words."""

from blocks.committed import CHRONO, DEFAULT, setting_of
from gru_bench.evidence.claims.scores import lasting_winner
from gru_bench.evidence.claims.setting import Setting
from gru_bench.evidence.comparison import Outcome

# The tasks of the reference in words, in the order of pages.
TASKS = {
    "adding": "adding, 100 steps",
    "copy": "copy, lag 10",
    "counting": "counting, beyond training",
    "dyck": "brackets, beyond training",
    "store_release": "store and release",
    "text-reuters8": "Reuters-8",
    "text-reuters52": "Reuters-52",
    "text-newsgroups20": "20 newsgroups",
    "series-digits": "handwritten digits",
    "series-japanese_vowels": "Japanese vowels",
}
TEXTS = ("text-reuters8", "text-reuters52", "text-newsgroups20")
SERIES = ("series-digits", "series-japanese_vowels")
VERDICTS = {
    "better": "GRU",
    "worse": "LSTM",
    "slightly better": "GRU, by less than matters",
    "slightly worse": "LSTM, by less than matters",
    "equivalent": "as good",
    "trade-off": "a trade-off",
    "undecided": "open",
    "not learned": "neither learns it",
}


def outcome_of(setting: Setting) -> str:
    """Returns what comparing the GRU with the LSTM came to, as of the GRU: a key of `VERDICTS`."""
    comparison = setting.comparison("gru", "lstm")
    if comparison is None:
        return "undecided"
    outcome = comparison.outcome_for("gru")
    is_slight = outcome in ("better", "worse") and comparison.within_margin
    return f"slightly {outcome}" if is_slight else outcome


def is_passing(setting: Setting) -> bool:
    """Returns whether one of GRU and LSTM wins, but not at enough initialisations and budgets."""
    return outcome_of(setting) in ("better", "worse") and _lasting(setting) is None


def ahead(task: str) -> str:
    """Returns which of GRU and LSTM is better on a task, from both initialisations."""
    first, second = (_in_words(setting_of(task, start)) for start in (DEFAULT, CHRONO))
    return first if first == second else f"{first}; {CHRONO}: {second}"


def _in_words(setting: Setting) -> str:
    verdict = VERDICTS[outcome_of(setting)]
    return f"{verdict}, does not last" if is_passing(setting) else verdict


def winner_of(task: str) -> str | None:
    """Returns which of GRU and LSTM lastingly wins a task; None if that is open.

    It wins from one of the two initialisations, and the other does not win from the other one.
    `neither` stands for cells that are lastingly as good as each other from both.
    """
    winners = {_lasting(setting_of(task, start)) for start in (DEFAULT, CHRONO)}
    won = winners - {None, "neither"}
    if len(won) == 1:
        return won.pop()
    return "neither" if winners == {"neither"} else None


def _lasting(setting: Setting) -> str | None:
    comparison = setting.comparison("gru", "lstm")
    return None if comparison is None else lasting_winner(setting, comparison)


def passing_wins() -> list[tuple[str, str, str]]:
    """Returns the wins that do not last: the task, who won from where, and how often it holds."""
    found = []
    for task in TASKS:
        for start in (DEFAULT, CHRONO):
            setting = setting_of(task, start)
            robustness = setting.robustness.get(("gru", "lstm"))
            if is_passing(setting) and robustness is not None:
                outcome: Outcome = "better" if outcome_of(setting) == "better" else "worse"
                holds = f"{robustness.holds_at(outcome)} of {len(robustness.points)}"
                found.append((task, f"{VERDICTS[outcome]} from {start}", holds))
    return found
