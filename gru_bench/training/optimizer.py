"""The optimiser and the schedule of its learning rate."""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from gru_bench.config.optim import OptimizerConfig


def learning_rate_schedule(optim: OptimizerConfig, steps: int) -> optax.Schedule:
    """Returns the learning rate's factor at each step: linear warm-up to 1, then the schedule."""
    decay_steps = max(steps - optim.warmup_steps, 1)
    after_warmup = {
        "constant": optax.constant_schedule(1.0),
        "cosine": optax.cosine_decay_schedule(1.0, decay_steps),
        "linear": optax.linear_schedule(1.0, 0.0, decay_steps),
    }[optim.schedule]
    if optim.warmup_steps == 0:
        return after_warmup
    warmup = optax.linear_schedule(0.0, 1.0, optim.warmup_steps)
    return optax.join_schedules([warmup, after_warmup], [optim.warmup_steps])


def make_optimizer(
    optim: OptimizerConfig, learning_rate: Float[Array, ""], steps: int
) -> optax.GradientTransformation:
    """Returns the optimiser of one member. The learning rate may be traced."""
    factor = learning_rate_schedule(optim, steps)

    def rate(count: Int[Array, ""]) -> Float[Array, ""]:
        return learning_rate * jnp.asarray(factor(count))

    momentum = optim.momentum or None
    update = {
        "adam": lambda: optax.adam(rate),
        "adamw": lambda: optax.adamw(rate, weight_decay=optim.weight_decay),
        "sgd": lambda: optax.sgd(rate, momentum),
        "rmsprop": lambda: optax.rmsprop(rate, momentum=momentum),
    }[optim.name]()
    if optim.clip_norm is None:
        return update
    return optax.chain(optax.clip_by_global_norm(optim.clip_norm), update)
