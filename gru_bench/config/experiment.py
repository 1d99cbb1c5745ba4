"""The schema of every key, with the checks that need no data and no JAX.

Hydra merges the YAML of `conf/` into these dataclasses, which gives names and types;
`__post_init__` checks values and combinations. Past that point only these objects travel.
"""

import dataclasses
import hashlib
import json
import math
import string
from dataclasses import dataclass, field
from typing import Any, ClassVar

from omegaconf import MISSING

from gru_bench.config.cell import CellConfig, CustomCellConfig
from gru_bench.config.checks import (
    one_of,
    require,
    require_choices,
    require_positive,
)
from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.launcher import LauncherConfig
from gru_bench.config.optim import OptimConfig, TuneConfig
from gru_bench.config.tasks import CustomTaskConfig, TaskConfig
from gru_bench.system.errors import UserError
from gru_bench.system.files import combined_hash, content_hash

PRECISIONS = ("float32", "bfloat16")
RECURRENCES = ("auto", "scan", "fused", "cudnn")  # the last two on a GPU
MATCHES = ("hidden", "parameters", "flops", "time")


def parse_seeds(seeds: object) -> list[int]:
    """A count n means seeds 0 to n-1; a list is taken as it is."""
    right = "a count of at least 1, or a list of different whole numbers such as [0,1,2]"
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        require(seeds >= 1, "seeds", seeds, right)
        return list(range(seeds))
    require(
        isinstance(seeds, list)
        and len(seeds) > 0
        and all(type(seed) is int and 0 <= seed < 2**31 for seed in seeds)
        and len(set(seeds)) == len(seeds),
        "seeds",
        seeds,
        right,
    )
    assert isinstance(seeds, list)
    return seeds


@dataclass
class ExperimentConfig:
    """One cell on one task: everything that a run folder is made from.

    `hidden_size` is the LSTM's. Another cell has as many units (`match=hidden`), or the number at
    which its `parameters`, its `flops` or its measured training `time` come nearest to the LSTM's;
    with a `budget` all cells, the LSTM too, come nearest to that number of parameters.

    `recurrence` is the way in which the loop over time is computed, which changes rounding alone:
    `scan` anywhere, `fused` (one kernel) or `cudnn` on a GPU; `auto` takes what is fastest there.

    Differences of the main score up to `margin` do not matter; without one, nothing is called
    equivalent. `probes` looks into the trained cells: gradients, gates, longer sequences;
    `histograms_every` so many evaluations looks into them in training, for TensorBoard. `sweeps` is
    what a preset is made of: one or more sweeps, values by key. `checkpoint_s` is the least time in
    seconds from one checkpoint to the next. `dry_run` says what would be run, and runs nothing.
    `launcher` is what trains the populations of a sweep.
    """

    cell: CellConfig = MISSING
    task: TaskConfig = MISSING
    corpus: CorpusConfig | None = None
    optim: OptimConfig = field(default_factory=OptimConfig)
    tune: TuneConfig = field(default_factory=TuneConfig)
    hidden_size: int = MISSING
    match: str = one_of(MATCHES, "hidden")
    budget: int | None = None
    layers: int = 1
    seeds: Any = 5
    steps: int | None = None
    epochs: int | None = None
    batch_size: int = 50
    evaluate_every: int | None = None
    patience: int | None = None
    stop_when_solved: bool = False
    precision: str = one_of(PRECISIONS, "float32")
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

    # Keys that say where, how fast and whether to run or how to judge, not what comes out.
    NOT_IDENTITY: ClassVar[tuple[str, ...]] = (
        "recurrence",
        "margin",
        "probes",
        "histograms_every",
        "sweeps",
        "launcher",
        "checkpoint_s",
        "dry_run",
        "out_dir",
        "force",
    )

    def __post_init__(self) -> None:
        self.seeds = parse_seeds(self.seeds)
        for key in ("hidden_size", "layers", "batch_size"):
            require(getattr(self, key) >= 1, key, getattr(self, key), "at least 1")
        for key in ("steps", "epochs", "evaluate_every", "patience", "histograms_every"):
            value = getattr(self, key)
            require(value is None or value >= 1, key, value, "at least 1")
        require_choices(self)
        if self.budget is not None:
            require(
                self.match == "parameters" and self.budget >= 1,
                "budget",
                self.budget,
                "a number of parameters, and match must be parameters",
            )
        if self.margin is not None:
            require_positive("margin", self.margin)
        require(
            0 <= self.checkpoint_s < math.inf,
            "checkpoint_s",
            self.checkpoint_s,
            "0 or more, seconds between checkpoints",
        )
        if self.tune.learning_rates and set(self.tune.tuning_seeds) & set(self.seeds):
            raise UserError(
                f"seeds={self.seeds} is not possible: rates are tuned on some of them; seeds must"
                f" be below {TuneConfig.FIRST_SEED}"
            )
        if self.task.READS_CORPUS and self.corpus is None:
            raise UserError(
                f"corpus is missing: task={self.task.name} needs one, such as corpus=reuters8"
            )
        if not self.task.READS_CORPUS:
            self.corpus = None
        if self.epochs is not None and self.task.HAS_EPOCHS is False:
            raise UserError(
                f"epochs={self.epochs} is not possible: task.name={self.task.name} is drawn without"
                " end, so give steps instead"
            )
        if (self.steps is None) == (self.epochs is None):
            raise UserError("give either steps or epochs: one of them must be set, the other null")

    @property
    def task_label(self) -> str:
        """The task's name, with the corpus where there is one."""
        return self.task.name if self.corpus is None else f"{self.task.name}-{self.corpus.name}"

    def resolved(self) -> dict[str, Any]:
        """All keys as plain values, with hashes of the files of text and of code that they name."""
        keys = dataclasses.asdict(self)
        if self.corpus is not None and self.corpus.source == "files":
            files = (self.corpus.train, self.corpus.validation, self.corpus.test)
            keys["corpus"]["content"] = combined_hash(content_hash(file) for file in files)
        for key, own in (("cell", self.cell), ("task", self.task)):
            if isinstance(own, CustomCellConfig | CustomTaskConfig):
                keys[key]["source"] = own.source
        return keys

    def identity(self) -> str:
        """16 hex digits that are equal exactly when all that changes the result is.

        That is every resolved key but those that say where and whether to run. What no key can
        tell is left out: a set on the hub without a `revision`, a size found by measuring time.
        """
        keys = {k: v for k, v in self.resolved().items() if k not in self.NOT_IDENTITY}
        if self.tune.learning_rates:
            del keys["optim"]["learning_rate"]
        else:
            del keys["tune"]
        canonical = json.dumps(keys, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def run_name(self) -> str:
        """Folder of the run below `out_dir`: task/cell/h<hidden size>-<identity>.

        The size is the nominal one: that of the LSTM which the cell matches.
        """
        safe = set(string.ascii_letters + string.digits + "-_.")
        label = "".join(c if c in safe else "_" for c in self.task_label)
        return f"{label}/{self.cell.name}/h{self.hidden_size}-{self.identity()[:8]}"
