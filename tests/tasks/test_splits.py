"""Which examples become validation and test: shares of classes, and groups that stay together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.tasks.splits import of_whole_groups, stratified


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_every_class_keeps_an_example_and_shares_are_kept(labels, fraction):
    labels = np.array(labels)
    taken = stratified(labels, fraction)
    assert len(set(taken)) == len(taken)
    kept = np.delete(labels, taken)
    assert set(kept) == set(labels)
    for label in set(labels):
        count = (labels == label).sum()
        assert abs((labels[taken] == label).sum() - fraction * count) <= 1 or count == 1


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=60),
    st.floats(0.05, 0.5),
)
def test_groups_stay_together_and_every_class_keeps_an_example(pairs, fraction):
    labels, groups = (np.array(each) for each in zip(*pairs, strict=True))
    taken = of_whole_groups(labels, groups, fraction)
    assert not set(groups[taken]) & set(np.delete(groups, taken))
    assert set(np.delete(labels, taken)) == set(labels)


def test_groups_come_near_to_the_share_of_each_class():
    groups = np.repeat(np.arange(40), 5)
    labels = np.where(groups % 4 == 0, 1, 0)  # a quarter of the machines is faulty
    taken = of_whole_groups(labels, groups, 0.2)
    assert len(taken) == 40
    assert labels[taken].mean() == 0.25
