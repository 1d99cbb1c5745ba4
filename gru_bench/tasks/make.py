"""From the configuration of a task to the task with its data."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from gru_bench.config.run import RunConfig
from gru_bench.config.tasks import CustomTaskConfig
from gru_bench.tasks.base import Task
from gru_bench.tasks.corpus_sources import Note
from gru_bench.tasks.user_task import load_task


def make_task(
    config: RunConfig,
    note: Note = lambda line: None,
    contents: Mapping[str, str] = MappingProxyType({}),
) -> Task:
    """Returns the task with its data.

    The code of a built-in task is `make_task` of the module of this package that has its name; one
    that reads a corpus loads it there by `load_data`.

    Args:
        config: What is asked for.
        note: Takes a line on what a user should know of the data.
        contents: SHA-256 of what the files of a corpus must hold, by the keys that name them.

    Raises:
        UserError: The data are not available, or do not fit the configuration.
    """
    declared = config.task
    if isinstance(declared, CustomTaskConfig):
        return load_task(declared.module, declared.options, config.batch_size)
    code = import_module(f"gru_bench.tasks.{declared.name}")
    if config.corpus is None:
        task: Task = code.make_task(declared, config.batch_size)
    else:
        data = code.load_data(declared, config.corpus, note, contents)
        task = code.make_task(declared, data, config.batch_size, note)
    return task
