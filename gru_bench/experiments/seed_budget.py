"""What the seeds of a sweep can show, reported before it starts."""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from gru_bench.config.cell import REFERENCE, CellConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.evidence.claims.rules import current_rules
from gru_bench.evidence.planning import detectable_difference, fewest_pairs
from gru_bench.experiments.resolve import Experiment
from gru_bench.system.prose import counted


def describe_seed_budget(experiments: Sequence[Experiment]) -> str:
    """Returns which differences between cells the seeds will likely show, in a sentence.

    It speaks of the setting with the most comparisons and, among these, the fewest seeds. Cells are
    compared at each hidden size, and all of it is judged together. It is empty where no setting has
    several cells.
    """
    alike: dict[str, list[Experiment]] = defaultdict(list)
    for experiment in experiments:
        alike[_setting_of_any_size(experiment)].append(experiment)
    most = max(map(_compared, alike.values()), key=lambda each: (each.comparisons, -each.seeds))
    if not most.comparisons:
        return ""
    among = f"{counted(most.seeds, 'seed')} and {most.cells} cells"
    if most.sizes > 1:
        among = f"{counted(most.seeds, 'seed')}, {most.cells} cells and {most.sizes} sizes"
    difference = detectable_difference(most.seeds, most.comparisons)
    if difference is None:
        needed = fewest_pairs(most.comparisons)
        return f"{among}: too few for a verdict, which takes seeds={needed} at least"
    return (
        f"{among}: a verdict is likely where cells typically differ by {difference:.1f} standard"
        " deviations of the difference over seeds"
    )


def _setting_of_any_size(experiment: Experiment) -> str:
    """Returns what is equal for runs of one setting that differ in the cell and its size alone."""
    config = dataclasses.replace(experiment.config, cell=CellConfig(name=REFERENCE), hidden_size=1)
    return config.identity(experiment.data.contents)


class _Compared(NamedTuple):
    """What is compared in a setting.

    Attributes:
        comparisons: Pairs of cells of one hidden size.
        seeds: Those that all runs have in common.
        sizes: Hidden sizes.
        cells: The most cells of one size.
    """

    comparisons: int
    seeds: int
    sizes: int
    cells: int


def _compared(experiments: Sequence[Experiment]) -> _Compared:
    cells: dict[int, set[str]] = defaultdict(set)
    for each in experiments:
        cells[each.config.hidden_size].add(each.config.cell.name)
    numbers = [len(names) for names in cells.values()]
    seeds = set.intersection(*(set(each.config.seeds) for each in experiments))
    comparisons = sum(number * (number - 1) // 2 for number in numbers)
    return _Compared(comparisons, len(seeds), sizes=len(cells), cells=max(numbers))


def describe_ledger_budget(configs: Sequence[ExperimentConfig]) -> str:
    """Returns how many seeds a verdict on scores takes in the ledger of claims, in a sentence.

    It corrects for the settings in which the same two cells are compared, of the pairs that the
    rules of the claims name. The sentence is about the pair that has most, and empty where there is
    none.
    """
    rules = current_rules()
    cells: dict[str, set[str]] = defaultdict(set)
    for config in configs:
        # Cells may differ in how they start and in their optimiser.
        shared = {k: v for k, v in config.resolved({}).items() if k not in ("cell", "optim")}
        cells[json.dumps(shared, sort_keys=True)].add(config.cell.name)
    counts = {pair: sum(set(pair) <= names for names in cells.values()) for pair in rules.pairs}
    (first, second), comparisons = max(counts.items(), key=lambda each: each[1])
    if not comparisons:
        return ""
    needed, seeds = fewest_pairs(comparisons), min(len(config.seeds) for config in configs)
    enough = "" if seeds >= needed else f", and these have {seeds}: give seeds={needed}"
    return (
        f"the ledger corrects over {comparisons} comparisons of {first} and {second}, so a verdict"
        f" on one takes {needed} seeds at least{enough}"
    )
