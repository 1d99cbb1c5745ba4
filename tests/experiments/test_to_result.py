"""Which learning rate a search chooses, worked by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.trained import train, words_for_tickets

from gru_bench.config.optim import OptimConfig, TuneConfig
from gru_bench.config.score import Score
from gru_bench.config.tasks.text import TextConfig
from gru_bench.evidence.record import record_of
from gru_bench.experiments.to_result import predictions_on_test, tuning_grid, tuning_result
from gru_bench.model.model import ModelConfig, make_model
from gru_bench.runs.folder import read_result
from gru_bench.tasks.corpora import Corpus, Documents
from gru_bench.tasks.text import make_task
from gru_bench.training.state import Fit, TrainConfig
from gru_bench.training.step import evaluate_splits, init_state

NAN = float("nan")
TUNE = TuneConfig(learning_rates=[0.1, 0.01, 0.001], seeds=2)
ACCURACY = Score("accuracy", True, 0.5, "guessing")
ERROR = Score("mse", False, 0.2, "always predicting 1")


def searched(score, scores, losses):
    """A population as a search leaves it, as far as the choice looks at it."""
    nothing = np.zeros(len(scores), int)
    return Fit(
        steps=nothing,
        best_step=nothing,
        solved_step=nothing,
        diverged_step=nothing,
        scores={"validation": {score.name: np.array(scores), "loss": np.array(losses)}},
        predicted=None,
        evaluations=[],
        initial={},
        params={},
        compile_s=0.0,
        train_s=0.0,
        earlier_s=0.0,
    )


def test_every_rate_is_tried_with_every_tuning_seed():
    first = TuneConfig.FIRST_SEED
    seeds, rates, starts = tuning_grid(TUNE, 0.5)
    assert seeds == [first, first + 1] * 3
    assert rates == [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    assert starts is None


@pytest.mark.parametrize(
    ("rates", "tried"),
    [([0.1, 0.01], [0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01]), ([], [0.5, 0.5, 0.5, 0.5])],
)
def test_every_start_is_tried_with_every_rate_and_seed(rates, tried):
    tune = TuneConfig(learning_rates=rates, keeps=[0.5, 0.9], seeds=2)
    seeds, members, starts = tuning_grid(tune, 0.5)
    assert members == tried
    assert starts == [0.5, 0.5, 0.9, 0.9] * (len(tried) // 4)
    assert seeds == tune.tuning_seeds * (len(tried) // 2)


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
    tuning = tuning_result(TUNE, 0.5, searched(score, scores, losses), score)
    assert tuning.chosen == chosen
    assert tuning.chosen_keep is None
    assert tuning.seeds == TUNE.tuning_seeds
    np.testing.assert_array_equal(np.ravel(tuning.scores), scores)


def test_predictions_are_those_of_each_seed_on_each_test_document():
    words, labels = ["up", "down", "flat"] * 3, np.arange(9, dtype=np.int32) % 3
    test = Documents([f"{a} {b}" for a in words[:3] for b in words[:3]][:7], labels[:7])
    corpus = Corpus(Documents(words, labels), test, test, ("u", "d", "f"))
    task = make_task(TextConfig(min_frequency=1), corpus, batch_size=4)  # so the last has a filler
    model = ModelConfig(
        "gru",
        input_size=task.input_size,
        output_size=3,
        hidden_size=4,
        embedding_size=4,
    )
    config = TrainConfig(model, OptimConfig(), steps=1, evaluate_every=1)

    @jax.jit
    def tested(seed):
        params = init_state(config, task, seed, jnp.float32(0.1)).params
        return params, evaluate_splits(config, params, task, jax.random.key(0))

    params, (scores, predicted) = jax.lax.map(tested, jnp.arange(3))
    trained = dataclasses.replace(searched(ACCURACY, [0.5], [0.5]), predicted=predicted)
    predictions = predictions_on_test(trained, slice(1, 3), [6, 7])

    documents, lengths = task.inputs[-7:].astype(jnp.int32).T, task.lengths[-7:]
    for row, place in enumerate((1, 2)):
        of_seed = jax.tree.map(lambda leaf, at=place: leaf[at], params)
        outputs = make_model(model, of_seed)(documents, lengths)
        np.testing.assert_array_equal(predictions.given[row], outputs.argmax(-1))
    assert predictions.given.dtype == np.uint8
    np.testing.assert_array_equal(predictions.actual, labels[:7])
    means = predictions.values([6, 7]).mean(axis=1)
    np.testing.assert_allclose(means, scores["test"]["accuracy"][1:], rtol=1e-6)


@pytest.mark.parametrize(
    ("scores", "rate", "keep"),
    [
        ([0.6, 0.6, 0.7, 0.7, 0.9, 0.9, 0.8, 0.8], 0.01, 0.5),
        ([0.6, 0.6, 0.95, 0.95, 0.9, 0.9, 0.8, 0.8], 0.1, 0.9),
    ],
)
def test_rate_and_start_are_chosen_together(scores, rate, keep):
    tune = TuneConfig(learning_rates=[0.1, 0.01], keeps=[0.5, 0.9], seeds=2)
    tuning = tuning_result(tune, 0.5, searched(ACCURACY, scores, [1] * 8), ACCURACY)
    assert (tuning.chosen, tuning.chosen_keep) == (rate, keep)
    # What is shown of the grid: the rates at a start, and the starts at the chosen rate.
    assert tuning.scores_at(0.5) == [scores[:2], scores[4:6]]
    assert tuning.scores_at(0.9) == [scores[2:4], scores[6:]]
    at_rate = scores[:4] if rate == 0.1 else scores[4:]
    assert tuning.at_the_chosen_rate == [at_rate[:2], at_rate[2:]]


def test_starts_alone_are_chosen_at_the_rate_that_is_asked_for():
    tune = TuneConfig(keeps=[0.5, 0.9], seeds=1)
    tuning = tuning_result(tune, 0.3, searched(ACCURACY, [0.6, 0.7], [1, 1]), ACCURACY)
    assert (tuning.learning_rates, tuning.chosen, tuning.chosen_keep) == ([0.3], 0.3, 0.9)
    assert not tuning.chosen_rate_is_at_an_end


def test_a_run_is_judged_by_the_score_that_is_asked_for(tmp_path):
    asked = ["task.score=macro_f1", "task.class_weights=balanced", "seeds=2"]
    result = read_result(train(tmp_path, *words_for_tickets(tmp_path), *asked))
    assert result.score.name == "macro_f1"
    assert 0 < result.score.baseline < 0.5  # one class of two is never found
    for seed in result.seeds:
        best = max(score for score in seed.curve.validation_score if score is not None)
        assert seed.validation["macro_f1"] == pytest.approx(best, rel=1e-6)
    # Verdicts cross seeds with examples.
    record = record_of(result, result.margin)
    np.testing.assert_allclose(record.examples.mean(axis=1), record.scores, rtol=1e-5)
