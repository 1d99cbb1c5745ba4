"""Runs that grow: seeds of two results side by side are the result of all of them at once."""

import dataclasses

import numpy as np
import pytest
from helpers.made_up import ENVIRONMENT, make_probes, make_result

from gru_bench.runs.growth import grown
from gru_bench.runs.predictions import Predictions
from gru_bench.runs.result import Result

SCORES = (0.1, 0.2, 0.3, 0.4, 0.5)


def part(first: int, end: int) -> Result:
    """The result of some of the seeds, all of which have gradients and gates of their own."""
    whole = make_result("copy", scores=SCORES, probes=make_probes("gru", SCORES))
    probes = whole.probes
    gradients = probes.gradients
    gate = probes.gates[0]["kept"]
    own = sum(SCORES[first:end]) / (end - first)  # a mean over seeds
    return dataclasses.replace(
        whole,
        seeds=whole.seeds[first:end],
        probes=dataclasses.replace(
            probes,
            gradients=dataclasses.replace(
                gradients,
                initial=gradients.initial[first:end],
                trained=gradients.trained[first:end],
                initial_direct=gradients.trained[first:end],
                trained_direct=gradients.initial[first:end],
            ),
            gates=[{"kept": dataclasses.replace(gate, by_unit=[own], by_step=[own, None])}],
            gate_ends=dataclasses.replace(probes.gate_ends, replaced=own, z_kept=own),
            lengths=dataclasses.replace(
                probes.lengths, scores=[row[first:end] for row in probes.lengths.scores]
            ),
        ),
    )


def test_two_parts_make_the_whole():
    whole, joined = part(0, 5), grown(part(0, 2), part(2, 5))
    (gate,) = (layer["kept"] for layer in joined.probes.gates)
    assert gate.by_unit == pytest.approx([0.3])  # weighted by how many seeds each is of
    assert gate.by_step == [pytest.approx(0.3), None]
    assert joined.probes.gate_ends.z_kept == pytest.approx(0.3)
    assert joined.probes.gate_ends.replaced == pytest.approx(0.4)  # the largest, not the mean
    assert joined.seeds == whole.seeds
    assert joined.probes.gradients == whole.probes.gradients
    # Of the seeds of an older gru-bench the direct part is not known.
    gradients = dataclasses.replace(part(0, 2).probes.gradients, initial_direct=None)
    older = dataclasses.replace(part(0, 2).probes, gradients=gradients)
    mixed = grown(dataclasses.replace(part(0, 2), probes=older), part(2, 5)).probes.gradients
    assert (mixed.initial_direct, mixed.initial) == (None, whole.probes.gradients.initial)
    assert joined.probes.lengths == whole.probes.lengths
    assert joined.timing.train_s == 2 * whole.timing.train_s


def test_each_seed_keeps_the_environment_that_it_was_trained_in():
    other = dataclasses.replace(ENVIRONMENT, processor="Another")
    added = dataclasses.replace(part(2, 5), environments=[other])
    joined = grown(part(0, 2), added)
    assert joined.environments == [ENVIRONMENT, other]
    assert [seed.environment for seed in joined.seeds] == [0, 0, 1, 1, 1]
    assert joined.environment == other


def test_seeds_that_were_not_looked_into_leave_no_probes_of_the_whole():
    assert grown(dataclasses.replace(part(0, 2), probes=None), part(2, 5)).probes is None


def test_other_runs_and_seeds_that_are_there_already_are_refused():
    with pytest.raises(ValueError, match="different runs"):
        grown(part(0, 2), dataclasses.replace(part(2, 5), identity="0" * 16))
    with pytest.raises(ValueError, match="twice"):
        grown(part(0, 2), part(1, 5))


def test_predictions_of_all_seeds_stand_side_by_side():
    def predicting(result):
        seeds = [seed.seed for seed in result.seeds]
        given = np.array([[seed % 2, 1, 0] for seed in seeds], np.uint8)
        actual = np.array([0, 1, 1], np.uint8)
        made = Predictions(seeds=np.array(seeds), given=given, actual=actual)
        return dataclasses.replace(result, predictions=made)

    whole = predicting(part(0, 5)).predictions
    joined = grown(predicting(part(0, 2)), predicting(part(2, 5))).predictions
    np.testing.assert_array_equal(joined.values(range(5)), whole.values(range(5)))
    np.testing.assert_array_equal(joined.values([1, 4]), [[0, 1, 0], [1, 1, 0]])
    # Seeds of an older gru-bench have none, and then not all seeds have.
    partly = grown(part(0, 2), predicting(part(2, 5))).predictions
    assert partly.values(range(5)) is None
    assert partly.values([2, 3]).shape == (2, 3)
