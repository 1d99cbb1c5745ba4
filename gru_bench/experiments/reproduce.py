"""Measures the parts of a published table again: ordinary runs in ordinary folders, or counts."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from gru_bench.config.compose import compose_experiments
from gru_bench.config.execution import ExecutionConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.keys import flatten
from gru_bench.config.paper import (
    AnyPart,
    CountedPart,
    Paper,
    TimedPart,
    TrainedPart,
    TrainedRow,
)
from gru_bench.config.presets import Sources
from gru_bench.config.reference import shown
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.papers import Measured, Measurement, measure_row
from gru_bench.evidence.runtimes import Work, read_runtimes
from gru_bench.experiments.sweep import Sweep, run_experiments
from gru_bench.model.counts import cell_parameters
from gru_bench.runs.folder import read_result
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError
from gru_bench.system.machine import now

# What no figure of a preset depends on, unless words say otherwise.
USUAL = {"probes": "false", "save_weights": "none", "out_dir": "results/reproduce"}
EXECUTION = {each.name for each in dataclasses.fields(ExecutionConfig)}
EITHER = {"steps": "epochs", "epochs": "steps"}


@dataclass(frozen=True)
class Chosen:
    """A part of a preset that is to be measured.

    Attributes:
        name: The name of the preset.
        paper: The preset.
        part_name: The name of the part.
        part: The part.
        configs: The runs that it is made of; empty where nothing is trained.
        words: What the user's words change of the definition.
    """

    name: str
    paper: Paper
    part_name: str
    part: AnyPart
    configs: list[ExperimentConfig]
    words: list[str]

    @property
    def label(self) -> str:
        """Both names, such as `bai2018/adding`."""
        return f"{self.name}/{self.part_name}"


def choose(
    name: str,
    paper: Paper,
    part_name: str,
    part: AnyPart,
    words: Sequence[str],
    config_dir: Path | None,
) -> Chosen:
    """Returns a part with its runs, all of it checked.

    Args:
        name: The name of the preset.
        paper: The preset.
        part_name: The name of the part.
        part: The part.
        words: Words of the user, which stand before those of the preset.
        config_dir: A folder of further presets.

    Raises:
        UserError: A run is not possible, or a row of the preset is not of one run.
    """
    if not isinstance(part, TrainedPart):
        return Chosen(name, paper, part_name, part, [], [])
    given = {word.lstrip("+").partition("=")[0] for word in words}
    taken = given | {EITHER[key] for key in given & EITHER.keys()}
    preset = {key: value for key, value in (USUAL | part.runs).items() if key not in taken}
    asked = [*(f"{key}={shown(value)}" for key, value in preset.items()), *words]
    configs = compose_experiments(asked, True, Sources(config_dir))
    changing = [w for w in words if w.lstrip("+").partition("=")[0] not in EXECUTION]
    for row in part.rows:
        found = len(runs_of(row, configs))
        if found > 1 or (found == 0 and not words):
            raise UserError(
                f"{name}/{part_name}: the row {row.label} is of {found} runs: `cell` and `where`"
                " must tell one"
            )
    return Chosen(name, paper, part_name, part, configs, changing)


def runs_of(row: TrainedRow, configs: Sequence[ExperimentConfig]) -> list[int]:
    """Returns the places of the runs that a row is of."""
    found = []
    for place, config in enumerate(configs):
        flat = flatten(dataclasses.asdict(config))
        if config.cell.name == row.cell and all(
            flat.get(key) == value for key, value in row.where.items()
        ):
            found.append(place)
    return found


def measure(
    chosen: Chosen, command: str, quiet: bool
) -> tuple[Measurement | None, list[Result], Sweep]:
    """Trains, counts or looks up what a part asks for; finished runs are not made again.

    Returns:
        What was measured, None if no run has finished; the results behind it; and what became of
        the runs.
    """
    part = chosen.part
    match part:
        case TrainedPart():
            sweep = run_experiments(chosen.configs, command, quiet, timed=False)
            finished = set(sweep.finished)
            results = {
                place: read_result(folder)
                for place, folder in enumerate(sweep.folders)
                if folder in finished
            }
            measurement = _of_results(chosen, part, results) if results else None
            return measurement, list(results.values()), sweep
        case CountedPart():
            counted = {
                row.label: Measured(
                    interval=Interval(
                        cell_parameters(row.cell, row.input_size, row.hidden_size), None, None
                    ),
                    hidden_size=row.hidden_size,
                )
                for row in part.rows
            }
            return Measurement(now(), "", 0.0, {}, [], counted), [], Sweep([])
        case TimedPart():
            return _look_up(part), [], Sweep([])
        case never:
            assert_never(never)


def _of_results(chosen: Chosen, part: TrainedPart, results: dict[int, Result]) -> Measurement:
    """Returns what the finished runs of a part come to."""
    rows = {}
    for row in part.rows:
        for place in runs_of(row, chosen.configs):
            if place in results:
                wanted = set(chosen.configs[place].seeds)
                result = _with_seeds(results[place], wanted)
                if (measured := measure_row(row, part.score, part.unit, result)) is not None:
                    rows[row.label] = measured
    # Runs that were finished before may come from other machines.
    processors = {each.processor for result in results.values() for each in result.environments}
    return Measurement(
        created=max(result.created for result in results.values()),
        machine=", ".join(sorted(processors)),
        minutes=sum(result.timing.wall_s for result in results.values()) / 60,
        runs=part.runs,
        words=chosen.words,
        rows=rows,
    )


def _with_seeds(result: Result, wanted: set[int]) -> Result:
    """Returns a result with the seeds that are asked for alone; a folder may hold more."""
    kept = [seed for seed in result.seeds if seed.seed in wanted]
    return dataclasses.replace(result, seeds=kept, predictions=None)


def _look_up(part: TimedPart) -> Measurement:
    """Returns the ratios that `gru-bench speed --runtimes` has measured; others are left out."""
    figures = read_runtimes(Path(part.figures))
    rows = {}
    for row in part.rows:
        figure = figures.figure(row.runtime, row.cell, Work(row.work), row.hidden_size)
        if figure is not None and figure.vs_lstm is not None:
            rows[row.label] = Measured(interval=figure.vs_lstm, hidden_size=row.hidden_size)
    return Measurement(figures.created, str(figures.environment["processor"]), 0.0, {}, [], rows)
