"""Counts and lists in sentences."""

import pytest

from gru_bench.system.prose import counted, listed


def test_a_noun_is_plural_unless_there_is_one():
    assert [counted(n, "seed") for n in (0, 1, 2)] == ["0 seeds", "1 seed", "2 seeds"]


@pytest.mark.parametrize(
    ("names", "text"),
    [(["gru"], "gru"), (["gru", "lstm"], "gru and lstm"), (("a", "b", "c"), "a, b and c")],
)
def test_names_in_a_row(names, text):
    assert listed(names) == text
