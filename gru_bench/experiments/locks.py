"""Which runs are finished, and which another process is at work on."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gru_bench.experiments.experiment import Experiment
from gru_bench.runs import folder

LOCKS = ".locks"


def is_finished(experiment: Experiment) -> bool:
    """Whether there is a result that need not be made anew."""
    return not experiment.config.force and has_result(experiment)


def has_result(experiment: Experiment) -> bool:
    """Whether its folder holds a result of just this configuration, as this machine sees it."""
    list(experiment.folder.glob("*"))  # a file system of the network may look anew only for this
    return folder.is_finished(experiment.folder, experiment.config.identity())


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
