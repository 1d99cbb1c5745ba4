"""Which runs are finished, and which another process is at work on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gru_bench.experiments.experiment import Experiment
from gru_bench.runs import folder
from gru_bench.system.locks import Held, lock

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
def locked(
    experiments: Sequence[Experiment], note: Callable[[str], None] = lambda line: None
) -> Iterator[list[Experiment]]:
    """Holds the locks of the run folders; yields the experiments that no other process has.

    Args:
        experiments: Whose locks to hold.
        note: Takes a line on each experiment that another process has.
    """
    with ExitStack() as stack:
        free = []
        for experiment in experiments:
            try:
                stack.enter_context(lock(lock_of(experiment)))
            except Held as holder:
                who = f" ({holder})" if str(holder) else ""
                note(f"left to another process: {experiment.folder}{who}")
                continue
            free.append(experiment)
        yield free
