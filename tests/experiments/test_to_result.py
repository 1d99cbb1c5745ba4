"""Which learning rate a search chooses, worked by hand."""

import numpy as np
import pytest

from gru_bench.config.optim import TuneConfig
from gru_bench.config.score import Score
from gru_bench.experiments.to_result import tuning_grid, tuning_result
from gru_bench.training.state import Fit

NAN = float("nan")
TUNE = TuneConfig(learning_rates=[0.1, 0.01, 0.001], seeds=2)
ACCURACY = Score("accuracy", True, 0.5, "guessing")
ERROR = Score("mse", False, 0.2, "always predicting 1")


def searched(score, scores, losses):
    """A population as a search leaves it, as far as the choice looks at it."""
    nothing = np.zeros(6, int)
    return Fit(
        steps=nothing,
        best_step=nothing,
        solved_step=nothing,
        diverged_step=nothing,
        scores={"validation": {score.name: np.array(scores), "loss": np.array(losses)}},
        evaluations=[],
        params={},
        compile_s=0.0,
        train_s=0.0,
        earlier_s=0.0,
    )


def test_every_rate_is_tried_with_every_tuning_seed():
    first = TuneConfig.FIRST_SEED
    seeds, rates = tuning_grid(TUNE)
    assert seeds == [first, first + 1] * 3
    assert rates == [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]


@pytest.mark.parametrize(
    ("score", "scores", "losses", "chosen"),
    [
        (ACCURACY, [0.7, 0.9, 0.85, 0.85, 0.6, 0.6], [1] * 6, 0.01),
        (ERROR, [0.1, 0.1, 0.3, 0.3, 0.05, 0.05], [1] * 6, 0.001),
        # A run without a score is as good as none at all: it counts with the baseline.
        (ACCURACY, [NAN, 1.0, 0.76, 0.76, 0.6, 0.6], [1] * 6, 0.01),
        (ERROR, [NAN, 0.0, 0.11, 0.11, 0.15, 0.15], [1] * 6, 0.1),
        # Of equals, the least loss decides; one that is not finite never does.
        (ACCURACY, [1.0] * 6, [0.3, 0.3, 0.1, 0.2, 0.2, 0.2], 0.01),
        (ACCURACY, [1.0] * 6, [0.3, 0.3, 0.1, NAN, 0.4, 0.4], 0.1),
    ],
)
def test_the_best_mean_on_validation_data_is_chosen(score, scores, losses, chosen):
    tuning = tuning_result(TUNE, searched(score, scores, losses), score)
    assert tuning.chosen == chosen
    assert tuning.seeds == TUNE.tuning_seeds
    np.testing.assert_array_equal(np.ravel(tuning.scores), scores)
