"""Writes the figures of README.md and docs/ from committed results: `make readme`.

A block between `<!-- begin:NAME -->` and `<!-- end:NAME -->` is replaced by what the function of
that name in `BLOCKS` makes of the files below `results/`.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gru_bench.system.prose import listed

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
CELLS = ("gru", "gru_reset_after", "lstm", "rnn")
LONG, COPY, COUNTING = "adding(length=200)", "copy", "counting"
ALL, FEW = (f"text-reuters8(train_documents={count})" for count in ("all", 100))
BLOCK = re.compile(r"(<!-- begin:([\w-]+) -->\n).*?(<!-- end:\2 -->)", re.DOTALL)


def pages() -> list[Path]:
    """Returns the pages that may have blocks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def filled(text: str) -> str:
    """Returns a page with its blocks as the results have them."""
    return BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]]()}\n{found[3]}", text)


def _read(path: str) -> Any:
    return json.loads((RESULTS / path).read_text(encoding="utf-8"))


def _runs() -> dict[tuple[str, str], dict[str, Any]]:
    """Returns the reference runs by task and cell."""
    return {(row["task"], row["cell"]): row for row in _read("reference/claims/claims.json")}


def _table(head: str, rows: list[list[str]]) -> str:
    names = [name.strip() for name in head.split("|")]
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _percent(row: dict[str, Any], digits: int = 1) -> str:
    return f"{100 * row['score_mean']:.{digits}f}%"


def _with_interval(row: dict[str, Any]) -> str:
    low, high = (min(max(100 * row[f"score_{end}"], 0), 100) for end in ("low", "high"))
    return f"{_percent(row)} [{low:.1f}, {high:.1f}]"


def _solved(row: dict[str, Any]) -> str:
    return f"{row['solved']} of {row['seeds']}"


def _range(values: Iterator[float]) -> str:
    low, *_, high = sorted(values)
    return f"{low:.2f} to {high:.2f}"


def _vs_lstm(key: str, cell: str) -> str:
    """Returns the range over the tasks of a cell's ratio to the LSTM."""
    return _range(row[key] for (_, name), row in _runs().items() if name == cell)


def _of_runtime(runtime: str, cell: str, work: str) -> str:
    """Returns the range over hidden sizes of a cell's time over the LSTM's in a runtime."""
    return _range(
        figure["vs_lstm"]["estimate"]
        for figure in _read("speed/runtimes.json")["figures"]
        if (figure["runtime"], figure["cell"], figure["work"]) == (runtime, cell, work)
    )


def answer() -> str:
    """Returns the answer in one line, with its figures."""
    runs = _runs()
    long, text, counting = (
        {cell: runs[task, cell] for cell in CELLS} for task in (LONG, ALL, COUNTING)
    )
    return (
        "**The answer so far: a gated cell where lags are long, and none of the two everywhere.**"
        f" With {runs[LONG, 'gru']['parameters_vs_lstm']:.0%} of the LSTM's parameters the GRU"
        f" solves *adding* over 200 steps with {_solved(long['gru'])} seeds (LSTM"
        f" {_solved(long['lstm'])}, RNN {_solved(long['rnn'])}) and classifies"
        f" {_percent(text['gru'])} of Reuters-8 (LSTM {_percent(text['lstm'])}, RNN"
        f" {_percent(text['rnn'])}), but counts beyond its training with"
        f" {_solved(counting['gru'])} seeds (LSTM {_solved(counting['lstm'])})."
    )


def tour() -> str:
    """Returns the table that `gru-bench tour` printed."""
    lines = (RESULTS / "tour/tour.txt").read_text(encoding="utf-8").splitlines()
    (first,) = (i for i, line in enumerate(lines) if line.startswith("adding: test"))
    last = lines.index("", first)
    return "\n".join(["```", *(line.rstrip() for line in lines[first:last]), "```"])


def questions() -> str:
    """Returns what is asked, the answer on the reference runs, and where the evidence lies."""
    runs = _runs()

    def each(task: str, show: Callable[[dict[str, Any]], str]) -> str:
        return ", ".join(f"{name} {show(runs[task, name])}" for name in ("gru", "lstm", "rnn"))

    claims = "[claims](results/reference/claims/claims.md)"
    step, one = "training step", "one step"
    rows = [
        ["Which bridges 200 steps?", f"seeds that solve adding: {each(LONG, _solved)}", claims],
        [
            "Which copies?",
            f"recall at lag 10: {each(COPY, _percent)}; with more steps the LSTM solves it, too",
            claims,
        ],
        ["Which counts?", f"seeds that do: {each(COUNTING, _solved)}", claims],
        [
            "Which reads text?",
            f"Reuters-8: {each(ALL, _percent)}; from another start the GRU is not ahead",
            claims,
        ],
        [
            "On 100 documents?",
            f"{each(FEW, _percent)}: too few seeds to tell the gated cells apart",
            claims,
        ],
        [
            "Which is smaller?",
            "a GRU has {:.0%} of an LSTM's parameters and {:.0%} of its state".format(
                runs[COPY, "gru"]["parameters_vs_lstm"],
                runs[COPY, "gru"]["state_bytes"] / runs[COPY, "lstm"]["state_bytes"],
            ),
            "[counts](docs/cells.md)",
        ],
        [
            "Which trains faster?",
            "that depends on the runtime: a reset-after GRU's step takes"
            f" {_of_runtime('gru-bench', 'gru_reset_after', step)} of the LSTM's here,"
            f" {_of_runtime('PyTorch', 'gru_reset_after', step)} in PyTorch",
            "[runtimes](results/speed/runtimes.md)",
        ],
        [
            "Which answers faster?",
            "one step of one sequence, a reset-after GRU over the LSTM:"
            f" {_of_runtime('gru-bench', 'gru_reset_after', one)} here,"
            f" {_of_runtime('PyTorch', 'gru_reset_after', one)} in PyTorch,"
            f" {_of_runtime('ONNX Runtime', 'gru_reset_after', one)} in ONNX Runtime",
            "[runtimes](results/speed/runtimes.md)",
        ],
    ]
    return _table("question | answer here | evidence", rows)


def scores() -> str:
    """Returns the scores of the reference runs, a row for each cell."""
    runs = _runs()

    def mse(cell: str) -> str:
        return f"{runs[LONG, cell]['score_mean']:.2g} ({_solved(runs[LONG, cell])})"

    def recall(cell: str) -> str:
        return f"{_percent(runs[COPY, cell])} ({_solved(runs[COPY, cell])})"

    def counts(cell: str) -> str:
        return f"{_percent(runs[COUNTING, cell], 0)} ({_solved(runs[COUNTING, cell])})"

    rows = [
        [
            f"`{cell}`",
            mse(cell),
            recall(cell),
            counts(cell),
            _with_interval(runs[ALL, cell]),
            _with_interval(runs[FEW, cell]),
            f"{runs[COPY, cell]['parameters_vs_lstm']:.2f}",
            "1" if cell == "lstm" else _vs_lstm("train_step_vs_lstm", cell),
        ]
        for cell in CELLS
    ]
    return _table(
        "cell | adding, 200 steps: MSE ↓ (solved) | copy, lag 10: recall ↑ (solved) | counting"
        " beyond training ↑ (solved) | Reuters-8: accuracy ↑ | on 100 documents ↑ | parameters |"
        " step time",
        rows,
    )


def ledger() -> str:
    """Returns the textbook claims with their verdicts, as the reference ledger has them."""
    text = (RESULTS / "reference/claims/claims.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \| .* \| (.*?) \|$", text, re.MULTILINE)
    return _table("claim | verdict there | tests", [[f"{n}. {c}", v, t] for n, c, v, t in found])


def layer() -> str:
    """Returns how much faster a training step is than the best peer's, by shape and cell."""
    quiet, busy = (_times_faster(name) for name in ("layer", "layer_busy"))
    rows = [
        [shape, *(f"{quiet[shape, cell]:.2f} ({busy[shape, cell]:.2f})" for cell in CELLS)]
        for shape in dict.fromkeys(shape for shape, _ in quiet)
    ]
    return _table(f"batch x time x input x hidden | {' | '.join(CELLS)}", rows)


def _times_faster(name: str) -> dict[tuple[str, str], float]:
    found = {}
    for case in _read(f"speed/{name}.json")["cases"]:
        if case["work"] == "training step":
            sizes = ("batch", "time", "input_size", "hidden_size")
            shape = " x ".join(str(case["shape"][size]) for size in sizes)
            found[shape, case["cell"]] = case["faster"]["median"]
    return found


def end_to_end() -> str:
    """Returns the seconds of a whole comparison here and as a loop in PyTorch."""
    figures = _read("speed/end_to_end.json")
    cells = figures["cells"]
    ours, bare, torch = (
        sum(cell[key] for cell in cells.values())
        for key in ("gru-bench", "gru-bench without compilation", "PyTorch")
    )
    return (
        f"{listed(list(cells))}, {figures['seeds']} seeds each, {figures['steps']} updates a run:"
        f" {ours:.0f} seconds against {torch:.0f} in PyTorch, of which {ours - bare:.0f} are"
        " compilation."
    )


BLOCKS: dict[str, Callable[[], str]] = {
    "answer": answer,
    "tour": tour,
    "questions": questions,
    "scores": scores,
    "ledger": ledger,
    "layer": layer,
    "end-to-end": end_to_end,
}


def main() -> None:
    """Rewrites the pages whose blocks are out of date."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            page.write_text(new, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
