r"""Shows what a report says of two cells under several starts and budgets, look by look.

    gru-bench run -m cell=gru,lstm task=text cell.initialisation=orthogonal,chrono hidden_size=32 \
        steps=300 evaluate_every=30 probes=false seeds=24 out_dir=FOLDER
    gru-bench run -m cell=gru,lstm task=text cell.initialisation=orthogonal,chrono hidden_size=32 \
        steps=600 evaluate_every=60 probes=false seeds=8 out_dir=FOLDER
    python scripts/looks_at_starts.py FOLDER

writes results/starts/reuters8.md in a moment. Seeds are independent and judged in their order, so
that a look with fewer seeds is what a report showed before the others were added.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gru_bench.evidence.comparable import ComparableRuns, group_runs
from gru_bench.evidence.comparison import Comparison
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.robustness import measure_robustness
from gru_bench.evidence.verdicts import compare_group
from gru_bench.report.format_numbers import show_p
from gru_bench.runs.folder import load_results
from gru_bench.runs.result import Result
from gru_bench.system.files import write_named_file

OUT = Path(__file__).parents[1] / "results" / "starts" / "reuters8.md"
LOOKS = (6, 9, 12, 16, 24)
COLUMNS = (
    "seeds",
    "start, budget",
    "gru, %",
    "lstm, %",
    "gru less lstm, points",
    "p",
    "error from seeds",
    "from documents",
    "the gru is typically",
    "holds at",
    "seeds to add",
)


def rows_of_looks(results: Sequence[Result]) -> Iterator[list[str]]:
    """Yields a row for each look and each setting that has more seeds than at the last one.

    Args:
        results: Runs of two cells on one problem.
    """
    most = max(len(result.seeds) for result in results)
    seen: dict[str, int] = {}
    for look in (seeds for seeds in LOOKS if seeds <= most):
        settings = group_runs([replace(each, seeds=each.seeds[:look]) for each in results])
        robustness = measure_robustness(settings)
        for setting in settings:
            runs = [run.result for run in setting.runs]
            (comparison,) = compare_group(runs)
            if seen.get(setting.label) == comparison.n_pairs:
                continue
            seen[setting.label] = comparison.n_pairs
            pair = comparison.cell_a, comparison.cell_b
            holds = robustness[setting.label].get(pair)
            over = "-"
            if holds is not None:
                over = f"{holds.holds_at(comparison.outcome)} of {len(holds.points)}"
            yield [
                str(comparison.n_pairs),
                _choices(setting),
                *(_mean(run) for run in runs),
                *_judged(comparison),
                comparison.typical.verdict,
                over,
                str(comparison.more_seeds or "-"),
            ]


def _choices(setting: ComparableRuns) -> str:
    """Returns what tells the setting from the others, such as `chrono, 300 steps`."""
    config = setting.runs[0].result.config
    return f"{config['cell']['initialisation']}, {config['steps']} steps"


def _mean(result: Result) -> str:
    scores = result.test_scores.values()
    return f"{100 * sum(scores) / len(scores):.1f}"


def _judged(comparison: Comparison) -> list[str]:
    """Returns the difference with its p, and the errors that other seeds and documents cause."""
    typical = comparison.typical
    difference, crossed = typical.difference(), typical.crossed
    if difference is None or crossed is None:
        raise SystemExit("every seed has to learn the task, with predictions stored")
    errors = (f"{100 * error:.2f}" for error in (crossed.seeds_error, crossed.examples_error))
    return [format_interval(difference, 100, digits=".1f"), show_p(typical.p.corrected), *errors]


def main() -> None:
    """Writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the runs")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE.md")
    options = parser.parse_args()
    results, _ = load_results(options.folder)
    lines = [COLUMNS, ["---:" if column != COLUMNS[1] else "---" for column in COLUMNS]]
    table = "\n".join(f"| {' | '.join(line)} |" for line in (*lines, *rows_of_looks(results)))
    (environment,) = {result.environment.processor for result in results}
    created = max(result.created for result in results)
    text = (
        "# Reuters-8 under two starts, look by look\n\n"
        "GRU and LSTM with 32 units; `scripts/looks_at_starts.py` says by which commands the runs"
        f" and this page were made ({created[:10]}, {environment}). Intervals and p hold at all"
        " looks at once, for other seeds and other documents. The errors, in points, are the"
        " standard errors of the mean difference that other seeds alone, and other documents alone,"
        " would cause. *Holds at*: the starts and budgets at which the verdict comes out so."
        " `orthogonal` is the default start, which keeps 90% of the state.\n\n"
        f"{table}\n"
    )
    write_named_file(options.out, text.encode())
    print(options.out)


if __name__ == "__main__":
    main()
