"""What `gru-bench speed --end-to-end` trains: a task as gru-bench has it and as PyTorch reads it.

Both sides make the same updates on the same batches. Here drawing or gathering them is part of the
time; PyTorch gets those of the adding problem ready-made, and cuts documents out of the corpus as
its users do.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Shaped

from gru_bench.config.compose import compose_experiments
from gru_bench.config.optim import OptimConfig
from gru_bench.config.tasks.text import TextConfig
from gru_bench.model.model import ModelConfig
from gru_bench.tasks.adding import AddingTask
from gru_bench.tasks.base import EVALUATED_SEQUENCES, Split, Task, number_of_batches
from gru_bench.tasks.text import load_data, make_task
from gru_bench.training.state import TrainConfig, seed_keys


class PaddedBatch(NamedTuple):
    """A batch for PyTorch.

    Attributes:
        inputs: Features or token ids, as long as the longest sequence of the batch.
        targets: What is to come out.
        lengths: Real steps of each sequence; None where all are of one length.
    """

    inputs: Shaped[np.ndarray, "time batch ..."]
    targets: Shaped[np.ndarray, " batch"]
    lengths: Int[np.ndarray, " batch"] | None = None


class Workload(ABC):
    """A task, how it is trained, and its batches for PyTorch.

    Attributes:
        name: The task in a word.
        task: The task.
        model: The model but for its cell.
        optim: The optimiser with its learning rate.
        steps: Updates of each run.
        evaluate_every: Updates between evaluations on the validation split.
    """

    name: str
    task: Task
    model: ModelConfig
    optim: OptimConfig
    steps: int
    evaluate_every: int

    @abstractmethod
    def batches(self, seed: int) -> Iterator[PaddedBatch]:
        """Yields the very batches that `fit` trains on with the seed."""

    @abstractmethod
    def evaluation(self, split: Split) -> Iterator[PaddedBatch]:
        """Yields batches with as many examples as a split has here."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """The task and its sizes in a few words."""

    @property
    def train(self) -> TrainConfig:
        """How a cell is trained here."""
        return TrainConfig(
            self.model, self.optim.optimizer, self.steps, evaluate_every=self.evaluate_every
        )

    def data_key(self, seed: int) -> Array:
        """Returns what the training data of a seed are drawn from."""
        return seed_keys(seed).training_data

    def described(self) -> dict[str, Any]:
        """Returns what is written down of the task."""
        return {
            "name": self.name,
            "length": self.task.sequence_length,
            "batch_size": self.task.batch_size,
            "score": self.task.score.name,
        }


class Adding(Workload):
    """The adding problem, whose batches are drawn beforehand for PyTorch."""

    name = "adding"

    def __init__(self, hidden_size: int, steps: int = 1000) -> None:
        self.task = self._adding = AddingTask(length=100, batch_size=50)
        self.model = ModelConfig("lstm", self.task.input_size, self.task.output_size, hidden_size)
        self.optim = OptimConfig(name="adam", learning_rate=1e-3, clip_norm=1.0)
        self.steps = self.evaluate_every = steps
        self._drawn = cache(self._draw)

    def _draw(self, seed: int) -> list[PaddedBatch]:
        items = self._adding.schedule(self.data_key(seed), jnp.int32(0), self.steps)
        drawn = jax.jit(lambda items: jax.lax.map(self._adding.batch, items))(items)
        pairs = zip(np.array(drawn.inputs), np.array(drawn.targets), strict=True)
        return [PaddedBatch(inputs, targets) for inputs, targets in pairs]

    def batches(self, seed: int) -> Iterator[PaddedBatch]:
        return iter(self._drawn(seed))

    def evaluation(self, split: Split) -> Iterator[PaddedBatch]:
        batches = number_of_batches(EVALUATED_SEQUENCES, self.task.batch_size)
        return iter(self._drawn(0)[:batches])

    @property
    def summary(self) -> str:
        length, batch = self.task.sequence_length, self.task.batch_size
        return f"Adding problem, length {length}, batch {batch}"


class Text(Workload):
    """Reuters-8 as the preset has it, but that no run stops early and cells start as in textbooks.

    Their biases are zero at the start, but for the LSTM's forget bias of 1.
    In PyTorch a batch is padded to its longest document.
    """

    name = "text"
    CORPUS = "reuters8"

    def __init__(self, hidden_size: int, steps: int | None = None) -> None:
        (preset,) = compose_experiments(["cell=lstm", "task=text", f"corpus={self.CORPUS}"], False)
        assert isinstance(preset.task, TextConfig)
        assert preset.corpus is not None
        corpus = load_data(preset.task, preset.corpus, print, {})
        self.task = self._documents = make_task(preset.task, corpus, preset.batch_size)
        self.model = ModelConfig(
            "lstm",
            self.task.input_size,
            self.task.output_size,
            hidden_size,
            embedding_size=preset.task.embedding_size,
        )
        self.optim = preset.optim
        self.evaluate_every = self._documents.examples // self.task.batch_size
        self.steps = steps or (preset.epochs or 1) * self.evaluate_every
        self._inputs, self._lengths, self._targets = (
            np.asarray(each)
            for each in (self._documents.inputs, self._documents.lengths, self._documents.targets)
        )

    def _cut(self, places: Int[np.ndarray, " batch"]) -> PaddedBatch:
        lengths = self._lengths[places]
        inputs = self._inputs[places, : lengths.max()].T
        return PaddedBatch(inputs.astype(np.int64), self._targets[places], lengths)

    def batches(self, seed: int) -> Iterator[PaddedBatch]:
        places, _ = self._documents.schedule(self.data_key(seed), jnp.int32(0), self.steps)
        return map(self._cut, np.asarray(places))

    def evaluation(self, split: Split) -> Iterator[PaddedBatch]:
        places, weights = map(np.asarray, self._documents.evaluation(jax.random.key(0), split))
        for of_batch, counted in zip(places, weights, strict=True):
            yield self._cut(of_batch[counted > 0])

    @property
    def summary(self) -> str:
        length, batch = self.task.sequence_length, self.task.batch_size
        return f"Reuters-8, documents cut at {length} tokens, batch {batch}"


WORKLOADS: dict[str, Callable[..., Workload]] = {"adding": Adding, "text": Text}
