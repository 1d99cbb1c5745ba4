"""MNIST-1D: against numbers that the package mnist1d has made, from shapes written as it does."""

import numpy as np
import pytest

from gru_bench.tasks.mnist1d import EXAMPLES, STEPS, make_sequences, read_shapes

# The shapes of the package, as numbers; its source also has lists of other things.
SHAPES = [
    [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
    [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
    [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
    [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
    [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
    [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
    [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
    [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
    [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
    [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
]
SOURCE = "\n".join(
    [
        "import nothing_that_is_imported",
        "def get_templates():",
        *(f"    d{number} = np.asarray({shape})" for number, shape in enumerate(SHAPES)),
        "    x = np.stack([d0, d1])",
        "    return {'y': np.asarray([0, 1, 2])}",
    ]
)


def test_shapes_begin_at_nothing_and_are_as_tall_as_each_other():
    shapes = read_shapes(SOURCE)
    assert shapes.shape == (10, 12)
    np.testing.assert_allclose(shapes[:, 0], 0)
    np.testing.assert_allclose(shapes.std(1), 1 / 6)
    np.testing.assert_allclose(np.corrcoef(shapes[3], SHAPES[3])[0, 1], 1)


def test_the_sequences_are_those_of_the_package():
    values, labels = make_sequences(read_shapes(SOURCE))
    assert values.shape == (EXAMPLES, STEPS)
    assert labels[:10].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1]
    assert np.bincount(labels).tolist() == [EXAMPLES // 10] * 10
    first = [-0.33200567, -0.47191037, -0.77869708, -1.00974083, -0.88235257, 0.10393481]
    assert values[0, :6] == pytest.approx(first, abs=1e-8)
    assert values[-1, -3:] == pytest.approx([0.65987565, 0.87773435, 1.19315184], abs=1e-8)
    assert values.mean() == pytest.approx(0, abs=1e-12)
