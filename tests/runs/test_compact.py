"""Runs in few files: what is read is what was written, and damage is told of in a line."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.made_up import make_probes, make_result, make_tuning

from gru_bench.runs.compact import RUNS, read_runs, write_runs
from gru_bench.runs.folder import DamagedResult
from gru_bench.runs.predictions import Predictions


def runs():
    given = np.arange(12, dtype=np.uint8).reshape(4, 3) % 3
    predictions = Predictions(seeds=np.arange(4), given=given, actual=np.array([0, 1, 2]))
    text = make_result("text", "lstm", [0.25, 0.5, 0.75, None], tuning=make_tuning(0.5, True))
    probed = make_result("adding", "gru", probes=make_probes("gru", [0.1, 0.2, 0.3, 0.4]))
    return [replace(text, predictions=predictions), probed]


def test_what_is_read_is_what_was_written_to_seven_digits(tmp_path):
    third = make_result("copy", "rnn", [1 / 3, 2 / 3])
    write_runs(tmp_path, [*runs(), third])
    read = {result.identity: result for result in read_runs(tmp_path)}
    assert len(read) == 3
    text, probed = runs()
    assert read[text.identity].seeds == text.seeds
    assert (read[text.identity].predictions.given == text.predictions.given).all()
    assert read[probed.identity].predictions is None
    assert read[third.identity].test_scores[0] == 0.3333333
    assert {path.name for path in tmp_path.iterdir()} == {RUNS, f"{text.identity}.npz"}


def test_equal_runs_give_equal_bytes(tmp_path):
    for folder, order in (("a", 1), ("b", -1)):
        write_runs(tmp_path / folder, runs()[::order])
    assert (tmp_path / "a" / RUNS).read_bytes() == (tmp_path / "b" / RUNS).read_bytes()


@pytest.mark.parametrize("damage", [b"", b"no gzip", "cut", "predictions"])
def test_damage_is_told_of(tmp_path, damage):
    write_runs(tmp_path, runs())
    path = tmp_path / RUNS
    if damage == "predictions":
        path = next(tmp_path.glob("*.npz"))
        damage = b"x"
    path.write_bytes(path.read_bytes()[:-40] if damage == "cut" else damage)
    with pytest.raises(DamagedResult, match="cannot be read"):
        read_runs(tmp_path)
