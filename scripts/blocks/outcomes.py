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
    "passing better": "GRU, does not last",
    "passing worse": "LSTM, does not last",
    "slightly better": "GRU, by less than matters",
    "slightly worse": "LSTM, by less than matters",
    "equivalent": "as good",
    "trade-off": "a trade-off",
    "undecided": "open",
    "not learned": "neither learns it",
}


def outcome_of(setting: Setting) -> str:
    """Returns what comparing the GRU with the LSTM came to, as of the GRU."""
    comparison = setting.comparison("gru", "lstm")
    if comparison is None:
        return "undecided"
    outcome = comparison.outcome_for("gru")
    if outcome not in ("better", "worse"):
        return outcome
    if comparison.within_margin:
        return f"slightly {outcome}"
    return outcome if lasting_winner(setting, comparison) else f"passing {outcome}"


def ahead(task: str) -> str:
    """Returns which of GRU and LSTM is better on a task, from both initialisations."""
    first, second = (VERDICTS[outcome_of(setting_of(task, start))] for start in (DEFAULT, CHRONO))
    return first if first == second else f"{first}; {CHRONO}: {second}"


def winner_of(task: str) -> str | None:
    """Returns which of GRU and LSTM lastingly wins a task from one of the initialisations.

    `neither` if they are as good as each other from both; None if that is open.
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
            outcome, robustness = outcome_of(setting), setting.robustness.get(("gru", "lstm"))
            if outcome.startswith("passing ") and robustness is not None:
                of_gru: Outcome = "better" if outcome == "passing better" else "worse"
                holds = f"{robustness.holds_at(of_gru)} of {len(robustness.points)}"
                found.append((task, f"{VERDICTS[of_gru]} from {start}", holds))
    return found
