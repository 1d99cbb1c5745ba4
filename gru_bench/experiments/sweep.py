"""Takes the configurations of a sweep to finished run folders."""

import itertools
import traceback
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import jax

from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.labels import common_label
from gru_bench.experiments.begun import goes_on, in_turn
from gru_bench.experiments.costs import Cost, measure_cells
from gru_bench.experiments.engines import launch
from gru_bench.experiments.finished import has_all_seeds, kept_result, missing_seeds
from gru_bench.experiments.memory_check import (
    attempted,
    fits,
    forget_attempts,
    require_memory,
    require_survivor,
)
from gru_bench.experiments.population import clear, run_population
from gru_bench.experiments.resolve import Experiment, resolve
from gru_bench.experiments.run_locks import locked
from gru_bench.experiments.seed_budget import describe_seed_budget
from gru_bench.runs.folder import (
    ERROR,
    ForeignFolder,
    refuse_foreign_folder,
    require_writable,
)
from gru_bench.runs.status import Status, write_status
from gru_bench.system.errors import UserError, cause
from gru_bench.system.files import write_atomically
from gru_bench.system.interrupts import Interrupts
from gru_bench.system.machine import pinned_settings
from gru_bench.system.progress import Progress
from gru_bench.system.prose import counted

KEPT_POPULATIONS = 8  # after so many their programs are dropped
_ended = itertools.count(1)  # populations of this process


class JobLost(Exception):  # noqa: N818
    """A job ended without telling what became of its runs."""


@dataclass(frozen=True)
class Sweep:
    """What became of some configurations.

    Attributes:
        folders: The run folders of all, in their order.
        failures: Those that failed, each with the reason in one line.
        elsewhere: Those that another process was at work on.
    """

    folders: list[Path]
    failures: list[tuple[Path, str]] = field(default_factory=list)
    elsewhere: list[Path] = field(default_factory=list)

    @property
    def finished(self) -> list[Path]:
        """The run folders that hold a result."""
        without = {folder for folder, _ in self.failures} | set(self.elsewhere)
        return [folder for folder in self.folders if folder not in without]

    def require_none_elsewhere(self) -> None:
        """Raises `UserError` if another process was at work on some of the runs."""
        if self.elsewhere:
            raise UserError(
                f"another process is at work on {self.elsewhere[0]}: wait until it ends"
            )


@pinned_settings()
def run_experiments(
    configs: Sequence[ExperimentConfig],
    command: str,
    quiet: bool = False,
    timed: bool = True,
    describe: Callable[[list[Path]], str] | None = None,
) -> Sweep:
    """Runs what is not yet finished, in this process or by the launcher of the configurations.

    Everything that can be wrong with the configurations, their data and their folders is found
    before the first program is compiled. Experiments that differ in seeds and learning rates alone
    are trained as one population. One that fails does not stop the others: its traceback is left in
    its folder. One that another process is at work on is left to it.

    Args:
        configs: What to run.
        command: How it was asked for, to be noted in the results.
        quiet: Whether to show no progress.
        timed: Whether to measure what a step costs.
        describe: Says in some lines what the runs in these folders come to. It is asked for each
            task that has ended while runs of others are still to come.

    Raises:
        UserError: A configuration is not possible, or the launcher is not available.
    """
    launcher = configs[0].launcher
    note = Progress(0, quiet=quiet).note
    experiments = resolve(configs, note, here=launcher.name == "local")
    require_folders(experiments)
    by_population: dict[str, list[Experiment]] = defaultdict(list)
    finished = []
    for experiment in experiments:
        if missing_seeds(experiment):
            by_population[experiment.population].append(experiment)
        else:
            finished.append(experiment)
    populations = list(by_population.values())
    sweep = Sweep([experiment.folder for experiment in experiments])
    with Progress(len(populations), quiet=quiet) as progress:
        for experiment in finished:
            pass_over(experiment, progress)
        # A search compares settings of a cell, and not cells.
        if timed and (budget := describe_seed_budget(experiments)):
            progress.note(budget)
        for population in populations:
            for experiment in population:
                note_growth(experiment, progress)

        def show_task(label: str) -> None:
            ended = [e.folder for e in experiments if e.config.task_label == label]
            finished_folders = set(sweep.finished)
            found = [folder for folder in ended if folder in finished_folders]
            if describe is not None and not quiet and found:
                progress.note(f"\n{describe(found)}")

        if launcher.name == "local":
            run_here(populations, sweep, command, progress, timed, show_task)
        elif populations:
            run_in_jobs(populations, sweep, command, progress, timed)
    return sweep


def require_folders(experiments: Sequence[Experiment]) -> None:
    """Raises `UserError` unless every run may be written in its folder."""
    for out_dir in {each.config.out_dir for each in experiments}:
        require_writable(out_dir)
    for each in experiments:
        refuse_foreign_folder(each.config.out_dir, each.name, each.identity)


def pass_over(experiment: Experiment, progress: Progress) -> None:
    """Says that a run is finished, and removes what is left if it was killed on its last line."""
    progress.note(f"finished already (force=true runs it anew): {experiment.label}")
    if not goes_on(experiment):
        clear(experiment)
    forget_attempts(experiment.folder)


def run_here(
    populations: Sequence[Sequence[Experiment]],
    sweep: Sweep,
    command: str,
    progress: Progress,
    timed: bool,
    task_ended: Callable[[str], None] | None = None,
) -> None:
    """Trains populations in this process, one after another.

    Args:
        populations: Experiments of one `Experiment.population` each.
        sweep: Takes what fails, and what is left to other processes.
        command: How they were asked for.
        progress: Where to show how far they are.
        timed: Whether to measure what a step costs.
        task_ended: Takes the label of a task whose runs have all ended, before the next begins.
    """
    announce(populations)
    costs: dict[str, dict[str, Cost]] = {}
    labels = [each.config.task_label for population in populations for each in population[:1]]
    for number, population in enumerate(populations):
        if task_ended and number and labels[number - 1] not in labels[number:]:
            task_ended(labels[number - 1])
        with locked(population, progress.note) as free, ExitStack() as stack:
            sweep.elsewhere.extend(each.folder for each in population if each not in free)
            # Another process may have finished some in the meantime.
            todo = [experiment for experiment in free if missing_seeds(experiment)]
            todo = refuse_without_memory(todo, sweep)
            if not todo:
                continue
            force = todo[0].config.force
            stack.enter_context(attempted([experiment.folder for experiment in todo], force))
            setting = todo[0].setting
            try:
                if setting not in costs:
                    alike = [e for group in populations for e in group if e.setting == setting]
                    costs[setting] = measure_setting(alike, progress, timed)
            except Exception as error:
                sweep.failures.extend(note_failure(experiment, error) for experiment in todo)
                continue
            # A Ctrl-C that comes while a run fails ends the sweep, not the run alone.
            with Interrupts(progress.note) as interrupts:
                turns = in_turn(todo)
                if len(turns) > 1:
                    label = common_label([experiment.label for experiment in todo])
                    progress.note(f"{label}: the seeds that were begun first, then the others")
                    progress.total_runs += 1
                try:
                    for seeds in turns:
                        run_population(seeds, costs[setting], command, progress, interrupts)
                except Exception as error:
                    sweep.failures.extend(note_failure(each, error) for each in todo)
        let_go_of_programs()


def measure_setting(
    experiments: Sequence[Experiment], progress: Progress, timed: bool
) -> dict[str, Cost]:
    """Returns what each cell of a setting costs that fits into the memory."""
    if timed:
        progress.note(f"{experiments[0].config.task_label}: timing one step of each cell")
    fitting = [each for each in experiments if fits(each.train, each.task, members=1)]
    return measure_cells(fitting, timed)


def let_go_of_programs() -> None:
    """Drops what JAX keeps of traced and compiled programs, once several populations have ended.

    It keeps them for good, some 60 MB a population. Populations of one shape, such as trials of a
    search, mostly follow each other and go on sharing theirs.
    """
    if next(_ended) % KEPT_POPULATIONS == 0:
        jax.clear_caches()


def run_in_jobs(
    populations: Sequence[Sequence[Experiment]],
    sweep: Sweep,
    command: str,
    progress: Progress,
    timed: bool,
) -> None:
    """Has populations trained by the launcher of their configurations, each as a job.

    What a step costs is measured in each job, in turns with the LSTM alone. The arguments are those
    of `run_here`.

    Raises:
        UserError: The launcher is not available.
    """
    launcher = populations[0][0].config.launcher
    jobs = launch(launcher, populations, command, timed, progress.note)
    announce(populations)
    count = counted(len(populations), "job")
    out_dir = populations[0][0].config.out_dir
    progress.note(f"{count} by {launcher.name}; gru-bench status {out_dir} tells more")
    with closing(jobs):
        for number, outcome in jobs:
            population = populations[number]
            failures = [(Path(folder), reason) for folder, reason in outcome.failures]
            if outcome.lost is not None:
                error = JobLost(outcome.lost)
                error.add_note(outcome.log)
                lost = [experiment for experiment in population if missing_seeds(experiment)]
                failures = [note_failure(experiment, error) for experiment in lost]
            elsewhere = [Path(folder) for folder in outcome.elsewhere]
            reported = {*elsewhere, *(folder for folder, _ in failures)}
            unseen = JobLost(
                "its job finished, but there is no result here: is the folder of runs shared?"
            )
            failures += [
                note_failure(each, unseen)
                for each in population
                if each.folder not in reported and not has_all_seeds(each)
            ]
            sweep.failures.extend(failures)
            sweep.elsewhere.extend(elsewhere)
            state = "failed" if failures else "left to another process"
            state = state if failures or elsewhere else "finished"
            progress.job_ended(f"{common_label([e.label for e in population])}: {state}")


def note_growth(experiment: Experiment, progress: Progress) -> None:
    """Says of a run with finished seeds how many more are trained."""
    result = kept_result(experiment)
    if result is not None:
        progress.note(
            f"{len(missing_seeds(experiment))} more seeds beside {len(result.seeds)} finished ones:"
            f" {experiment.label}"
        )


def refuse_without_memory(todo: Sequence[Experiment], sweep: Sweep) -> list[Experiment]:
    """Returns the runs of a population that may fit into the memory; the others have failed."""
    members = sum(len(missing_seeds(experiment)) for experiment in todo)
    fitting = []
    for experiment in todo:
        try:
            require_survivor(experiment.folder, experiment.config.force)
            require_memory(experiment.train, experiment.task, members)
        except UserError as error:
            sweep.failures.append(note_failure(experiment, error))
        else:
            fitting.append(experiment)
    return fitting


def announce(populations: Sequence[Sequence[Experiment]]) -> None:
    """Marks what is to be run as waiting, but what another process has."""
    for population in populations:
        with locked(population) as free:
            for experiment in free:
                write_status(experiment.folder, Status(state="waiting", label=experiment.label))


def note_failure(experiment: Experiment, error: Exception) -> tuple[Path, str]:
    """Leaves the traceback in the run folder, if it is the run's.

    Returns:
        The folder, and the reason in one line.
    """
    reason = str(error) if isinstance(error, JobLost) else cause(error)
    if isinstance(error, ForeignFolder):
        return experiment.folder, reason
    status = Status(state="failed", label=experiment.label, reason=reason)
    write_status(experiment.folder, status)
    try:
        text = "".join(traceback.format_exception(error))
        write_atomically(experiment.folder / ERROR, text.encode(), durable=False)
    except OSError:
        pass  # the disk may be what failed
    return experiment.folder, reason
