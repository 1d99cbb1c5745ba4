"""The page of two cells under several starts, made of runs whose truth is known."""

import runpy
from dataclasses import replace

import numpy as np
from helpers import ROOT
from helpers.made_up import make_result

from gru_bench.runs.predictions import Predictions


def run(cell, start, accuracy):
    """A run of 12 seeds that are right on so large a share of 500 documents."""
    right = np.random.default_rng(len(cell + start)).random((12, 500)) < accuracy
    actual = np.zeros(500, np.uint8)
    predictions = Predictions(seeds=np.arange(12), given=(~right).astype(np.uint8), actual=actual)
    result = make_result("text", cell, right.mean(axis=1).tolist())
    config = result.config | {"cell": result.config["cell"] | {"initialisation": start}}
    return replace(
        result, config=config, identity=f"{result.identity}{start}", predictions=predictions
    )


def test_every_look_has_a_row_for_each_start():
    rows_of_looks = runpy.run_path(str(ROOT / "scripts" / "looks_at_starts.py"))["rows_of_looks"]
    accuracies = {"orthogonal": {"gru": 0.95, "lstm": 0.8}, "chrono": {"gru": 0.9, "lstm": 0.9}}
    runs = [
        run(cell, start, accuracy)
        for start, by_cell in accuracies.items()
        for cell, accuracy in by_cell.items()
    ]
    rows = list(rows_of_looks(runs))
    chrono, orthogonal = (row[1] for row in rows[:2])
    assert (chrono[:7], orthogonal[:11]) == ("chrono,", "orthogonal,")
    assert [row[0] for row in rows] == ["6", "6", "9", "9", "12", "12"]
    # The budget halved, read off the curves, makes two points of each start.
    verdicts = {(row[0], row[1]): (row[8], row[9]) for row in rows}
    assert verdicts["12", orthogonal] == ("better", "2 of 4")
    assert verdicts["12", chrono][0] != "better"
