"""What the seeds of a sweep can show, reported before it starts."""

from collections import defaultdict
from collections.abc import Sequence

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
