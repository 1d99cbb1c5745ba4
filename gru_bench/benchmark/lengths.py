"""What layers cost as sequences grow: GRU, LSTM, minGRU by its loop and in parallel, attention.

All have as many parameters as an LSTM. At each length they take turns, so that ratios hold for one
machine at one time; intervals are over processes.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.benchmark.crossings import joined_crossing
from gru_bench.config.optim import OptimConfig
from gru_bench.measuring.latency import STEPS_A_CALL, Streaming
from gru_bench.measuring.over_processes import in_processes, ratio_interval, shuffled
from gru_bench.measuring.recurrence_choice import choose_recurrence
from gru_bench.measuring.rounds import by_round, race
from gru_bench.measuring.training_step import TrainingSteps
from gru_bench.model.counts import matched_hidden_size, stack_parameters
from gru_bench.model.model import ModelConfig, make_model
from gru_bench.model.streaming import stream_bytes
from gru_bench.system import machine
from gru_bench.system.memory import memory_bytes
from gru_bench.tasks.adding import AddingTask
from gru_bench.training.state import TrainConfig

LENGTHS = (64, 128, 256, 512, 1024, 2048, 4096)
HIDDEN_SIZE = 64  # of the LSTM whose parameters all have
LAYERS = 2
BATCH = 4
ROUNDS, MAX_ROUNDS = 2, 9
LIMIT_S = 3.0  # beyond the rounds that count in any case, for short sequences
STEPS_OF_A_CALL = 2048  # that training goes through in a call, at least
SHARE_OF_MEMORY = 0.4  # of the machine's, above which a program is compiled and not run

GRU, LSTM, ATTENTION = "gru", "lstm", "attention"
LOOP, PARALLEL = "mingru, loop", "mingru, parallel"
CONTESTANTS = {
    GRU: ("gru", "auto"),
    LSTM: ("lstm", "auto"),
    LOOP: ("mingru", "scan"),
    PARALLEL: ("mingru", "parallel"),
    ATTENTION: ("attention", "auto"),
}
# Pairs of which it is said where the first costs more than the second.
PAIRS = (
    (ATTENTION, GRU),
    (ATTENTION, LSTM),
    (ATTENTION, LOOP),
    (PARALLEL, GRU),
    (PARALLEL, LOOP),
    (LOOP, GRU),
)
STEP, MEMORY, STREAM, STATE = QUANTITIES = ("step_ms", "memory_mb", "stream_us", "state_kb")
TIMES = (STEP, STREAM)  # which differ from process to process

Sample = dict[str, dict[str, float | None]]  # each quantity by contestant; None if not measured


def contestants() -> dict[str, ModelConfig]:
    """Returns the models that are compared, by what they are called in tables."""
    features = 2  # of a step of the adding problem
    return {
        name: ModelConfig(
            cell,
            features,
            1,
            matched_hidden_size(cell, features, HIDDEN_SIZE, LAYERS, "parameters"),
            layers=LAYERS,
            recurrence=recurrence,
        )
        for name, (cell, recurrence) in CONTESTANTS.items()
    }


def measure_lengths(
    processes: int,
    lengths: Sequence[int] = LENGTHS,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Measures all contestants at every length.

    Args:
        processes: Fresh processes, at least 2 for intervals.
        lengths: Steps of the sequences, in rising order.
        progress: Takes a line before each process.

    Returns:
        The machine, the models, and what `joined` gives.
    """
    load_before = os.getloadavg()[0]
    found = in_processes(_measure_here, list(lengths), processes=processes, progress=progress)
    return {
        "created": machine.now(),
        "environment": machine.describe(),
        "load_before": load_before,
        "processes": processes,
        "batch": BATCH,
        "layers": LAYERS,
        "models": {
            name: {
                "hidden_size": model.hidden_size,
                "parameters": stack_parameters(
                    model.cell, model.input_size, model.hidden_size, LAYERS
                ),
            }
            for name, model in contestants().items()
        },
        **joined(lengths, found),
    }


def _measure_here(number: int, lengths: Sequence[int]) -> list[Sample]:
    machine.set_up_devices()
    with machine.pinned_settings():
        return [measure_case(contestants(), length, number) for length in lengths]


def measure_case(models: Mapping[str, ModelConfig], length: int, number: int = 0) -> Sample:
    """Measures models on sequences of one length, in this process.

    Training steps, and steps of a stream at the end of a sequence, are two races. A training whose
    program would hold too much of the memory is left out of the race.

    Args:
        models: The models of the adding problem, by any name.
        length: Steps of the sequences.
        number: That of the process: the order in which models are compiled is drawn from it.
    """
    task = jax.device_put(AddingTask(length=length, batch_size=BATCH), jax.devices()[0])
    steps = -(-STEPS_OF_A_CALL // length)
    limits: dict[str, Any] = {"max_rounds": MAX_ROUNDS, "limit_s": LIMIT_S}
    trainings, streams, states = {}, {}, {}
    for name in shuffled(list(models), number):
        config = TrainConfig(models[name], OptimConfig(), steps=1, evaluate_every=1)
        training = TrainingSteps(choose_recurrence(config, task, members=1), task, steps=steps)
        model = make_model(models[name], jax.tree.map(jnp.copy, training.state.params))
        trainings[name] = training
        streams[name] = Streaming(model, STEPS_A_CALL, length)
        states[name] = stream_bytes(model, length) / 1000
    memory: dict[str, float | None] = {name: each.memory_mb for name, each in trainings.items()}
    most_mb = SHARE_OF_MEMORY * (memory_bytes() or np.inf) / 1e6
    running = {name: each for name, each in trainings.items() if (memory[name] or 0) <= most_mb}
    trained = race(running, ROUNDS, **limits)
    streamed = race(streams, ROUNDS, **limits)
    return {
        STEP: dict.fromkeys(models)
        | {name: 1e3 * float(np.median(by_round(s))) / steps for name, s in trained.items()},
        MEMORY: memory,
        STREAM: {
            name: 1e6 * float(np.median(by_round(s))) / STEPS_A_CALL for name, s in streamed.items()
        },
        STATE: {**states},
    }


def joined(lengths: Sequence[int], processes: Sequence[Sequence[Sample]]) -> dict[str, Any]:
    """Returns what several processes measured as one.

    Args:
        lengths: The lengths, in rising order.
        processes: The samples of each, one a length.

    Returns:
        `cases`, one a length: each quantity by contestant, of times the geometric mean with its
        95% interval over processes; `crossings`: for each quantity and each of `PAIRS` where the
        first costs more.
    """

    def values(place: int, quantity: str, name: str) -> list[float]:
        found = [process[place][quantity][name] for process in processes]
        return [each for each in found if each is not None]

    def summary(place: int, quantity: str, name: str) -> Any:
        found = values(place, quantity, name)
        if not found:
            return None
        return vars(ratio_interval(found)) if quantity in TIMES else found[0]

    def ratios(quantity: str, of: str, to: str, process: Sequence[Sample]) -> list[float]:
        pairs = [(sample[quantity][of], sample[quantity][to]) for sample in process]
        return [a / b for a, b in pairs if a is not None and b is not None]

    def crossed(quantity: str, of: str, to: str) -> dict[str, Any]:
        found = [ratios(quantity, of, to, process) for process in processes]
        # What is not measured is too large, which it is at the longest sequences.
        return joined_crossing(lengths[: len(found[0])], found)

    return {
        "cases": [
            {
                "length": length,
                **{
                    quantity: {name: summary(place, quantity, name) for name in CONTESTANTS}
                    for quantity in QUANTITIES
                },
            }
            for place, length in enumerate(lengths)
        ],
        "crossings": [
            {"quantity": quantity, "of": of, "to": to, **crossed(quantity, of, to)}
            for quantity in QUANTITIES
            for of, to in PAIRS
            # The parallel computation is of training alone.
            if of != PARALLEL or quantity in (STEP, MEMORY)
        ],
    }
