"""What a run is: the schema of all that changes what comes out of it, and its identity.

The seeds are not part of it: a run may have more of them added at any time.
"""

import dataclasses
import hashlib
import json
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from gru_bench.config.cell import CellConfig, CustomCellConfig
from gru_bench.config.checks import one_of, require, require_choices
from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.optim import OptimConfig, TuneConfig
from gru_bench.config.tasks import CustomTaskConfig, TaskConfig
from gru_bench.system.errors import UserError
from gru_bench.system.files import content_hash

PRECISIONS = ("float32", "bfloat16")
MATCHES = ("hidden", "parameters", "flops", "time")
IDENTITY_DIGITS = 16  # of an identity, in hexadecimal
FOLDER_DIGITS = 12  # of an identity, in the name of a run's folder


@dataclass
class RunConfig:
    """One cell on one task: everything that its results follow from, but the seeds.

    `hidden_size` is the LSTM's. Another cell has as many units (`match=hidden`), or the number at
    which its `parameters`, its `flops` or its measured training `time` come nearest to the LSTM's;
    with a `budget` all cells, the LSTM too, come nearest to that number of parameters.
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
    steps: int | None = None
    epochs: int | None = None
    batch_size: int = 50
    evaluate_every: int | None = None
    patience: int | None = None
    stop_when_solved: bool = False
    precision: str = one_of(PRECISIONS, "float32")

    def __post_init__(self) -> None:
        for key in ("hidden_size", "layers", "batch_size"):
            require(getattr(self, key) >= 1, key, getattr(self, key), "at least 1")
        for key in ("steps", "epochs", "evaluate_every", "patience"):
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

    def data_files(self) -> dict[str, Path]:
        """Returns the files that the data come from, by the dotted key that names each.

        They are those of a corpus of files, and whatever options of a task of the user's own name
        an existing file.
        """
        named: dict[str, Any] = {}
        if self.corpus is not None and self.corpus.source == "files":
            named = {
                f"corpus.{key}": getattr(self.corpus, key)
                for key in ("train", "validation", "test")
            }
        if isinstance(self.task, CustomTaskConfig):
            named = dict(_leaves(self.task.options, "task.options"))
        paths = {key: Path(value).expanduser() for key, value in named.items() if _is_text(value)}
        return {key: path for key, path in paths.items() if path.is_file()}

    def hash_data(self) -> dict[str, str]:
        """Returns the hash of what each of `data_files` holds now, by its key."""
        hashes = {key: content_hash(path) for key, path in self.data_files().items()}
        return {key: digest for key, digest in hashes.items() if digest is not None}

    def resolved(self, contents: Mapping[str, str]) -> dict[str, Any]:
        """Returns all keys as plain values, with the hashes of the files that they depend on.

        Args:
            contents: Hash of each of `data_files` as it was read, by its key. They stand in
                `corpus.content` and `task.content`, by the rest of the key.
        """
        keys = {
            each.name: _plain(getattr(self, each.name)) for each in dataclasses.fields(RunConfig)
        }
        for key, digest in contents.items():
            group, _, rest = key.partition(".")
            keys[group].setdefault("content", {})[rest] = digest
        for key, own in (("cell", self.cell), ("task", self.task)):
            if isinstance(own, CustomCellConfig | CustomTaskConfig):
                keys[key]["source"] = own.source
        return keys

    def identity(self, contents: Mapping[str, str]) -> str:
        """Returns hexadecimal digits that are equal exactly when all that changes results is.

        A file of data counts by its content, wherever it lies. What no key can tell is left out: a
        set on the hub without a `revision`, a size found by measuring time.

        Args:
            contents: As for `resolved`.
        """
        keys = self.resolved(contents)
        for key in contents:
            _forget(keys, key.split("."))
        if self.tune.learning_rates:
            del keys["optim"]["learning_rate"]
        else:
            del keys["tune"]
        canonical = json.dumps(keys, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:IDENTITY_DIGITS]

    def run_name(self, contents: Mapping[str, str]) -> str:
        """Returns the run's folder below `out_dir`: task/cell/h<hidden size>-<identity>.

        The size is the nominal one: that of the LSTM which the cell matches.
        """
        safe = set(string.ascii_letters + string.digits + "-_.")
        label = "".join(c if c in safe else "_" for c in self.task_label)
        digits = self.identity(contents)[:FOLDER_DIGITS]
        return f"{label}/{self.cell.name}/h{self.hidden_size}-{digits}"


def _plain(value: Any) -> Any:
    is_config = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return dataclasses.asdict(value) if is_config else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _leaves(tree: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yields the values of nested mappings and lists by their dotted keys."""
    if isinstance(tree, Mapping | list):
        items = tree.items() if isinstance(tree, Mapping) else enumerate(tree)
        for key, value in items:
            yield from _leaves(value, f"{prefix}.{key}")
    else:
        yield prefix, tree


def _forget(tree: Any, path: list[str]) -> None:
    """Sets the value at a path of nested mappings and lists to None."""
    *above, last = path
    for part in above:
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    tree[int(last) if isinstance(tree, list) else last] = None
