"""Configurations in, finished run folders out."""

import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from gru_bench import runs
from gru_bench.board import write_figures
from gru_bench.config import ExperimentConfig
from gru_bench.costs import Cost, measure_cells
from gru_bench.experiment import Experiment, make_experiments
from gru_bench.interrupts import Interrupts
from gru_bench.population import clear, run_population
from gru_bench.progress import Progress
from gru_bench.status import Status, write_status

LOCKS = ".locks"


@dataclass(frozen=True)
class Sweep:
    """What became of some configurations.

    Attributes:
        folders: the run folders of all, in their order.
        failures: those that failed, each with the reason in one line.
        elsewhere: those that another process was at work on.
    """

    folders: list[Path]
    failures: list[tuple[Path, str]] = field(default_factory=list)
    elsewhere: list[Path] = field(default_factory=list)

    @property
    def finished(self) -> list[Path]:
        """The run folders that hold a result."""
        without = {folder for folder, _ in self.failures} | set(self.elsewhere)
        return [folder for folder in self.folders if folder not in without]


def run_experiments(
    configs: Sequence[ExperimentConfig], command: str, quiet: bool = False
) -> Sweep:
    """Runs what is not yet finished.

    Everything that can be wrong with the configurations, their data and their folders is found
    before the first program is compiled. Experiments that differ in seeds and learning rates alone
    are trained as one population. One that fails does not stop the others: its traceback is left in
    its folder. One that another process is at work on is left to it.

    Args:
        configs: what to run.
        command: how it was asked for, to be noted in the results.
        quiet: no progress bar.

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
    sweep = Sweep([experiment.folder for experiment in experiments])
    costs: dict[str, dict[str, Cost]] = {}
    with Progress(len(waiting), quiet=quiet) as progress:
        for experiment in finished:
            progress.note(f"finished already (force=true runs it anew): {experiment.folder}")
            clear(experiment)  # what is left if it was killed on its last line
        for population in waiting.values():
            with locked(population) as free:
                for experiment in free:
                    write_status(experiment.folder, Status(state="waiting"))
        for population in waiting.values():
            with locked(population) as free:
                taken = [e for e in population if e not in free]
                sweep.elsewhere.extend(experiment.folder for experiment in taken)
                for experiment in taken:
                    progress.note(f"left to another process: {experiment.folder}")
                # Another process may have finished some in the meantime.
                todo = [experiment for experiment in free if not is_finished(experiment)]
                if not todo:
                    continue
                setting = todo[0].setting
                try:
                    if setting not in costs:
                        progress.note(f"{todo[0].config.task_label}: timing one step of each cell")
                        everything = [e for group in waiting.values() for e in group]
                        alike = [e for e in everything if e.setting == setting]
                        costs[setting] = measure_cells(alike)
                except Exception as error:
                    sweep.failures.extend(note_failure(experiment, error) for experiment in todo)
                    continue
                # A Ctrl-C that comes while a run fails ends the sweep, not the run alone.
                with Interrupts(progress.note) as interrupts:
                    try:
                        run_population(todo, costs[setting], command, progress, interrupts)
                    except Exception as error:
                        sweep.failures.extend(note_failure(each, error) for each in todo)
    if len(sweep.finished) > 1 and waiting:
        for out_dir in sorted({experiment.config.out_dir for experiment in experiments}):
            write_figures(Path(out_dir), runs.load_results(out_dir)[0])
    return sweep


def is_finished(experiment: Experiment) -> bool:
    """Whether there is a result that need not be made anew."""
    config = experiment.config
    return not config.force and runs.is_finished(experiment.folder, config.identity())


def lock_of(experiment: Experiment) -> Path:
    """The file that whoever works on the experiment holds the lock of."""
    config = experiment.config
    return Path(config.out_dir) / LOCKS / config.identity()


@contextmanager
def locked(experiments: Sequence[Experiment]) -> Iterator[list[Experiment]]:
    """Holds the locks of the run folders; yields the experiments that no other process has.

    The operating system frees the locks of a process that is killed.
    """
    with ExitStack() as stack:
        free = []
        for experiment in experiments:
            lock = lock_of(experiment)
            lock.parent.mkdir(exist_ok=True)
            try:
                stack.enter_context(FileLock(lock, blocking=False))
            except Timeout:
                continue
            free.append(experiment)
        yield free


def note_failure(experiment: Experiment, error: Exception) -> tuple[Path, str]:
    """Leaves the traceback in the run folder; returns the folder and the reason in one line."""
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    write_status(experiment.folder, Status(state="failed", reason=reason))
    try:
        text = "".join(traceback.format_exception(error))
        (experiment.folder / runs.ERROR).write_text(text, encoding="utf-8")
    except OSError:
        pass  # the disk may be what failed
    return experiment.folder, reason
