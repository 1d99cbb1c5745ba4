"""Makes the runs of a part of the reference, and keeps them in a few files to be committed."""

import dataclasses
from pathlib import Path

from gru_bench.config.compose import compose_experiments
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.evidence.claims.reference import PartRecord, write_part
from gru_bench.evidence.claims.rules import Rules
from gru_bench.experiments.horizon import find_horizons, require_axis
from gru_bench.experiments.sweep import Sweep, run_experiments
from gru_bench.runs.folder import read_result
from gru_bench.system.errors import UserError
from gru_bench.system.machine import git_revision, now
from gru_bench.system.terminal import say_unless

PRECISION = 1.5  # of a horizon: two difficulties this factor apart end the search


def configs_of(name: str, rules: Rules, out_dir: Path) -> list[ExperimentConfig]:
    """Returns what a part runs, in a folder of its own below `out_dir`.

    Raises:
        UserError: There is no such part, or its settings are not possible.
    """
    if name not in rules.parts:
        raise UserError(f"there is no part {name}: gru-bench claims --list shows them")
    return compose_experiments([*rules.words_of(name), f"out_dir={out_dir / name}"], multirun=True)


def run_part(
    name: str, configs: list[ExperimentConfig], rules: Rules, reference: Path, quiet: bool
) -> None:
    """Makes the runs of a part that are not finished yet; then writes them to the reference.

    Args:
        name: The part.
        configs: What it runs, as `configs_of` gives it.
        rules: The rules that name it.
        reference: The folder of the reference.
        quiet: Whether to show no progress.

    Raises:
        UserError: A run failed, or another process is at work on one; the others are kept, and the
            same call goes on from there.
    """
    part = rules.parts[name]
    command = f"gru-bench claims --part {name}"
    folders: dict[Path, None] = {}

    def train(runs: list[ExperimentConfig]) -> Sweep:
        sweep = run_experiments(runs, command, quiet, timed=part.timed)
        folders.update(dict.fromkeys(sweep.folders))
        return sweep

    if part.command == "horizon":
        require_axis(configs)
        find_horizons(configs, PRECISION, train, say_unless(quiet))
    else:
        sweep = train(configs)
        sweep.require_none_elsewhere()
        for folder, reason in sweep.failures:
            raise UserError(f"{folder} failed, without which the part is not whole: {reason}")
    results = [dataclasses.replace(read_result(folder), command=command) for folder in folders]
    record = PartRecord(
        part=name,
        words=rules.words_of(name),
        rules=rules.digits,
        created=now(),
        revision=git_revision(),
    )
    write_part(reference, record, results, rules)
