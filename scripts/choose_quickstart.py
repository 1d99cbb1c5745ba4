r"""Chooses the learning rates of the quickstart's tasks, on validation data alone.

    gru-bench run experiment=quickstart 'tune.learning_rates=[0.004,0.008,0.016]' tune.seeds=2 \
        seeds=1 probes=false save_weights=none out_dir=results/pilot
    python scripts/choose_quickstart.py results/pilot > results/quickstart/learning_rates.md

The rule: all cells share one rate on a task. A cell's progress with a rate is the mean over the
tuning seeds of how much of the way from the baseline to the best validation score of any cell, rate
and seed on this task it went, 0 for a seed that is no better than the baseline or diverged. The
rate with the highest mean progress over the cells is taken; of equal ones the lowest. The tuning
seeds are none of those that the quickstart reports. Test scores are not looked at.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from gru_bench.config.compose import compose_experiments
from gru_bench.runs.folder import load_results
from gru_bench.runs.result import Result


def progress(results: Sequence[Result]) -> dict[float, dict[str, float]]:
    """Returns the progress by learning rate and cell, for tuned results of one task.

    Raises:
        ValueError: The cells did not try the same rates, or on seeds that the quickstart reports.
    """
    reported = {seed for config in compose_experiments([], False) for seed in config.seeds}
    gains = {}
    for result in results:
        tuning = result.tuning
        if tuning is None or reported.intersection(tuning.seeds):
            raise ValueError(f"{result.cell} was not tuned on seeds of its own")
        gains[result.cell] = {
            rate: _gains(result, scores)
            for rate, scores in zip(tuning.learning_rates, tuning.scores, strict=True)
        }
    rates = {tuple(by_rate) for by_rate in gains.values()}
    if len(rates) != 1:
        raise ValueError("the cells tried different rates")
    best = max(gain.max() for by_rate in gains.values() for gain in by_rate.values())
    return {
        rate: {
            cell: float(by_rate[rate].mean() / best) if best > 0 else 0.0
            for cell, by_rate in gains.items()
        }
        for rate in sorted(rates.pop())
    }


def _gains(result: Result, scores: Sequence[float | None]) -> np.ndarray:
    """Returns how far the score of each seed is on the better side of the baseline."""
    baseline, sign = result.score.baseline, 1 if result.score.higher_is_better else -1
    values = np.array([baseline if score is None else score for score in scores])
    return np.asarray((sign * (values - baseline)).clip(min=0))


def chosen(table: dict[float, dict[str, float]]) -> float:
    """Returns the rate with the highest mean progress over the cells."""
    return max(table, key=lambda rate: (np.mean(list(table[rate].values())), -rate))


def main() -> None:
    """Prints a table for each task and the rate to choose."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", help="the folder of runs")
    by_task: dict[str, list[Result]] = defaultdict(list)
    for result in load_results(parser.parse_args().results)[0]:
        by_task[result.task_label].append(result)
    print(
        "# Learning rates of the quickstart\n\nMean progress over the tuning seeds, on validation"
    )
    print("data; the rule stands in `scripts/choose_quickstart.py`.\n")
    for task, results in by_task.items():
        table = progress(results)
        cells = list(next(iter(table.values())))
        print(f"| {task} | {' | '.join(cells)} | mean |\n|{' --- |' * (len(cells) + 2)}")
        for rate, row in table.items():
            values = [*row.values(), float(np.mean(list(row.values())))]
            print(f"| {rate:g} | {' | '.join(f'{value:.3f}' for value in values)} |")
        print(f"\nchosen: {chosen(table):g}\n")


if __name__ == "__main__":
    main()
