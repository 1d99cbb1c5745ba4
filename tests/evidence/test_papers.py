"""What becomes of a published figure: by a rule fixed beforehand, and of the committed records."""

import numpy as np
import pytest
from helpers import ROOT
from helpers.made_up import make_result

from gru_bench.config.paper import (
    CountedPart,
    CountedRow,
    TrainedPart,
    TrainedRow,
    paper_names,
    read_paper,
)  # fmt: skip
from gru_bench.evidence.estimates import Interval
from gru_bench.evidence.papers import (
    Measured,
    Measurement,
    estimate,
    judge,
    measure_row,
    read_measurements,
    write_measurement,
)  # fmt: skip
from gru_bench.system.errors import UserError

ROW = TrainedRow(label="GRU", cell="gru", published=0.5, known="read", agrees=(0.4, 0.6))


def part(row=ROW, **about):
    return TrainedPart(title="", runs={}, score="accuracy", rows=[row], **about)


def outcome(low, high, row=ROW, words=(), **about):
    measured = Measured(interval=Interval((low + high) / 2, low, high), hidden_size=1)
    return judge(part(row, **about), row, measured, words)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((0.45, 0.55), "reproduced"),
        ((0.4, 0.6), "reproduced"),
        ((0.35, 0.55), "undecided"),
        ((0.1, 0.9), "undecided"),
        ((0.1, 0.39), "contradicted"),
        ((0.61, 0.7), "contradicted"),
    ],
)
def test_the_interval_must_lie_within_or_without(interval, expected):
    assert outcome(*interval) == expected


def test_less_training_explains_a_worse_figure_and_no_better_one():
    short = {"reduction": "fewer steps"}
    assert outcome(0.1, 0.2, **short) == "definition differs"
    assert outcome(0.8, 0.9, **short) == "contradicted"
    assert outcome(0.1, 0.2, better="lower", **short) == "contradicted"
    assert outcome(0.8, 0.9, better="lower", **short) == "definition differs"
    rate = TrainedRow(label="", cell="gru", statistic="rate", reaches=9, published=1, known="read",
                      agrees=(0.5, 1))  # fmt: skip
    assert outcome(0.1, 0.2, rate, better="lower", **short) == "definition differs"


def test_with_less_training_only_the_best_possible_is_reproduced():
    short = {"reduction": "fewer steps"}
    assert outcome(0.45, 0.55, **short) == "definition differs"
    solved = TrainedRow(label="", cell="gru", published=0.1, known="read", agrees=(0, 0.6))
    assert outcome(0.45, 0.55, solved, better="lower", **short) == "reproduced"
    assert outcome(0.45, 0.55, solved, better="higher", **short) == "definition differs"
    share = TrainedRow(label="", cell="gru", published=99, known="read", agrees=(98, 100))
    assert outcome(98.5, 99.5, share, unit="%", **short) == "reproduced"


def test_another_definition_is_never_called_reproduced():
    assert outcome(0.45, 0.55, differs=["another encoding"]) == "definition differs"
    assert outcome(0.45, 0.55, words=["steps=3"]) == "definition differs"
    other = TrainedRow(label="", cell="gru", published=1, known="read", agrees=(0, 1), differs="so")
    assert outcome(0.45, 0.55, other) == "definition differs"


def test_one_seed_decides_nothing_but_a_count_or_a_maximum_does():
    alone = Measured(interval=Interval(0.5, None, None), hidden_size=1)
    assert judge(part(), ROW, alone, []) == "undecided"
    best = TrainedRow(label="", cell="gru", statistic="maximum", published=0.5, known="read",
                      agrees=(0.4, 0.6))  # fmt: skip
    assert judge(part(best), best, alone, []) == "reproduced"
    row = CountedRow(label="", cell="gru", input_size=1, hidden_size=1, published=9, known="read",
                     agrees=(9, 9))  # fmt: skip
    counted = CountedPart(title="", rows=[row])
    assert judge(counted, row, alone, []) == "contradicted"


def test_what_is_unpublished_or_not_run_is_said():
    row = TrainedRow(label="", cell="gru")
    measured = Measured(interval=Interval(0.5, 0.4, 0.6), hidden_size=1)
    assert judge(part(row), row, measured, []) == "unpublished"
    assert judge(part(), ROW, None, []) == "not run"


def test_statistics_are_those_of_the_seeds():
    values = [10.0, 90.0, 100.0]
    mean = estimate(TrainedRow(label="", cell="gru"), values, "%", "accuracy")
    error = np.std(values, ddof=1) / np.sqrt(3)
    assert mean.estimate == pytest.approx(np.mean(values))
    assert mean.low == 0.0  # a share is none below it
    assert mean.high == 100.0
    plain = estimate(TrainedRow(label="", cell="gru"), values, "", "height")
    assert estimate(TrainedRow(label="", cell="gru"), [0.0, 1.0], "", "mse").low == 0.0
    assert plain.high - plain.estimate == pytest.approx(4.302653 * error)  # t of two degrees
    best = estimate(TrainedRow(label="", cell="gru", statistic="maximum"), values, "%", "accuracy")
    assert best == Interval(100.0, None, None)
    rate = estimate(
        TrainedRow(label="", cell="gru", statistic="rate", reaches=0.9),
        [0.0, 100.0, 100.0],
        "%",
        "accuracy",
    )
    assert rate.estimate == pytest.approx(200 / 3)
    assert 0 < rate.low < rate.estimate < rate.high < 100


def test_a_seed_without_a_score_counts_as_failed():
    result = make_result("copy", "gru", [0.9, None, 1.0])
    share = TrainedRow(label="", cell="gru")
    measured = measure_row(share, "recall_accuracy", "%", result)
    assert measured.values == pytest.approx([90.0, 12.5, 100.0])  # the baseline
    rate = TrainedRow(label="", cell="gru", statistic="rate", reaches=0.95)
    assert measure_row(rate, "recall_accuracy", "%", result).values == [0.0, 0.0, 100.0]


def test_a_record_is_read_as_it_was_written(tmp_path):
    measured = Measured(interval=Interval(1.0, 0.5, None), values=[1.0], seeds=[3], hidden_size=2)
    measurement = Measurement("then", "here", 2.0, {"cell": "gru"}, ["steps=3"], {"GRU": measured})
    write_measurement(tmp_path, "mine", "sums", measurement)
    assert read_measurements(tmp_path, "mine") == {"sums": measurement}
    (tmp_path / "mine.sums.json").write_text("{}")
    with pytest.raises(UserError, match="cannot be read"):
        read_measurements(tmp_path, "mine")


@pytest.mark.parametrize("name", sorted(paper_names()))
def test_committed_records_are_of_the_presets_and_follow_from_their_seeds(name):
    paper = read_paper(name)
    for part_name, measurement in read_measurements(ROOT / "results" / "papers", name).items():
        part = paper.parts[part_name]
        rows: dict = {row.label: row for row in part.rows}
        assert measurement.rows.keys() <= rows.keys()
        if isinstance(part, TrainedPart):
            assert measurement.runs == part.runs
            assert measurement.words == []
            for label, measured in measurement.rows.items():
                again = estimate(
                    rows[label], measured.values, part.unit, rows[label].score or part.score
                )
                assert again.estimate == pytest.approx(measured.interval.estimate)
                assert len(measured.seeds) == len(measured.values) == part.runs["seeds"]
