"""Which movement did a sensor record? A task over a file of recordings, one row a step."""

from typing import Any

import pandas

from gru_bench.tasks.classification import Classification, make_classification


def movements(batch_size: int, file: str) -> Classification:
    """Reads recordings of any length and splits them: of every five, three are trained on."""
    table = pandas.read_csv(file)
    names = sorted(table.movement.unique())
    splits: dict[str, Any] = {"train": ([], []), "validation": ([], []), "test": ([], [])}
    for number, recording in table.groupby("recording"):
        split = ("train", "train", "train", "validation", "test")[number % 5]
        sequences, classes = splits[split]
        sequences.append(recording[["x", "y"]].to_numpy("float32"))
        classes.append(names.index(recording.movement.iloc[0]))
    return make_classification(splits, batch_size, names)
