"""MNIST-1D: ten shapes, drawn along a line, stretched, shifted and covered with noise.

Source: Greydanus and Kobak, "Scaling down deep learning with MNIST-1D", 2024 (arXiv:2011.14439).
The package `mnist1d` (Apache-2.0) makes the sequences; its code is read for the shapes and never
run. The same random numbers in the same order give the same sequences here.
"""

import ast

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter

from gru_bench.tasks.recordings import Recordings

# As `get_dataset_args` of the package has them.
EXAMPLES = 5000
SEED = 42
STEPS = 40
SHORTEST_PADDING, LONGEST_PADDING = 36, 60
MOST_SHIFTED = 48
SCALING, SHEARING = 0.4, 0.75
CORRELATED_NOISE, NOISE = 0.25, 0.02
SMOOTHING = 2  # standard deviation of the correlated noise's filter, in steps
AMPLITUDE = 6
NOT_ZERO = 1e-8  # added to a shape, so that it is told apart from the padding


def read_mnist1d(content: bytes, where: str) -> Recordings:
    """Makes the 5,000 sequences of 40 steps from the package's source.

    Args:
        content: The module `mnist1d.data`, in which the shapes are written as lists of numbers.
        where: The file in words.
    """
    values, labels = make_sequences(read_shapes(content.decode("utf-8")))
    return Recordings(
        values=list(values[..., None]),
        labels=[(str(label),) for label in labels],
        groups=None,
        names=[str(number) for number in range(1, len(values) + 1)],
        channels=("height",),
        where=where,
    )


def read_shapes(source: str) -> Float[np.ndarray, "classes points"]:
    """Returns the shapes of the digits: of mean 0 and deviation 1, then shifted to begin at 0."""
    function = next(
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name == "get_templates"
    )
    written = [
        node.value.args[0]
        for node in function.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and node.value.args
        if isinstance(node.value.args[0], ast.List)
    ]
    lists = [node for node in written if all(isinstance(e, ast.Constant) for e in node.elts)]
    shapes = np.array([ast.literal_eval(node) for node in lists])
    shapes = shapes - shapes.mean(1, keepdims=True)
    shapes = shapes / shapes.std(1, keepdims=True)
    return np.asarray((shapes - shapes[:, :1]) / AMPLITUDE)


def make_sequences(
    shapes: Float[np.ndarray, "classes points"],
) -> tuple[Float[np.ndarray, "examples steps"], Int[np.ndarray, " examples"]]:
    """Returns sequences of mean 0 and deviation 1 over all of them, and their classes."""
    random = np.random.RandomState(SEED)
    labels = np.repeat(np.arange(len(shapes)), EXAMPLES // len(shapes))
    values = np.stack([_distorted(shapes[label], random) for label in labels])
    order = random.permutation(len(labels))
    values = values[order]
    return (values - values.mean()) / values.std(), labels[order]


def _distorted(
    shape: Float[np.ndarray, " points"], random: np.random.RandomState
) -> Float[np.ndarray, " steps"]:
    """Returns a sequence made of a shape, with random numbers drawn in the package's order."""
    padding = SHORTEST_PADDING + int(random.rand() * (LONGEST_PADDING - SHORTEST_PADDING + 1))
    line = np.concatenate([shape + NOT_ZERO, np.zeros(padding)])
    line = _resampled(line, len(shape) + LONGEST_PADDING)
    line = line * (1 + SCALING * (random.rand() - 0.5))
    line = np.roll(line, random.choice(MOST_SHIFTED))
    smooth = gaussian_filter(CORRELATED_NOISE * random.randn(len(line)), SMOOTHING)
    line = np.where(line != 0, line, smooth)
    line = line + NOISE * random.randn(len(line))
    slope = SHEARING * (random.rand() - 0.5)
    return _resampled(line - slope * np.linspace(-0.5, 0.5, len(line)), STEPS)


def _resampled(line: Float[np.ndarray, " points"], points: int) -> Float[np.ndarray, " {points}"]:
    """Returns a line read off at as many points, straight between those that it has."""
    return np.asarray(np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(line)), line))
