"""Recordings: sequences of measured values as they were read, before anything is made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Recordings:
    """Sequences of values, each of any length.

    Attributes:
        values: Those of each sequence, `[time, channels]`; what is missing is not a number.
        labels: The labels of each sequence as they are written: none, one, or one a step.
        groups: The group of each sequence; None if there are no groups.
        names: What each sequence is called where it comes from, or its number from 1.
        channels: The names of the channels.
        where: Where they come from, in words.
        times: The times of the steps of each sequence, those of dates in seconds; None if they are
            not known.
    """

    values: Sequence[Float[np.ndarray, "_ channels"]]
    labels: Sequence[Sequence[str]]
    groups: Sequence[str] | None
    names: Sequence[str]
    channels: tuple[str, ...]
    where: str
    times: Sequence[Float[np.ndarray, " _"]] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, places: Sequence[int]) -> "Recordings":
        """Returns the sequences at these places."""
        return replace(
            self,
            values=[self.values[place] for place in places],
            labels=[self.labels[place] for place in places],
            groups=None if self.groups is None else [self.groups[place] for place in places],
            names=[self.names[place] for place in places],
            times=None if self.times is None else [self.times[place] for place in places],
        )
