"""Run folders: what is written is what is read, and what is damaged is named and passed over."""

import dataclasses
import io
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import yaml
from helpers.made_up import make_curve, make_result

from gru_bench.runs.folder import (
    PREDICTIONS,
    RESULT,
    DamagedResult,
    identity_of,
    load_results,
    prepare_folder,
    read_result,
    write_result,
)
from gru_bench.runs.predictions import Predictions
from gru_bench.system.errors import UserError
from gru_bench.system.files import UNFINISHED


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_result_survives_the_way_to_disk_and_back(tmp_path):
    result = make_result(scores=(0.1, None), diverged=[1])
    write_result(tmp_path, result)
    assert read_result(tmp_path) == result
    assert names(tmp_path) == ["result.json"]


@pytest.mark.parametrize(
    ("given", "actual"),
    [
        (np.array([[0, 3], [2, 3]], np.uint8), np.array([0, 3], np.uint8)),
        (np.array([[0.5, 0.25], [0.1, 0.0]], np.float32), None),
    ],
)
def test_predictions_lie_beside_the_result(tmp_path, given, actual):
    predictions = Predictions(seeds=np.array([0, 1]), given=given, actual=actual)
    result = dataclasses.replace(make_result(scores=(0.1, 0.2)), predictions=predictions)
    assert "predictions" not in json.loads(write_result(tmp_path, result).read_text())
    read = read_result(tmp_path).predictions
    assert (read.given.dtype, read.given.tolist()) == (given.dtype, given.tolist())
    np.testing.assert_array_equal(read.values([1, 0]), predictions.values([1, 0]))
    prepare_folder(tmp_path.parent, tmp_path.name, result.identity, {})
    assert names(tmp_path) == ["config.yaml"]


def test_a_file_that_holds_no_predictions_costs_nothing_else(tmp_path):
    write_result(tmp_path, make_result())
    pickled = io.BytesIO()
    np.savez(pickled, seeds=np.array([{}], dtype=object), given=np.zeros((1, 2)))
    short = io.BytesIO()
    np.savez(short, seeds=np.arange(4), given=np.zeros((3, 2)))
    for content in (b"", b"no archive", pickled.getvalue(), short.getvalue()):
        (tmp_path / PREDICTIONS).write_bytes(content)
        assert read_result(tmp_path).predictions is None


def test_non_finite_numbers_become_null(tmp_path):
    result = make_result(scores=(math.nan,), curves=[(math.inf, 0.5)])
    text = write_result(tmp_path, result).read_text()
    seed = read_result(tmp_path).seeds[0]
    assert seed.test["mse"] is None
    assert seed.curve.validation_score == [None, 0.5]
    assert "NaN" not in text
    assert "Infinity" not in text


def test_numpy_numbers_are_written_as_numbers(tmp_path):
    result = make_result(scores=(np.float32(0.5),))  # type: ignore[arg-type]
    curve = make_curve([1.0, 2.0])
    curve = dataclasses.replace(curve, train_loss=np.array([np.nan, 2.0]))  # type: ignore[arg-type]
    first = result.seeds[0]
    seed = dataclasses.replace(first, curve=curve, steps=np.int64(7))  # type: ignore[arg-type]
    write_result(tmp_path, dataclasses.replace(result, seeds=[seed]))
    read = read_result(tmp_path).seeds[0]
    assert (read.test["mse"], read.steps, read.curve.train_loss) == (0.5, 7, [None, 2.0])


def test_a_write_that_fails_leaves_the_old_result(tmp_path, monkeypatch):
    old = make_result(scores=(0.1,))
    write_result(tmp_path, old)

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_result(tmp_path, make_result(scores=(0.2,)))
    assert read_result(tmp_path) == old
    assert names(tmp_path) == ["result.json"]


def damaged(change):
    """The text of a sound result after `change` was made to its JSON."""

    def make(text):
        data = json.loads(text)
        change(data)
        return json.dumps(data)

    return make


DAMAGE = {
    "cut short": (lambda text: text[: len(text) // 2], "not JSON"),
    "empty": (lambda text: "", "not JSON"),
    "not text": (lambda text: "\x00\x01", "not JSON"),
    "a list": (lambda text: "[1, 2]", "not a result of gru-bench"),
    "foreign": (lambda text: '{"result": "ok"}', "not a result of gru-bench"),
    "newer": (damaged(lambda d: d.update(schema_version=99)), "`schema_version` is 99, known is 3"),
    "a key lost": (damaged(lambda d: d["timing"].pop("wall_s")), "`wall_s`.*timing"),
    "a wrong type": (damaged(lambda d: d["parameters"].update(cell="many")), "parameters.cell"),
    "a wrong score": (damaged(lambda d: d["seeds"][1]["test"].update(mse="low")), "seeds.*test"),
    "no cell": (damaged(lambda d: d["config"].pop("cell")), "`cell.name`"),
    "no hidden size": (damaged(lambda d: d["config"].update(hidden_size=None)), "`hidden_size`"),
    "no seeds": (damaged(lambda d: d.update(seeds=[])), "`seeds` is empty"),
    "score unknown": (damaged(lambda d: d["score"].update(name="f1")), "lacks the score `f1`"),
    "ragged curve": (damaged(lambda d: d["seeds"][0]["curve"]["step"].append(9)), "entries"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named_in_one_line_and_passed_over(tmp_path, kind):
    damage, message = DAMAGE[kind]
    (tmp_path / "bad").mkdir()
    (tmp_path / "good").mkdir()
    path = write_result(tmp_path / "bad", make_result(cell="rnn"))
    path.write_text(damage(path.read_text()))
    good = make_result()
    write_result(tmp_path / "good", good)

    with pytest.raises(DamagedResult, match=message) as error:
        read_result(tmp_path / "bad")
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)
    results, warnings = load_results(tmp_path)
    assert results == [good]
    assert warnings == [f"passed over {error.value}"]
    assert identity_of(tmp_path / "bad") is None


def test_unfinished_runs_are_counted_and_other_tools_folders_are_not(tmp_path):
    for name in ("one", "two", "good/.hydra"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text("")
    write_result(tmp_path / "good", make_result())
    results, warnings = load_results(tmp_path)
    assert len(results) == 1
    assert warnings == [f"passed over 2 unfinished runs under {tmp_path}"]


def test_a_copied_run_counts_once(tmp_path):
    for name in ("run", "copy"):
        (tmp_path / name).mkdir()
        write_result(tmp_path / name, make_result())
    results, warnings = load_results(tmp_path)
    assert len(results) == 1
    assert len(warnings) == 1
    assert "a copy of another run" in warnings[0]


def test_nothing_to_load_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match=r"no finished runs under .*: start with gru-bench run"):
        load_results(tmp_path)
    with pytest.raises(UserError, match="is not a folder"):
        load_results(tmp_path / "absent")
    (tmp_path / "config.yaml").write_text("")
    with pytest.raises(UserError, match="1 unfinished run under"):
        load_results(tmp_path)


RUN, IDENTITY = "adding/gru/h128-1234abcd", "1234abcd" * 2


def test_prepare_folder_writes_the_config_and_clears_an_earlier_attempt(tmp_path):
    config = make_result().config
    folder = prepare_folder(tmp_path, RUN, IDENTITY, config)
    assert identity_of(folder) == IDENTITY
    write_result(folder, dataclasses.replace(make_result(), identity=IDENTITY))
    (folder / "seed_0").mkdir()
    (folder / "seed_0" / "events.out.tfevents.1").write_text("old")
    (folder / "notes.txt").write_text("mine")
    (folder / f"{UNFINISHED}{RESULT}.x1").write_text("killed while it was written")
    assert prepare_folder(tmp_path, RUN, IDENTITY, config) == folder
    assert names(folder) == ["config.yaml", "notes.txt"]
    assert yaml.safe_load((folder / "config.yaml").read_text()) == config


def test_finished_seeds_stay_while_others_are_added(tmp_path):
    folder = prepare_folder(tmp_path, RUN, IDENTITY, {})
    result = dataclasses.replace(make_result(scores=(0.1, 0.2)), identity=IDENTITY)
    write_result(folder, result)
    for seed in (0, 1, 2):
        (folder / f"seed_{seed}").mkdir()
    prepare_folder(tmp_path, RUN, IDENTITY, {}, finished=[0, 1])
    assert names(folder) == ["config.yaml", "result.json", "seed_0", "seed_1"]
    assert read_result(folder) == result


@pytest.mark.parametrize("finished", [True, False])
def test_a_folder_that_holds_another_run_is_not_overwritten(tmp_path, finished):
    folder = prepare_folder(tmp_path, RUN, IDENTITY, {})
    if finished:
        write_result(folder, dataclasses.replace(make_result(), identity=IDENTITY))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match=rf"holds another run \({IDENTITY}, not 0{{16}}\)"):
        prepare_folder(tmp_path, RUN, "0" * 16, {"other": "run"})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("version", [1, 99])
def test_a_result_of_another_version_is_kept_aside(tmp_path, version):
    content = json.dumps({"schema_version": version})
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / RESULT).write_text(content)
    folder = prepare_folder(tmp_path, "run", IDENTITY, {})
    assert names(folder) == ["config.yaml", f"result.schema-{version}.json"]
    assert (folder / f"result.schema-{version}.json").read_text() == content


def test_an_out_dir_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"out_dir=.*file is not possible: cannot write"):
        prepare_folder(tmp_path / "file", "adding/gru/h1-0", IDENTITY, {})


@pytest.mark.process
def test_reading_and_reporting_do_not_import_jax():
    program = "import sys, gru_bench.runs, gru_bench.report; print('jax' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_a_result_of_the_schema_before_is_read_as_one_of_today(tmp_path):
    """There the seeds were part of the configuration, and one environment was kept."""
    today = make_result("copy", scores=(0.5, 0.6))
    data = json.loads(write_result(tmp_path, today).read_text())
    del data["axis"], data["score"]["is_share"]
    data["environment"] = data.pop("environments")[0]
    data["config"] |= {"seeds": [0, 1], "margin": data.pop("margin"), "force": False}
    for seed in data["seeds"]:
        del seed["environment"]
    (tmp_path / RESULT).write_text(json.dumps(data | {"schema_version": 2}))
    assert read_result(tmp_path) == today
    (tmp_path / RESULT).write_text(json.dumps({"schema_version": 2, "config": None}))
    with pytest.raises(DamagedResult):
        read_result(tmp_path)
