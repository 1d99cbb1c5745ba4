"""The `.ts` format, as the archives of UEA and UCR write it."""

import numpy as np
import pytest

from gru_bench.system.errors import UserError
from gru_bench.tasks.ts_format import read_ts

HEADER = """\
# What was measured.
@problemName Steps
@timeStamps false
@univariate false
@classLabel true up down
@data
"""


def test_channels_lengths_gaps_and_labels_are_read():
    file = read_ts((HEADER + "1,2,?:4,5,6:up\n\n-1e-3:NaN:down\n").encode(), "f.ts")
    assert file.labels == [("up",), ("down",)]
    np.testing.assert_array_equal(file.values[0], [[1, 4], [2, 5], [np.nan, 6]])
    np.testing.assert_array_equal(file.values[1], [[-0.001, np.nan]])


def test_a_file_without_labels():
    file = read_ts(b"@classLabel false\n@DATA\n1,2\n", "f.ts")
    assert file.labels == [()]
    assert file.values[0].tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2:up\n", "f.ts has no line @data"),
        (HEADER, "f.ts has no sequences"),
        (HEADER + "1,2:3:up\n", "in line 7: channels of 1 and of 2 steps"),
        (HEADER + "1:3:up\n1:up\n", "has 1 channels in line 8, and 2 in the first sequence"),
        (HEADER + "1,x:3,4:up\n", "in line 7: could not convert string to float: 'x'"),
        (
            HEADER + "1,-inf:3,4:up\n",
            "in line 7: -inf is not finite: values must be finite",
        ),
        (HEADER + "1,2:3,1e999:up\n", "in line 7: 1e999 is not finite"),
        (HEADER + ":3:up\n", "in line 7: could not convert string to float: ''"),
        (HEADER.replace("timeStamps false", "timeStamps true") + "1:up\n", "time stamps"),
    ],
)
def test_a_line_that_is_wrong_is_named(text, message):
    with pytest.raises(UserError) as error:
        read_ts(text.encode(), "f.ts")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
