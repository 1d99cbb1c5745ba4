"""From limits to a cell: sizes, then settings, then fresh seeds until a comparison decides.

The limits cap each cell's size. Below the cap, validation data choose size, start and learning rate
with the same budget for each cell. All runs are ordinary run folders, so that the same command goes
on where it was stopped.
"""

import dataclasses
import itertools
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from gru_bench.config.execution import USUAL_SEEDS
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.evidence.choice import MOST_SEEDS, Choice, choose_cell, first_round, next_round
from gru_bench.evidence.record import scores_by_seed
from gru_bench.evidence.sequential import median_sequence
from gru_bench.experiments.begun import begun_seeds, goes_on
from gru_bench.experiments.halving import Halving, Note, chosen_keys
from gru_bench.experiments.limits import (
    Limits,
    Needs,
    largest_sizes,
    measure_steps,
    needs,
    require_runtime,
    sized,
)
from gru_bench.experiments.minutes import Minutes
from gru_bench.experiments.resolve import Experiment, resolve, resolve_one
from gru_bench.experiments.run_command import run_command
from gru_bench.experiments.sweep import run_experiments
from gru_bench.model.model import ModelConfig
from gru_bench.report.choice_card import Card, Contender
from gru_bench.runs.folder import read_result, require_writable
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError
from gru_bench.system.files import write_atomically
from gru_bench.system.prose import counted

SIZES = "choice.json"  # in out_dir: the sizes that were found, which another time would differ


@dataclass(frozen=True)
class Asked:
    """What is asked for besides the configurations.

    Attributes:
        limits: What a model may take.
        minutes: What all of it may take; only what would probably end in time is begun.
        words: The settings.
        quiet: No progress.
        sources: The flags that name further sources of settings, such as `--config-dir DIR`.
        out: The file that the card is written to besides; None for none.
    """

    limits: Limits
    minutes: float
    words: Sequence[str]
    quiet: bool
    sources: Sequence[str] = ()
    out: Path | None = None

    @property
    def command(self) -> str:
        """The command that asks for this."""
        flags = dataclasses.asdict(self.limits) | {"minutes": self.minutes, "out": self.out}
        given = [
            word
            for name, value in flags.items()
            if value is not None
            for word in (f"--{name.replace('_', '-')}", _written(value))
        ]
        return shlex.join(["gru-bench", "choose", *self.sources, *given, *self.words])

    def gives(self, key: str) -> bool:
        """Whether a word sets the key."""
        return any(word.partition("=")[0].lstrip("+") == key for word in self.words)


def _written(value: Any) -> str:
    """Returns a value so that it is read again as the same one, whole numbers without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def choose(configs: Sequence[ExperimentConfig], asked: Asked, note: Note) -> Card:
    """Returns which cell to take.

    Args:
        configs: One for each cell, of one setting; their hidden size is the largest that is tried.
        asked: What else is asked for.
        note: Takes a line for the user.

    Raises:
        UserError: A configuration or a limit is not possible, or runs failed.
    """
    minutes = Minutes(asked.minutes)
    check(configs)
    if asked.gives("seeds"):
        raise UserError(
            "seeds does not go with a choice, which adds seeds until it is decided or --minutes"
            " have passed"
        )
    if any(len(config.seeds) != USUAL_SEEDS for config in configs):
        note("the seeds of the preset are left out: a choice adds seeds until it is decided")
    require_runtime(asked.limits.runtime)
    require_writable(configs[0].out_dir)
    experiments = resolve(configs, note)
    sizes = find_sizes(experiments, asked.limits)
    for name, size in sizes.items():
        note(f"{name}: at most {size} units")
    halving = Halving(minutes, asked.command, asked.quiet, note)
    settings = [
        resolve_one(each, experiments[0].data, each.cell.name)
        for each in halving.best(configs, sizes, asked.gives("cell.keep"))
    ]
    costs = [float(needed(each).parameters) for each in settings]
    results, choice = Rounds(settings, costs, asked, minutes, note).run()
    return make_card(settings, results, choice, sizes, asked, minutes)


def check(configs: Sequence[ExperimentConfig]) -> None:
    """Raises `UserError` for what does not go with a choice."""
    names = [config.cell.name for config in configs]
    if len(set(names)) < len(names):
        raise UserError("a choice is made in one setting: only cell may list several values")
    if len(names) < 2:
        raise UserError("a choice takes two cells at least, such as cell=gru,lstm,rnn")
    for config in configs:
        if config.dry_run:
            raise UserError(
                "dry_run=true is not possible here: what is trained depends on the scores"
            )
        if config.save_weights == "none":
            raise UserError(
                "save_weights=none does not go with a choice, which says where the weights lie"
            )
        if config.tune.is_asked_for:
            raise UserError("tune does not go with a choice, which tries rates and starts itself")
        if config.match != "hidden":
            raise UserError(
                f"match={config.match} does not go with a choice: each cell has the size that suits"
                " it within the limits"
            )


def find_sizes(experiments: Sequence[Experiment], limits: Limits) -> dict[str, int]:
    """Returns the largest size of each cell, as it was found when this was first asked."""
    first = experiments[0]
    path = Path(first.config.out_dir) / SIZES
    key = repr((sorted(each.identity for each in experiments), limits))
    known: dict[str, dict[str, int]] = {}
    if path.exists():
        try:
            known = msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, int]])
        except (OSError, UnicodeDecodeError, msgspec.MsgspecError):
            known = {}
    if key not in known:
        models = {each.config.cell.name: each.train.model for each in experiments}
        most, length = first.config.hidden_size, first.task.sequence_length
        found = largest_sizes(models, limits, most, length)
        known[key] = {name: size for name, (size, _) in found.items()}
        write_atomically(path, msgspec.json.format(msgspec.json.encode(known), indent=1))
    return known[key]


def model_of(experiment: Experiment) -> ModelConfig:
    """Returns the model of a setting, whichever machine it is for."""
    return sized(experiment.train.model, experiment.config.hidden_size)


def needed(experiment: Experiment) -> Needs:
    """Returns what the model of a setting takes, without its latency."""
    return needs(model_of(experiment), experiment.task.sequence_length)


class Rounds:
    """Fresh seeds for the settings that were chosen, round by round.

    Args:
        settings: One for each cell.
        costs: What a model of each takes, by which cells are preferred that score alike.
        asked: What is asked for.
        minutes: Those of the whole choice.
        note: Takes a line for the user.
    """

    def __init__(
        self,
        settings: Sequence[Experiment],
        costs: Sequence[float],
        asked: Asked,
        minutes: Minutes,
        note: Note,
    ) -> None:
        self._settings, self._costs = settings, costs
        self._asked, self._minutes, self._note = asked, minutes, note

    def run(self) -> tuple[list[Result], Choice]:
        """Trains until the choice is decided, or no further round would end in time.

        There are two seeds in any case: without them nothing could be said.
        """
        cells = len(self._settings)
        wanted = first_round(cells)
        # A round that was broken off is gone on with: its checkpoints are of just its seeds.
        begun = self._begun()
        seeds = begun or min(wanted, self._minutes.seeds_left(cells))
        if begun:
            self._note(f"going on with the {counted(begun, 'seed')} of each cell that were begun")
        elif seeds < wanted:
            self._note(
                f"--minutes leaves time for {counted(seeds, 'seed')} of each cell; a verdict takes"
                f" {wanted}"
            )
        for made in itertools.count(1):
            results = self._train(seeds)
            trained = sum(len(each.seeds) for each in results)
            self._minutes.learn(results, made * cells, trained)
            choice = choose_cell(results, self._costs, self._settings[0].config.margin)
            self._note(f"{counted(seeds, 'seed')} of each cell: {choice.cell}, {choice.basis}")
            further = next_round(seeds)
            is_late = self._minutes.trainings_left(cells) < cells * (further - seeds)
            if choice.basis != "undecided" or is_late or seeds == MOST_SEEDS:
                break
            seeds = further
        return results, choice

    def _begun(self) -> int:
        """Returns the seeds of each cell that an earlier round was at work on; 0 if on none."""
        begun = [
            begun_seeds(each.folder, each.identity)
            for each in self._settings
            if not each.config.force and goes_on(each)
        ]
        # Seeds of other numbers are those of another command.
        of_rounds = [seeds for seeds in begun if seeds == list(range(len(seeds)))]
        return max(map(len, of_rounds), default=0)

    def _train(self, seeds: int) -> list[Result]:
        configs = [
            dataclasses.replace(each.config, seeds=list(range(seeds))) for each in self._settings
        ]
        sweep = run_experiments(configs, self._asked.command, self._asked.quiet, timed=False)
        sweep.require_none_elsewhere()
        for folder, reason in sweep.failures:
            raise UserError(f"{folder} failed: {reason}")
        return [read_result(folder) for folder in sweep.folders]


def make_card(
    settings: Sequence[Experiment],
    results: Sequence[Result],
    choice: Choice,
    sizes: dict[str, int],
    asked: Asked,
    minutes: Minutes,
) -> Card:
    """Returns the card of a choice.

    Args:
        settings: One for each cell, as it was chosen.
        results: Their runs.
        choice: What follows from these.
        sizes: The largest size of each.
        asked: What was asked for.
        minutes: Those that this call and all runs took.
    """
    first, seeds = results[0], len(results[0].seeds)
    (taken,) = (each.config for each in settings if each.config.cell.name == choice.cell)
    limits = {
        name: value
        for name, value in dataclasses.asdict(asked.limits).items()
        if name != "runtime" and value is not None
    }
    found = chosen_keys(taken) | {"seeds": seeds}
    return Card(
        task=first.task_label,
        score=first.score.in_words,
        is_share=first.score.is_share,
        margin=taken.margin,
        runtime=asked.limits.runtime,
        limits=limits,
        cell=choice.cell,
        basis=choice.basis,
        against=choice.against,
        contenders=_contenders(settings, results, sizes, asked.limits.runtime),
        seeds=seeds,
        minutes=minutes.passed,
        run_minutes=minutes.of_runs,
        minutes_left=_minutes_left(choice, results),
        command=asked.command,
        training=run_command(taken.cell, found, asked.words, asked.sources),
    )


def _contenders(
    settings: Sequence[Experiment], results: Sequence[Result], sizes: dict[str, int], runtime: str
) -> list[Contender]:
    """Returns what is known of each cell, the latencies measured in turns."""
    models = {each.config.cell.name: model_of(each) for each in settings}
    latencies = measure_steps(models, runtime, settings[0].task.sequence_length)
    contenders = []
    for setting, result in zip(settings, results, strict=True):
        name, taken = setting.config.cell.name, needed(setting)
        scores = np.array(list(scores_by_seed(result).values()))
        contenders.append(
            Contender(
                cell=name,
                hidden_size=setting.config.hidden_size,
                largest_size=sizes[name],
                settings=chosen_keys(setting.config),
                score=median_sequence(scores) if len(scores) else None,
                parameters=taken.parameters,
                memory_kb=taken.memory_kb,
                latency_us=latencies[name],
                folder=str(setting.folder),
            )
        )
    return contenders


def _minutes_left(choice: Choice, results: Sequence[Result]) -> float | None:
    """Returns about how long the seeds take that would probably decide; None if none would.

    A choice makes no more than `MOST_SEEDS` of each cell.
    """
    more = [each.more_seeds for each in choice.against if each.outcome == "undecided"]
    known = [number for number in more if number is not None]
    most = max(known, default=0)
    if not more or len(known) < len(more) or len(results[0].seeds) + most > MOST_SEEDS:
        return None
    return sum(most * each.timing.wall_s / len(each.seeds) for each in results) / 60
