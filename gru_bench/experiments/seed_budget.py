"""What the seeds of a sweep can show, reported before it starts."""

import json
from collections import defaultdict
from collections.abc import Sequence

from gru_bench.config.experiment import ExperimentConfig
from gru_bench.evidence.claims.rules import current_rules
from gru_bench.evidence.planning import detectable_difference, fewest_pairs
from gru_bench.experiments.resolve import Experiment
from gru_bench.system.prose import counted


def describe_seed_budget(experiments: Sequence[Experiment]) -> str:
    """Returns which differences between cells the seeds will likely show, in a sentence.

    It speaks of the setting with the most cells and, among these, the fewest seeds. It is empty
    where no setting has several cells.
    """
    cells: dict[str, set[str]] = defaultdict(set)
    seeds: dict[str, list[set[int]]] = defaultdict(list)
    for experiment in experiments:
        cells[experiment.setting].add(experiment.config.cell.name)
        seeds[experiment.setting].append(set(experiment.config.seeds))
    most, shared = max(
        (len(names), -len(set.intersection(*seeds[setting]))) for setting, names in cells.items()
    )
    pairs = -shared
    comparisons = most * (most - 1) // 2
    if not comparisons:
        return ""
    among = f"{counted(pairs, 'seed')} and {most} cells"
    difference = detectable_difference(pairs, comparisons)
    if difference is None:
        needed = fewest_pairs(comparisons)
        return f"{among}: too few for a verdict, which takes seeds={needed} at least"
    return (
        f"{among}: a verdict is likely where cells typically differ by {difference:.1f} standard"
        " deviations of the difference over seeds"
    )


def describe_ledger_budget(configs: Sequence[ExperimentConfig]) -> str:
    """Returns how many seeds a verdict on scores takes in the ledger of claims, in a sentence.

    It corrects over the pairs of cells that the rules of the claims name and that have a vote. The
    sentence is empty where there is none.
    """
    rules = current_rules()
    cells: dict[str, set[str]] = defaultdict(set)
    for config in configs:
        # Cells may differ in how they start and in their optimiser.
        shared = {k: v for k, v in config.resolved({}).items() if k not in ("cell", "optim")}
        cells[json.dumps(shared, sort_keys=True)].add(config.cell.name)
    pairs = [set(pair) for pair in rules.pairs if not set(pair) & set(rules.beside)]
    comparisons = sum(pair <= names for names in cells.values() for pair in pairs)
    if not comparisons:
        return ""
    needed, seeds = fewest_pairs(comparisons), min(len(config.seeds) for config in configs)
    enough = "" if seeds >= needed else f", and these have {seeds}: give seeds={needed}"
    return (
        f"the ledger corrects over {comparisons} comparisons of scores, so a verdict on one takes"
        f" {needed} seeds at least{enough}"
    )
