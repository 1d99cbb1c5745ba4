"""Trials: runs that settings are chosen by, on seeds that no reported run shares."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.optim import TuneConfig
from gru_bench.experiments.sweep import run_experiments
from gru_bench.runs.folder import read_result
from gru_bench.runs.result import Result


def as_trial(config: ExperimentConfig, seeds: int, **changes: Any) -> ExperimentConfig:
    """Returns a run as a trial: nothing is kept of it but its scores.

    Args:
        config: The run.
        seeds: With how many seeds it is tried.
        changes: What is tried, by the fields of the configuration.
    """
    return dataclasses.replace(
        config,
        seeds=TuneConfig.seeds_to_choose_with(seeds),
        probes=False,
        save_weights="none",
        **changes,
    )


def shortened(config: ExperimentConfig, share: float) -> ExperimentConfig:
    """Returns a trial of a setting on a part of its training, the warm-up included."""
    warmup = round(share * config.optim.warmup_steps)
    return as_trial(
        config,
        seeds=1,
        steps=config.steps and max(1, round(share * config.steps)),
        epochs=config.epochs and max(1, round(share * config.epochs)),
        optim=dataclasses.replace(config.optim, warmup_steps=warmup),
    )


def run_trials(
    trials: Sequence[ExperimentConfig], command: str, quiet: bool
) -> list[Result | None]:
    """Runs trials; returns their results in the same order, None for one that failed.

    Raises:
        UserError: Another process is at work on some of them.
    """
    sweep = run_experiments(trials, command, quiet, timed=False)
    sweep.require_none_elsewhere()
    finished = set(sweep.finished)
    return [read_result(folder) if folder in finished else None for folder in sweep.folders]
