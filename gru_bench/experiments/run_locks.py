"""Locks on run folders: they show which runs another process is at work on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gru_bench.experiments.resolve import Experiment
from gru_bench.system.locks import Held, lock

LOCKS = ".locks"


def lock_of(experiment: Experiment) -> Path:
    """Returns the file whose lock is held by the process that works on the experiment."""
    return Path(experiment.config.out_dir) / LOCKS / experiment.identity


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
                note(f"left to another process: {experiment.label}{who}")
                continue
            free.append(experiment)
        yield free
