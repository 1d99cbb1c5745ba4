"""The guide to comparing on your own data, command by command."""

import csv

import pytest
from helpers import guides

from gru_bench.runs.folder import load_results

PAGE = "compare-on-your-data.md"
pytestmark = pytest.mark.guide


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return guides.runner(PAGE, tmp_path_factory.mktemp("page") / "examples")


@pytest.mark.parametrize("number", range(len(guides.commands(PAGE))))
def test_a_command_of_the_page_does_what_it_says(page, number):
    _, done = page(number)
    assert done.returncode == 0, done.stderr


def test_series_are_compared_predicted_and_exported(page):
    folder, done = page(6)
    results, _ = load_results(folder / "results" / "runs" / "series-sensors")
    assert [result.cell for result in results] == ["gru", "lstm", "rnn"]
    with (folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    with (folder / "sensors.csv").open() as file:
        recordings = {row["recording"]: row["movement"] for row in csv.DictReader(file)}
    assert [row["sequence"] for row in rows] == list(recordings)
    assert {row["prediction"] for row in rows} == set(recordings.values())
    assert "reads inputs[batch,time,2] lengths[batch]" in done.stdout


def test_a_first_look_and_a_fair_comparison_of_three_cells(page):
    folder, done = page(3)
    looks, _ = load_results(folder / "results" / "runs" / "text-tickets")
    tuned, _ = load_results(folder / "results" / "tuned")
    for results in (looks, tuned):
        assert [result.cell for result in results] == ["gru", "lstm", "rnn"]
        assert {result.task_label for result in results} == {"text-tickets"}
    assert {len(result.seeds) for result in looks} == {2}
    assert all(result.tuning.learning_rates == [0.003, 0.01, 0.03] for result in tuned)
    # The sizes of a budget of 20,000 parameters at 100 inputs: 46, 36 and 100 units.
    sizes = {
        row[2]: int(row[1])
        for line in done.stdout.splitlines()
        if (row := line.split())[0] == "100"
    }
    assert (sizes["gru"], sizes["lstm"], sizes["rnn"]) == (46, 36, 100)


def test_the_answer_in_three_forms(page):
    folder, _ = page(4)
    assert "<svg" in (folder / "report.html").read_text()
    assert "\\begin{tabular}" in (folder / "tables.tex").read_text()
    with (folder / "runs.csv").open() as file:
        assert {row["cell"] for row in csv.DictReader(file)} == {"gru", "lstm", "rnn"}


def test_more_documents_for_each_cell(page):
    folder, _ = page(5)
    results, _ = load_results(folder / "results" / "documents")
    counts = [(result.cell, result.config["task"]["train_documents"]) for result in results]
    assert sorted(counts, key=str) == sorted(
        [(cell, count) for cell in ("gru", "lstm") for count in (8, 16, None)], key=str
    )
