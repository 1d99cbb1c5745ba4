"""The schema of what a run is, which is all that changes its results, and its identity.

Seeds are no part of it: more of them may be added to a run at any time.
"""

import dataclasses
import hashlib
import json
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_bench.config.cell import BUILT_IN, LAYERS, CellConfig, CustomCellConfig
from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.keys import (
    MISSING,
    NotWith,
    OnlyWith,
    check_keys,
    key,
    neutral_defaults,
    section,
)
from gru_bench.config.optim import OptimConfig, TuneConfig
from gru_bench.config.tasks import TASKS, CustomTaskConfig, TaskConfig
from gru_bench.config.tasks.text import TextConfig
from gru_bench.system.errors import UserError
from gru_bench.system.files import content_hash, expand_home, is_file

PRECISIONS = ("float32", "bfloat16")
# A run of another setting could not be compared, so that these are not left out of a sweep.
NO_STATE = NotWith("cell.name", LAYERS, "it has no recurrent state", refused=True)
NO_PRODUCTS = NotWith(
    "cell.name",
    tuple(name for name, cell in BUILT_IN.items() if not cell.reads_state),
    "its gates do not read its state",
    refused=True,
)
ONE_WAY = NotWith("cell.name", LAYERS, "it is causal, and reads forwards alone", refused=True)
OWN_NORM = NotWith("cell.name", LAYERS, "it is layer-normalised as it is", refused=True)
MATCHES = ("hidden", "parameters", "flops", "state", "time")
IDENTITY_DIGITS = 16  # hexadecimal digits of an identity
FOLDER_DIGITS = 12  # digits of the identity in the name of a run's folder


@dataclass
class RunConfig:
    """One cell on one task: everything that its results follow from, but the seeds."""

    cell: CellConfig = section("the recurrent cell")
    task: TaskConfig = section("what is to be learnt")
    corpus: CorpusConfig | None = section("texts or series, of task=text and task=series", None)
    optim: OptimConfig = section("the optimiser", OptimConfig)
    tune: TuneConfig = section("the choice of a learning rate and a start", TuneConfig)
    hidden_size: int = key(
        "units of the LSTM; what other cells have follows from match",
        MISSING,
        at_least=1,
        only_with=(OnlyWith("budget", (None,)),),
    )
    match: str = key(
        "what every cell has as much of as an LSTM of hidden_size: hidden units, parameters, flops,"
        " bytes of state between two steps, or time of a training step",
        "hidden",
        choices=MATCHES,
    )
    budget: int | None = key(
        "parameters of the recurrent layers of every cell, the LSTM's too",
        None,
        at_least=1,
        only_with=(OnlyWith("match", ("parameters",)),),
    )
    layers: int = key("recurrent layers, each on top of the one before", 1,
                      at_least=1, at_most=1000)  # fmt: skip
    bidirectional: bool = key(
        "gives each layer a second cell of its own parameters, which reads the sequences backwards",
        False,
        neutral=True,
        not_with=(ONE_WAY,),
    )
    dropout: float = key(
        "share of the features left out at random in training, between layers and before the head",
        0.0,
        at_least=0,
        below=1,
        neutral=True,
    )
    recurrent_dropout: float = key(
        "share of the units left out at random in training of what a cell reads of its own state,"
        " the same units at all steps of a sequence",
        0.0,
        at_least=0,
        below=1,
        neutral=True,
        not_with=(NO_STATE, NO_PRODUCTS),
    )
    layer_norm: bool = key(
        "normalises what goes into the gates of a built-in cell, and what an LSTM puts out of its"
        " memory",
        False,
        neutral=True,
        not_with=(OWN_NORM,),
    )
    steps: int | None = key("updates of training", None, at_least=1)
    epochs: int | None = key("passes over the training examples, instead of steps", None,
                             at_least=1)  # fmt: skip
    batch_size: int = key("sequences of an update", 50, at_least=1, at_most=1_000_000)
    evaluate_every: int | None = key(
        "updates between evaluations; null is a twentieth of steps, or an epoch", None, at_least=1
    )
    patience: int | None = key(
        "evaluations without a better validation score after which a seed stops; null goes on",
        None,
        at_least=1,
    )
    stop_when_solved: bool = key("stops a seed once it has solved the task", False)
    precision: str = key(
        "number format of the recurrent computation", "float32", choices=PRECISIONS
    )

    def __post_init__(self) -> None:
        check_keys(self)
        if self.task.READS_CORPUS and self.corpus is None:
            raise UserError(
                f"corpus is missing: task={self.task.name} needs one, such as corpus=files"
            )
        if not self.task.READS_CORPUS:
            self.corpus = None
        if self.bidirectional and self.task.FORWARD_ONLY is not None:
            raise UserError(
                f"bidirectional=true is not possible with task={self.task.name}:"
                f" {self.task.FORWARD_ONLY}"
            )
        if self.layer_norm and isinstance(self.cell, CustomCellConfig):
            raise UserError(
                f"layer_norm=true is not possible with cell={self.cell.name}: a cell of your own"
                " normalises in its own equations"
            )
        if self.epochs is not None and self.task.HAS_EPOCHS is False:
            raise UserError(
                f"epochs={self.epochs} is not possible: task.name={self.task.name} is drawn without"
                " end, so give steps instead"
            )
        if self.tune.keeps and not self.cell.has_default_start:
            raise UserError(
                "tune.keeps is not possible with cell.forget_bias or"
                f" cell.initialisation={self.cell.initialisation}, which set the same gate"
            )
        if (self.steps is None) == (self.epochs is None):
            raise UserError("give either steps or epochs: one of them must be set, the other null")

    @property
    def task_label(self) -> str:
        """The task's name, with the corpus where there is one."""
        return self.task.name if self.corpus is None else f"{self.task.name}-{self.corpus.name}"

    def data_files(self) -> dict[str, Path]:
        """Returns the files that the data come from, by the dotted key that names each.

        They are those of a corpus of files, word vectors, and those that the options of a user's
        task name.
        """
        named: dict[str, Any] = {}
        if self.corpus is not None and self.corpus.source == "files":
            named = {
                f"corpus.{key}": getattr(self.corpus, key)
                for key in ("train", "validation", "test")
            }
        if isinstance(self.task, CustomTaskConfig):
            named = dict(_leaves(self.task.options, "task.options"))
        if isinstance(self.task, TextConfig):
            named["task.embeddings"] = self.task.embeddings
        paths = {key: expand_home(value) for key, value in named.items() if _is_text(value)}
        return {key: path for key, path in paths.items() if is_file(path)}

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
        for named, digest in contents.items():
            group, _, rest = named.partition(".")
            keys[group].setdefault("content", {})[rest] = digest
        for group, own in (("cell", self.cell), ("task", self.task)):
            if isinstance(own, CustomCellConfig | CustomTaskConfig):
                keys[group]["source"] = own.source
        return keys

    def identity(self, contents: Mapping[str, str]) -> str:
        """Returns the run's identity: digits that are the same for whatever gives the same results.

        A file of data counts by its content, wherever it lies. What no key states is left out: the
        content of a set on the hub without a `revision`, a size found by measuring time. A neutral
        key at its default is left out as well, so that a run stays what it is as keys are added.

        Args:
            contents: The hashes, as `resolved` takes them.
        """
        keys = self.resolved(contents)
        for named in contents:
            _forget(keys, named.split("."))
        for name, default in neutral_values(keys).items():
            group, _, last = name.rpartition(".")
            values = keys[group] if group else keys
            if values[last] == default:
                del values[last]
        if self.tune.learning_rates:
            del keys["optim"]["learning_rate"]
        if self.tune.keeps:
            del keys["cell"]["keep"]
        else:
            del keys["tune"]["keeps"]
        if not self.tune.is_asked_for:
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


def neutral_values(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the defaults of neutral keys, by their dotted names.

    Args:
        keys: A run's keys as plain values; an older gru-bench may have known fewer of them.
    """
    schemas = {"cell": CellConfig, "corpus": CorpusConfig, "optim": OptimConfig, "tune": TuneConfig}
    found = neutral_defaults(RunConfig)
    for group, values in keys.items():
        if isinstance(values, Mapping):
            is_built_in = group == "task" and values.get("name") in TASKS
            schema = TASKS[values["name"]] if is_built_in else schemas.get(group)
            defaults = {} if schema is None else neutral_defaults(schema)
            found |= {f"{group}.{name}": default for name, default in defaults.items()}
    return found


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
