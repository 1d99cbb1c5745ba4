"""The page of keys, which is written from the declarations, and the page on Hydra."""

from helpers import ROOT

from gru_bench.cli.key_help import keys_page, run_help


def test_the_page_of_keys_is_the_one_that_is_written():
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    assert page == keys_page(), "docs/keys.md is out of date: make keys"


def test_help_fits_eighty_columns():
    assert [line for line in run_help().splitlines() if len(line) > 80] == []
