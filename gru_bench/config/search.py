"""The schema of a search over training settings: how many trials, and which ranges."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gru_bench.config.cell import INITIALISATIONS
from gru_bench.config.checks import require
from gru_bench.config.keys import check_keys, key
from gru_bench.system.errors import UserError

# Keys of a run that a search draws, by the names of their ranges.
DRAWN = {
    "learning_rate": "optim.learning_rate",
    "clip_norm": "optim.clip_norm",
    "initialisation": "cell.initialisation",
    "hidden_size": "hidden_size",
}


@dataclass
class SearchConfig:
    """A search with as many trials for each cell. An empty list leaves a setting as it is."""

    trials: int = key("finished trials of each cell, those of earlier starts included", 20,
                      at_least=1, at_most=100_000)  # fmt: skip
    learning_rate: list[float] = key("range of optim.learning_rate, on a logarithmic scale",
                                     [1e-4, 3e-2])  # fmt: skip
    clip_norm: list[float] = key("range of optim.clip_norm, on a logarithmic scale", [0.1, 10.0])
    initialisation: list[str] = key("what to choose cell.initialisation from",
                                    ["orthogonal", "chrono"])  # fmt: skip
    hidden_size: list[int] = key("range of hidden_size, on a logarithmic scale", [32, 256])
    seeds: int = key("seeds of each trial, which no reported run shares", 2,
                     at_least=1, at_most=10_000)  # fmt: skip
    parallel: int = key("trials of each cell that are drawn at a time; with a launcher they run"
                        " side by side", 1, at_least=1, at_most=10_000)  # fmt: skip
    sampler_seed: int = key("draws other trials; the same seed draws the same ones", 0, at_least=0)

    def __post_init__(self) -> None:
        for name in ("learning_rate", "clip_norm", "hidden_size"):
            ends = getattr(self, name)
            require(
                not ends or (len(ends) == 2 and 0 < ends[0] < ends[1] < math.inf),
                f"search.{name}",
                ends,
                "a range above 0 such as [a,b] with a below b, or [] to leave it as it is",
            )
        check_keys(self, "search.")
        require(
            set(self.initialisation) <= set(INITIALISATIONS)
            and len(set(self.initialisation)) == len(self.initialisation),
            "search.initialisation",
            self.initialisation,
            f"a list of some of {', '.join(INITIALISATIONS)}",
        )
        searched = (self.learning_rate, self.clip_norm, self.initialisation, self.hidden_size)
        require(any(searched), "search", "[]", "over something: give one range at least")

    def refuse_drawn(self, words: Sequence[str]) -> None:
        """Raises `UserError` if a word sets what the search draws."""
        for word in words:
            for name, drawn in DRAWN.items():
                if word.lstrip("+").startswith(f"{drawn}=") and getattr(self, name):
                    raise UserError(
                        f"{word} has no effect: the search draws {drawn}; search.{name}=[] leaves"
                        " it as it is"
                    )
