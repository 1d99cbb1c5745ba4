"""The layer of attention once more, in PyTorch: its own attention, rotations by complex numbers."""

import numpy as np
import torch
from torch.nn import functional


def torch_attention(parameters, x):
    """The outputs `[time, batch, hidden]` of a layer on inputs `[time, batch, input]`.

    Args:
        parameters: Tensors by their names in our layer, such as `mlp_in.kernel`.
        x: The inputs.
    """
    p = parameters

    def linear(name, a):
        return functional.linear(a, p[f"{name}.kernel"].T, p[f"{name}.bias"])

    def norm(name, a):
        return functional.layer_norm(a, a.shape[-1:], p[f"{name}.scale"], p[f"{name}.bias"])

    x = x.transpose(0, 1)
    if "input_map.kernel" in p:
        x = linear("input_map", x)
    size = x.shape[-1]
    heads = int(np.ceil(size / 32))
    query, key, value = (
        part.unflatten(-1, (heads, -1)).transpose(1, 2)
        for part in linear("query_key_value", norm("attention_norm", x)).chunk(3, dim=-1)
    )
    attended = functional.scaled_dot_product_attention(
        turned(query), turned(key), value, is_causal=True
    )
    x = x + linear("output_map", attended.transpose(1, 2).flatten(2))
    hidden = functional.gelu(linear("mlp_in", norm("mlp_norm", x)), approximate="tanh")
    return (x + linear("mlp_out", hidden)).transpose(0, 1)


def turned(a):
    """Pairs of numbers as complex ones, each times exp(i t / 10000^(2k/d)) at step t."""
    steps, size = a.shape[-2:]
    pairs = torch.complex(*a.chunk(2, dim=-1))
    speeds = 10000.0 ** (-2 * torch.arange(size // 2, dtype=a.dtype) / size)
    angles = torch.arange(steps, dtype=a.dtype)[:, None] * speeds
    pairs = pairs * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([pairs.real, pairs.imag], dim=-1)
