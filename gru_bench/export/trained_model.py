"""A trained model out of its run folder, ready to be used; Hydra is not needed for it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int, Num, PyTree

from gru_bench.config.user_classes import source_file
from gru_bench.model.model import Model, ModelConfig
from gru_bench.model.parameters import model_with
from gru_bench.model.streaming import Stream, start_stream, stream_step, with_room
from gru_bench.runs.weights import SavedModel, SeedWeights, read_model, read_weights
from gru_bench.system.errors import UserError
from gru_bench.system.files import content_hash, expand_home
from gru_bench.tasks.standardisation import fill_gaps, in_units, standardise
from gru_bench.tasks.text import encode, load_tokenizer

AT_ONCE = 64  # sequences of a call
STEPS = 32  # lengths are rounded up to a multiple of it, so that few programs are compiled

Inputs = Sequence[str] | Sequence[np.ndarray] | np.ndarray


class TrainedModel:
    """A model with trained parameters.

    Its inputs are texts, if it was trained on texts, or sequences of any lengths: one array a
    sequence, `[time, features]` or token ids `[time]`. Those of a model that was trained on series
    are values in the units of its channels, `[time, channels]`; where it has learnt to fill gaps,
    they may be missing (NaN). What it says of values is in these units, too.

    Attributes:
        saved: What is known of it besides its parameters.
        seed: The seed that its parameters come from.
        config: Its sizes and choices.
        model: The model as a module of Flax.
        series: How values become its inputs; None if these are no series.
    """

    def __init__(self, saved: SavedModel, weights: SeedWeights) -> None:
        """Puts the parameters into the model.

        Raises:
            UserError: They do not fit it, or its cell's class is another one than it was then.
        """
        self.saved, self.seed = saved, weights.seed
        try:
            self.config = msgspec.convert(saved.architecture, ModelConfig)
        except msgspec.ValidationError as error:
            raise UserError(f"the architecture of the model is not known: {error}") from None
        self._require_same_cell()
        try:
            self.model: Model = model_with(self.config, weights.arrays)
        except ValueError as error:
            raise UserError(f"the weights do not fit the model: {error}") from None
        text = saved.preprocessing.text
        self._text, self._tokenizer = text, None if text is None else load_tokenizer(text)
        self.series = saved.preprocessing.series
        self._apply = jax.jit(lambda inputs, lengths: self.model(inputs, lengths))

    @property
    def parameters(self) -> PyTree[Array]:
        """Its parameters."""
        return nnx.state(self.model)

    def _require_same_cell(self) -> None:
        if self.saved.cell_source is None:
            return
        file = source_file(self.config.cell.partition("{")[0])
        if content_hash(file) != self.saved.cell_source:
            why = "its file has changed" if file else "there is no such module here"
            raise UserError(
                f"the cell {self.saved.cell} ({self.config.cell}) is not available as it was"
                f" trained: {why}"
            )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class that each output stands for; empty if the outputs are no classes."""
        return self.saved.preprocessing.class_names

    def tokens(self, texts: Sequence[str]) -> list[Int[np.ndarray, " time"]]:
        """Returns the token ids that the model reads of each text.

        Raises:
            UserError: It was not trained on texts.
        """
        if self._text is None or self._tokenizer is None:
            raise UserError(f"the model of {self.saved.task} reads arrays, no texts")
        return [ids.astype(np.int64) for ids in encode(self._text, self._tokenizer, list(texts))]

    def outputs(self, inputs: Inputs) -> list[Float[np.ndarray, "..."]]:
        """Returns the outputs for each sequence: `[outputs]`, or `[time, outputs]` at every step.

        Raises:
            UserError: The inputs are none that the model reads.
        """
        return self.outputs_of_features(self.features(inputs))

    def features(self, inputs: Inputs) -> list[np.ndarray]:
        """Returns what an exported model reads of each sequence: its steps, one after another.

        They are token ids; or features, and of a model of series the values in their units without
        gaps, with the mask behind them where there is one.

        Raises:
            UserError: The inputs are none that the model reads.
        """
        arrays = self._arrays(inputs)
        if self.series is None:
            return arrays
        return [fill_gaps(array.astype(np.float64), self.series) for array in arrays]

    def outputs_of_features(self, features: Sequence[np.ndarray]) -> list[Float[np.ndarray, "..."]]:
        """Returns `outputs` for sequences as `features` gives them."""
        series = self.series
        if series is not None:
            features = [standardise(each, series.inputs) for each in features]
        rows = [row for batch in self._batches(features) for row in batch]
        return [self._in_units(row) for row in rows]

    def _in_units(self, outputs: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Returns outputs that are values in their units; classes' stay as they are."""
        if self.series is None or self.series.outputs is None:
            return outputs
        return in_units(outputs, self.series.outputs)

    def predict(self, inputs: Inputs) -> list[Any]:
        """Returns what the model says of each sequence.

        That is its class, or one a step; its value; a forecast, `[horizon, targets]`; or what
        `outputs` gives, if it is not known what its outputs are.
        """
        outputs = self.outputs(inputs)
        if self.series is not None and self.series.predicts == "value":
            return [float(each[0]) for each in outputs]
        if self.series is not None and self.series.predicts == "forecast":
            return [each.reshape(-1, len(self.series.targets)) for each in outputs]
        if not self.class_names:
            return outputs
        if self.config.readout == "every":
            return [[self.class_names[i] for i in each.argmax(-1)] for each in outputs]
        return [self.class_names[each.argmax()] for each in outputs]

    def predict_proba(self, inputs: Inputs) -> list[Float[np.ndarray, "..."]]:
        """Returns the probability of each class, in the order of `class_names`, for each sequence.

        Raises:
            UserError: The outputs are no classes.
        """
        if not self.class_names:
            raise UserError(f"the outputs of a model of {self.saved.task} are no classes")
        return [np.asarray(jax.nn.softmax(each, axis=-1)) for each in self.outputs(inputs)]

    def stream(self, batch_size: int = 1) -> "TrainedStream":
        """Returns a stream that takes one step of so many sequences at a time."""
        return TrainedStream(self, batch_size)

    def _arrays(self, inputs: Inputs) -> list[np.ndarray]:
        if isinstance(inputs, str):
            raise UserError("give a list of texts, not a single text")
        sequences = list(inputs)
        if sequences and all(isinstance(each, str) for each in sequences):
            return list(self.tokens(sequences))
        arrays = [np.asarray(each) for each in sequences]
        features = () if self.model.embedding is not None else (self._channels,)
        for number, array in enumerate(arrays):
            if array.shape[1:] != features or array.ndim != 1 + len(features) or not len(array):
                wanted = "token ids [time]" if not features else f"[time, {features[0]}]"
                raise UserError(
                    f"sequence {number} is of the shape {list(array.shape)}: it must be {wanted},"
                    " of one step at least"
                )
            if not np.issubdtype(array.dtype, np.number) or not self._may_be(array).all():
                raise UserError(f"sequence {number} holds what is not a finite number")
            if not features and (array.min() < 0 or array.max() >= self.config.input_size):
                raise UserError(
                    f"sequence {number} holds a token that does not exist: they go from 0 to"
                    f" {self.config.input_size - 1}"
                )
        return arrays

    @property
    def _channels(self) -> int:
        """Values of a step as they are given."""
        return self.config.input_size if self.series is None else len(self.series.channels)

    def _may_be(self, array: np.ndarray) -> np.ndarray:
        """Returns which values are finite, or missing where the model has learnt to fill gaps."""
        fills = self.series is not None and self.series.missing is not None
        return np.asarray(~np.isinf(array) if fills else np.isfinite(array))

    def _batches(self, arrays: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
        """Yields the outputs of some sequences at a time, in their order."""
        dtype = np.int32 if self.model.embedding is not None else np.float32
        for start in range(0, len(arrays), AT_ONCE):
            part = arrays[start : start + AT_ONCE]
            lengths = np.ones(AT_ONCE, np.int32)
            lengths[: len(part)] = [len(each) for each in part]
            time = -(-lengths.max() // STEPS) * STEPS
            inputs = np.zeros((time, AT_ONCE, *part[0].shape[1:]), dtype)
            for column, each in enumerate(part):
                inputs[: len(each), column] = each
            outputs = np.asarray(self._apply(jnp.asarray(inputs), jnp.asarray(lengths)))
            if self.config.readout == "every":
                yield [outputs[: len(each), column] for column, each in enumerate(part)]
            else:
                yield list(outputs[: len(part)])


class TrainedStream:
    """A trained model in real time: one step at a time, of which only the state is kept.

    Attributes:
        state: All that is kept of the steps before. It may be kept and set again, and one stream
            may take on another's.
    """

    def __init__(self, trained: TrainedModel, batch_size: int = 1) -> None:
        self.state: Stream = start_stream(trained.model, batch_size)
        self._trained = trained
        self._step = jax.jit(partial(stream_step, trained.model))

    def step(self, inputs: Num[np.ndarray, "..."]) -> Float[np.ndarray, "batch output"]:
        """Takes one step.

        Args:
            inputs: Those of this step: features or values of channels `[batch, features]`, or token
                ids `[batch]`. A value must not be missing if gaps are filled with the one before,
                which is not kept: give that.

        Returns:
            What the model gives for the sequence up to this step.

        Raises:
            UserError: A value is missing.
        """
        series = self._trained.series
        if series is None:
            return self.step_of_features(inputs)
        if np.isnan(inputs).any() and series.missing not in ("mean", "mask"):
            raise UserError("a value of this step is missing: give the last one before it")
        return self.step_of_features(fill_gaps(np.asarray(inputs, np.float64), series))

    def step_of_features(
        self, features: Num[np.ndarray, "..."]
    ) -> Float[np.ndarray, "batch output"]:
        """Takes one step, given as `TrainedModel.features` gives it."""
        trained, array = self._trained, features
        if trained.series is not None:
            array = standardise(features, trained.series.inputs)
        dtype = jnp.int32 if trained.model.embedding is not None else jnp.float32
        outputs: Array
        self.state, outputs = self._step(with_room(self.state), jnp.asarray(array, dtype))
        return trained._in_units(np.asarray(outputs))


def load_model(
    folder: str | Path, seed: int | None = None, dtype: str | None = None
) -> TrainedModel:
    """Loads the trained model of a run.

    Args:
        folder: The run folder.
        seed: Whose parameters; None for those of the seed that is best on validation data. Others
            are there if the run was made with `save_weights=all`.
        dtype: What the recurrent layers compute in; None for what they were trained in.

    Raises:
        UserError: There are none, or they are damaged.
    """
    path = expand_home(folder)
    saved = read_model(path)
    if dtype is not None:
        saved = replace(saved, architecture=saved.architecture | {"dtype": dtype})
    return TrainedModel(saved, read_weights(path, seed))
