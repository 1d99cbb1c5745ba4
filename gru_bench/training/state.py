"""What training is made from and what it carries: configurations, runs, evaluations."""

import dataclasses
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from gru_bench.config.optim import OptimConfig
from gru_bench.model.model import ModelConfig
from gru_bench.tasks.base import Split

# What a seed's key is folded with, so that no stream depends on another, or on the cell.
INITIALISATION, TRAINING_DATA, EVALUATION_DATA = range(3)
NEVER = -1  # for the number of a step at which something happened


@dataclass(frozen=True)
class TrainConfig:
    """How a run is trained.

    Attributes:
        model: the model.
        optim: the optimiser; its learning rate is each run's own.
        steps: training steps.
        evaluate_every: steps between evaluations on the validation split.
        patience: evaluations without a better score after which a run stops; None to go on.
        stop_when_solved: whether a run stops once it has solved its task.
        split: devices that share each batch, on the mesh axis "batch".
    """

    model: ModelConfig
    optim: OptimConfig
    steps: int
    evaluate_every: int
    patience: int | None = None
    stop_when_solved: bool = False
    split: int = 1


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Run:
    """All that one run carries from step to step.

    `best_params` are the parameters of the best validation score so far: the ones that are tested.
    A run that is not `active` (stopped early, solved or diverged) changes no more.
    """

    learning_rate: Float[Array, ""]
    data_key: Key[Array, ""]
    evaluation_key: Key[Array, ""]
    params: PyTree[Array]
    opt_state: PyTree[Array]
    step: Int[Array, ""]
    active: Bool[Array, ""]
    best_params: PyTree[Array]
    best_score: Float[Array, ""]
    best_step: Int[Array, ""]
    evaluations_since_best: Int[Array, ""]
    solved_step: Int[Array, ""]
    diverged_step: Int[Array, ""]


@dataclass(frozen=True)
class Evaluation:
    """What the host sees of a chunk; every array has one entry a run.

    Attributes:
        step: training steps made by the runs that are still active.
        time_s: seconds of training so far, over all interruptions; compilation and what is done
            with the evaluations apart.
        steps: training steps made by each run.
        scores: validation scores by name.
        train_loss: mean over the chunk's steps; NaN for a run that made none.
        gradient_norm: likewise, before clipping.
        learning_rate: after the chunk's last step.
        active: whether the run goes on.
    """

    step: int
    time_s: float
    steps: np.ndarray
    scores: dict[str, np.ndarray]
    train_loss: np.ndarray
    gradient_norm: np.ndarray
    learning_rate: np.ndarray
    active: np.ndarray


@dataclass(frozen=True)
class Snapshot:
    """How far a population has come: all that its training goes on from.

    Attributes:
        runs: on their devices, with as many more as fill these. The next chunk takes over their
            memory: who wants to have them longer copies them.
        evaluations: all so far, in order.
        compile_s: seconds of compilation so far.
    """

    runs: Run
    evaluations: list[Evaluation]
    compile_s: float

    @property
    def train_s(self) -> float:
        """Seconds of training so far."""
        return self.evaluations[-1].time_s if self.evaluations else 0.0

    @property
    def goes_on(self) -> bool:
        """Whether any run has steps to make."""
        return not self.evaluations or bool(self.evaluations[-1].active.any())


@dataclass(frozen=True)
class Fit:
    """A trained population; every array has one entry a run, steps are NEVER if not reached.

    Attributes:
        scores: by split and name, of the best parameters.
        evaluations: all of them, in order.
        params: the best parameters, on the host.
        compile_s: seconds to compile the programs, each time that training was started or resumed.
        train_s: seconds of training with its evaluations.
        earlier_s: seconds of the two that had passed when training was resumed, else 0.
    """

    steps: np.ndarray
    best_step: np.ndarray
    solved_step: np.ndarray
    diverged_step: np.ndarray
    scores: dict[Split, dict[str, np.ndarray]]
    evaluations: list[Evaluation]
    params: PyTree[np.ndarray]
    compile_s: float
    train_s: float
    earlier_s: float


def with_hidden_size(train: TrainConfig, hidden_size: int) -> TrainConfig:
    """The same training of a model of another size."""
    return dataclasses.replace(
        train, model=dataclasses.replace(train.model, hidden_size=hidden_size)
    )
