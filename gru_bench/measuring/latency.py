"""The latency of one step of one sequence: in a program of many steps, and in single calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gru_bench.measuring.rounds import by_round, race
from gru_bench.model.model import Model
from gru_bench.model.streaming import start_stream, stream_step

STEPS_A_CALL = 100  # steps in a call of the program of many steps
CALLS_A_TURN = 50  # single calls in a turn
ROUNDS = 20
MAX_ROUNDS = 100
LIMIT_S = 0.5


@dataclass(frozen=True)
class Latency:
    """How long one step of one sequence takes, each step waiting for the one before.

    Attributes:
        in_program_us: Microseconds in a program of `STEPS_A_CALL` steps, one entry a round. What
            the host needs to call a program, many times what a small cell needs for a step, would
            else hide the differences between cells.
        call_us: Microseconds of single calls, as a user has them whose steps arrive one by one.
    """

    in_program_us: Float[np.ndarray, " rounds"]
    call_us: Float[np.ndarray, "rounds calls"]

    def call_quantile_us(self, share: float) -> float:
        """Returns the microseconds that such a share of the single calls does not exceed."""
        return float(np.quantile(self.call_us, share))


class Streaming:
    """A stream that goes on by one call of a compiled program at a time.

    The parameters are constants of the program, as they would be in a product. Attention takes as
    long for any step as for the last that it keeps: it goes on forgetting the earliest.
    """

    def __init__(self, model: Model, steps: int | None, length: int) -> None:
        """Compiles the program.

        Args:
            model: The model.
            steps: Steps of a call; None for a program of one step without a loop.
            length: Steps that attention keeps.
        """
        tokens = model.embedding is not None
        features = () if tokens else (model.config.input_size,)
        shape = (1, *features) if steps is None else (steps, 1, *features)
        self._inputs = jnp.zeros(shape, int if tokens else float)
        self.stream = start_stream(model, steps=length)
        step = partial(stream_step, model)
        self._program: Callable[..., tuple[Any, Array]] = jax.jit(
            step if steps is None else partial(jax.lax.scan, step)
        )

    def __call__(self) -> None:
        """Goes on, and returns once the outputs are there."""
        self.stream, outputs = self._program(self.stream, self._inputs)
        outputs.block_until_ready()


def measure_latency(
    models: Mapping[str, Model], length: int, rounds: int = ROUNDS, limit_s: float = LIMIT_S
) -> dict[str, Latency]:
    """Measures the latency of each model's steps.

    Args:
        models: The models by any name.
        length: Steps of a sequence: of attention it is the last of them that is measured.
        rounds: Rounds that are measured in any case, of each of the two figures.
        limit_s: Beyond them, no round begins later than so many seconds after the first.

    Returns:
        The latencies by the same names. Entry i of all is of the same round.
    """
    limits: dict[str, Any] = {"max_rounds": MAX_ROUNDS, "limit_s": limit_s}
    loops = {name: Streaming(model, STEPS_A_CALL, length) for name, model in models.items()}
    in_program = race(loops, rounds, **limits)
    calls = {name: Streaming(model, None, length) for name, model in models.items()}
    single = race(calls, rounds, counted=CALLS_A_TURN, **limits)
    return {
        name: Latency(by_round(in_program[name]) * 1e6 / STEPS_A_CALL, single[name] * 1e6)
        for name in models
    }
