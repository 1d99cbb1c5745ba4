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
class Standardisation:
    """How numbers are brought to mean 0 and standard deviation 1.

    Attributes:
        means: The mean of each number on the training data, in its own unit.
        deviations: The standard deviation of each; 1 where it is constant.
    """

    means: tuple[float, ...]
    deviations: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class SeriesPreprocessing:
    """How measured values become inputs, and outputs values.

    Attributes:
        channels: The names of the values of a step.
        missing: How missing values are filled in: `forward`, `mean` or `mask`; None if there may be
            none.
        inputs: The standardisation of the inputs. With `mask` each channel has a second input,
            behind those of all channels, which is 1 where the value was there; it is left as it is.
        predicts: What is said of a sequence, as `task.predict` has it.
        outputs: The standardisation of the outputs; None if they are classes.
        targets: The names of the channels that are forecast; empty for other predictions.
        window: Steps that a forecast is made from; None for other predictions.
    """

    channels: tuple[str, ...]
    missing: str | None
    inputs: Standardisation
    predicts: str
    outputs: Standardisation | None = None
    targets: tuple[str, ...] = ()
    window: int | None = None


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How the inputs of a model come about, and what its outputs are called.

    Attributes:
        text: How texts become token ids; None if the inputs are no texts.
        series: How measured values become inputs; None if the inputs are none.
        class_names: The class that each output stands for; empty if the outputs are no classes.
    """

    text: TextPreprocessing | None = None
    series: SeriesPreprocessing | None = None
    class_names: tuple[str, ...] = ()
