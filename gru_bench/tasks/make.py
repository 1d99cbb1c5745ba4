"""From the configuration of a task to the task with its data."""

from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.task import (
    AddingConfig,
    CopyConfig,
    CountingConfig,
    CustomTaskConfig,
    TextConfig,
)
from gru_bench.system.errors import UserError
from gru_bench.tasks.adding import AddingTask
from gru_bench.tasks.base import Task
from gru_bench.tasks.copy import CopyTask
from gru_bench.tasks.corpora import load_corpus
from gru_bench.tasks.corpus_sources import Note
from gru_bench.tasks.counting import CountingTask
from gru_bench.tasks.text import make_text_task
from gru_bench.tasks.user_task import load_task


def make_task(config: ExperimentConfig, note: Note = lambda line: None) -> Task:
    """Returns the task with its data; `note` takes a line on what a user should know of these."""
    match config.task:
        case CopyConfig(lag=lag):
            return CopyTask(lag=lag, batch_size=config.batch_size)
        case AddingConfig(length=length):
            return AddingTask(length=length, batch_size=config.batch_size)
        case CountingConfig(max_n=max_n, test_max_n=test_max_n):
            return CountingTask(max_n=max_n, test_max_n=test_max_n, batch_size=config.batch_size)
        case TextConfig():
            assert config.corpus is not None
            corpus = load_corpus(config.corpus, note)
            return make_text_task(config.task, corpus, config.batch_size, note)
        case CustomTaskConfig(module=module, options=options):
            return load_task(module, options, config.batch_size)
    raise UserError(f"task.name={config.task.name} is not known")
