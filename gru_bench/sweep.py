"""Configurations in, finished run folders out."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from gru_bench import runs
from gru_bench.config import ExperimentConfig
from gru_bench.costs import Cost, measure_cells
from gru_bench.experiment import Experiment, make_experiments
from gru_bench.population import run_population
from gru_bench.progress import Progress


def run_experiments(
    configs: Sequence[ExperimentConfig], command: str, quiet: bool = False
) -> list[Path]:
    """Runs what is not yet finished.

    Everything that can be wrong with the configurations, their data and their folders is found
    before the first program is compiled. Experiments that differ in seeds and learning rates alone
    are trained as one population.

    Args:
        configs: what to run.
        command: how it was asked for, to be noted in the results.
        quiet: no progress bar.

    Returns:
        The run folders of all configurations, those finished earlier included, in their order.

    Raises:
        UserError: A configuration is not possible.
    """
    experiments = make_experiments(configs)
    for out_dir in {experiment.config.out_dir for experiment in experiments}:
        runs.require_writable(out_dir)
    waiting: dict[str, list[Experiment]] = defaultdict(list)
    finished = []
    for experiment in experiments:
        if is_finished(experiment):
            finished.append(experiment)
        else:
            waiting[experiment.population].append(experiment)
    costs: dict[str, dict[str, Cost]] = {}
    with Progress(len(waiting), quiet=quiet) as progress:
        for experiment in finished:
            progress.note(f"finished already: {experiment.folder}")
        for population in waiting.values():
            setting = population[0].setting
            if setting not in costs:
                progress.note(f"{population[0].config.task_label}: timing one step of each cell")
                alike = [e for group in waiting.values() for e in group if e.setting == setting]
                costs[setting] = measure_cells(alike)
            run_population(population, costs[setting], command, progress)
    return [experiment.folder for experiment in experiments]


def is_finished(experiment: Experiment) -> bool:
    """Whether there is a result that need not be made anew."""
    config = experiment.config
    return not config.force and runs.is_finished(experiment.folder, config.identity())
