"""Asks whether learning rates beyond the grids of the reference would have been chosen.

    python scripts/beyond_the_grid.py

trains each cell whose scores in the reference were made at an end of its grid with one learning
rate beyond, by the seeds that the grid was tried with, and compares the validation scores that
the choice is made by. A part takes about a minute on two cores. The figures are written to
results/reference/claims/beyond_the_grid.json after each part, so that a later call goes on; the
runs lie in results/claims/beyond_the_grid.
"""

import math
from pathlib import Path

import msgspec

import gru_bench
from gru_bench.evidence.claims.reference import read_reference
from gru_bench.evidence.claims.rules import Rules, current_rules
from gru_bench.runs.result import Result, Tuning
from gru_bench.system.files import write_atomically

REFERENCE = Path(__file__).parents[1] / "results" / "reference" / "claims"
OUT = REFERENCE / "beyond_the_grid.json"
RUNS = Path("results/claims/beyond_the_grid")


class Beyond(msgspec.Struct, frozen=True, kw_only=True):
    """What one learning rate beyond a grid came to.

    Attributes:
        part: The part of the reference.
        cell: The cell.
        end: The rate at the end of the grid, which was chosen.
        beyond: The rate beyond, as far away as the last two are from each other.
        at_end: The best validation score of each seed at the end of the grid.
        at_beyond: The same at the rate beyond; null where there is none.
        is_better: Whether the mean of the second is better, so that it would have been chosen.
    """

    part: str
    cell: str
    end: float
    beyond: float
    at_end: list[float | None]
    at_beyond: list[float | None]
    is_better: bool


def next_rate(tuning: Tuning) -> float:
    """Returns the rate beyond the end of a grid that was chosen, to two digits."""
    rates = sorted(tuning.learning_rates)
    end, neighbour = rates[-1], rates[-2]
    if tuning.chosen == rates[0]:
        end, neighbour = rates[0], rates[1]
    return float(f"{end * end / neighbour:.2g}")


def words_beyond(part: str, cell: str, tuning: Tuning, rules: Rules) -> list[str]:
    """Returns the words of the run of a cell at one rate beyond its grid."""
    replaced = ("cell", "seeds", "tune.learning_rates", "tune.seeds")
    words = [word for word in rules.words_of(part) if word.partition("=")[0] not in replaced]
    seeds = ",".join(map(str, tuning.seeds))
    return [
        *words,
        f"cell={cell}",
        f"seeds=[{seeds}]",
        f"optim.learning_rate={next_rate(tuning):g}",
        f"out_dir={RUNS / part}",
    ]


def compare(part: str, at_end: Result, beyond: Result) -> Beyond:
    """Returns how the validation scores at the end of the grid and beyond it compare."""
    tuning, name = at_end.tuning, at_end.score.name
    assert tuning is not None
    (before,) = tuning.at_the_chosen_rate
    # Scores of the reference are committed with so many digits.
    scores = [seed.validation[name] for seed in beyond.seeds]
    after = [None if score is None else float(f"{score:.7g}") for score in scores]
    baseline = at_end.score.baseline
    if baseline is None:
        baseline = -math.inf if at_end.score.higher_is_better else math.inf

    def mean(scores: list[float | None]) -> float:
        """A run without a score counts with the baseline, as where the choice is made."""
        return sum(baseline if score is None else score for score in scores) / len(scores)

    gain = mean(after) - mean(before)
    return Beyond(
        part=part,
        cell=at_end.cell,
        end=tuning.chosen,
        beyond=next_rate(tuning),
        at_end=before,
        at_beyond=after,
        is_better=gain > 0 if at_end.score.higher_is_better else gain < 0,
    )


def main() -> None:
    """Trains what is missing, part by part, and writes the figures after each."""
    rules, reference = current_rules(), read_reference(REFERENCE)
    found = msgspec.json.decode(OUT.read_bytes(), type=list[Beyond]) if OUT.exists() else []
    known = {(each.part, each.cell) for each in found}
    for part in reference.done(rules):
        if rules.parts[part].kind != "scores":
            continue
        for result in reference.results[part]:
            tuning = result.tuning
            if tuning is None or not tuning.chosen_rate_is_at_an_end:
                continue
            if (part, result.cell) in known:
                continue
            (beyond,) = gru_bench.run(words_beyond(part, result.cell, tuning, rules))
            found.append(compare(part, result, beyond))
            print(found[-1], flush=True)
            write_atomically(OUT, msgspec.json.format(msgspec.json.encode(found), indent=1))


if __name__ == "__main__":
    main()
