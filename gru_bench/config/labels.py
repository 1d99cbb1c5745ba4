"""Labels of the runs of a sweep, which name what tells them apart."""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Sequence

from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.keys import flatten


def labels(configs: Sequence[ExperimentConfig]) -> list[str]:
    """Returns a label of each run, such as `adding · gru · h128 · optim.learning_rate=0.01`.

    It names task, cell and hidden size, and of the other keys those that are not the same in all
    runs with these.

    Args:
        configs: The runs of one sweep.
    """
    alike: dict[str, list[int]] = defaultdict(list)
    for place, config in enumerate(configs):
        alike[f"{config.task_label} · {config.cell.name} · h{config.hidden_size}"].append(place)
    found = [""] * len(configs)
    for name, places in alike.items():
        keys = [flatten(dataclasses.asdict(configs[place])) for place in places]
        varied = [
            key
            for key in dict.fromkeys(key for each in keys for key in each)
            if len({repr(each.get(key)) for each in keys}) > 1
        ]
        for place, each in zip(places, keys, strict=True):
            values = ", ".join(f"{key}={each.get(key)}" for key in varied)
            found[place] = f"{name} · {values}" if values else name
    return found


def common_label(labels: Sequence[str]) -> str:
    """Returns what some labels have in common, with how many they are if there are several."""
    if len(labels) == 1:
        return labels[0]
    first, *others = ([*re.split(" · |, ", label)] for label in labels)
    common = [part for part in first if all(part in other for other in others)]
    return " · ".join([*common, f"{len(labels)} runs"])
