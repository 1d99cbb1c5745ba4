"""The latency of one step of one sequence."""

import time
from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.model.model import Model
from gru_bench.model.streaming import start_stream, stream_step

STEPS_A_TURN = 100
WARM_UP_ROUNDS = 10


def step_latency(models: Mapping[str, Model], rounds: int = 200) -> dict[str, np.ndarray]:
    """Latency of one step of one sequence, each step waiting for the one before.

    It is that of `STEPS_A_TURN` steps in one program: what the host needs to call a program, many
    times what a small cell needs for a step, would else hide the differences. The parameters are
    constants of the program, as they would be in a product. The models take turns, A B C A B C,
    since machines drift.

    Args:
        models: by any name.
        rounds: measurements of each.

    Returns:
        Microseconds by the same names. Entry i of all is of the same round.
    """
    programs, streams, inputs = {}, {}, {}
    for name, model in models.items():
        tokens = model.embedding is not None
        features = () if tokens else (model.config.input_size,)
        inputs[name] = jnp.zeros((STEPS_A_TURN, 1, *features), int if tokens else float)
        streams[name] = start_stream(model)
        steps = jax.jit(partial(jax.lax.scan, partial(stream_step, model)))
        programs[name] = steps.lower(streams[name], inputs[name]).compile()
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(WARM_UP_ROUNDS + rounds):
        for name, program in programs.items():
            began = time.perf_counter()
            result = jax.block_until_ready(program(streams[name], inputs[name]))
            seconds[name].append(time.perf_counter() - began)
            streams[name] = result[0]
    return {
        name: np.array(times[WARM_UP_ROUNDS:]) * 1e6 / STEPS_A_TURN
        for name, times in seconds.items()
    }
