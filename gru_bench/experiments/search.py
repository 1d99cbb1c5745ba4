"""A search with Optuna over training settings, with the same number of trials for each cell.

Optuna is called directly, since Hydra's sweeper for it is bound to versions of Optuna before 3.
Trials are runs like others, in folders of their own; Optuna's journal beside them says which belong
to which search. Optuna learns validation scores alone.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.optim import TuneConfig
from gru_bench.config.search import SearchConfig
from gru_bench.evidence.record import mean_validation_score
from gru_bench.experiments.run_command import run_command
from gru_bench.experiments.search_journal import JOURNAL, open_journal
from gru_bench.experiments.sweep import run_experiments
from gru_bench.experiments.trials import as_trial
from gru_bench.runs.folder import read_result, require_writable
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError
from gru_bench.system.locks import Held, lock

LOCK = ".search.lock"
DIGITS = 3  # digits of the numbers that are tried, so that a command can repeat them


@dataclass(frozen=True)
class Searched:
    """What came of the search for one cell.

    Attributes:
        config: The cell's configuration before the search.
        finished: Trials that have a score.
        failed: Trials that have none.
        settings: The best trial's settings by the keys of a command; empty if none has a score.
        result: The result of the best trial.
    """

    config: ExperimentConfig
    finished: int
    failed: int
    settings: dict[str, Any]
    result: Result | None


def search(
    configs: Sequence[ExperimentConfig],
    space: SearchConfig,
    command: str,
    quiet: bool,
    note: Callable[[str], None],
) -> list[Searched]:
    """Searches until each cell has its total of finished trials, those of earlier starts included.

    Trials that were broken off are taken up first. One that fails is not tried again.

    Args:
        configs: One for each cell, with one `out_dir`.
        space: How many trials, and over what.
        command: How it was asked for.
        quiet: Whether to show no progress.
        note: Takes a line for the user.

    Raises:
        UserError: A configuration is not possible, or another process searches there.
    """
    check(configs)
    out_dir = Path(configs[0].out_dir)
    require_writable(out_dir)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with lock(out_dir / LOCK):
            storage = open_journal(out_dir / JOURNAL, note)
            contents = configs[0].hash_data()  # of all: they differ in the cell alone
            studies = [open_study(config, contents, space, storage) for config in configs]
            # One that fails is not made up for in this start, or all might fail without end.
            left = [space.trials - len(finished(study)) for study in studies]
            while any(number > 0 for number in left):
                batch: list[Trial] = []
                for i, (config, study) in enumerate(zip(configs, studies, strict=True)):
                    asked = ask(study, space, min(space.parallel, max(left[i], 0)))
                    left[i] -= len(asked)
                    batch += [make_trial(config, space, study, number) for number in asked]
                run_trials(batch, contents, command, quiet, note)
            return [
                summary(config, contents, space, study)
                for config, study in zip(configs, studies, strict=True)
            ]
    except Held as holder:
        who = f" ({holder})" if str(holder) else ""
        raise UserError(f"another process searches in {out_dir}{who}: wait until it ends") from None


def check(configs: Sequence[ExperimentConfig]) -> None:
    """Raises `UserError` for what does not go with a search."""
    if len({config.cell.name for config in configs}) < len(configs):
        raise UserError("a search is over one setting: only cell may list several values")
    for config in configs:
        if config.tune.is_asked_for:
            raise UserError(
                "tune.learning_rates and tune.keeps do not go with a search: give"
                " search.learning_rate=[a,b] or search.initialisation=[a,b]"
            )
        if max(config.seeds) >= TuneConfig.FIRST_SEED:
            raise UserError(
                f"seeds={config.seeds} is not possible: the search may use some of them; seeds must"
                f" be below {TuneConfig.FIRST_SEED}"
            )


def open_study(
    config: ExperimentConfig,
    contents: Mapping[str, str],
    space: SearchConfig,
    storage: JournalStorage,
) -> Study:
    """Opens the study of a cell, as far as it has come.

    Other settings, ranges or seeds make another study; another number of trials does not.
    """
    ranges = dataclasses.asdict(space) | {"trials": None, "parallel": None}
    searched = json.dumps([config.identity(contents), ranges], sort_keys=True)
    digits = hashlib.sha256(searched.encode()).hexdigest()[:8]
    name = f"{config.task_label}/{config.cell.name}/{digits}"
    return optuna.create_study(study_name=name, storage=storage, load_if_exists=True)


def distributions(space: SearchConfig) -> dict[str, BaseDistribution]:
    """Returns what is searched, by the keys of a command."""
    found: dict[str, BaseDistribution] = {}
    for key, ends in (
        ("optim.learning_rate", space.learning_rate),
        ("optim.clip_norm", space.clip_norm),
    ):
        if ends:
            found[key] = FloatDistribution(ends[0], ends[1], log=True)
    if space.initialisation:
        found["cell.initialisation"] = CategoricalDistribution(space.initialisation)
    if space.hidden_size:
        low, high = space.hidden_size
        found["hidden_size"] = IntDistribution(low, high, log=True)
    return found


def ask(study: Study, space: SearchConfig, count: int) -> list[int]:
    """Returns the numbers of the next trials: first those that an earlier start was broken off in.

    What a trial tries depends on the sampler's seed, its number and the trials before it alone, so
    that a search in several starts tries the same as one in a single start.
    """
    wanted = distributions(space)
    numbers = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.params.keys() == wanted.keys():
            numbers.append(trial.number)
        else:  # killed while it was drawn
            study.tell(trial.number, state=TrialState.FAIL)
    while len(numbers) < count:
        drawn = np.random.SeedSequence([space.sampler_seed, len(study.get_trials(deepcopy=False))])
        study.sampler = TPESampler(seed=int(drawn.generate_state(1)[0]))
        numbers.append(study.ask(wanted).number)
    return numbers[:count]


def finished(study: Study) -> list[FrozenTrial]:
    """Returns the trials that have a score."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


@dataclass(frozen=True)
class Trial:
    """A trial to be run: its number in its study, and the run that it is."""

    study: Study
    number: int
    config: ExperimentConfig


def make_trial(config: ExperimentConfig, space: SearchConfig, study: Study, number: int) -> Trial:
    """Returns the run of a trial, on seeds that no reported run shares."""
    settings = trial_settings(study.get_trials(deepcopy=False)[number])
    start = settings.pop("cell.initialisation", config.cell.initialisation)
    parts: dict[str, dict[str, Any]] = {"optim": {}, "": {}}
    for key, value in settings.items():
        part, _, name = key.rpartition(".")
        parts[part][name] = value
    return Trial(
        study,
        number,
        as_trial(
            config,
            space.seeds,
            cell=config.cell.with_initialisation(start),
            optim=dataclasses.replace(config.optim, **parts["optim"]),
            **parts[""],
        ),
    )


def trial_settings(trial: FrozenTrial) -> dict[str, Any]:
    """Returns what a trial tries, its numbers with as many digits as a command repeats."""
    return {
        key: float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
        for key, value in trial.params.items()
    }


def run_trials(
    trials: Sequence[Trial],
    contents: Mapping[str, str],
    command: str,
    quiet: bool,
    note: Callable[[str], None],
) -> None:
    """Runs trials as one sweep, not timed, and tells their studies what came of them."""
    configs = {
        trial.config.identity(contents): trial.config for trial in trials
    }  # two may be the same
    sweep = run_experiments(list(configs.values()), command, quiet, timed=False)
    sweep.require_none_elsewhere()
    for trial in trials:
        folder = trial.config.folder(contents)
        label = f"{trial.config.cell.name}, trial {trial.number}"
        if folder not in sweep.finished:
            trial.study.tell(trial.number, state=TrialState.FAIL)
            reason = next(reason for failed, reason in sweep.failures if failed == folder)
            note(f"{label}: failed: {reason}")
            continue
        result = read_result(folder)
        score = mean_validation_score(result)
        trial.study.tell(trial.number, -score if result.score.higher_is_better else score)
        note(f"{label}: validation {result.score.name} {score:.4g}")


def summary(
    config: ExperimentConfig, contents: Mapping[str, str], space: SearchConfig, study: Study
) -> Searched:
    """Returns what came of the search for one cell."""
    failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    done = finished(study)
    if not done:
        return Searched(config, 0, len(failed), {}, None)
    best = make_trial(config, space, study, study.best_trial.number)
    result = read_result(best.config.folder(contents))
    return Searched(config, len(done), len(failed), trial_settings(study.best_trial), result)


def print_search(
    searched: Sequence[Searched], words: Sequence[str], sources: Sequence[str], console: Console
) -> None:
    """Prints the best trial of each cell, and the commands that run them on fresh seeds.

    Args:
        searched: What came of each cell.
        words: The settings of the command, without those of the search.
        sources: The flags that name further sources of settings.
        console: Where to.
    """
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=False)
    best = [each for each in searched if each.result is not None]
    keys = list(best[0].settings) if best else []
    score = best[0].result.score.name if best and best[0].result else "score"
    names = [key.rpartition(".")[2].replace("_", "\n") for key in keys]
    table.add_column("cell", no_wrap=True)
    for heading in ("trials", "failed", f"validation\n{score}", *names, "cell\nparams"):
        table.add_column(heading, justify="right")
    for each in searched:
        row = [each.config.cell.name, str(each.finished), str(each.failed)]
        if each.result is not None:
            row += [f"{mean_validation_score(each.result):.4g}", *map(str, each.settings.values())]
            row.append(f"{each.result.parameters.cell:,}")
        table.add_row(*row)
    console.print(table)
    if best:
        console.print("\nThe best settings of each cell, on fresh seeds:")
        for each in best:
            command = run_command(each.config.cell, each.settings, words, sources)
            console.print(command, markup=False, soft_wrap=True)
