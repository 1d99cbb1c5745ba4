"""Measures what TensorBoard events cost a run.

    python scripts/measure_logging.py --repeats 7

trains the same small population on the adding problem with and without events, in turns, and prints
two figures of processor time, which unlike the clock's does not count waiting for other programs:
the share of a logged run's that is spent in the calls that log, and the ratio of the two kinds of
run. Compilation is left out. The ratio has the noise of whole runs in it; the share has not.
"""

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

import numpy as np

from gru_bench.config.cell import CellConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.tasks.adding import AddingConfig
from gru_bench.experiments.to_result import curves, trial_hparams
from gru_bench.experiments.train_config import make_train_config
from gru_bench.runs.events import EventLog
from gru_bench.system import machine
from gru_bench.tasks.make import make_task
from gru_bench.training.fit import fit
from gru_bench.training.state import Evaluation, Snapshot

# As small as runs get that are worth a look, since events cost the same whatever the size.
CONFIG = ExperimentConfig(
    cell=CellConfig(name="gru"), task=AddingConfig(length=20), hidden_size=32, seeds=4, steps=600
)


def train(folder: Path | None) -> tuple[float, float]:
    """Returns processor seconds of training the population, and of logging it if to a folder."""
    task = make_task(CONFIG)
    logging_s, started = 0.0, 0.0

    def begin(start: Snapshot) -> Snapshot:
        nonlocal started
        started = time.process_time()
        return start

    trained = fit(
        make_train_config(CONFIG, task, "scan"),
        task,
        CONFIG.seeds,
        [CONFIG.optim.learning_rate] * len(CONFIG.seeds),
        resume=begin,
    )
    if folder is not None:
        began = time.thread_time()
        log(folder, trained.evaluations, task.score.name)
        logging_s = time.thread_time() - began
    return time.process_time() - started, logging_s


def log(folder: Path, evaluations: list[Evaluation], score: str) -> None:
    """All that a run of the command logs, from its first event to its last."""
    group, hparams = CONFIG.run_name({}), trial_hparams(CONFIG)
    with EventLog(folder, CONFIG.seeds, dataclasses.asdict(CONFIG), group, hparams) as events:
        events.arrange(CONFIG.task_label, score)
        for evaluation in evaluations:
            for run, seed in enumerate(CONFIG.seeds):
                scalars = curves(evaluation, run, CONFIG.task_label)
                events.log(seed, int(evaluation.steps[run]), scalars)
        for run, seed in enumerate(CONFIG.seeds):
            scores = {name: float(values[run]) for name, values in evaluations[-1].scores.items()}
            events.finish(seed, int(evaluations[-1].steps[run]), scores, score)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description="Measure what TensorBoard events cost a run.")
    parser.add_argument("--repeats", type=int, default=7, help="runs of either kind")
    repeats = parser.parse_args().repeats

    machine.set_up_devices()
    plain, logged = np.empty((2, repeats, 2))
    train(None)  # What is done but once is none of it.
    for i in range(repeats):
        plain[i] = train(None)
        with tempfile.TemporaryDirectory() as folder:
            logged[i] = train(Path(folder))

    runs_s, logging_s = logged.T
    shares, ratios = logging_s / runs_s, runs_s / plain[:, 0]
    print(f"{repeats} runs of either kind; median and range of processor time:")
    print(f"a run           {spread(runs_s, '.2f')} s")
    print(f"logging         {spread(1e3 * logging_s, '.1f')} ms")
    print(f"share of a run  {spread(100 * shares, '.2f')} %")
    print(f"with / without  {spread(ratios, '.3f')}")


def spread(values: np.ndarray, form: str) -> str:
    """Returns the median and the range."""
    low, median, high = (format(v, form) for v in np.quantile(values, [0, 0.5, 1]))
    return f"{median} ({low} to {high})"


if __name__ == "__main__":
    main()
