"""The blocks of README.md: the answer, how sure it is, and what the tour printed."""

from collections import defaultdict
from collections.abc import Callable
from operator import attrgetter

from blocks.committed import (
    CHRONO,
    DEFAULT,
    evidence,
    horizon,
    read_text,
    setting_of,
    show_score,
    table,
)
from blocks.costs import of_runtime, sizes_of_runtimes
from blocks.outcomes import SERIES, TASKS, TEXTS, ahead, passing_wins, winner_of
from gru_bench.evidence.claims.lags import show_horizon
from gru_bench.evidence.claims.rules import current_rules
from gru_bench.runs.result import Result
from gru_bench.system.prose import listed

OUTSIDE = {"recall": "recall of pairs", "selective_copy": "selective copying"}
LINK = "[ledger](docs/which-cell.md)"


def answer() -> str:
    """Returns the answer in one paragraph, with its figures."""
    adding = setting_of("adding", DEFAULT).runs
    learned = ", ".join(
        f"the {cell.upper()} {adding[cell].solved_in_words}" for cell in ("lstm", "rnn")
    )
    return (
        "**The answer: where something must be remembered for long, take a GRU or an LSTM,"
        " not a plain RNN; neither of the two is best everywhere. Begin with the GRU, because it is"
        " the smaller one, and try the LSTM beside it.**"
        f" Equally wide, the GRU's layer has {_share(adding['gru']):.0%} of the parameters of the"
        f" LSTM's. It solves with {adding['gru'].solved_in_words} seeds the addition of two numbers"
        f" that lie up to 100 steps back, {learned}. Of {len(TASKS)} tasks, {_wins()}."
    )


def _share(run: Result) -> float:
    return run.parameters.cell / run.parameters.lstm


def _wins() -> str:
    """Returns on which tasks each cell wins lastingly, as text."""
    won: dict[str | None, list[str]] = defaultdict(list)
    for task, words in TASKS.items():
        won[winner_of(task)].append(words.partition(",")[0])
    parts = [
        f"the GRU is better on {_named(won['gru'])}",
        f"the LSTM on {_named(won['lstm'])}",
        "they are as good as each other, or differ by less than matters, on"
        f" {_named(won['neither'])}",
        f"and {len(won[None])} are open",
    ]
    return ", ".join(parts)


def _named(tasks: list[str]) -> str:
    return f"{len(tasks)} ({listed(tasks)})" if tasks else "none"


def how_sure() -> str:
    """Returns how far the reference can be trusted."""
    rules = current_rules()
    scored = evidence().of("scores")
    (count,) = {len(run.seeds) for setting in scored for run in setting.runs.values()}
    compared = sum(len(setting.compared) for setting in scored)
    passing = [f"{words} on {TASKS[task].partition(',')[0]}" for task, words, _ in passing_wins()]
    return (
        f"How sure? Scores: {count} seeds a cell, learning rates tuned for each on validation data"
        f" over a grid from {_grid()}, on CPU; {compared} comparisons, those of the same two cells"
        " corrected together, by [rules](conf/claims.yaml)"
        f" ({rules.digits}; [what changed since the first run](docs/claims.md#what-changed)), and"
        " [what a verdict promises](docs/statistics.md) is simulated. A win is called one if it"
        " holds at three quarters of the initialisations and budgets that were tried, and is turned"
        f" at none; what did not last: {listed(passing) if passing else 'nothing'}. Horizons,"
        " lengths, recall and selective copying have fewer seeds and rates. Some learning rates lie"
        " at the end of the grid, and some budgets were short:"
        " [which](docs/which-cell.md#what-does-not-survive)."
    )


def _grid() -> str:
    """Returns the ends of the grid of learning rates of the scores."""
    rates = [
        run.tuning.learning_rates
        for setting in evidence().of("scores")
        for run in setting.runs.values()
        if run.tuning is not None
    ]
    lowest, highest = min(map(min, rates)), max(map(max, rates))
    return f"{lowest:g} to {highest:g}"


def tour() -> str:
    """Returns the table that `gru-bench tour` printed."""
    lines = read_text("tour/tour.txt").splitlines()
    (first,) = (i for i, line in enumerate(lines) if line.startswith("adding: test"))
    last = lines.index("", first)
    return "\n".join(["```", *(line.rstrip() for line in lines[first:last]), "```"])


def questions() -> str:
    """Returns what is asked, the answer of the reference, and where the evidence lies."""
    gru, lstm = (setting_of("adding", DEFAULT).runs[cell] for cell in ("gru", "lstm"))
    step, one = "training step", "one step"
    solved = attrgetter("solved_in_words")
    runtimes = "[runtimes](results/speed/runtimes.md)"
    rows = [
        [
            "Which bridges long gaps?",
            f"seeds that solve adding over 100 steps: {_from_both('adding', solved)}; steps over"
            f" which half of the seeds solve it, with 32 units: {_horizons_on('adding')}",
            ahead("adding"),
            LINK,
        ],
        _question("Which copies?", "recall at lag 10", "copy"),
        [
            "Which counts?",
            f"seeds that solve it: {_from_both('counting', solved)}; strings accepted that are"
            f" longer than any trained on: {_from_both('counting', show_score)}",
            ahead("counting"),
            LINK,
        ],
        _question("Which nests brackets?", "strings deeper than trained", "dyck"),
        _question("Which keeps while it puts out?", "store and release", "store_release"),
        *(_question(f"Which reads {TASKS[task]}?", "accuracy", task) for task in TEXTS + SERIES),
        ["Does attention do better than both?", _beside_attention(), "", LINK],
        [
            "Which is smaller?",
            f"a GRU's layer has {_share(gru):.0%} of the parameters of an LSTM's and"
            f" {(gru.state_bytes or 0) / (lstm.state_bytes or 1):.0%} of its state; an embedding"
            " and a head come on top for both, and are most of a model that reads words",
            "GRU",
            "[counts](docs/cells.md)",
        ],
        [
            "Which trains faster?",
            "that depends on the runtime. A training step of PyTorch's kind of GRU over the LSTM's"
            f" (below 1: the GRU is faster), {sizes_of_runtimes()}:"
            f" {of_runtime('gru-bench', 'gru_reset_after', step)} in gru-bench,"
            f" {of_runtime('PyTorch', 'gru_reset_after', step)} in PyTorch",
            "",
            runtimes,
        ],
        [
            "Which answers faster?",
            "one step of one sequence, likewise:"
            f" {of_runtime('gru-bench', 'gru_reset_after', one)} in gru-bench,"
            f" {of_runtime('PyTorch', 'gru_reset_after', one)} in PyTorch,"
            f" {of_runtime('ONNX Runtime', 'gru_reset_after', one)} in ONNX Runtime",
            "",
            runtimes,
        ],
    ]
    return table("question | answer here | GRU or LSTM | evidence", rows)


def _question(question: str, what: str, task: str) -> list[str]:
    """Returns the row of a question that the scores on a task answer."""
    return [question, f"{what}: {_from_both(task, show_score)}", ahead(task), LINK]


def _from_both(task: str, show: Callable[[Result], str]) -> str:
    """Returns a figure of each cell from the default initialisation, and from the other one."""
    default, chrono = (setting_of(task, start).runs for start in (DEFAULT, CHRONO))
    first = ", ".join(f"{cell} {show(default[cell])}" for cell in ("gru", "lstm", "rnn"))
    second = ", ".join(f"{cell} {show(chrono[cell])}" for cell in ("gru", "lstm"))
    return f"{first} ({CHRONO}: {second})"


def _horizons_on(task: str) -> str:
    """Returns how far each cell bridges a task."""
    cells = ("gru", "lstm", "rnn")
    return ", ".join(f"{cell} {show_horizon(horizon(task, cell))}" for cell in cells)


def _beside_attention() -> str:
    """Returns the scores of what stands outside the recurrent cells."""
    shown = []
    for task, words in OUTSIDE.items():
        for setting in evidence().of("outside"):
            if setting.task_label == task and {"attention", "gru", "lstm"} <= setting.runs.keys():
                runs, match = setting.runs, setting.runs["attention"].config["match"]
                scores = (f"{cell} {show_score(run)}" for cell, run in runs.items())
                sizes = f" ({runs['attention'].hidden_size} units of attention)"
                shown.append(
                    f"{words}, by guessing {runs['gru'].score.baseline:.1%}, at equal"
                    f" {match}{sizes if match == 'state' else ''}: {', '.join(scores)}"
                )
    return "; ".join(shown)
