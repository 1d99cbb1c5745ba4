"""Chooses the share of their state that all gated cells keep at the start, on validation data.

    python scripts/choose_start.py FOLDER --run adding copy counting text
    python scripts/choose_start.py FOLDER --out results/starts/choice.md

The first command trains what FOLDER lacks, ten to fifteen minutes of a CPU core in all; the second
writes the table of what is there. The rule, as it was fixed before the first run:

- Candidates are the shares in SHARES: a GRU's and an LSTM's textbook start (0.5 and 0.73), and
  memories of ten, twenty and fifty steps.
- Each candidate is trained with every cell in CELLS on every task in SWEEPS, at the small sizes and
  the steps stated there, at the task's own learning rate, with SEEDS seeds that no run reports.
- Of each seed the best validation score counts; test scores are not looked at. It is normalised to
  how much of the way it went from the baseline to the best validation score of any run on the task:
  0 for a run that is no better than the baseline, 1 for the best one.
- The mean is taken over seeds, then over cells, then over tasks, all with equal weights. The share
  with the highest mean is chosen; of those within TIE of it, the smallest.
"""

import argparse
import platform
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import jax
import numpy as np

from gru_bench import api
from gru_bench.runs.folder import load_results
from gru_bench.runs.result import Result
from gru_bench.system.version import __version__

SHARES = (0.5, 0.73, 0.9, 0.95, 0.98)
CELLS = ("gru", "gru_reset_after", "lstm")
SEEDS = 3
TIE = 0.01
SWEEPS = {
    "adding": ["task=adding", "task.length=100", "hidden_size=32", "steps=400"],
    "copy": ["task=copy", "task.lag=10", "hidden_size=48", "steps=1000"],
    "counting": ["task=counting", "task.max_n=20", "task.test_max_n=60", "steps=1500"],
    "text": [
        *("task=text", "corpus=reuters8", "task.train_documents=1000", "task.max_length=64"),
        *("task.embedding_size=32", "hidden_size=32", "epochs=4"),
    ],
}

# By task, then cell, then share: the mean progress over seeds.
Progress = dict[str, dict[str, dict[float, float]]]


def words(task: str, folder: str) -> list[str]:
    """Returns what is asked for on a task."""
    return [
        *SWEEPS[task],
        f"cell={','.join(CELLS)}",
        f"tune.keeps=[{','.join(map(str, SHARES))}]",
        f"tune.seeds={SEEDS}",
        "seeds=1",
        "probes=false",
        f"out_dir={folder}",
    ]


def gains(result: Result) -> np.ndarray:
    """Returns how far validation scores are on the better side of the baseline: share by seed."""
    score, tuning = result.score, result.tuning
    if tuning is None or score.baseline is None:
        raise ValueError(f"{result.task_label}, {result.cell}: no starts were tried")
    found = np.array(tuning.scores, float)
    values = np.where(np.isfinite(found), found, score.baseline)
    gain = values - score.baseline if score.higher_is_better else score.baseline - values
    return np.asarray(gain.clip(min=0))


def progress(results: Iterable[Result]) -> Progress:
    """Returns the mean share of the way from the baseline to the task's best run."""
    table: Progress = {}
    of_task: dict[str, list[Result]] = {}
    for result in results:
        of_task.setdefault(result.task_label, []).append(result)
    for task, alike in sorted(of_task.items()):
        best = max(gains(result).max() for result in alike)
        for result in alike:
            assert result.tuning is not None
            means = gains(result).mean(1) / (best if best > 0 else 1.0)
            table.setdefault(task, {})[result.cell] = dict(
                zip(result.tuning.keeps, means.tolist(), strict=True)
            )
    return table


def mean_over(table: Progress, share: float) -> float:
    """Returns a share's mean over cells, then over tasks."""
    return float(
        np.mean([np.mean([row[share] for row in cells.values()]) for cells in table.values()])
    )


def choose(table: Progress) -> float:
    """Returns the share of the highest mean; of those within TIE of it, the smallest."""
    means = {share: mean_over(table, share) for share in SHARES}
    return min(share for share, mean in means.items() if mean >= max(means.values()) - TIE)


def report(table: Progress) -> str:
    """Returns the table as Markdown."""
    lines = [
        "# The share of their state that gated cells keep at the start",
        "",
        f"Made by scripts/choose_start.py, whose first lines state the rule, on {date.today()} with"
        f" gru-bench {__version__}, Python {platform.python_version()}, JAX {jax.__version__} and"
        f" NumPy {np.__version__}, on CPU cores. Each number is the mean over {SEEDS} seeds of how"
        " far validation scores went from the baseline (0) to the best run on the task (1).",
        "",
        "| task | cell | " + " | ".join(f"{share:g}" for share in SHARES) + " |",
        "|---|---|" + "---|" * len(SHARES),
    ]
    for task, cells in table.items():
        for cell, row in sorted(cells.items()):
            lines.append(f"| {task} | {cell} | " + _numbers(row[s] for s in SHARES))
    means = _numbers(mean_over(table, share) for share in SHARES)
    return "\n".join([*lines, f"| **mean** | | {means}", "", f"Chosen: {choose(table):g}.", ""])


def _numbers(values: Iterable[float]) -> str:
    return " | ".join(f"{value:.3f}" for value in values) + " |"


def main() -> None:
    """Trains what is asked for, and writes the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", help="the folder of runs")
    parser.add_argument("--run", nargs="+", default=[], choices=list(SWEEPS), help="tasks to train")
    parser.add_argument("--out", type=Path, help="where to write the table of all tasks to")
    options = parser.parse_args()
    for task in options.run:
        api.run(words(task, options.folder), sweep=True, quiet=False)
    if options.out is None:
        return
    results, notes = load_results(options.folder)
    print(*notes, sep="\n", end="\n" if notes else "", file=sys.stderr)
    table = progress(results)
    if len(table) < len(SWEEPS):
        sys.exit(f"error: runs on {', '.join(table) or 'no task'} alone: use --run first")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(report(table))
    print(report(table))


if __name__ == "__main__":
    main()
