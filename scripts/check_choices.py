"""Measures by simulation how often `gru-bench choose` says something that is not so.

    python scripts/check_choices.py --simulations 500 --out results/statistics/choices.md

Three cells are made up whose truth is known, and trained in rounds of seeds, as the command does,
until the choice is decided or there are no more rounds: what is said comes from the same code. It
takes some minutes on one core; the standard error of a rate r is sqrt(r(1-r)/simulations).
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gru_bench.config.score import Score
from gru_bench.evidence.choice import MOST_SEEDS, Choice, choose_cell, first_round, next_round
from gru_bench.runs.result import (
    Curve,
    MachineEnvironment,
    Parameters,
    Result,
    SeedResult,
    Timing,
)
from gru_bench.system.files import write_named_file

CELLS = ("gru", "lstm", "rnn")
COSTS = (3.0, 4.0, 1.0)
BASELINE, MARGIN, NOISE = 0.5, 0.01, 0.01  # of an accuracy
SCORE = Score("accuracy", higher_is_better=True, baseline=BASELINE, baseline_name="guessing")
ENVIRONMENT = MachineEnvironment(
    device="cpu",
    device_kind="made up",
    device_count=1,
    platform="",
    processor="",
    python="",
    git_revision=None,
    versions={},
)


@dataclass(frozen=True)
class Truth:
    """Three cells of which is known what is true.

    Attributes:
        leads: By how much each is typically better than the LSTM, in units of the noise.
        failures: The share of seeds with which each learns nothing.
    """

    leads: tuple[float, float, float]
    failures: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def is_wrong(self, choice: Choice) -> bool:
        """Whether anything that is said of the cell that is taken is not so."""
        taken = CELLS.index(choice.cell)
        for each in choice.against:
            other = CELLS.index(each.cell)
            lead = NOISE * (self.leads[taken] - self.leads[other])
            reliability = self.failures[other] - self.failures[taken]
            if each.outcome == "better" and max(lead, reliability) <= 0:
                return True
            if each.outcome == "equivalent" and abs(lead) > MARGIN:
                return True
        return False


TRUTHS = {
    "a winner by 1 standard deviation": Truth((1.0, 0.0, -1.0)),
    "a winner by 3 standard deviations": Truth((3.0, 0.0, -3.0)),
    "all the same": Truth((0.0, 0.0, 0.0)),
    "the same, one fails with 5 % of seeds": Truth((0.0, 0.0, 0.0), (0.05, 0.0, 0.0)),
    "the same, all fail with 5 % of seeds": Truth((0.0, 0.0, 0.0), (0.05, 0.05, 0.05)),
    "apart by just more than the margin": Truth((1.01, 0.0, -1.01)),
    "no cell learns": Truth((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


def made_up(cell: str, scores: np.ndarray) -> Result:
    """Returns the result of a cell with such test scores."""
    empty = Curve(
        step=[],
        time_s=[],
        train_loss=[],
        validation_loss=[],
        validation_score=[],
        gradient_norm=[],
        learning_rate=[],
    )
    return Result(
        identity=cell,
        config={"cell": {"name": cell}, "hidden_size": 8},
        margin=MARGIN,
        task_label="made up",
        created="",
        command="",
        hidden_size=8,
        parameters=Parameters(cell=1, lstm=1, total=1),
        score=SCORE,
        axis=None,
        seeds=[
            SeedResult(
                seed=seed,
                learning_rate=0.01,
                test={SCORE.name: float(score)},
                validation={},
                train={},
                best_step=1,
                steps=1,
                solved_step=None,
                solved_s=None,
                diverged_step=None,
                curve=empty,
            )
            for seed, score in enumerate(scores)
        ],
        timing=Timing(
            compile_s=0.0, train_s=1.0, wall_s=1.0, train_step_ms=None, train_step_vs_lstm=None
        ),
        memory_mb=None,
        state_bytes=1,
        environments=[ENVIRONMENT],
    )


def draw(truth: Truth, rng: np.random.Generator) -> list[np.ndarray]:
    """Returns the test scores of each cell, with as many seeds as there can be."""
    common = 0.9 + NOISE * rng.normal(size=MOST_SEEDS)
    cells = []
    for lead, failures in zip(truth.leads, truth.failures, strict=True):
        learned = common + NOISE * (lead + rng.normal(size=MOST_SEEDS) / np.sqrt(2))
        floor = BASELINE + MARGIN / 4 * rng.normal(size=MOST_SEEDS)
        cells.append(np.where(rng.random(MOST_SEEDS) < failures, floor, learned))
    return cells


def choose_in_rounds(scores: list[np.ndarray]) -> tuple[Choice, int]:
    """Returns the choice that the rounds end with, and the seeds of each cell by then."""
    seeds = first_round(len(CELLS))
    while True:
        results = [
            made_up(cell, of_cell[:seeds]) for cell, of_cell in zip(CELLS, scores, strict=True)
        ]
        choice = choose_cell(results, COSTS, MARGIN, advised=False)
        if choice.basis != "undecided" or seeds == MOST_SEEDS:
            return choice, seeds
        seeds = next_round(seeds)


def table(simulations: int, note: Callable[[str], None]) -> str:
    """Returns what was counted, as a table of Markdown."""
    lines = [
        "| what is so | wrong | decided | takes gru, lstm, rnn | seeds of each cell |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, truth in TRUTHS.items():
        rng = np.random.default_rng(0)
        ends = [choose_in_rounds(draw(truth, rng)) for _ in range(simulations)]
        wrong = np.mean([truth.is_wrong(choice) for choice, _ in ends])
        decided = np.mean([choice.basis != "undecided" for choice, _ in ends])
        taken = [np.mean([choice.cell == cell for choice, _ in ends]) for cell in CELLS]
        seeds = np.median([seeds for _, seeds in ends])
        shares = ", ".join(f"{share:.0%}" for share in taken)
        lines.append(f"| {name} | {wrong:.1%} | {decided:.0%} | {shares} | {seeds:.0f} |")
        note(lines[-1])
    return "\n".join(lines) + "\n"


def main() -> None:
    """Prints the table and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--simulations", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path("results/statistics/choices.md"))
    options = parser.parse_args()
    write_named_file(options.out, table(options.simulations, print).encode())
    print(options.out)


if __name__ == "__main__":
    main()
