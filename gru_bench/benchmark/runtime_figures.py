"""The cells in this package, in PyTorch and in ONNX Runtime: measured over processes.

The same weights are in every runtime. Within a process all runtimes and cells take turns at one
kind of work at one size, and a cell's time is compared with that of the LSTM of the same runtime.
"""

import importlib.util
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np

from gru_bench.config.cell import MAIN_CELLS, REFERENCE
from gru_bench.evidence.runtimes import RuntimeFigure, RuntimeFigures, Work
from gru_bench.measuring.over_processes import in_processes, ratio_interval, shuffled
from gru_bench.measuring.rounds import by_round, race, ratios
from gru_bench.system import machine
from gru_bench.system.errors import UserError

NEEDED = ("onnx", "onnxruntime", "torch")
SIZES = (16, 32, 64, 128, 256, 512)
INPUT_SIZE, TIME, BATCH = 32, 100, 32
ROUNDS = 7
CALLS_A_TURN = 100  # calls of one step each
OURS, PYTORCH, ONNX_RUNTIME = RUNTIMES = ("gru-bench", "PyTorch", "ONNX Runtime")


class Sample(NamedTuple):
    """What one process measured of one cell in one runtime."""

    runtime: str
    cell: str
    work: Work
    hidden_size: int
    us: float
    p99_us: float
    vs_lstm: float
    memory_mb: float | None


def measure_runtimes(
    processes: int,
    sizes: Sequence[int] = SIZES,
    progress: Callable[[str], None] = lambda line: None,
) -> RuntimeFigures:
    """Measures all cells in all runtimes that have them.

    A training step has every core, in the way that the users of each runtime get them. Sequences
    and single steps have one core, as in a server that answers a request on each.

    Args:
        processes: Processes for each of the two, at least 2 for intervals.
        sizes: Hidden sizes.
        progress: Takes a line before each process.

    Raises:
        UserError: A runtime is not installed.
    """
    absent = [name for name in NEEDED if not importlib.util.find_spec(name)]
    if absent:
        raise UserError(
            f"gru-bench speed --runtimes needs {', '.join(absent)}: pip install '.[runtimes]'"
        )
    environment = machine.describe()
    environment["versions"] |= {name: metadata.version(name) for name in NEEDED}
    load_before, created = os.getloadavg()[0], machine.now()
    samples: dict[tuple[str, str, Work, int], list[Sample]] = defaultdict(list)
    for works, one_core in (((Work.TRAINING,), False), ((Work.SEQUENCE, Work.STEP), True)):
        title = " and ".join(works)
        for found in in_processes(
            measure_here,
            works,
            tuple(sizes),
            one_core,
            processes=processes,
            progress=lambda line, title=title: progress(f"{title}: {line}"),  # type: ignore[misc]
        ):
            for sample in found:
                samples[sample[:4]].append(sample)
    cores = machine.cpu_cores()
    return RuntimeFigures(
        created=created,
        environment=environment,
        load_before=load_before,
        input_size=INPUT_SIZE,
        time=TIME,
        batch=BATCH,
        cores={Work.TRAINING: cores, Work.SEQUENCE: 1, Work.STEP: 1},
        processes=processes,
        figures=[_figure(found) for found in samples.values()],
    )


def _figure(samples: Sequence[Sample]) -> RuntimeFigure:
    """Joins what several processes measured of one cell in one runtime."""
    first = samples[0]
    return RuntimeFigure(
        runtime=first.runtime,
        cell=first.cell,
        work=first.work,
        hidden_size=first.hidden_size,
        us=ratio_interval([sample.us for sample in samples]),
        p99_us=ratio_interval([sample.p99_us for sample in samples])
        if first.work is Work.STEP
        else None,
        vs_lstm=None
        if first.cell == REFERENCE
        else ratio_interval([sample.vs_lstm for sample in samples]),
        memory_mb=first.memory_mb,
    )


def measure_here(
    number: int, works: Sequence[Work], sizes: Sequence[int], one_core: bool
) -> list[Sample]:
    """Measures some kinds of work in this process, which has not used JAX before.

    Args:
        number: Number of the process, which decides in what order things are compiled.
        works: The kinds of work.
        sizes: Hidden sizes.
        one_core: Whether to keep to one core, where the system can do that.
    """
    if one_core and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ[machine.THREADS] = str(machine.cpu_cores())
    machine.set_up_devices()
    return [
        sample for work in works for size in sizes for sample in _measure_size(number, work, size)
    ]


def _measure_size(number: int, work: Work, size: int) -> list[Sample]:
    from gru_bench.benchmark.shape import A_TURN, Shape

    shape = Shape(BATCH, TIME, INPUT_SIZE, size)
    memory_mb: dict[str, float | None] = {}
    calls: dict[str, Callable[[], object]] = {}
    for name in shuffled(
        [f"{runtime}/{cell}" for runtime in RUNTIMES for cell in MAIN_CELLS], number
    ):
        runtime, cell = name.split("/")
        made = _make_call(runtime, cell, work, shape)
        if made is not None:
            calls[name], memory_mb[name] = made
    counted = CALLS_A_TURN if work is Work.STEP else 1
    units = 1 if work is Work.STEP else A_TURN  # steps or sequences of a call
    seconds = race(calls, ROUNDS, counted=counted)
    samples = []
    for name, times in seconds.items():
        runtime, cell = name.split("/")
        samples.append(
            Sample(
                runtime=runtime,
                cell=cell,
                work=work,
                hidden_size=size,
                us=1e6 * float(np.median(by_round(times))) / units,
                p99_us=1e6 * float(np.quantile(times, 0.99)) / units,
                vs_lstm=float(np.median(ratios(seconds, name, f"{runtime}/{REFERENCE}"))),
                memory_mb=memory_mb[name],
            )
        )
    return samples


def _make_call(
    runtime: str, cell: str, work: Work, shape: Any
) -> tuple[Callable[[], object], float | None] | None:
    """Returns a call and the megabytes that it holds; None where the runtime cannot do it."""
    from gru_bench.benchmark import runtime_calls
    from gru_bench.benchmark.peers import jax_inference, jax_training, our_cell, our_layer
    from gru_bench.export.torch import torch_layer
    from gru_bench.export.weights import NoSuchForm

    ours = our_cell(cell, shape)
    if runtime == OURS:
        if work is Work.TRAINING:
            return jax_training(our_layer(cell, shape, "scan"), shape)
        if work is Work.SEQUENCE:
            return jax_inference(our_layer(cell, shape, "scan"), shape), None
        return runtime_calls.jax_stream(ours, shape), None
    if runtime == ONNX_RUNTIME:
        if work is Work.TRAINING:
            return None
        make = runtime_calls.onnx_inference if work is Work.SEQUENCE else runtime_calls.onnx_stream
        return make(ours, shape), None
    try:
        layer = torch_layer(ours)
    except NoSuchForm:
        return None
    return {
        Work.TRAINING: runtime_calls.torch_training,
        Work.SEQUENCE: runtime_calls.torch_inference,
        Work.STEP: runtime_calls.torch_stream,
    }[work](layer, shape), None
