"""Each cell's best setting on validation data, by successive halving with the same budget."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.cells.base import Cell
from gru_bench.config.cell import KEEP
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.optim import TuneConfig
from gru_bench.evidence.record import mean_validation_score
from gru_bench.experiments.sweep import run_experiments
from gru_bench.model.model import cell_class
from gru_bench.runs.folder import read_result
from gru_bench.system.errors import UserError

SHARES_OF_SIZE = (1.0, 0.5)  # of the largest size that is allowed
SHARES_KEPT = (0.5, KEEP)  # of its state, that a gated cell keeps at the start
CANDIDATES = 12  # of a cell: sizes times starts times rates
SPREAD = 10.0  # from the rate that is asked for to the largest and to the smallest that are tried
# Successive halving: the part of the training that each round makes, and how many go on from it.
HALVING = ((0.25, 4), (0.5, 1))

Note = Callable[[str], None]


def candidates(config: ExperimentConfig, size: int) -> list[ExperimentConfig]:
    """Returns the settings of a cell that are tried: the same number for every cell.

    Half as many starts are made up for by twice as many learning rates.
    """
    sizes = sorted({max(1, round(share * size)) for share in SHARES_OF_SIZE}, reverse=True)
    free = _is_gated(config) and config.cell.keep == KEEP
    starts = SHARES_KEPT if free else (config.cell.keep,)
    count = CANDIDATES // (len(sizes) * len(starts))
    middle = config.optim.learning_rate
    rates = np.geomspace(middle / SPREAD, middle * SPREAD, count + 2)[1:-1]
    return [
        dataclasses.replace(
            config,
            hidden_size=units,
            cell=dataclasses.replace(config.cell, keep=keep),
            optim=dataclasses.replace(config.optim, learning_rate=float(f"{rate:.2g}")),
        )
        for units in sizes
        for keep in starts
        for rate in rates
    ]


def _is_gated(config: ExperimentConfig) -> bool:
    """Whether the cell has a gate that keeps its state, which a start may set."""
    return cell_class(config.cell.implementation).remember is not Cell.remember


def select(
    configs: Sequence[ExperimentConfig],
    sizes: dict[str, int],
    command: str,
    quiet: bool,
    note: Note,
) -> list[ExperimentConfig]:
    """Returns each cell's best setting.

    Args:
        configs: One for each cell.
        sizes: The largest size of each.
        command: How they were asked for, to be noted in the results.
        quiet: Whether to show no progress.
        note: Takes a line for the user.

    Raises:
        UserError: All candidates of a cell failed.
    """
    alive = {config.cell.name: candidates(config, sizes[config.cell.name]) for config in configs}
    for share, kept in HALVING:
        trials = {
            name: [(setting, shortened(setting, share)) for setting in settings]
            for name, settings in alive.items()
        }
        flat = [trial for pairs in trials.values() for _, trial in pairs]
        scores = _validation_scores(flat, command, quiet)
        for name, pairs in trials.items():
            ranked = sorted(pairs, key=lambda pair: scores[_key(pair[1])], reverse=True)
            if math.isinf(scores[_key(ranked[0][1])]):
                raise UserError(f"all settings of {name} failed: see error.txt in their folders")
            alive[name] = [setting for setting, _ in ranked[:kept]]
    chosen = [settings[0] for settings in alive.values()]
    for setting in chosen:
        note(f"{setting.cell.name}: {_words(setting)}")
    return chosen


def shortened(config: ExperimentConfig, share: float) -> ExperimentConfig:
    """Returns a trial of a setting: a part of the training, on a seed that no other run shares."""
    return dataclasses.replace(
        config,
        steps=config.steps and max(1, round(share * config.steps)),
        epochs=config.epochs and max(1, round(share * config.epochs)),
        seeds=TuneConfig.seeds_to_choose_with(1),
        probes=False,
        save_weights="none",
    )


def _key(config: ExperimentConfig) -> str:
    return repr(config)


def _validation_scores(
    trials: Sequence[ExperimentConfig], command: str, quiet: bool
) -> dict[str, float]:
    """Runs trials; returns their scores, turned so that more is better; the worst if one failed."""
    sweep = run_experiments(trials, command, quiet, timed=False)
    require_all(sweep.elsewhere)
    finished, scores = set(sweep.finished), {}
    for trial, folder in zip(trials, sweep.folders, strict=True):
        score = -math.inf
        if folder in finished:
            result = read_result(folder)
            score = mean_validation_score(result) * (1 if result.score.higher_is_better else -1)
        scores[_key(trial)] = score
    return scores


def require_all(elsewhere: Sequence[Path]) -> None:
    """Raises `UserError` if another process is at work on some of the runs."""
    if elsewhere:
        raise UserError(f"another process is at work on {elsewhere[0]}: wait until it ends")


def chosen_keys(setting: ExperimentConfig) -> dict[str, Any]:
    """Returns what validation chose, by the keys of a command."""
    found: dict[str, Any] = {
        "hidden_size": setting.hidden_size,
        "optim.learning_rate": setting.optim.learning_rate,
    }
    if setting.cell.keep is not None and _is_gated(setting):
        found["cell.keep"] = setting.cell.keep
    return found


def _words(setting: ExperimentConfig) -> str:
    return " ".join(f"{key}={value}" for key, value in chosen_keys(setting).items())
