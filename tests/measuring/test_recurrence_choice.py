"""The ways of computing the recurrence: which are possible, and that the fastest is taken."""

import json
import os
import time
from typing import Any

import jax
import pytest

from gru_bench.cli.main import main
from gru_bench.config.optim import OptimConfig
from gru_bench.measuring import recurrence_choice
from gru_bench.measuring.recurrence_choice import (
    choose_recurrence,
    possible_recurrences,
    recurrence_times,
)
from gru_bench.model.model import ModelConfig
from gru_bench.recurrence.scan import Implementation
from gru_bench.system.errors import UserError
from gru_bench.tasks.adding import AddingTask
from gru_bench.training.state import TrainConfig

MODEL = ModelConfig("lstm", 2, 1, 64, recurrence="auto")
TASK = AddingTask(length=5, batch_size=3)


def training(**changes):
    return TrainConfig(ModelConfig(**vars(MODEL) | changes), OptimConfig(), 10, 5)


def chosen(members=1, **changes):
    return choose_recurrence(training(**changes), TASK, members).model.recurrence


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")


@pytest.fixture
def milliseconds(monkeypatch, gpu, tmp_path):
    """What the gradients take by recurrence, to be set by the test; a recurrence without fails.

    `milliseconds["asked"]` are those that were compiled.
    """
    monkeypatch.setenv("GRU_BENCH_CACHE", str(tmp_path))
    fake: dict[str, Any] = {"asked": []}

    def layer_gradients(recurrence, *arguments):
        fake["asked"].append((recurrence, *arguments[1:]))
        if recurrence not in fake:
            raise NotImplementedError("no such\nkernel")
        return lambda: time.sleep(fake[recurrence] / 1e3)

    monkeypatch.setattr(recurrence_choice, "layer_gradients", layer_gradients)
    return fake


@pytest.mark.parametrize("cell", ["lstm", "mingru"])
def test_a_cpu_scans_and_measures_nothing(cell):
    assert chosen(cell=cell) == "scan"
    assert recurrence_times(training(cell=cell).model, 3, 5, 1) == {}


def test_a_cell_that_is_linear_in_its_state_may_be_computed_in_parallel_and_no_other():
    assert chosen(cell="minlstm", recurrence="parallel") == "parallel"
    with pytest.raises(UserError, match=r"lstm is not linear in its state; .* auto or scan"):
        chosen(cell="lstm", recurrence="parallel")


def test_on_a_gpu_the_parallel_scan_is_timed_against_the_loop(milliseconds):
    milliseconds |= {"scan": 3, "parallel": 1}
    assert chosen(cell="mingru") == "parallel"


@pytest.mark.parametrize(
    ("changes", "possible"),
    [
        ({}, ["scan", "fused", "cudnn", "plain"]),
        ({"dtype": "bfloat16"}, ["scan", "fused", "plain"]),
        ({"hidden_size": 65}, ["scan", "cudnn", "plain"]),
        ({"cell": "gru"}, ["scan", "fused", "plain"]),
        ({"cell": "gru", "hidden_size": 129}, ["scan", "plain"]),
        ({"layer_norm": True}, ["plain"]),
        ({"recurrent_dropout": 0.5}, ["plain"]),
        ({"cell": "mingru"}, ["scan", "parallel", "plain"]),
    ],
)
def test_what_is_possible_on_a_gpu(changes, possible, gpu):
    assert possible_recurrences(training(**changes).model) == possible


@pytest.mark.parametrize(
    ("changes", "reason", "right"),
    [
        ({"recurrence": "cudnn", "cell": "gru"}, "LSTM alone", "auto or scan or fused"),
        ({"recurrence": "fused", "hidden_size": 65}, "65 units are too large", "auto or scan or c"),
    ],
)
def test_what_is_not_possible_is_told_with_what_is(changes, reason, right, gpu):
    with pytest.raises(UserError, match=rf"recurrence=\w+ is not possible: .*{reason}.*{right}"):
        chosen(**changes)


@pytest.mark.parametrize("option", [{"layer_norm": True}, {"recurrent_dropout": 0.5}])
def test_what_one_recurrence_alone_can_do_is_left_to_it(option):
    assert chosen(**option) == "plain"
    ((key, value),) = option.items()
    for named in ("scan", "fused", "cudnn"):
        with pytest.raises(
            UserError, match=f"recurrence={named} is not possible: .*{key}="
        ) as told:
            chosen(**option, recurrence=named)
        assert str(told.value).endswith("here recurrence must be auto or plain")
    assert str(value).lower() in str(told.value)


def test_a_kernel_on_a_cpu_is_refused_before_anything_runs(tmp_path, capsys):
    words = ["task=adding", "recurrence=fused", f"out_dir={tmp_path}"]
    assert main(["run", *words]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: recurrence=fused is not possible: it needs an NVIDIA GPU")
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_fastest_is_taken_and_remembered_for_that_number_of_runs(milliseconds):
    milliseconds |= {"scan": 3, "fused": 6, "cudnn": 0.1}
    assert chosen() == "cudnn"
    assert milliseconds["asked"] == [(each, 3, 5, 1) for each in ("scan", "fused", "cudnn")]
    milliseconds |= {"fused": 0.1, "cudnn": 6}
    assert chosen() == "cudnn"
    members = 8 * jax.device_count() - 1  # 8 on the device that has most
    assert chosen(members) == "fused"
    assert milliseconds["asked"][3:] == [(each, 3, 5, 8) for each in ("scan", "fused", "cudnn")]
    assert chosen() == "cudnn"
    assert len(milliseconds["asked"]) == 6


def test_what_is_asked_for_is_not_timed(milliseconds):
    assert chosen(recurrence="fused") == "fused"
    assert milliseconds["asked"] == []


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_lies_in_place_of_the_table_is_left_alone(make, milliseconds, tmp_path):
    make(tmp_path / "recurrence.json")
    milliseconds |= {"scan": 3, "fused": 0.1, "cudnn": 3}
    assert chosen() == "fused"
    assert not (tmp_path / "recurrence.json").is_file()


def test_without_a_cache_folder_times_are_measured_and_not_kept(
    milliseconds, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRU_BENCH_CACHE", str(tmp_path / "file"))
    milliseconds |= {"scan": 3, "fused": 0.1, "cudnn": 3}
    assert chosen() == "fused"


@pytest.mark.parametrize("damage", ["", "{", '{"key": 3}', "[]"])
def test_a_damaged_table_is_passed_over(damage, milliseconds, tmp_path):
    (tmp_path / "recurrence.json").write_text(damage)
    milliseconds |= {"scan": 3, "fused": 0.1, "cudnn": 3}
    assert chosen() == "fused"
    (entry,) = json.loads((tmp_path / "recurrence.json").read_text()).values()
    assert min(entry, key=entry.get) == "fused"
    assert entry["scan"] == pytest.approx(3, abs=1.5)


def test_a_path_that_does_not_compile_is_passed_over_with_a_warning(milliseconds):
    milliseconds |= {"scan": 0.1, "cudnn": 3}
    with pytest.warns(UserWarning, match=r"recurrence=fused is passed over for lstm: .*no such"):
        assert chosen() == "scan"
    assert set(recurrence_times(MODEL, 3, 5, 1)) == {"scan", "cudnn"}


def test_the_step_that_is_timed_takes_every_gradient():
    recurrence_choice.layer_gradients("scan", training(hidden_size=4).model, 3, 5, members=2)()


def test_the_key_offers_every_implementation():
    assert list(Implementation) == recurrence_choice.IMPLEMENTATIONS
