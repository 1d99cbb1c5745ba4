"""Grows one comparison from 6 to 12 to 24 seeds, and shows what a report says at each look.

    python scripts/grow_seeds.py

takes about two minutes on two cores and writes results/statistics/growing_seeds.md, with the
verdict on two cells that are not trained besides. The runs lie in a folder that is removed.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import gru_bench
from gru_bench.evidence.comparison import Comparison
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.paired import equivalence_p
from gru_bench.evidence.record import Record, record_of
from gru_bench.evidence.verdicts import compare, compare_group
from gru_bench.runs.result import Result

OUT = Path(__file__).parents[1] / "results" / "statistics" / "growing_seeds.md"
COMPARISON = (
    "cell=gru,lstm",
    "task=adding",
    "task.length=20",
    "cell.initialisation=textbook",
    "hidden_size=8",
    "steps=300",
    "probes=false",
)
LOOKS = (6, 12, 24)
# Both accept no string at all, which scores alone would call as good as each other.
UNTRAINED = (
    "cell=gru,lstm",
    "task=counting",
    "task.max_n=5",
    "task.test_max_n=20",
    "cell.initialisation=textbook",
    "hidden_size=4",
    "steps=1",
)
HEAD = """\
# One comparison, looked at three times

The seeds of one sweep were grown, and the report was asked after each: the verdicts of the second
and third look are as valid as if it had been the only one. `python scripts/grow_seeds.py` writes
this page.

"""


def grow(out_dir: Path, settings: Sequence[str], looks: Sequence[int]) -> list[list[Result]]:
    """Returns the runs of the comparison after each look, each grown from those before."""
    words = [*settings, f"out_dir={out_dir}"]
    return [gru_bench.run([*words, f"seeds={seeds}"], sweep=True) for seeds in looks]


def describe(grown: Sequence[Sequence[Result]], settings: Sequence[str]) -> str:
    """Returns the page: a row for each look, then p after every single seed."""
    first, *_ = grown
    rows = [_row(compare_group(results)[0]) for results in grown]
    name = first[0].score.in_words
    table = [
        [
            "seeds",
            "learn it under both",
            f"median difference of the {name}",
            "p",
            "verdict",
            "solved by each",
            "steps, gru over lstm",
            "p",
            "seeds to add",
        ],
        ["---:"] * 9,
        *rows,
    ]
    *_, last = grown
    margin = last[0].margin
    a, b = (record_of(result, margin) for result in last)
    trail = [f"{n}: {_p_after(a, b, margin, n):.3f}" for n in range(6, len(a.seeds) + 1)]
    command = f"gru-bench run -m {' '.join(settings)} seeds={len(a.seeds)}"
    return "\n".join(
        [
            HEAD + f"    {command}\n",
            *(f"| {' | '.join(row)} |" for row in table),
            "",
            "Differences are gru less lstm, with intervals that hold at all looks at once; a lower"
            " error is better. The last column is the report's advice for an open typical score.",
            "",
            f"p of the typical score after every single seed: {', '.join(trail)}. The sequential"
            " test over seeds can only fall; that of the mean, which has to agree, may rise.",
        ]
    )


def describe_untrained(results: Sequence[Result]) -> str:
    """Returns the verdict on cells that were trained for a single step, and those on scores."""
    (comparison,) = compare_group(results)
    scores = [
        f"{result.cell} {np.mean(list(result.test_scores.values())):.4f}" for result in results
    ]
    score = results[0].score
    verdict = {"not learned": "not learned by either"}.get(comparison.outcome, comparison.outcome)
    return (
        "# Two cells that are not trained\n\n"
        f"    gru-bench run -m {' '.join(UNTRAINED)} seeds={comparison.n_pairs}\n\n"
        f"Mean {score.in_words}: {', '.join(scores)}; {score.baseline_name} scores"
        f" {score.baseline:.4f}. The verdict: **{verdict}**. By scores alone the p of equivalence"
        f" within the margin of {results[0].margin} would be"
        f" {_p_of_equivalence(results):.3f}."
    )


def _p_of_equivalence(results: Sequence[Result]) -> float:
    """Returns the p that the differences of all seeds would have, whatever they learned."""
    a, b = (record_of(result, None).scores for result in results)
    assert results[0].margin is not None
    return equivalence_p(a - b, results[0].margin)


def _row(comparison: Comparison) -> list[str]:
    typical, reliability, pace = comparison.typical, comparison.reliability, comparison.pace
    difference = typical.difference()
    assert pace is not None
    return [
        str(comparison.n_pairs),
        str(typical.n_pairs),
        "-" if difference is None else format_interval(difference),
        f"{typical.p.corrected:.3f}",
        comparison.outcome,
        f"{reliability.successes_a} and {reliability.successes_b}",
        "-" if pace.ratio is None else format_interval(pace.ratio),
        f"{pace.p.corrected:.3f}",
        "-" if comparison.more_seeds is None else str(comparison.more_seeds),
    ]


def _p_after(a: Record, b: Record, margin: float | None, seeds: int) -> float:
    """Returns the p of the typical score if only so many seeds had been trained."""
    first = np.arange(seeds)
    return compare(a.of(first), b.of(first), margin).typical.p.corrected


def main() -> None:
    """Runs the comparison and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE.md")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        text = describe(grow(Path(folder), COMPARISON, LOOKS), COMPARISON)
        (results,) = grow(Path(folder), [*UNTRAINED, "probes=false"], LOOKS[1:2])
    out.write_text(f"{text}\n\n{describe_untrained(results)}\n", encoding="utf-8")
    print(out)


if __name__ == "__main__":
    main()
