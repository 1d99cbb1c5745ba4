"""Tables with one row a step: sequences are put together, and what is wrong is named in a line."""

import re

import numpy as np
import pytest
from helpers.recordings import corpus_of, sensor_table

from gru_bench.system.errors import UserError
from gru_bench.tasks.series_files import read_recordings


def read(table, tmp_path, predict="class", name="pumps.csv", **changes):
    path = tmp_path / name
    corpus = corpus_of(table, path, **changes)
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".tsv":
        table.to_csv(path, index=False, sep="\t")
    recordings, _ = read_recordings(path, corpus, predict, "corpus.train=pumps")
    return recordings


@pytest.mark.parametrize("name", ["pumps.csv", "pumps.tsv", "pumps.parquet"])
def test_rows_become_sequences_as_pandas_groups_them(tmp_path, name):
    table = sensor_table().sample(frac=1, random_state=0)  # rows of sequences may be interleaved
    found = read(table, tmp_path, name=name, group="pump")
    groups = table.groupby("cycle", sort=False)
    assert found.channels == ("pressure", "flow")
    assert list(found.names) == list(groups.groups)
    for values, labels, group, (_, rows) in zip(
        found.values, found.labels, found.groups, groups, strict=True
    ):
        np.testing.assert_array_equal(values, rows[["pressure", "flow"]])
        assert (list(labels), group) == ([rows.fault.iloc[0]], rows.pump.iloc[0])


def test_a_label_of_every_step_and_none_of_a_forecast(tmp_path):
    table = sensor_table(3)
    found = read(table, tmp_path, "every_step", label_column="state")
    assert [label for labels in found.labels for label in labels] == table.state.tolist()
    assert read(table, tmp_path, "forecast", series_column=None).labels == [[]]


def test_what_is_missing_is_kept_as_missing(tmp_path):
    table = sensor_table(2)
    table.pressure = table.pressure.astype(object)
    table.loc[1, "pressure"], table.loc[2, "pressure"] = "NA", None
    gaps = np.isnan(np.concatenate(read(table, tmp_path).values)[:, 0])
    assert np.flatnonzero(gaps).tolist() == [1, 2]


def changed(row, column, value):
    table = sensor_table(2).astype(object)
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "keys", "message"),
    [
        (sensor_table(2), {"channels": ["pressure", "flaw"]},
         "corpus.channels[1]=flaw is not a column of corpus.train=pumps: did you mean flow?"),
        (sensor_table(2), {"series_column": "turn"},
         "corpus.series_column=turn is not a column"),
        (sensor_table(2), {"time_column": "clock"}, "corpus.time_column=clock is not a column"),
        (sensor_table(2), {"channels": []}, "corpus.channels is missing"),
        (changed(1, "flow", "1,5"), {},
         "corpus.channels[1]=flow must be numbers, with a point before decimals: line 3 of"
         " corpus.train=pumps has '1,5'"),
        (changed(1, "flow", "inf"), {}, "line 3 of corpus.train=pumps has 'inf'"),
        (sensor_table(2), {"channels": ["remark"]}, "corpus.channels[0]=remark must be numbers"),
        (changed(1, "cycle", ""), {}, "rows with no corpus.series_column=cycle (line 3)"),
        (changed(1, "time", 0), {"time_column": "time"},
         "corpus.time_column=time must rise within a sequence: in sequence c0, line 3 (0) repeats"
         " line 2 (0.0)"),
        (changed(1, "time", -1), {"time_column": "time"}, "line 3 (-1) is earlier than line 2"),
        (changed(1, "time", "noon"), {"time_column": "time"},
         "corpus.time_column=time must be numbers or dates, such as 2026-01-31 12:00: line 3 of"
         " corpus.train=pumps has 'noon'"),
        (changed(1, "fault", "leak"), {},
         "corpus.label_column=fault must be one for a sequence: that which begins in line 2 of"
         " corpus.train=pumps has none and, in line 3, leak; task.predict=every_step reads"),
        (changed(1, "pump", "p7"), {"group": "pump"}, "corpus.group=pump must be one for"),
        (sensor_table(2).assign(fault=""), {},
         "corpus.train=pumps has no corpus.label_column=fault for the sequence that begins in"),
        (sensor_table(2).head(0), {}, "has no rows"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path, table, keys, message):
    with pytest.raises(UserError, match=re.escape(message)) as error:
        read(table, tmp_path, **keys)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "times", [["2024/01/01 00:00", "2024/01/01 01:00"], ["2024-01-01T00:00:00Z", "2024-01-02"]]
)
def test_times_may_be_dates(tmp_path, times):
    table = sensor_table(1).head(2).assign(time=times)
    assert len(read(table, tmp_path, time_column="time").values[0]) == 2
    with pytest.raises(UserError, match="is earlier than"):
        read(table[::-1], tmp_path, time_column="time")


def test_every_step_needs_its_label(tmp_path):
    with pytest.raises(UserError, match=r"no corpus.label_column=state in line 3: every step"):
        read(changed(1, "state", ""), tmp_path, "every_step", label_column="state")
