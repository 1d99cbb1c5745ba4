"""Each cell's best setting on validation data, by successive halving with the same budget."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gru_bench.cells.base import Cell
from gru_bench.config.cell import KEEP
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.evidence.record import mean_validation_score
from gru_bench.experiments.minutes import Minutes
from gru_bench.experiments.trials import run_trials, shortened
from gru_bench.model.model import cell_class
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError

SHARES_OF_SIZE = (1.0, 0.5)  # of the largest size that is allowed
SHARES_KEPT = (KEEP, 0.5)  # of its state, that a gated cell keeps at the start
CANDIDATES = 12  # of a cell: sizes times starts times rates
SPREAD = 10.0  # from the rate that is asked for to the largest and to the smallest that are tried
WAVES = 4  # parts of the candidates, between which the clock is looked at
# Successive halving: the part of the training that each round makes, and how many go on from it.
HALVING = ((0.25, 4), (0.5, 1))
SHARES_OF_MINUTES = (0.4, 0.6)  # that have passed at the end of each round, at most

Note = Callable[[str], None]
Settings = dict[str, list[ExperimentConfig]]  # by cell, the best first once they are ranked


def candidates(
    config: ExperimentConfig, size: int, start_is_given: bool = False
) -> list[ExperimentConfig]:
    """Returns the settings of a cell that are tried: the same number for every cell.

    Half as many starts are made up for by twice as many learning rates. Any part of them, from the
    first on, has rates from the whole range.

    Args:
        config: What is asked for.
        size: The largest size.
        start_is_given: Whether no start is tried but that of the configuration.
    """
    sizes = sorted({max(1, round(share * size)) for share in SHARES_OF_SIZE}, reverse=True)
    is_free = is_gated(config) and config.cell.keep == KEEP and not start_is_given
    starts = SHARES_KEPT if is_free else (config.cell.keep,)
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
        for rate in (*rates[::2], *rates[1::2])
    ]


def is_gated(config: ExperimentConfig) -> bool:
    """Whether the cell has a gate that keeps its state, which a start may set."""
    cell = config.cell
    return cell.is_recurrent and cell_class(cell.implementation).remember is not Cell.remember


class Halving:
    """The choice of each cell's setting, within a part of the minutes.

    Args:
        minutes: Those of the whole choice.
        command: How it was asked for, to be noted in the results.
        quiet: Whether to show no progress.
        note: Takes a line for the user.
    """

    def __init__(self, minutes: Minutes, command: str, quiet: bool, note: Note) -> None:
        self._minutes, self._note = minutes, note
        self._command, self._quiet = command, quiet

    def best(
        self, configs: Sequence[ExperimentConfig], sizes: Mapping[str, int], start_is_given: bool
    ) -> list[ExperimentConfig]:
        """Returns each cell's best setting.

        Args:
            configs: One for each cell.
            sizes: The largest size of each.
            start_is_given: Whether no start is tried but those of the configurations.

        Raises:
            UserError: All candidates of a cell failed.
        """
        alive: Settings = {
            config.cell.name: candidates(config, sizes[config.cell.name], start_is_given)
            for config in configs
        }
        for (share, kept), of_minutes in zip(HALVING, SHARES_OF_MINUTES, strict=False):
            ranked = self._ranked(alive, share, of_minutes)
            alive = {name: settings[:kept] for name, settings in ranked.items()}
        chosen = [settings[0] for settings in alive.values()]
        for setting in chosen:
            words = " ".join(f"{key}={value}" for key, value in chosen_keys(setting).items())
            self._note(f"{setting.cell.name}: {words}")
        return chosen

    def _ranked(self, alive: Settings, share: float, of_minutes: float) -> Settings:
        """Returns the settings that there was time to try, the best first.

        Every cell has as many tried as the others, those that come first. Where there is no time
        for any, they stay in the order that they have from an earlier round.
        """
        count = len(next(iter(alive.values())))
        wave = math.ceil(count / WAVES)
        scored: dict[str, list[tuple[float, ExperimentConfig]]] = {name: [] for name in alive}
        tried = 0
        while tried < count:
            size = min(wave, count - tried)
            part = {name: settings[tried : tried + size] for name, settings in alive.items()}
            programs, trainings = _programs(part), share * size * len(alive)
            has_room = self._minutes.trainings_left(programs, of_minutes) >= trainings
            if not has_room and (tried or share > HALVING[0][0]):
                break
            trials = [shortened(setting, share) for each in part.values() for setting in each]
            results = run_trials(trials, self._command, self._quiet)
            finished = [result for result in results if result is not None]
            self._minutes.learn(finished, programs, trainings)
            scores = iter(map(_score, results))
            for name, settings in part.items():
                scored[name] += [(next(scores), setting) for setting in settings]
            tried += size
        if tried < count:
            self._note(f"--minutes leaves time to try {tried} of {count} settings of each cell")
        return {name: _by_score(name, each) or alive[name] for name, each in scored.items()}


def _programs(settings: Settings) -> int:
    """Returns in how many programs settings are trained, which may differ in their rates alone."""
    return len(
        {(name, each.hidden_size, each.cell.keep) for name in settings for each in settings[name]}
    )


def _score(result: Result | None) -> float:
    """Returns the validation score of a trial, turned so that more is better."""
    if result is None:
        return -math.inf
    return mean_validation_score(result) * (1 if result.score.higher_is_better else -1)


def _by_score(
    name: str, scored: Sequence[tuple[float, ExperimentConfig]]
) -> list[ExperimentConfig]:
    ordered = sorted(scored, key=lambda pair: pair[0], reverse=True)
    if ordered and math.isinf(ordered[0][0]):
        raise UserError(f"all settings of {name} failed: see error.txt in their folders")
    return [setting for _, setting in ordered]


def chosen_keys(setting: ExperimentConfig) -> dict[str, Any]:
    """Returns what validation chose, by the keys of a command."""
    found: dict[str, Any] = {
        "hidden_size": setting.hidden_size,
        "optim.learning_rate": setting.optim.learning_rate,
    }
    if setting.cell.keep is not None and is_gated(setting):
        found["cell.keep"] = setting.cell.keep
    return found
