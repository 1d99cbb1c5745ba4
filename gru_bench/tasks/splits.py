"""Which examples are taken away from training for validation or test, the same in every run."""

import numpy as np
from jaxtyping import Bool, Int


def stratified(labels: Int[np.ndarray, " examples"], fraction: float) -> Int[np.ndarray, " taken"]:
    """Chooses a share of the examples, the same share of each class; each keeps one at least.

    Class shares are rounded so that they add up to the share of the whole (largest remainders).

    Args:
        labels: The class of each example, counted from 0.
        fraction: The share.

    Returns:
        Their places in rising order; none where the examples are too few.
    """
    counts = np.bincount(labels)
    exact = counts * fraction
    taken = np.minimum(np.floor(exact).astype(int), np.maximum(counts - 1, 0))
    total = max(1, round(len(labels) * fraction))
    for label in np.argsort(taken - exact, kind="stable"):
        if taken.sum() < total and taken[label] < counts[label] - 1:
            taken[label] += 1
    generator = np.random.default_rng(0)
    members = [
        generator.permutation(np.flatnonzero(labels == label))[:count]
        for label, count in enumerate(taken)
    ]
    return np.sort(np.concatenate(members))


def of_whole_groups(
    labels: Int[np.ndarray, " examples"], groups: Int[np.ndarray, " examples"], fraction: float
) -> Int[np.ndarray, " taken"]:
    """Chooses whole groups of examples that come near to a share of each class.

    Groups are looked at in a fixed random order, large ones first. One is taken if the counts of
    the classes come nearer to their shares with it, and if every class keeps an example.

    Args:
        labels: The class of each example, counted from 0.
        groups: The group of each example, counted from 0.
        fraction: The share.

    Returns:
        Their places in rising order; none where no group can be spared.
    """
    counts = np.zeros((groups.max() + 1, labels.max() + 1), int)
    np.add.at(counts, (groups, labels), 1)
    wanted, kept = counts.sum(0) * fraction, counts.sum(0)
    taken: Bool[np.ndarray, " groups"] = np.zeros(len(counts), bool)
    order = np.random.default_rng(0).permutation(len(counts))
    for group in order[np.argsort(-counts.sum(1)[order], kind="stable")]:
        missing = wanted - counts[taken].sum(0)
        nearer = np.square(missing - counts[group]).sum() < np.square(missing).sum()
        if nearer and (kept - counts[group] >= (kept > 0)).all():
            taken[group] = True
            kept = kept - counts[group]
    return np.flatnonzero(taken[groups])
