"""Text classification, declared: `gru_bench/tasks/text.py` has its code."""

from dataclasses import dataclass
from typing import ClassVar

from gru_bench.config.keys import LONGEST, OnlyWith, key
from gru_bench.config.tasks.base import ClassificationConfig, TokenTaskConfig
from gru_bench.system.files import expand_home

TOKENS = ("words", "characters", "bytes")
POOLINGS = ("last", "mean", "max")
COUNTED = (OnlyWith("task.tokens", ("words", "characters")),)  # of bytes there are 256


@dataclass
class TextConfig(ClassificationConfig, TokenTaskConfig):
    """Text classification: the tokens of a document in, its class out."""

    name: str = key("the task", "text")
    max_length: int = key("tokens; longer documents are cut", 128, at_least=1, at_most=LONGEST)
    tokens: str = key("what a token is", "words", choices=TOKENS)
    vocabulary_size: int = key(
        "most different tokens, with padding and the unknown one",
        8000,
        at_least=3,
        only_with=COUNTED,
    )
    min_frequency: int = key(
        "times that a token must occur in training", 2, at_least=1, only_with=COUNTED
    )
    readout: str = key("state that the class is read from", "last", choices=POOLINGS)
    train_documents: int | None = key(
        "keeps so many training documents, class by class; null keeps all", None, at_least=1
    )
    subset: int = key(
        "which documents are kept: another number is another random choice",
        0,
        at_least=0,
        only_with=(OnlyWith("task.train_documents"),),
        neutral=True,
    )
    validation_share: float | None = key(
        "share of the kept documents that are the validation split, in the place of the corpus's"
        " own, and are not trained on",
        None,
        above=0,
        below=1,
        only_with=(OnlyWith("task.train_documents"),),
        neutral=True,
    )

    embeddings: str | None = key(
        "file of word vectors, in the text format of GloVe or fastText, that the embedding starts"
        " from; as wide as embedding_size",
        None,
        only_with=(OnlyWith("task.tokens", ("words",)),),
        neutral=True,
    )
    train_embeddings: bool = key(
        "whether these vectors are trained, too; false keeps them as they are",
        True,
        only_with=(OnlyWith("task.embeddings"),),
        neutral=True,
    )

    AXIS: ClassVar[str | None] = "max_length"
    READS_CORPUS: ClassVar[bool] = True
    HAS_EPOCHS: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.embeddings:
            self.embeddings = str(expand_home(self.embeddings))
