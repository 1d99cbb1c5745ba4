"""The data of training: its configuration, its state, its evaluations and its outcome."""

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, Integer, Key, PyTree, Shaped

from gru_bench.cells.builtin import CELLS
from gru_bench.config.optim import OptimizerConfig
from gru_bench.model.model import ModelConfig
from gru_bench.system.lowered import result_node
from gru_bench.tasks.base import Split, Task, register_tree

NEVER = -1  # the number of a step at which something happens that has not happened

# What the parameters and the states of optimisers are made of.
for node in (
    nnx.Param,
    nnx.State,
    optax.EmptyState,
    optax.ScaleByAdamState,
    optax.ScaleByRmsState,
    optax.ScaleByScheduleState,
    optax.TraceState,
):
    result_node(node)


class SeedKeys(NamedTuple):
    """The keys of all that is drawn for a member, of which none depends on another."""

    initialisation: Key[Array, ""]
    training_data: Key[Array, ""]
    evaluation_data: Key[Array, ""]
    dropout: Key[Array, ""]


def seed_keys(seed: int | Int[Array, ""]) -> SeedKeys:
    """Returns the keys of a seed, which are the same for every cell."""
    streams = jnp.arange(len(SeedKeys._fields))
    return SeedKeys(*jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), streams))


@dataclass(frozen=True)
class TrainConfig:
    """How all members of a population are trained.

    Attributes:
        model: The model.
        optim: The optimiser; its learning rate is each member's own.
        steps: Training steps.
        evaluate_every: Steps between evaluations on the validation split.
        patience: Evaluations without a better score after which a member stops; None to go on.
        stop_when_solved: Whether a member stops once it has solved its task.
        split: Devices that share each batch, on the mesh axis "batch".
        trains_embedding: Whether the embedding of tokens is trained, or stays as it starts.
    """

    model: ModelConfig
    optim: OptimizerConfig
    steps: int
    evaluate_every: int
    patience: int | None = None
    stop_when_solved: bool = False
    split: int = 1
    trains_embedding: bool = True

    def __hash__(self) -> int:
        """Returns a number that equal configurations share; that of the optimiser has none."""
        return hash(repr(self))


@result_node
@register_tree
@dataclass(frozen=True)
class TrainState:
    """All that training carries from step to step, for one member or for a population.

    The members of a population are the leading axis `*members` of every array, those of the trees
    included; the state of a single member lacks this axis.

    Attributes:
        learning_rate: The learning rate before warm-up and schedule.
        data_key: The key of the training batches.
        evaluation_key: The key of the evaluation sets.
        dropout_key: The key of what is left out in training.
        params: The parameters.
        opt_state: The optimiser's state.
        step: Training steps made so far.
        active: Whether training goes on; a member that stopped early, solved its task or diverged
            changes no more.
        best_params: The parameters of the best validation score so far, which are tested.
        best_score: That score.
        best_step: The step at which it was reached, or NEVER.
        evaluations_since_best: Evaluations since then.
        solved_step: The step at which the task was first solved, or NEVER.
        diverged_step: The step at which loss or gradient were not finite, or NEVER.
    """

    learning_rate: Float[Array, "*members"]
    data_key: Key[Array, "*members"]
    evaluation_key: Key[Array, "*members"]
    dropout_key: Key[Array, "*members"]
    params: PyTree[Array]
    opt_state: PyTree[Array]
    step: Int[Array, "*members"]
    active: Bool[Array, "*members"]
    best_params: PyTree[Array]
    best_score: Float[Array, "*members"]
    best_step: Int[Array, "*members"]
    evaluations_since_best: Int[Array, "*members"]
    solved_step: Int[Array, "*members"]
    diverged_step: Int[Array, "*members"]


@result_node
class Predicted(NamedTuple):
    """What was predicted of each sequence of some batches.

    Attributes:
        given: What `PredictsExamples.predictions` gives.
        actual: The classes of the sequences; None where errors are given.
        real: Whether it is a sequence at all, and does not only fill up its batch.
    """

    given: Shaped[Array, "*members batches batch"]
    actual: Integer[Array, "*members batches batch"] | None
    real: Bool[Array, "*members batches batch"]


@dataclass(frozen=True)
class Evaluation:
    """What the host sees of a chunk of steps.

    Attributes:
        step: Training steps made by the members that are still active.
        time_s: Seconds of training so far, over all interruptions; neither compilation counts nor
            what is done with the evaluations.
        steps: Training steps made by each member.
        scores: Validation scores by name.
        train_loss: The mean over the chunk's steps; NaN for a member that made none.
        gradient_norm: The mean norm of the gradient before clipping, likewise.
        learning_rate: The learning rate after the chunk's last step.
        active: Whether the member goes on.
    """

    step: int
    time_s: float
    steps: Int[np.ndarray, " members"]
    scores: dict[str, Float[np.ndarray, " members"]]
    train_loss: Float[np.ndarray, " members"]
    gradient_norm: Float[np.ndarray, " members"]
    learning_rate: Float[np.ndarray, " members"]
    active: Bool[np.ndarray, " members"]


@dataclass(frozen=True)
class Snapshot:
    """How far a population has come: all that its training goes on from.

    Attributes:
        state: The members' state on their devices, with as many members more as fill these. The
            next chunk takes over its memory: copy it to keep it.
        evaluations: All evaluations so far, in order.
        compile_s: Seconds of compilation so far.
    """

    state: TrainState
    evaluations: list[Evaluation]
    compile_s: float

    @property
    def train_s(self) -> float:
        """Seconds of training so far."""
        return self.evaluations[-1].time_s if self.evaluations else 0.0

    @property
    def goes_on(self) -> bool:
        """Whether any member has steps to make."""
        return not self.evaluations or bool(self.evaluations[-1].active.any())


@dataclass(frozen=True)
class Fit:
    """A trained population.

    Attributes:
        steps: Training steps made by each member.
        best_step: The step of each member's best validation score, or NEVER.
        solved_step: The step at which each member first solved its task, or NEVER.
        diverged_step: The step at which each member diverged, or NEVER.
        scores: The scores of the best parameters, by split and name.
        predicted: What they predict of each sequence of the test split, with the members as the
            leading axis; None where members do not share one.
        evaluations: All evaluations, in order.
        initial: The parameters before the first step, on the host, with the members as the leading
            axis.
        params: The best parameters, likewise.
        compile_s: Seconds to compile the programs, each time that training was started or resumed.
        train_s: Seconds of training with its evaluations.
        earlier_s: Seconds of the two that had passed when training was resumed, else 0.
    """

    steps: Int[np.ndarray, " members"]
    best_step: Int[np.ndarray, " members"]
    solved_step: Int[np.ndarray, " members"]
    diverged_step: Int[np.ndarray, " members"]
    scores: dict[Split, dict[str, Float[np.ndarray, " members"]]]
    predicted: Predicted | None
    evaluations: list[Evaluation]
    initial: PyTree[np.ndarray]
    params: PyTree[np.ndarray]
    compile_s: float
    train_s: float
    earlier_s: float


def made_of(program: str, config: TrainConfig, task: Task) -> str | None:
    """Returns what a program of this package is made of besides its arguments' structure.

    Args:
        program: The name of the program.
        config: How a model is trained.
        task: The task.

    Returns:
        Text that is equal for equal programs alone; None where a user's class decides, which may
        use anything.
    """
    is_own = config.model.cell in CELLS and type(task).__module__.startswith("gru_bench.")
    return f"{program} of {config} in {type(task)}" if is_own else None


def with_start(train: TrainConfig, keep: float) -> TrainConfig:
    """Returns the same training of a model that keeps another share of its state at the start."""
    return dataclasses.replace(train, model=dataclasses.replace(train.model, keep=keep))


def with_hidden_size(train: TrainConfig, hidden_size: int) -> TrainConfig:
    """Returns the same training of a model of another size."""
    return dataclasses.replace(
        train, model=dataclasses.replace(train.model, hidden_size=hidden_size)
    )
