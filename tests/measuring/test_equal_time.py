"""The search for equal time: on made-up machines whose answer is known, and once on this one."""

import math

import numpy as np
import pytest

from gru_bench.config.optim import OptimConfig
from gru_bench.measuring import equal_time
from gru_bench.measuring.equal_time import (
    FARTHEST_FACTOR,
    FIRST_FACTORS,
    MAX_PASSES,
    TOLERANCE,
    choose_size,
    expected_log_ratios,
    match_training_time,
    next_sizes,
    possible_sizes,
    search_sizes,
)
from gru_bench.model.counts import matched_hidden_size
from gru_bench.model.model import ModelConfig
from gru_bench.tasks.adding import AddingTask
from gru_bench.training.state import TrainConfig

MOST_MEASURED = len(FIRST_FACTORS) + MAX_PASSES - 1


def found_on(machine, start):
    """What the search finds where `machine` gives the ratio of each size."""

    def measure(sizes):
        return {"gru": {size: machine(size) for size in sizes["gru"]}}

    return search_sizes({"gru": start}, measure)["gru"]


# Choosing from a table


@pytest.mark.parametrize(
    ("ratios", "start", "chosen"),
    [
        ({40: 0.7, 50: 0.93, 60: 1.2}, 50, 50),
        ({40: 0.5, 50: 0.8, 60: 1.2}, 50, 60),  # in logarithms: 1.2 is nearer than 0.8
        ({50: 0.99, 52: 1.0, 54: 1.02}, 49, 50),  # all are equally near
        ({50: 0.99, 52: 1.0, 54: 1.02}, 60, 54),
        ({50: 0.96, 52: 1.02}, 40, 52),  # 0.96 is not so near
        ({20: 1.31, 40: 1.30, 80: 1.29, 160: 1.4}, 42, 40),  # flat: no size is near
        ({48: 1.3, 56: 0.9, 64: 1.01, 72: 0.8}, 50, 64),  # not monotone
        ({7: 3.0}, 5, 7),
    ],
)
def test_the_size_nearest_to_equal_time_is_chosen(ratios, start, chosen):
    assert choose_size(ratios, start) == chosen


def test_ratios_between_the_measured_sizes_are_those_of_a_power_law():
    ratios = {20: 0.25, 80: 4.0}  # (size / 40) ** 2
    sizes = [10, 20, 30, 40, 160]
    expected = np.exp(expected_log_ratios(ratios, sizes))
    np.testing.assert_allclose(expected, [(size / 40) ** 2 for size in sizes])


def test_noise_against_the_order_of_sizes_is_averaged():
    ratios = {20: 0.5, 40: 1.1, 50: 0.9, 80: 2.0}
    expected = expected_log_ratios(ratios, [20, 40, 45, 50, 80])
    mean = (math.log(1.1) + math.log(0.9)) / 2
    np.testing.assert_allclose(expected, [math.log(0.5), mean, mean, mean, math.log(2.0)])


def test_the_search_goes_on_where_time_hardly_depends_on_the_size():
    expected = expected_log_ratios({20: 0.9, 40: 0.9}, [20, 80])
    assert expected[1] - expected[0] == pytest.approx(0.25 * math.log(2))


def test_sizes_are_measured_until_one_is_near():
    assert next_sizes({}, 50) == [30, 50, 80]
    # From 50 to 80 as from 0.8 to 1.25, and 1 is in the middle: sqrt(50 * 80) = 63.2.
    assert next_sizes({30: 0.5, 50: 0.8, 80: 1.25}, 50) == [63]
    assert next_sizes({30: 0.5, 50: 0.98, 80: 1.25}, 50) == []
    assert next_sizes({30: 0.5, 62: 0.8, 63: 1.1, 64: 1.25}, 50) == []  # none is left between


def test_large_sizes_are_multiples_and_all_are_within_reach():
    assert possible_sizes(1) == [1, 2, 3, 4]
    sizes = possible_sizes(60)
    assert sizes == [*range(15, 65), *range(68, 129, 4), *range(136, 241, 8)]


# Searching on made-up machines


@pytest.mark.parametrize("exponent", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("at_start", [0.6, 0.95, 1.0, 1.3])
@pytest.mark.parametrize("start", [9, 50, 148, 600])
def test_a_power_law_is_found(start, at_start, exponent):
    def machine(size):
        return at_start * (size / start) ** exponent

    match = found_on(machine, start)
    best = min(abs(math.log(machine(size))) for size in possible_sizes(start))
    assert abs(math.log(match.ratio)) <= max(TOLERANCE, best) + 1e-9
    assert match.ratio == machine(match.hidden_size)
    assert len(match.ratios) <= MOST_MEASURED


@pytest.mark.parametrize("seed", range(10))
def test_noise_and_a_part_that_no_size_changes(seed):
    noise = np.random.default_rng(seed)

    def true(size):
        return 0.4 + 0.5 * (size / 148) ** 2

    match = found_on(lambda size: true(size) * math.exp(noise.normal(0, 0.02)), 148)
    # Three standard deviations of the noise besides what is tolerated.
    assert abs(math.log(true(match.hidden_size))) < TOLERANCE + 0.06


def test_steps_and_dips():
    def machine(size):
        """Whole blocks of 32, and a dip where the size is a multiple of 64."""
        return 0.8 * math.ceil(size / 32) / 4 * (0.85 if size % 64 == 0 else 1)

    match = found_on(machine, 140)
    nearest = min(abs(math.log(ratio)) for ratio in match.ratios.values())
    assert abs(math.log(match.ratio)) <= nearest + TOLERANCE
    assert 128 < match.hidden_size <= 160  # five blocks, a ratio of 1


@pytest.mark.parametrize(("ratio", "end"), [(1.3, 1 / FARTHEST_FACTOR), (0.7, FARTHEST_FACTOR)])
def test_where_no_size_comes_near_the_search_ends_and_says_so(ratio, end):
    match = found_on(lambda size: ratio, 40)
    assert match.ratio == ratio
    assert match.hidden_size == 40  # all are as near
    assert 40 * end in match.ratios
    assert len(match.ratios) <= MOST_MEASURED


def test_cells_share_the_passes_until_each_has_its_size():
    passes = []

    def measure(sizes):
        passes.append(sizes)
        speed = {"gru": 0.99, "rnn": 0.4}
        return {
            cell: {size: speed[cell] * (size / 50) ** 2 for size in sizes[cell]} for cell in sizes
        }

    found = search_sizes({"gru": 50, "rnn": 50}, measure)
    assert set(passes[0]) == {"gru", "rnn"}
    assert [set(sizes) for sizes in passes[1:]] == [{"rnn"}] * (len(passes) - 1)
    assert found["gru"].hidden_size == 50
    assert found["rnn"].ratio == pytest.approx(1, abs=0.06)


# On this machine


def test_matched_on_a_tiny_task(monkeypatch):
    monkeypatch.setattr(equal_time, "MAX_PASSES", 1)  # each takes seconds to compile
    model = ModelConfig("lstm", input_size=2, output_size=1, hidden_size=24)
    lstm = TrainConfig(model, OptimConfig(), steps=10, evaluate_every=10)
    found = match_training_time(lstm, ["rnn", "lstm"], AddingTask(length=20, batch_size=16))
    assert (found["lstm"].hidden_size, found["lstm"].ratio) == (24, 1)
    rnn = found["rnn"]
    start = matched_hidden_size("rnn", 2, 24, 1, "flops")
    assert list(rnn.ratios) == next_sizes({}, start)
    assert min(rnn.ratios.values()) < 1  # fewer operations than the LSTM's, of the same kind
    assert rnn.hidden_size == choose_size(rnn.ratios, start)
    assert rnn.ratio == rnn.ratios[rnn.hidden_size]
