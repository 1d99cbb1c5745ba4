"""The schema of how a run is executed: of all that does not change the result of a seed."""

from dataclasses import dataclass
from typing import Any

from gru_bench.config.cell import LAYERS
from gru_bench.config.checks import require
from gru_bench.config.keys import NotWith, OnlyWith, check_keys, key, section
from gru_bench.config.launcher import LauncherConfig
from gru_bench.system.files import expand_home

RECURRENCES = ("auto", "scan", "parallel", "fused", "cudnn", "plain")  # fused and cudnn on a GPU
NO_LOOP = NotWith("cell.name", LAYERS, "it has no loop over time")
SAVED_WEIGHTS = ("best", "all", "none")
# Seeds of a run at most: a number such as 20231231 is a seed whose brackets were left out.
MOST_SEEDS = 10_000
USUAL_SEEDS = 5  # if nothing is said


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
    """Which seeds a run is to have, where and how it is executed, and how it is judged."""

    seeds: Any = key("how many seeds, or a list of them such as [0,3,7]", USUAL_SEEDS)
    recurrence: str = key(
        "how the loop over time is computed, which changes rounding alone: scan anywhere, parallel"
        " (over time, of mingru, minlstm and linear cells of your own) anywhere, fused (one kernel)"
        " or cudnn (of the LSTM) on a GPU, plain (differentiated step by step) anywhere; auto takes"
        " what is fastest there, plain for layer_norm and recurrent_dropout, which no other has",
        "auto",
        choices=RECURRENCES,
        not_with=(NO_LOOP,),
    )
    remat: bool = key(
        "trains long sequences in less memory: the backward pass computes the steps once more, a"
        " segment at a time, instead of keeping what all of them have computed, which takes about a"
        " third longer and changes rounding alone",
        False,
        not_with=(NO_LOOP,),
    )
    margin: float | None = key(
        "a difference of the score up to which cells are equivalent; null calls none equivalent",
        None,
        above=0,
    )
    probes: bool = key("looks into trained cells: gradients, gates, longer sequences", True)
    tensorboard: bool = key(
        "writes curves for TensorBoard, a file a seed; reports need none of them", True
    )
    histograms_every: int | None = key(
        "evaluations between histograms of gates and gradients in TensorBoard",
        None,
        at_least=1,
        only_with=(OnlyWith("bidirectional", (False,)),),
    )
    sweeps: list[dict[str, Any]] = key("of a preset: the sweeps it is made of, values by key", [])
    launcher: LauncherConfig = section("what trains the runs of a sweep", LauncherConfig)
    checkpoint_s: float = key("least seconds from one checkpoint to the next", 60.0, at_least=0)
    dry_run: bool = key("lists what would run, with an estimate of time and memory", False)
    out_dir: str = key("folder that the runs are kept in", "results/runs")
    save_weights: str = key(
        "which trained parameters a run keeps: those of the seed that is best on validation data,"
        " of all seeds besides, or none",
        "best",
        choices=SAVED_WEIGHTS,
    )
    force: bool = key("runs finished runs anew", False)

    def __post_init__(self) -> None:
        self.seeds = parse_seeds(self.seeds)
        check_keys(self)
        require(
            self.tensorboard or self.histograms_every is None,
            "histograms_every",
            self.histograms_every,
            "left out with tensorboard=false, since TensorBoard shows them",
        )
        require(self.out_dir != "", "out_dir", self.out_dir, "a folder, such as results/runs")
        folder = str(expand_home(self.out_dir))
        require(folder[:1] != "~", "out_dir", self.out_dir, "below a home folder that there is")
        self.out_dir = folder
