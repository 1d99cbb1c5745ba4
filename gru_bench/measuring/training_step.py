"""The time and memory of one model's training step; configurations take turns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gru_bench.measuring.program_memory import program_memory_mb
from gru_bench.measuring.recurrence_choice import choose_recurrence
from gru_bench.measuring.rounds import by_round, race
from gru_bench.system.lowered import compile_program
from gru_bench.tasks.base import Task
from gru_bench.training.state import TrainConfig, TrainState, made_of
from gru_bench.training.step import init_state, train_step

STEPS_A_CALL = 5  # steps in one program, so that the host's part does not count
ROUNDS = 9
MAX_ROUNDS = 25
LIMIT_S = 1.0
USUAL_SIZE = 0.1  # of a parameter


@dataclass(frozen=True)
class StepCost:
    """What one training step of one model costs.

    Attributes:
        step_ms: Milliseconds, one entry a round.
        memory_mb: Megabytes (10^6 bytes) that the compiled program holds at its peak: parameters,
            optimiser state, data and temporaries, the state before and after a step in one place as
            in training. None where the backend does not tell.
    """

    step_ms: Float[np.ndarray, " rounds"]
    memory_mb: float | None


class TrainingSteps:
    """A training that goes on by some steps with each call."""

    def __init__(
        self,
        config: TrainConfig,
        task: Task,
        state: TrainState | None = None,
        steps: int = STEPS_A_CALL,
    ) -> None:
        """Compiles the steps.

        Args:
            config: The training.
            task: The task.
            state: The state to begin with, whose arrays the steps take over; a new one if None.
            steps: Steps of a call.
        """
        self.state = first_state(config, task) if state is None else state
        self._task = task
        self._program = compile_program(
            partial(_steps, config, steps),
            self.state,
            task,
            made_of=made_of(f"{steps} steps", config, task),
            donate=True,
        )

    def __call__(self) -> None:
        """Makes the steps, and returns once they are made."""
        self.state = jax.block_until_ready(self._program(self.state, self._task))

    @property
    def memory_mb(self) -> float | None:
        """Megabytes that the program holds at its peak."""
        return program_memory_mb(self._program.compiled)


def first_state(config: TrainConfig, task: Task) -> TrainState:
    """Returns a state from which training could begin, made without compiling anything.

    Its parameters are random numbers of the size that usual ones have, and its learning rate is 0,
    so that they stay so: whichever they are, a step takes as long.
    """
    seed, rate = jax.ShapeDtypeStruct((), jnp.int32), jax.ShapeDtypeStruct((), jnp.float32)
    shapes = jax.eval_shape(partial(init_state, config), task, seed, rate)
    rng = np.random.default_rng(0)

    def empty(leaf: jax.ShapeDtypeStruct) -> Array:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.key(0)
        return jnp.asarray(np.zeros(leaf.shape, leaf.dtype))

    def random(leaf: jax.ShapeDtypeStruct) -> Array:
        return jnp.asarray(rng.uniform(-USUAL_SIZE, USUAL_SIZE, leaf.shape).astype(leaf.dtype))

    state: TrainState = jax.tree.map(empty, shapes)
    params, best = (jax.tree.map(random, shapes.params) for _ in range(2))
    return replace(state, active=jnp.asarray(np.True_), params=params, best_params=best)


def _steps(config: TrainConfig, steps: int, state: TrainState, task: Task) -> TrainState:
    def step(state: TrainState, item: Any) -> tuple[TrainState, None]:
        return train_step(config, state, task, item)[0], None

    return jax.lax.scan(step, state, task.schedule(state.data_key, state.step, steps))[0]


def measure_training_steps(
    configs: Mapping[str, TrainConfig],
    task: Task,
    rounds: int = ROUNDS,
    limit_s: float = LIMIT_S,
    states: Mapping[str, TrainState] | None = None,
) -> dict[str, StepCost]:
    """Measures one training step (forward, backward, update) of each configuration.

    Args:
        configs: The configurations, which share the task, by any name.
        task: The task.
        rounds: Rounds that are measured in any case.
        limit_s: Beyond them, no round begins later than so many seconds after the first.
        states: States to begin with by the same names, whose arrays are taken over; new ones if
            None.

    Returns:
        The costs by the same names. Entry i of every `step_ms` is of the same round.
    """
    task = jax.device_put(task, jax.devices()[0])
    trainings = {
        name: TrainingSteps(
            choose_recurrence(config, task, members=1), task, (states or {}).get(name)
        )
        for name, config in configs.items()
    }
    seconds = race(trainings, rounds, max_rounds=MAX_ROUNDS, limit_s=limit_s)
    return {
        name: StepCost(by_round(seconds[name]) * 1e3 / STEPS_A_CALL, training.memory_mb)
        for name, training in trainings.items()
    }
