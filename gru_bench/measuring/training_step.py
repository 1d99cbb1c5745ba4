"""Time and memory of one model's training step, each cell against the others in turn.

Machines drift, so that times taken minutes apart do not compare. Here all cells are compiled first;
then they take turns, A B C A B C, and a ratio is taken within each round.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.measuring.recurrence_choice import with_path
from gru_bench.measuring.rounds import program_memory_mb
from gru_bench.tasks.base import Task
from gru_bench.training.state import TrainConfig
from gru_bench.training.step import init_state, train_step

STEPS_A_TURN = 10  # in one program, so that the host's part does not count
WARM_UP_ROUNDS = 2
MIN_ROUNDS = 7
MAX_ROUNDS = 50
SECONDS = 3.0


@dataclass(frozen=True)
class StepCost:
    """What one training step of one model costs.

    Attributes:
        step_ms: milliseconds, one entry a round.
        memory_mb: megabytes (10^6 bytes) that the compiled program holds at its peak: parameters,
            optimiser state, data and temporaries. None where the backend does not tell.
    """

    step_ms: np.ndarray
    memory_mb: float | None


def measure_training_steps(
    configs: Mapping[str, TrainConfig],
    task: Task,
    min_rounds: int = MIN_ROUNDS,
    seconds: float = SECONDS,
) -> dict[str, StepCost]:
    """Measures one training step (forward, backward, update) of each configuration.

    Args:
        configs: by any name; they share the task.
        task: the task.
        min_rounds: rounds that are measured in any case.
        seconds: after them, no new round begins later than this.

    Returns:
        The costs by the same names. Entry i of every `step_ms` is of the same round.
    """
    device = jax.devices()[0]
    task = jax.device_put(task, device)
    programs = {
        name: _compile_steps(with_path(config, task, runs=1), task)
        for name, config in configs.items()
    }
    times_s: dict[str, list[float]] = {name: [] for name in configs}
    began = time.perf_counter()
    rounds = 0
    while rounds < WARM_UP_ROUNDS + min_rounds or (
        rounds < WARM_UP_ROUNDS + MAX_ROUNDS and time.perf_counter() - began < seconds
    ):
        for name, (program, run) in programs.items():
            started = time.perf_counter()
            jax.block_until_ready(program(run, task))
            times_s[name].append(time.perf_counter() - started)
        rounds += 1
    return {
        name: StepCost(
            step_ms=np.array(times_s[name][WARM_UP_ROUNDS:]) * 1e3 / STEPS_A_TURN,
            memory_mb=program_memory_mb(program),
        )
        for name, (program, _) in programs.items()
    }


def _compile_steps(config: TrainConfig, task: Task) -> tuple[Any, Any]:
    """A program of `STEPS_A_TURN` training steps of one run, and the run it starts from."""

    def steps(run: Any, task: Task) -> Any:
        items = task.schedule(run.data_key, run.step, STEPS_A_TURN)
        return jax.lax.scan(lambda run, item: train_step(config, run, task, item), run, items)

    rate = jnp.float32(config.optim.learning_rate)
    run = jax.jit(lambda: init_state(config, task, jnp.int32(0), rate))()
    return jax.jit(steps).lower(run, task).compile(), run
