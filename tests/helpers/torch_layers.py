"""PyTorch's layers with the parameters of a cell."""

import numpy as np
import torch

TORCH = {
    "gru_reset_after": (torch.nn.GRU, "rzn"),
    "lstm": (torch.nn.LSTM, "ifgo"),
    "rnn": (torch.nn.RNN, "n"),
}


def torch_layer(name, p):
    """PyTorch's module with the same parameters; its second bias takes a random part of ours."""
    module, gates = TORCH[name]
    input_size, hidden_size = p["W" + gates[0]].shape
    layer = module(input_size, hidden_size, dtype=torch.float64)
    random = np.random.default_rng(3)
    first, second = [], []
    for gate in gates:
        if name == "gru_reset_after" and gate == "n":
            first.append(p["bn"])
            second.append(p["bhn"])
        else:
            second.append(random.normal(size=hidden_size))
            first.append(p["b" + gate] - second[-1])
    with torch.no_grad():
        for target, blocks in (
            (layer.weight_ih_l0, [p["W" + gate].T for gate in gates]),
            (layer.weight_hh_l0, [p["U" + gate].T for gate in gates]),
            (layer.bias_ih_l0, first),
            (layer.bias_hh_l0, second),
        ):
            target.copy_(torch.from_numpy(np.concatenate(blocks)))
    return layer
