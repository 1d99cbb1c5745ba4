"""How a run is executed: the schema of all that does not change what one seed's result is."""

import math
from dataclasses import dataclass, field
from typing import Any

from gru_bench.config.checks import one_of, require, require_choices, require_positive
from gru_bench.config.launcher import LauncherConfig

RECURRENCES = ("auto", "scan", "fused", "cudnn")  # the last two on a GPU


MOST_SEEDS = 10_000  # of a run: a number such as 20231231 is a seed that was to be in brackets


def parse_seeds(seeds: object) -> list[int]:
    """Returns the seeds 0 to n-1 for a count n; a list is taken as it is."""
    right = f"a count from 1 to {MOST_SEEDS}, or a list of different whole numbers such as [0,1,2]"
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        require(1 <= seeds <= MOST_SEEDS, "seeds", seeds, right)
        return list(range(seeds))
    require(
        isinstance(seeds, list)
        and 0 < len(seeds) <= MOST_SEEDS
        and all(type(seed) is int and 0 <= seed < 2**31 for seed in seeds)
        and len(set(seeds)) == len(seeds),
        "seeds",
        seeds,
        right,
    )
    assert isinstance(seeds, list)
    return seeds


@dataclass
class ExecutionConfig:
    """Which seeds a run is to have, where and how fast it is made, and how it is judged.

    `recurrence` is the way in which the loop over time is computed, which changes rounding alone:
    `scan` anywhere, `fused` (one kernel) or `cudnn` on a GPU; `auto` takes what is fastest there.

    Differences of the main score up to `margin` do not matter; without one, nothing is called
    equivalent. `probes` looks into the trained cells: gradients, gates, longer sequences;
    `histograms_every` so many evaluations looks into them in training, for TensorBoard. `sweeps` is
    what a preset is made of: one or more sweeps, values by key. `checkpoint_s` is the least time in
    seconds from one checkpoint to the next. `dry_run` says what would be run, and runs nothing.
    `launcher` is what trains the populations of a sweep.
    """

    seeds: Any = 5
    recurrence: str = one_of(RECURRENCES, "auto")
    margin: float | None = None
    probes: bool = True
    histograms_every: int | None = None
    sweeps: list[dict[str, Any]] = field(default_factory=list)
    launcher: LauncherConfig = field(default_factory=LauncherConfig)
    checkpoint_s: float = 60.0
    dry_run: bool = False
    out_dir: str = "results/runs"
    force: bool = False

    def __post_init__(self) -> None:
        self.seeds = parse_seeds(self.seeds)
        every = self.histograms_every
        require(every is None or every >= 1, "histograms_every", every, "at least 1")
        require_choices(self)
        if self.margin is not None:
            require_positive("margin", self.margin)
        require(
            0 <= self.checkpoint_s < math.inf,
            "checkpoint_s",
            self.checkpoint_s,
            "0 or more, seconds between checkpoints",
        )
