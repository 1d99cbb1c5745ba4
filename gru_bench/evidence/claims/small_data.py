"""The claim on small data: how far training runs ahead of what was not trained on."""

import itertools
from collections.abc import Iterator

import numpy as np

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.claims.claim import Test
from gru_bench.evidence.claims.evidence import Evidence
from gru_bench.evidence.claims.findings import above, mean_level, points, sign
from gru_bench.evidence.claims.rules import ClaimRule
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.run_settings import DOCUMENTS
from gru_bench.evidence.sequential import median_sequence
from gru_bench.runs.result import Result, SeedResult


def overfitting(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim, from training and test scores and from losses.

    An LSTM may overfit more because it has learnt more of the training data: so the losses on
    validation data are compared as well, at the step at which each has come to the same loss on
    training data.
    """
    gap, at_equal_loss = rule.parts
    for setting, gru, lstm in evidence.pairs("small data"):
        documents = setting.keys.get(DOCUMENTS)
        if documents is None or documents > rule.limits["most_documents"]:
            continue
        on = f"on {documents} documents, {setting.keys.get('match', 'hidden')} matched"
        if excess := _paired(_gaps(lstm), _gaps(gru)):
            tested = ", ".join(f"{run.cell} {mean_level(run)}" for run in (lstm, gru))
            interval = median_sequence(np.array(excess))
            yield evidence.test(
                setting,
                gru,
                f"against {REFERENCE}, training less test {gru.score.in_words} {on}",
                f"{REFERENCE} {points(gru, interval)} more, {len(excess)} pairs; test: {tested}",
                above(interval, 0),
                gap,
            )
        target = rule.limits["training_loss"]
        if excess := _paired(_losses_at(lstm, target), _losses_at(gru, target)):
            interval = median_sequence(np.array(excess))
            yield evidence.test(
                setting,
                gru,
                f"against {REFERENCE}, validation loss once the training loss is {target:g}, {on}",
                f"{REFERENCE} {format_interval(interval)} nats more, {len(excess)} pairs",
                above(interval, 0),
                at_equal_loss,
            )


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
