"""The classes of labelled examples, by the names that are written in the data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gru_bench.system.errors import UserError
from gru_bench.system.prose import some
from gru_bench.tasks.columns import in_order
from gru_bench.tasks.corpus_sources import Note


class Labels(NamedTuple):
    """The names of the classes of one split's examples, and where they come from, in words."""

    names: Sequence[str]
    where: str


def class_names(splits: Mapping[str, Labels], what: str, note: Note) -> tuple[str, ...]:
    """Returns the classes of the training examples, which all splits have in common.

    They are in numeric order if all are whole numbers, otherwise in alphabetical order.

    Args:
        splits: The labels of "train", "validation" and "test".
        what: What has a label, in the singular.
        note: Takes a line on the classes that validation or test lack.

    Raises:
        UserError: There are fewer than two classes, or one that training lacks.
    """
    train = splits["train"]
    names = in_order(set(train.names))
    if len(names) < 2:
        raise UserError(
            f"{train.where} has {what}s of one class only ({names[0]}): at least two are needed to"
            " tell apart"
        )
    for split in splits.values():
        if unknown := in_order(set(split.names) - set(names)):
            raise UserError(
                f"{split.where} has the label {unknown[0]}, which no training {what} has: every"
                " label must occur in the training split"
            )
    _note_lacking(splits, names, what, note)
    return names


def _note_lacking(
    splits: Mapping[str, Labels], class_names: Sequence[str], what: str, note: Note
) -> None:
    """Names the classes that are not in every split."""
    counts = {split: Counter(labels.names) for split, labels in splits.items()}
    lacking: dict[tuple[str, ...], list[str]] = {}  # classes by what they lack
    for name in class_names:
        missing = tuple(split for split in ("validation", "test") if not counts[split][name])
        if missing:
            lacking.setdefault(missing, []).append(f"{name} ({counts['train'][name]})")
    told = [
        f"{len(names)} of {len(class_names)} without {' and '.join(missing)} {what}s"
        f"{', of which no score tells' if 'test' in missing else ''}: {some(names)}"
        for missing, names in lacking.items()
    ]
    if told:
        note(f"classes not in every split (training {what}s in brackets): {'; '.join(told)}")
