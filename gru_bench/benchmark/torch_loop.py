"""The training loop that a user of PyTorch would write, for the same model as here."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from gru_bench.benchmark.workloads import PaddedBatch, Workload
from gru_bench.export.exported_torch import LAYERS
from gru_bench.model.model import ModelConfig
from gru_bench.system.machine import cpu_cores


class LastState(nn.Module):
    """An embedding where there are tokens, a recurrent layer, and a head on its last state."""

    def __init__(self, cell: str, config: ModelConfig) -> None:
        super().__init__()
        width = config.embedding_size
        self.embedding = None if width is None else nn.Embedding(config.input_size, width)
        self.layer = LAYERS[cell](config.cell_input_size, config.hidden_size)
        self.head = nn.Linear(config.hidden_size, config.output_size)

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Returns the outputs `[batch, output]` of inputs `[time, batch, ...]`."""
        if self.embedding is not None:
            x = self.embedding(x)
        packed = x if lengths is None else pack_padded_sequence(x, lengths, enforce_sorted=False)
        _, state = self.layer(packed)
        last = state[0] if isinstance(state, tuple) else state  # An LSTM's is h and c.
        outputs: Tensor = self.head(last[-1])
        return outputs


def train_in_torch(cell: str, workload: Workload, seed: int, compiled: bool) -> float:
    """Trains one cell with one seed, evaluated as often as `fit` does; returns the last loss."""
    torch.set_num_threads(cpu_cores())
    torch.manual_seed(seed)
    model = LastState(cell, workload.model)
    run: Callable[..., Tensor] = torch.compile(model) if compiled else model
    optim = workload.optim
    optimizer = torch.optim.Adam(model.parameters(), optim.learning_rate)
    schedule = (
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, workload.steps)
        if optim.schedule == "cosine"
        else None
    )
    loss = 0.0
    for step, batch in enumerate(workload.batches(seed), start=1):
        optimizer.zero_grad()
        error = _loss(run, batch)
        error.backward()
        if optim.clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), optim.clip_norm)
        optimizer.step()
        if schedule is not None:
            schedule.step()
        if step % workload.evaluate_every == 0:
            loss = _evaluate(run, workload.evaluation("validation"))
    return loss


def _loss(run: Callable[..., Tensor], batch: PaddedBatch) -> Tensor:
    lengths = None if batch.lengths is None else torch.tensor(batch.lengths)
    outputs, targets = run(torch.tensor(batch.inputs), lengths), torch.tensor(batch.targets)
    if targets.dtype.is_floating_point:
        return nn.functional.mse_loss(outputs[:, 0], targets)
    return nn.functional.cross_entropy(outputs, targets.long())


@torch.no_grad()
def _evaluate(run: Callable[..., Tensor], batches: Iterator[PaddedBatch]) -> float:
    losses = [_loss(run, batch).item() for batch in batches]
    return sum(losses) / len(losses)
