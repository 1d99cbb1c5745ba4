"""From a configuration to what training needs: the sizes of the model, counts of steps."""

from gru_bench.config.run import RunConfig
from gru_bench.config.tasks import TokenTaskConfig
from gru_bench.config.tasks.text import TextConfig
from gru_bench.model.counts import matched_hidden_size
from gru_bench.model.model import ModelConfig, cell_class
from gru_bench.system.errors import UserError
from gru_bench.tasks.base import Task, may_be_read_backwards
from gru_bench.training.state import TrainConfig

EVALUATIONS = 20  # evaluations of a synthetic task, unless evaluate_every says otherwise


def make_train_config(
    config: RunConfig, task: Task, recurrence: str, remat: bool = False
) -> TrainConfig:
    """Returns what training needs to know of a run: counts of steps instead of epochs.

    Raises:
        UserError: The data do not fit the configuration.
    """
    if task.examples is not None and task.examples < config.batch_size:
        raise UserError(
            f"batch_size={config.batch_size} is not possible: batch_size must be at most"
            f" {task.examples}, the examples to train on"
        )
    if task.examples is None:
        if config.steps is None:
            raise UserError(
                f"epochs={config.epochs} is not possible: task.name={config.task.name} is drawn"
                " without end, so give steps instead"
            )
        steps = config.steps
        evaluate_every = -(-steps // EVALUATIONS)
    else:
        evaluate_every = task.examples // config.batch_size
        steps = config.steps or (config.epochs or 1) * evaluate_every
    return TrainConfig(
        model=make_model_config(config, task, recurrence, remat),
        optim=config.optim.optimizer,
        steps=steps,
        evaluate_every=min(config.evaluate_every or evaluate_every, steps),
        patience=config.patience,
        stop_when_solved=config.stop_when_solved,
        trains_embedding=not isinstance(config.task, TextConfig) or config.task.train_embeddings,
    )


def make_model_config(
    config: RunConfig, task: Task, recurrence: str, remat: bool = False
) -> ModelConfig:
    """Returns the sizes and choices of the model for a task.

    Raises:
        UserError: A class of the user's is faulty, or the task cannot be read from both sides.
    """
    cell, embedding_size = config.cell, None
    if cell.is_recurrent:
        kind = cell_class(cell.implementation)  # What is wrong with a user's class is said here.
        if config.recurrent_dropout > 0 and not kind.products:
            raise UserError(
                f"recurrent_dropout={config.recurrent_dropout:g} has no effect with"
                f" cell={cell.name}, whose gates do not read its state"
            )
    if config.bidirectional and not may_be_read_backwards(task):
        raise UserError(
            f"bidirectional=true is not possible with task={config.task.name}, which is read at"
            " every step: its class has to say, by both_ways = True, that later steps do not give"
            " the answer away"
        )
    if task.tokens and isinstance(config.task, TokenTaskConfig):
        embedding_size = config.task.embedding_size
    input_size = task.input_size if embedding_size is None else embedding_size
    # Sizes of equal time are measured, all cells of a setting in turns.
    match = "hidden" if config.match == "time" else config.match
    return ModelConfig(
        cell=cell.implementation,
        input_size=task.input_size,
        output_size=task.output_size,
        hidden_size=matched_hidden_size(
            cell.implementation,
            input_size,
            config.hidden_size,
            config.layers,
            match,
            config.budget,
            config.bidirectional,
            config.layer_norm,
            task.sequence_length,
        ),
        layers=config.layers,
        bidirectional=config.bidirectional,
        dropout=config.dropout,
        recurrent_dropout=config.recurrent_dropout,
        layer_norm=config.layer_norm,
        readout=task.readout,
        embedding_size=embedding_size,
        keep=cell.keep,
        forget_bias=cell.forget_bias,
        chrono_length=(cell.chrono_length or task.sequence_length)
        if cell.initialisation == "chrono"
        else None,
        identity=cell.initialisation == "identity",
        dtype=config.precision,
        recurrence=recurrence,
        remat=remat,
    )
