"""What becomes of data before a model reads them, as plain data that are kept with the model."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TextPreprocessing:
    """How a text becomes token ids.

    Attributes:
        tokenizer: The tokenizer, as the JSON of the library `tokenizers`.
        tokens: What a token is: words, characters or bytes.
        max_length: Tokens of a text that are read; the rest is cut off.
    """

    tokenizer: str
    tokens: str
    max_length: int


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How the inputs of a model come about, and what its outputs are called.

    Attributes:
        text: How texts become token ids; None if the inputs are no texts.
        class_names: The class that each output stands for; empty if the outputs are no classes.
    """

    text: TextPreprocessing | None = None
    class_names: tuple[str, ...] = ()
