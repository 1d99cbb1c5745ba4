r"""Compares the shares of their state that gated cells keep at the start, on validation data.

    gru-bench run -m task=adding,copy,counting,text cell=gru,gru_reset_after,lstm \
        cell.keep=0.5,0.73,0.9,0.95,0.98 'tune.learning_rates=[0.002,0.005,0.01]' seeds=4 \
        out_dir=results/starts
    python scripts/choose_start.py results/starts

prints, for each value of `cell.keep` and each task, how much of the way from the baseline to the
best score of any run on this task the runs went: the mean over cells and seeds, 0 for a run that is
no better than the baseline. The share with the highest mean over the tasks is the one to choose.
Test scores are not looked at.
"""

import argparse
from collections import defaultdict

import numpy as np

from gru_bench.runs.folder import load_results
from gru_bench.runs.result import Result


def gains(result: Result) -> np.ndarray:
    """Returns how far each seed's validation score is on the better side of the baseline."""
    score = result.score
    found = [seed.validation[score.name] for seed in result.seeds]
    values = np.array([score.baseline if value is None else value for value in found])
    gain = values - score.baseline if score.higher_is_better else score.baseline - values
    return np.asarray(gain.clip(min=0))


def progress(results: list[Result]) -> dict[float, dict[str, float]]:
    """Returns the mean progress by share and task; runs without `cell.keep` are passed over."""
    by_task: dict[str, dict[float, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        keep = result.config["cell"]["keep"]
        if keep is not None:
            by_task[result.task_label][keep].append(gains(result))
    table: dict[float, dict[str, float]] = defaultdict(dict)
    for task, by_share in by_task.items():
        best = max(gain.max() for runs in by_share.values() for gain in runs)
        for share, runs in by_share.items():
            mean = float(np.mean([gain.mean() for gain in runs]))
            table[share][task] = mean / best if best > 0 else 0.0
    return dict(sorted(table.items()))


def main() -> None:
    """Prints the table and the share to choose."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", help="the folder of runs")
    results, notes = load_results(parser.parse_args().results)
    print(*notes, sep="\n", end="\n" if notes else "")
    table = progress(results)
    tasks = sorted({task for row in table.values() for task in row})
    print("| kept | " + " | ".join(tasks) + " | mean |\n|" + " --- |" * (len(tasks) + 2))
    means = {}
    for share, row in table.items():
        means[share] = float(np.mean([row.get(task, np.nan) for task in tasks]))
        cells = [f"{row.get(task, np.nan):.3f}" for task in tasks]
        print(f"| {share:g} | {' | '.join(cells)} | {means[share]:.3f} |")
    complete = {share: mean for share, mean in means.items() if np.isfinite(mean)}
    if complete:
        print(f"\nchosen: cell.keep={max(complete, key=lambda share: complete[share]):g}")


if __name__ == "__main__":
    main()
