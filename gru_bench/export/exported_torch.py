"""A model that gru-bench trained, in PyTorch: `load` puts its weights into a `RecurrentModel`.

This file needs torch and safetensors alone. It is copied to where weights are exported to.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

LAYERS: dict[str, Any] = {"gru_reset_after": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}


class TextbookGRU(nn.Module):
    """The GRU whose reset gate comes before the product, which `torch.nn.GRU` is not."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(2 * hidden_size, hidden_size))
        self.weight_hh_candidate = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(3 * hidden_size))

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the outputs `[time, batch, hidden]` and the state `[1, batch, hidden]`."""
        h, outputs = state[0], []
        for x_t in nn.functional.linear(x, self.weight_ih, self.bias):
            x_z, x_r, x_n = x_t.chunk(3, dim=-1)
            h_z, h_r = nn.functional.linear(h, self.weight_hh).chunk(2, dim=-1)
            z, r = torch.sigmoid(x_z + h_z), torch.sigmoid(x_r + h_r)
            n = torch.tanh(x_n + nn.functional.linear(r * h, self.weight_hh_candidate))
            h = (1 - z) * h + z * n
            outputs.append(h)
        return torch.stack(outputs), h[None]


class RecurrentModel(nn.Module):
    """Embedding, recurrent layers and head. Its inputs are `[batch, time]` or `[..., features]`.

    Values that are standardised are given, and come out, in their units.
    """

    inputs_means: Tensor | None
    inputs_deviations: Tensor | None
    outputs_means: Tensor | None
    outputs_deviations: Tensor | None

    def __init__(
        self,
        cell: str,
        input_size: int,
        output_size: int,
        hidden_size: int,
        layers: int,
        readout: str,
        embedding_size: int | None,
        bidirectional: bool = False,
        standardisation: dict[str, list[float]] | None = None,
    ) -> None:
        super().__init__()
        for name in ("inputs", "outputs"):
            for part in ("means", "deviations"):
                numbers = (standardisation or {}).get(f"{name}_{part}")
                exact = None if numbers is None else torch.tensor(numbers, dtype=torch.float64)
                self.register_buffer(f"{name}_{part}", exact, persistent=False)
        self.cell, self.hidden_size, self.readout = cell, hidden_size, readout
        self.bidirectional = bidirectional
        self.class_names: list[str] = []
        first = input_size if embedding_size is None else embedding_size
        self.embedding = None if embedding_size is None else nn.Embedding(input_size, first)
        layer = LAYERS.get(cell, TextbookGRU)
        width = 2 * hidden_size if bidirectional else hidden_size
        sizes = [first] + [width] * (layers - 1)
        self.layers = nn.ModuleList([layer(size, hidden_size) for size in sizes])
        self.backward_layers = nn.ModuleList(
            [layer(size, hidden_size) for size in sizes] if bidirectional else []
        )
        self.head = nn.Linear(width, output_size)

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Returns the outputs of whole sequences; what is behind their lengths changes nothing."""
        x = self._read(inputs).transpose(0, 1)
        if lengths is None:
            lengths = torch.full((x.shape[1],), x.shape[0], device=x.device)
        for number, state in enumerate(self._zeros(x.shape[1])):
            outputs, _ = self.layers[number](x, state)
            if self.bidirectional:
                backward, _ = self.backward_layers[number](reverse(x, lengths), state)
                outputs = torch.cat([outputs, reverse(backward, lengths)], dim=-1)
            x = outputs
        if self.readout == "every":
            return self._say(x.transpose(0, 1))
        real = (torch.arange(x.shape[0], device=x.device)[:, None] < lengths)[..., None]
        if self.readout == "last":
            last = x[lengths - 1, torch.arange(x.shape[1], device=x.device)]
            # The last state of what reads backwards is the one at the first step.
            x = torch.cat([last[:, : self.hidden_size], x[0, :, self.hidden_size :]], dim=-1)
        elif self.readout == "mean":
            x = torch.where(real, x, 0.0).sum(0) / lengths[:, None]
        else:
            x = torch.where(real, x, -torch.inf).amax(0)
        return self._say(x)

    def step(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Takes one step: token ids `[batch]` or features `[batch, features]`.

        A bidirectional model has no such steps.

        Args:
            inputs: The inputs of this step.
            state: What the step before returned; None at the start.

        Returns:
            The outputs for the sequence up to this step, and the state after it.
        """
        if self.bidirectional:
            raise TypeError("a model that reads from both ends takes no single steps")
        x = self._read(inputs)
        states, pooled, number = state or (self._zeros(len(x)), None, 0)
        x, after = x[None], []
        for layer, before in zip(self.layers, states, strict=True):
            x, last = layer(x, before)
            after.append(last)
        read = x[0]
        if self.readout == "mean":
            pooled = read if pooled is None else pooled + read
            read = pooled / (number + 1)
        elif self.readout == "max":
            pooled = read if pooled is None else torch.maximum(pooled, read)
            read = pooled
        return self._say(read), (after, pooled, number + 1)

    def _read(self, inputs: Tensor) -> Tensor:
        """Returns what the first recurrent layer reads."""
        if self.inputs_means is not None and self.inputs_deviations is not None:
            return ((inputs - self.inputs_means) / self.inputs_deviations).to(
                self.head.weight.dtype
            )
        return inputs if self.embedding is None else self.embedding(inputs)

    def _say(self, hidden: Tensor) -> Tensor:
        """Returns the outputs of hidden states."""
        outputs: Tensor = self.head(hidden)
        if self.outputs_means is None or self.outputs_deviations is None:
            return outputs
        return (outputs * self.outputs_deviations + self.outputs_means).to(outputs.dtype)

    def _zeros(self, batch: int) -> list[Any]:
        zeros = self.head.weight.new_zeros(1, batch, self.hidden_size)
        return [(zeros, zeros) if self.cell == "lstm" else zeros for _ in self.layers]


def reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Returns sequences `[time, batch, features]` from their last real step to the first."""
    t = torch.arange(x.shape[0], device=x.device)[:, None]
    source = torch.where(t < lengths, lengths - 1 - t, t)
    return x.gather(0, source[..., None].expand(x.shape))


def load(path: str | Path) -> RecurrentModel:
    """Returns the model whose weights a file of safetensors holds."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        model = RecurrentModel(**json.loads(metadata["architecture"]))
        model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    model.class_names = json.loads(metadata["class_names"])
    return model.eval()
