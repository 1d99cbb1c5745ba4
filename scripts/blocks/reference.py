"""The blocks on scores: what the reference runs say, and what was printed by the tour."""

import re
from collections.abc import Callable

import numpy as np

from blocks.committed import (
    CELLS,
    CLAIMS,
    Row,
    interval,
    markdown_rows,
    percent,
    read_json,
    read_text,
    reference_runs,
    reference_scores,
    solved,
    span,
    table,
)
from blocks.costs import of_runtime, sizes_of_runtimes
from gru_bench.evidence.planning import fewest_pairs
from gru_bench.evidence.record import Record
from gru_bench.evidence.verdicts import compare, correct_together

LONG, COPY, COUNTING = "adding(length=200)", "copy", "counting"
ALL, FEW = (f"text-reuters8(train_documents={count})" for count in ("all", 100))
LINK = f"[claims](results/{CLAIMS.rpartition('/')[0]}/README.md)"
STARTS = "[initialisations](results/starts/README.md)"


def answer() -> str:
    """Returns the answer in one line, with its figures."""
    runs = reference_runs()
    long, text, counting = (
        {cell: runs[task, cell] for cell in CELLS} for task in (LONG, ALL, COUNTING)
    )
    return (
        "**The answer so far: where something must be remembered for long, take a GRU or an LSTM,"
        " not a plain RNN; neither of the two is best everywhere. Begin with the GRU, because it is"
        " the smaller one, and try the LSTM beside it.**"
        f" Equally wide, with {long['gru']['parameters_vs_lstm']:.0%} of the parameters of the"
        f" LSTM's layer, the GRU solves *adding* over 200 steps with {solved(long['gru'])} seeds"
        f" (LSTM {solved(long['lstm'])}, RNN {solved(long['rnn'])}). On Reuters-8's news it is"
        f" right in {percent(text['gru'])} (LSTM {percent(text['lstm'])}, RNN"
        f" {percent(text['rnn'])}), a lead that the chrono initialisation takes away; and the LSTM"
        f" learns to count with {solved(counting['lstm'])} seeds (GRU {solved(counting['gru'])})."
    )


def how_sure() -> str:
    """Returns how far the reference runs can be trusted."""
    (seeds,) = {row["seeds"] for row in reference_runs().values()}
    return (
        f"How sure? {seeds} seeds a cell, learning rates tuned for each (some of the best lie at"
        " the end of what was tried), on CPU. These runs were judged by rules earlier than [the"
        " present ones](docs/statistics.md), and the reference by these is [made in"
        " parts](docs/claims.md), which `gru-bench claims --list` shows. The figures are of one"
        " initialisation (the textbook's, no longer the default), one number of training steps and"
        " one runtime: [what does not survive another](docs/which-cell.md#what-does-not-survive)."
    )


def tour() -> str:
    """Returns the table that `gru-bench tour` printed."""
    lines = read_text("tour/tour.txt").splitlines()
    (first,) = (i for i, line in enumerate(lines) if line.startswith("adding: test"))
    last = lines.index("", first)
    return "\n".join(["```", *(line.rstrip() for line in lines[first:last]), "```"])


def questions() -> str:
    """Returns what is asked, the answer on the reference runs, and where the evidence lies."""
    runs = reference_runs()

    def each(task: str, show: Callable[[Row], str]) -> str:
        return ", ".join(f"{name} {show(runs[task, name])}" for name in ("gru", "lstm", "rnn"))

    gru, lstm = runs[COPY, "gru"], runs[COPY, "lstm"]
    step, one = "training step", "one step"
    runtimes = "[runtimes](results/speed/runtimes.md)"
    rows = [
        ["Which bridges 200 steps?", f"seeds that solve adding: {each(LONG, solved)}", LINK],
        [
            "Which copies?",
            f"recall at lag 10: {each(COPY, percent)}; with more steps the LSTM solves it, too, and"
            " with the present initialisation a smaller one is ahead of the GRU",
            f"{LINK}, {STARTS}",
        ],
        [
            "Which counts?",
            f"seeds that learn it: {each(COUNTING, solved)}; strings accepted that are longer than"
            f" any trained on: {each(COUNTING, percent)}",
            LINK,
        ],
        [
            "Which reads text?",
            f"Reuters-8: {each(ALL, percent)}; with the chrono initialisation the GRU is not ahead",
            f"{LINK}, {STARTS}",
        ],
        ["On 100 documents?", f"{each(FEW, percent)}: {_told_apart(FEW, 'accuracy', 0.01)}", LINK],
        [
            "Which is smaller?",
            f"a GRU's layer has {gru['parameters_vs_lstm']:.0%} of the parameters of an LSTM's and"
            f" {gru['state_bytes'] / lstm['state_bytes']:.0%} of its state; an embedding and a head"
            " come on top for both",
            "[counts](docs/cells.md)",
        ],
        [
            "Which trains faster?",
            "that depends on the runtime. A training step of PyTorch's kind of GRU over the LSTM's"
            f" (below 1: the GRU is faster), {sizes_of_runtimes()}:"
            f" {of_runtime('gru-bench', 'gru_reset_after', step)} in gru-bench,"
            f" {of_runtime('PyTorch', 'gru_reset_after', step)} in PyTorch",
            runtimes,
        ],
        [
            "Which answers faster?",
            "one step of one sequence, likewise:"
            f" {of_runtime('gru-bench', 'gru_reset_after', one)} in gru-bench,"
            f" {of_runtime('PyTorch', 'gru_reset_after', one)} in PyTorch,"
            f" {of_runtime('ONNX Runtime', 'gru_reset_after', one)} in ONNX Runtime",
            runtimes,
        ],
    ]
    return table("question | answer here | evidence", rows)


def _told_apart(task: str, score: str, margin: float) -> str:
    """Returns the present rules' verdict on the GRU and the LSTM, in a report of the task alone.

    Args:
        task: One that is scored by a share, and has no mark from which on it is solved.
        score: The name of the share.
        margin: Differences up to it do not matter.
    """
    records = {}
    for cell in CELLS:
        scores = np.array(reference_scores(task, cell, score))
        records[cell] = Record(
            seeds=np.arange(len(scores)),
            scores=scores,
            higher_is_better=True,
            learned=np.ones(len(scores), dtype=bool),
            solved_step=None,
        )
    comparisons = correct_together(
        [
            compare(records[a], records[b], margin, a, b)
            for place, a in enumerate(CELLS)
            for b in CELLS[place + 1 :]
        ]
    )
    (found,) = (c for c in comparisons if (c.cell_a, c.cell_b) == ("gru", "lstm"))
    seeds, outcome = found.n_pairs, found.outcome
    return {
        "better": f"the GRU is ahead by the present rules, with {seeds} seeds",
        "worse": f"the LSTM is ahead by the present rules, with {seeds} seeds",
        "equivalent": f"as good as each other, with {seeds} seeds",
    }.get(outcome, f"by the present rules {seeds} seeds do not tell GRU and LSTM apart")


def scores() -> str:
    """Returns the scores of the reference runs, a row for each cell."""
    runs = reference_runs()

    def mse(cell: str) -> str:
        return f"{runs[LONG, cell]['score_mean']:.2g} ({solved(runs[LONG, cell])})"

    def recall(cell: str) -> str:
        return f"{percent(runs[COPY, cell])} ({solved(runs[COPY, cell])})"

    def counts(cell: str) -> str:
        return f"{percent(runs[COUNTING, cell], 0)} ({solved(runs[COUNTING, cell])})"

    def with_interval(row: Row) -> str:
        low, high = interval(row)
        return f"{percent(row)} [{100 * low:.1f}, {100 * high:.1f}]"

    def step_time(cell: str) -> str:
        return span(row["train_step_vs_lstm"] for (_, name), row in runs.items() if name == cell)

    rows = [
        [
            f"`{cell}`",
            mse(cell),
            recall(cell),
            counts(cell),
            with_interval(runs[ALL, cell]),
            with_interval(runs[FEW, cell]),
            f"{runs[COPY, cell]['parameters_vs_lstm']:.2f}",
            "1" if cell == "lstm" else step_time(cell),
        ]
        for cell in CELLS
    ]
    return table(
        "cell | adding, 200 steps: MSE ↓ (solved) | copy, lag 10: recall ↑ (solved) | counting"
        " beyond training ↑ (solved) | Reuters-8: accuracy ↑ | on 100 documents ↑ | parameters |"
        " step time",
        rows,
    )


def ledger() -> str:
    """Returns the textbook claims with their verdicts, as the reference ledger has them."""
    text = read_text(f"{CLAIMS}.md")
    found = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \| .* \| (.*?) \|$", text, re.MULTILINE)
    return table("claim | verdict there | tests", [[f"{n}. {c}", v, t] for n, c, v, t in found])


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
    return f"{solved(row)}; {percent(row, 0)}"


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
