"""What tasks draw from keys is what JAX draws."""

import jax
import numpy as np

from gru_bench.tasks.drawn import draw_integers


def test_integers_are_those_of_jax_for_each_key_and_range():
    keys, ranges = jax.random.split(jax.random.key(3), 3), ((0, 5), (5, 12), (-3, 4))
    drawn = draw_integers(tuple(keys), (40, 7), ranges)
    alone = [
        jax.random.randint(key, (40, 7), *ends) for key, ends in zip(keys, ranges, strict=True)
    ]
    np.testing.assert_array_equal(drawn, alone)
    assert [set(each) for each in np.reshape(drawn, (3, -1)).tolist()] == [
        set(range(*ends)) for ends in ranges
    ]
