"""The claim on small data: how far training runs ahead of what was not trained on."""

import itertools
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.claims.claim import Test
from gru_bench.evidence.claims.evidence import Evidence
from gru_bench.evidence.claims.findings import above, mean_level, points, sign
from gru_bench.evidence.claims.rules import ClaimRule
from gru_bench.evidence.claims.setting import Setting
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.run_settings import DOCUMENTS, freeze
from gru_bench.evidence.sequential import median_sequence
from gru_bench.runs.result import Result, SeedResult

# Which of the documents are kept; it tells runs apart that are one problem.
SUBSET = "task.subset"
Pair = tuple[Setting, Result, Result]


def overfitting(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim, from training and test scores and from losses.

    An LSTM may overfit more because it has learnt more of the training data: so the losses on
    validation data are compared as well, at the step at which each has come to the same loss on
    training data.
    """
    gap, at_equal_loss = rule.parts
    target = rule.limits["training_loss"]
    for pairs in _over_subsets(evidence, rule.limits["most_documents"]):
        setting, gru, lstm = pairs[0]
        if len(pairs) > 1:  # no subset tells this comparison from others
            setting = replace(setting, label=setting.task_label)
        difference = f"{REFERENCE} minus {gru.cell} "
        match = setting.keys.get("match", "hidden")
        on = f"on {setting.keys[DOCUMENTS]} documents, {match} matched"
        if dropout := setting.keys.get("dropout"):
            on += f", dropout {dropout:g}"
        if excess := _excess(pairs, _gaps):
            _, grus, lstms = zip(*pairs, strict=True)
            tested = f"{lstm.cell} {mean_level(lstms)}, {gru.cell} {mean_level(grus)}"
            interval = median_sequence(np.array(excess))
            yield evidence.test(
                setting,
                gru,
                f"against {REFERENCE}, training less test {gru.score.in_words} {on}",
                f"{difference}{points(gru, interval)}, {len(excess)} pairs; test: {tested}",
                above(interval, 0),
                gap,
            )
        if excess := _excess(pairs, lambda run: _losses_at(run, target)):
            interval = median_sequence(np.array(excess))
            yield evidence.test(
                setting,
                gru,
                f"against {REFERENCE}, validation loss once the training loss is {target:g}, {on}",
                f"{difference}{format_interval(interval)} nats, {len(excess)} pairs",
                above(interval, 0),
                at_equal_loss,
            )


def _over_subsets(evidence: Evidence, most_documents: float) -> list[list[Pair]]:
    """Returns the pairs of a GRU and the LSTM on few documents, those of other subsets together."""
    found: dict[Any, list[Pair]] = defaultdict(list)
    for setting, gru, lstm in evidence.pairs("small data"):
        documents = setting.keys.get(DOCUMENTS)
        if documents is not None and documents <= most_documents:
            keys = {key: value for key, value in setting.keys.items() if key != SUBSET}
            found[gru.cell, setting.task_label, setting.nominal_size, freeze(keys)].append(
                (setting, gru, lstm)
            )
    return list(found.values())


def _excess(pairs: Sequence[Pair], measure: Callable[[Result], dict[int, float]]) -> list[float]:
    """Returns by how much more there is of a quantity in the LSTM.

    A pair is one of seeds where there is one subset of documents, and the mean over seeds of a
    subset where there are several: seeds on the same documents are not independent.
    """
    by_subset = [_paired(measure(lstm), measure(gru)) for _, gru, lstm in pairs]
    if len(by_subset) == 1:
        return by_subset[0]
    return [statistics.fmean(excess) for excess in by_subset if excess]


def _paired(a: dict[int, float], b: dict[int, float]) -> list[float]:
    """Returns the differences of two cells, of the seeds that both have."""
    return [a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())]


def _gaps(result: Result) -> dict[int, float]:
    """Returns how much better the score is on training data than on test data, by seed."""
    name = result.score.name
    return {
        seed.seed: sign(result) * (train - test)
        for seed in result.seeds
        if (train := seed.train.get(name)) is not None and (test := seed.test[name]) is not None
    }


def _losses_at(result: Result, training_loss: float) -> dict[int, float]:
    """Returns the validation loss by seed once the training loss has fallen so far."""
    found = {seed.seed: _loss_at(seed, training_loss) for seed in result.seeds}
    return {seed: loss for seed, loss in found.items() if loss is not None}


def _loss_at(seed: SeedResult, training_loss: float) -> float | None:
    """Returns it on the line between the two evaluations around that loss; None if never."""
    curve = seed.curve
    known = [
        (train, validation)
        for train, validation in zip(curve.train_loss, curve.validation_loss, strict=True)
        if train is not None and validation is not None
    ]
    for (before, validated), (after, then) in itertools.pairwise(known):
        if before > training_loss >= after:
            part = (before - training_loss) / (before - after)
            return validated + part * (then - validated)
    return None
