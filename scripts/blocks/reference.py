"""The blocks on scores: what the reference of the claims says, and what the tour printed."""

import re
from collections import defaultdict
from collections.abc import Callable

from blocks.committed import (
    CELLS,
    CHRONO,
    DEFAULT,
    Row,
    claims,
    evidence,
    is_error,
    markdown_rows,
    read_json,
    read_text,
    reference,
    setting_of,
    show_score,
    solved,
    table,
)
from blocks.costs import of_runtime, sizes_of_runtimes
from gru_bench.evidence.claims.lags import horizon_of, show_horizon
from gru_bench.evidence.claims.rules import current_rules
from gru_bench.evidence.claims.scores import lasting_winner
from gru_bench.evidence.claims.setting import Setting
from gru_bench.evidence.comparison import Outcome
from gru_bench.evidence.planning import fewest_pairs
from gru_bench.report.ledger import count_findings, show_verdict
from gru_bench.report.reference_ledger import cells_at_an_end, still_rising
from gru_bench.runs.result import Result
from gru_bench.system.prose import counted, listed

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
OUTSIDE = {"recall": "recall of pairs", "selective_copy": "selective copying"}
TEXTS = ("text-reuters8", "text-reuters52", "text-newsgroups20")
SERIES = ("series-digits", "series-japanese_vowels")
LINK = "[ledger](docs/which-cell.md)"
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


def answer() -> str:
    """Returns the answer in one paragraph, with its figures."""
    adding = setting_of("adding", DEFAULT).runs
    learned = ", ".join(f"the {cell.upper()} {solved(adding[cell])}" for cell in ("lstm", "rnn"))
    return (
        "**The answer so far: where something must be remembered for long, take a GRU or an LSTM,"
        " not a plain RNN; neither of the two is best everywhere. Begin with the GRU, because it is"
        " the smaller one, and try the LSTM beside it.**"
        f" Equally wide, the GRU's layer has {_share(adding['gru']):.0%} of the parameters of the"
        f" LSTM's. It solves with {solved(adding['gru'])} seeds the addition of two numbers that"
        f" lie up to 100 steps back, {learned}. Of {len(TASKS)} tasks, {_wins()}."
    )


def _share(run: Result) -> float:
    return run.parameters.cell / run.parameters.lstm


def _wins() -> str:
    """Returns on which tasks each cell wins lastingly, as text."""
    won: dict[str | None, list[str]] = defaultdict(list)
    for task, words in TASKS.items():
        won[_winner(task)].append(words.partition(",")[0])
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


def _winner(task: str) -> str | None:
    """Returns which of GRU and LSTM lastingly wins a task from one of the initialisations.

    `neither` if they are as good as each other from both; None if that is open.
    """
    winners = {_lasting(setting_of(task, start)) for start in (DEFAULT, CHRONO)}
    (winner,) = (winners - {None, "neither"}) or {"neither" if winners == {"neither"} else None}
    return winner


def _lasting(setting: Setting) -> str | None:
    comparison = setting.comparison("gru", "lstm")
    return None if comparison is None else lasting_winner(setting, comparison)


def _outcome(setting: Setting) -> str:
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


def _passing() -> list[tuple[str, str, str]]:
    """Returns the wins that do not last: the task, who won from where, and how often it holds."""
    found = []
    for task in TASKS:
        for start in (DEFAULT, CHRONO):
            setting = setting_of(task, start)
            outcome, robustness = _outcome(setting), setting.robustness.get(("gru", "lstm"))
            if outcome.startswith("passing ") and robustness is not None:
                of_gru: Outcome = "better" if outcome == "passing better" else "worse"
                holds = f"{robustness.holds_at(of_gru)} of {len(robustness.points)}"
                found.append((task, f"{VERDICTS[of_gru]} from {start}", holds))
    return found


def how_sure() -> str:
    """Returns how far the reference can be trusted."""
    rules = current_rules()
    scored = evidence().of("scores")
    (count,) = {len(run.seeds) for setting in scored for run in setting.runs.values()}
    compared = sum(len(setting.compared) for setting in scored)
    passing = [f"{words} on {TASKS[task].partition(',')[0]}" for task, words, _ in _passing()]
    return (
        f"How sure? Scores: {count} seeds a cell, learning rates tuned for each on validation data"
        f" over a grid from {_grid()}, on CPU; {compared} comparisons, those of the same two cells"
        " corrected together, by [rules](conf/claims.yaml)"
        f" ({rules.digits}; [what changed since the first run](docs/claims.md#what-changed)), and"
        " [what a verdict promises](docs/statistics.md) is simulated. A win is called one if it"
        " holds at three quarters of the initialisations and budgets that were tried, and is turned"
        f" at none; what did not last: {listed(passing) if passing else 'nothing'}. Horizons and"
        " recall have fewer seeds and rates. Some learning rates lie at the end of the grid, and"
        " some budgets were short: [which](docs/which-cell.md#what-does-not-survive)."
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
    runtimes = "[runtimes](results/speed/runtimes.md)"
    rows = [
        [
            "Which bridges long gaps?",
            f"seeds that solve adding over 100 steps: {_from_both('adding', solved)}; steps over"
            f" which half of the seeds solve it, with 32 units: {_horizons_on('adding')}",
            _ahead("adding"),
            LINK,
        ],
        _question("Which copies?", "recall at lag 10", "copy"),
        [
            "Which counts?",
            f"seeds that solve it: {_from_both('counting', solved)}; strings accepted that are"
            f" longer than any trained on: {_from_both('counting', show_score)}",
            _ahead("counting"),
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
    return [question, f"{what}: {_from_both(task, show_score)}", _ahead(task), LINK]


def _ahead(task: str) -> str:
    """Returns which of GRU and LSTM is better on a task, from both initialisations."""
    first, second = (VERDICTS[_outcome(setting_of(task, start))] for start in (DEFAULT, CHRONO))
    return first if first == second else f"{first}; {CHRONO}: {second}"


def _from_both(task: str, show: Callable[[Result], str]) -> str:
    """Returns a figure of each cell from the default initialisation, and from the other one."""
    default, chrono = (setting_of(task, start).runs for start in (DEFAULT, CHRONO))
    first = ", ".join(f"{cell} {show(default[cell])}" for cell in ("gru", "lstm", "rnn"))
    second = ", ".join(f"{cell} {show(chrono[cell])}" for cell in ("gru", "lstm"))
    return f"{first} ({CHRONO}: {second})"


def _horizons_on(task: str) -> str:
    """Returns how far each cell bridges a task, as far as these parts are made."""
    spans = {cell: horizon_of(evidence(), task, cell) for cell in ("gru", "lstm", "rnn")}
    shown = (f"{cell} {show_horizon(span)}" for cell, span in spans.items() if span)
    return ", ".join(shown) or "not measured yet"


def _beside_attention() -> str:
    """Returns the scores of what stands outside the recurrent cells, as far as they are made."""
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
    return "; ".join(shown) or "not measured yet"


def scores() -> str:
    """Returns the scores of the reference, a row for each task, and who is ahead."""
    return table(
        f"task | {' | '.join(CELLS)} | chrono: gru | chrono: lstm | gru or lstm",
        [_scores_of(task, words) for task, words in TASKS.items()],
    )


def _scores_of(task: str, words: str) -> list[str]:
    default, chrono = (setting_of(task, start) for start in (DEFAULT, CHRONO))
    runs = [*(default.runs[cell] for cell in CELLS), chrono.runs["gru"], chrono.runs["lstm"]]
    score = f"{runs[0].score.in_words} {'↓' if is_error(runs[0]) else '↑'}"
    return [f"{words}: {score}", *map(_cell, runs), _ahead(task)]


def _cell(run: Result) -> str:
    """Returns a score, with how many seeds solved the task if it has such a mark."""
    shown = show_score(run)
    return shown if run.solved is None else f"{shown} ({run.solved})"


def ledger() -> str:
    """Returns the claims with their verdicts, as the reference has them, and what is not made."""
    rules, rows = current_rules(), []
    for claim in claims():
        lacking = reference().lacking(claim.name, rules)
        tests = [count_findings(claim)] if claim.voting else []
        tests += [f"{counted(len(lacking), 'part')} not made"] if lacking else []
        verdict = show_verdict(claim) if claim.voting else "not measured"
        rows.append([f"{claim.number}. {claim.sentence}", verdict, "; ".join(tests)])
    return table("claim | verdict | tests", rows)


def passing() -> str:
    """Returns the wins that hold at too few initialisations and budgets to be called wins."""
    rows = [[TASKS[task], *of_win] for task, *of_win in _passing()]
    return table("task | better | holds at", rows) if rows else "Every win survives."


def limits() -> str:
    """Returns where grids of learning rates and budgets were too short to be sure."""
    rules, rows = current_rules(), []
    beyond: dict[str, list[Row]] = defaultdict(list)
    for row in read_json("reference/claims/beyond_the_grid.json"):
        beyond[row["part"]].append(row)
    for part in reference().done(rules):
        results = reference().results[part]
        ends = [
            f"{', '.join(cells)} ({rate:g})" for rate, cells in cells_at_an_end(results).items()
        ]
        rising = still_rising(results, rules) if rules.parts[part].kind in rules.flat.kinds else []
        if ends or rising:
            rows.append([f"`{part}`", "; ".join(ends), _better(beyond[part]), ", ".join(rising)])
    return table(
        "part | rate chosen at an end of the grid | one rate beyond is better | still gained", rows
    )


def _better(beyond: list[Row]) -> str:
    """Returns for which cells a rate beyond the grid would have been chosen."""
    if not beyond:
        return ""
    found = [f"{row['cell']} ({row['beyond']:g})" for row in beyond if row["is_better"]]
    return ", ".join(found) or f"none of {len(beyond)}"


def horizons() -> str:
    """Returns how far each cell bridges two tasks, and how far with its gradients changed."""
    from_default = [(cell, cell, True) for cell in ("gru", "lstm", "rnn")]
    changed = [
        ("rnn", "rnn, gradients kept alive", False),
        ("gru", "gru, gradients let die", False),
    ]
    tasks = ("adding", "copy", "selective_copy")
    spans = {
        words: [horizon_of(evidence(), task, cell, is_default) for task in tasks]
        for cell, words, is_default in [*from_default, *changed]
    }
    rows = [
        [words, *("-" if span is None else show_horizon(span) for span in of_tasks)]
        for words, of_tasks in spans.items()
        if any(of_tasks)
    ]
    if not rows:
        return "These parts are not made yet."
    unsolved = [
        f"\n\nOn {task} none of them solved even the shortest lag within this budget, so that it\n"
        "tells nothing of lags here."
        for task, of_cells in zip(tasks, zip(*spans.values(), strict=True), strict=True)
        if all(span is None or span.estimate == 0 for span in of_cells)
    ]
    return table(f"cell | {' | '.join(tasks)}", rows) + "".join(unsolved)


def solvable() -> str:
    """Returns how small models do on tasks that need an exact memory."""
    cells = ("gru", "lstm", "attention")
    by_task: dict[str, dict[str, Row]] = {}
    for row in read_json("tasks/solvable.json"):
        by_task.setdefault(row["task"], {})[row["cell"]] = row
    rows = [
        [f"`{task}`", *(_solvable(of[cell]) if cell in of else "-" for cell in cells)]
        for task, of in by_task.items()
    ]
    return table(f"task | {' | '.join(cells)}", rows)


def _solvable(row: Row) -> str:
    return f"{row['solved']} of {row['seeds']}; {row['score_mean']:.0%}"


def start_shares() -> str:
    """Returns how the share of its state that a gated cell keeps at the start was chosen."""
    path = "starts/choice.md"
    (shares,) = re.findall(r"^\| task \| cell \| (.*) \|$", read_text(path), re.MULTILINE)
    by_row = {
        (task.strip("*"), cell): dict(zip(shares.split(" | "), map(float, values), strict=True))
        for task, cell, *values in markdown_rows(path)
    }
    means, lstm = by_row["mean", ""], by_row["copy", "lstm"]
    (chosen,) = re.findall(r"^Chosen: (.*)\.$", read_text(path), re.MULTILINE)
    others = [f"{value:.2f} at {share}" for share, value in means.items() if share != chosen]
    return (
        f"The mean over all was {means[chosen]:.2f} of the way to the best run at {chosen}, against"
        f" {', '.join(others[:-1])} and {others[-1]}. It matters most to the LSTM, on copy"
        f" {lstm[chosen]:.2f} against {lstm['0.5']:.2f} at 0.5, and less to the GRUs; no share is"
        " the best for every cell on every task."
    )


def fewest_seeds() -> str:
    """Returns how many seeds a verdict takes."""
    return (
        f"No verdict rests on fewer than {fewest_pairs(1)} seeds; among three cells none can be had"
        f" under {fewest_pairs(3)}, among four under {fewest_pairs(6)}."
    )
