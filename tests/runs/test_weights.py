"""The parameters that a run keeps: which seed's, and what is said where there are none."""

from dataclasses import replace

import numpy as np
import pytest

from gru_bench.config.preprocessing import Preprocessing
from gru_bench.config.score import Score
from gru_bench.runs.weights import (
    MODEL,
    WEIGHTS,
    SavedModel,
    SeedWeights,
    keep_weights,
    read_model,
    read_weights,
)
from gru_bench.system.errors import UserError

MODEL_OF_RUN = SavedModel(
    identity="0" * 16,
    task="adding",
    cell="gru",
    cell_source=None,
    architecture={"hidden_size": 3},
    preprocessing=Preprocessing(class_names=("no", "yes")),
    file_format=None,
    score=Score("mse", higher_is_better=False, baseline=1 / 6, baseline_name="always 1"),
    versions={"gru-bench": "1"},
)


def weights(seed, validation):
    return SeedWeights(seed, validation, {"head.bias": np.full(2, seed, np.float32)})


def test_the_best_seed_is_kept_with_what_it_is_of(tmp_path):
    keep_weights(tmp_path, "best", MODEL_OF_RUN, [weights(0, 0.3), weights(1, 0.2)])
    assert read_model(tmp_path) == MODEL_OF_RUN
    kept = read_weights(tmp_path)
    assert (kept.seed, kept.validation) == (1, 0.2)
    assert kept.arrays["head.bias"].tolist() == [1, 1]
    assert sorted(path.name for path in tmp_path.iterdir()) == [MODEL, WEIGHTS]


@pytest.mark.parametrize(("added", "best"), [(0.1, 2), (0.2, 1), (0.5, 1), (None, 1)])
def test_seeds_that_are_added_replace_it_only_if_they_are_better(tmp_path, added, best):
    keep_weights(tmp_path, "best", MODEL_OF_RUN, [weights(0, 0.3), weights(1, 0.2)])
    keep_weights(tmp_path, "best", MODEL_OF_RUN, [weights(2, added)], finished=[0, 1])
    assert read_weights(tmp_path).seed == best


def test_higher_may_be_better(tmp_path):
    accuracy = replace(MODEL_OF_RUN, score=replace(MODEL_OF_RUN.score, higher_is_better=True))
    keep_weights(tmp_path, "best", accuracy, [weights(0, 0.3), weights(1, 0.2)])
    assert read_weights(tmp_path).seed == 0


def test_weights_of_an_attempt_that_was_broken_off_do_not_count(tmp_path):
    keep_weights(tmp_path, "best", MODEL_OF_RUN, [weights(7, 0.0)])
    keep_weights(tmp_path, "best", MODEL_OF_RUN, [weights(0, 0.3)], finished=[])
    assert read_weights(tmp_path).seed == 0
    keep_weights(tmp_path, "none", MODEL_OF_RUN, [weights(1, 0.1)], finished=[])
    assert list(tmp_path.iterdir()) == []


def test_all_seeds_may_be_kept(tmp_path):
    keep_weights(tmp_path, "all", MODEL_OF_RUN, [weights(0, 0.3), weights(1, None)])
    assert [read_weights(tmp_path, seed).seed for seed in (None, 0, 1)] == [0, 0, 1]
    with pytest.raises(UserError, match="no weights of seed 2: train with save_weights=all"):
        read_weights(tmp_path, 2)


def test_a_folder_without_weights_says_how_to_get_them(tmp_path):
    with pytest.raises(UserError, match="give the folder of a finished run"):
        read_model(tmp_path / "none")
    with pytest.raises(UserError, match="holds no trained model"):
        read_model(tmp_path)
    keep_weights(tmp_path, "best", MODEL_OF_RUN, [weights(0, 0.3)])
    with pytest.raises(UserError, match="not the folder of one run: give one of those below it"):
        read_model(tmp_path.parent)
    (tmp_path / WEIGHTS).unlink()
    (tmp_path / "result.json").touch()
    with pytest.raises(UserError, match="save_weights=best force=true"):
        read_weights(tmp_path)


@pytest.mark.parametrize(("name", "read"), [(WEIGHTS, read_weights), (MODEL, read_model)])
def test_damage_is_told_in_one_line(tmp_path, name, read):
    keep_weights(tmp_path, "best", MODEL_OF_RUN, [weights(0, 0.3)])
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match=f"{name} is damaged") as error:
        read(tmp_path)
    assert "\n" not in str(error.value)
    # What is damaged is no reason not to keep the next.
    keep_weights(tmp_path, "best", MODEL_OF_RUN, [weights(1, 0.4)], finished=[0])
    assert read_weights(tmp_path).seed == 1
