"""How the runs of a population are shared out among devices."""

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from gru_bench.model.model import Model, count_parameters
from gru_bench.training.state import TrainConfig

# What a step of time takes besides its products, in operations that a CPU core could do meanwhile:
# as measured of the built-in cells, 0.4 to 1.1 million.
STEP_OVERHEAD = 6e5


def over_runs(function: Callable[..., Any], *arguments: Any) -> Any:
    """Maps a function of one run and the task over the runs of one device.

    An accelerator is filled by all runs at once. A CPU core takes them one after another: measured
    with two runs a core, that was about 1.5 times as fast as XLA's batched matrix products. It also
    keeps LAPACK's factorisations, which initialisations use, from being batched: jaxlib before 0.11
    computes the parts of a batch in the very threads that wait for them, and may do so for ever.
    """
    *runs, task = arguments
    if jax.default_backend() == "cpu":
        return jax.lax.map(lambda run: function(*run, task), tuple(runs))
    return jax.vmap(lambda *run: function(*run, task))(*runs)


def devices_per_run(config: TrainConfig, runs: int, batch_size: int) -> int:
    """How many devices share the batches of a run, so that all runs are trained soonest.

    Five runs on two devices take three turns; sharing every batch, five of little more than half
    the time. That is for CPU cores: an accelerator is not filled by one run, and a smaller share of
    it would take as long.
    """
    devices = jax.device_count()
    if jax.default_backend() != "cpu":
        return 1
    model = nnx.eval_shape(lambda: Model(config.model, rngs=nnx.Rngs(0)))
    # Two operations a weight and sequence, forward, and twice as many backward.
    operations = 6 * batch_size * count_parameters(model.layers)

    def duration(shared: int) -> float:
        turns = -(-runs // (devices // shared))
        return turns * (STEP_OVERHEAD + operations / shared)

    possible = (n for n in range(1, devices + 1) if devices % n == batch_size % n == 0)
    return min(possible, key=duration)
