"""A run that grows: results of new seeds are put beside those that were finished before."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from gru_bench.runs import predictions
from gru_bench.runs.probe_results import (
    Gate,
    GateEnds,
    GradientNorms,
    Lengths,
    Probes,
)
from gru_bench.runs.result import Result

Rows = list[list[float | None]]  # a row a seed


def grown(earlier: Result, added: Result) -> Result:
    """Returns the result of all seeds of one run.

    Per-seed results stand side by side, the earlier ones first. Seconds add up. What one model
    costs is what was measured last.

    Args:
        earlier: The finished seeds.
        added: Other seeds of the same run.

    Raises:
        ValueError: They are not of one run, or share a seed.
    """
    if earlier.identity != added.identity or earlier.hidden_size != added.hidden_size:
        raise ValueError("results of different runs cannot be joined")
    environments = [*earlier.environments]
    for environment in added.environments:
        if environment not in environments:
            environments.append(environment)
    places = [environments.index(environment) for environment in added.environments]
    seeds = [
        dataclasses.replace(seed, environment=places[seed.environment]) for seed in added.seeds
    ]
    return dataclasses.replace(
        added,
        seeds=[*earlier.seeds, *seeds],
        environments=environments,
        timing=dataclasses.replace(
            added.timing,
            compile_s=earlier.timing.compile_s + added.timing.compile_s,
            train_s=earlier.timing.train_s + added.timing.train_s,
            wall_s=earlier.timing.wall_s + added.timing.wall_s,
        ),
        probes=_joined_probes(earlier.probes, added.probes, (len(earlier.seeds), len(added.seeds))),
        predictions=predictions.joined(earlier.predictions, added.predictions),
    )


def _joined_probes(
    earlier: Probes | None, added: Probes | None, numbers: tuple[int, int]
) -> Probes | None:
    """Returns the probes of all seeds; None unless all seeds were looked into alike.

    Args:
        earlier: The probes of the finished seeds.
        added: The probes of the new ones.
        numbers: How many seeds each is of.
    """
    if earlier is None or added is None:
        return None
    return Probes(
        gradients=_joined_gradients(earlier.gradients, added.gradients),
        gates=[
            {name: _mean_gate(of_earlier[name], of_added[name], numbers) for name in of_added}
            for of_earlier, of_added in zip(earlier.gates, added.gates, strict=True)
        ],
        gate_ends=_joined_ends(earlier.gate_ends, added.gate_ends, numbers),
        lengths=_joined_lengths(earlier.lengths, added.lengths),
    )


def _joined_gradients(
    earlier: GradientNorms | None, added: GradientNorms | None
) -> GradientNorms | None:
    if earlier is None or added is None:
        return None
    return GradientNorms(
        distance=added.distance,
        initial=[*earlier.initial, *added.initial],
        trained=[*earlier.trained, *added.trained],
        initial_direct=_joined_rows(earlier.initial_direct, added.initial_direct),
        trained_direct=_joined_rows(earlier.trained_direct, added.trained_direct),
    )


def _joined_rows(earlier: Rows | None, added: Rows | None) -> Rows | None:
    return None if earlier is None or added is None else [*earlier, *added]


def _mean_gate(earlier: Gate, added: Gate, numbers: tuple[int, int]) -> Gate:
    def mean(a: Sequence[float | None], b: Sequence[float | None]) -> list[float]:
        rows = np.array([a, b], dtype=float)  # None becomes NaN
        return [float(value) for value in np.average(rows, axis=0, weights=numbers)]

    return Gate(
        step=added.step,
        by_step=[None if np.isnan(x) else x for x in mean(earlier.by_step, added.by_step)],
        by_unit=mean(earlier.by_unit, added.by_unit),
        histogram=mean(earlier.histogram, added.histogram),
    )


def _joined_ends(
    earlier: GateEnds | None, added: GateEnds | None, numbers: tuple[int, int]
) -> GateEnds | None:
    """Returns the largest deviations; of the update gate, which is at an end, the mean."""
    if earlier is None or added is None:
        return None
    joined: dict[str, Any] = {}
    for each in dataclasses.fields(GateEnds):
        a, b = getattr(earlier, each.name), getattr(added, each.name)
        if a is None or b is None:
            joined[each.name] = None
        elif each.name.startswith("z_"):
            joined[each.name] = float(np.average([a, b], weights=numbers))
        else:
            joined[each.name] = max(a, b)
    return GateEnds(**joined)


def _joined_lengths(earlier: Lengths | None, added: Lengths | None) -> Lengths | None:
    if earlier is None or added is None:
        return None
    pairs = zip(earlier.scores, added.scores, strict=True)
    return dataclasses.replace(added, scores=[[*a, *b] for a, b in pairs])
