"""The schema of `search.*`: how many trials, and what is searched in which ranges."""

import math
from dataclasses import dataclass, field

from gru_bench.config.cell import INITIALISATIONS
from gru_bench.config.checks import require


@dataclass
class SearchConfig:
    """A search over training settings, with as many trials for each cell.

    `learning_rate`, `clip_norm` and `hidden_size` are ranges, searched on a logarithmic scale;
    `initialisation` lists what to choose from. An empty list leaves a setting as it is. A trial
    trains `seeds` seeds that no reported run shares; `parallel` trials of each cell are drawn at a
    time. `sampler_seed` makes the same search draw the same trials again.
    """

    trials: int = 20
    learning_rate: list[float] = field(default_factory=lambda: [1e-4, 3e-2])
    clip_norm: list[float] = field(default_factory=lambda: [0.1, 10.0])
    initialisation: list[str] = field(default_factory=lambda: ["orthogonal", "chrono"])
    hidden_size: list[int] = field(default_factory=lambda: [32, 256])
    seeds: int = 2
    parallel: int = 1
    sampler_seed: int = 0

    def __post_init__(self) -> None:
        for key in ("trials", "seeds", "parallel"):
            require(getattr(self, key) >= 1, f"search.{key}", getattr(self, key), "at least 1")
        require(self.sampler_seed >= 0, "search.sampler_seed", self.sampler_seed, "0 or more")
        for key in ("learning_rate", "clip_norm", "hidden_size"):
            ends = getattr(self, key)
            require(
                not ends or (len(ends) == 2 and 0 < ends[0] < ends[1] < math.inf),
                f"search.{key}",
                ends,
                "a range above 0 such as [a,b] with a below b, or [] to leave it as it is",
            )
        require(
            set(self.initialisation) <= set(INITIALISATIONS)
            and len(set(self.initialisation)) == len(self.initialisation),
            "search.initialisation",
            self.initialisation,
            f"a list of some of {', '.join(INITIALISATIONS)}",
        )
        searched = (self.learning_rate, self.clip_norm, self.initialisation, self.hidden_size)
        require(any(searched), "search", "[]", "over something: give one range at least")
