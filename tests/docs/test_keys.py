"""The page of keys, which is written from the declarations, and the page on Hydra."""

import argparse

from helpers import ROOT

from gru_bench.cli.key_help import keys_page, run_help
from gru_bench.cli.parser import COMMANDS, make_parser


def test_the_page_of_keys_is_the_one_that_is_written():
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    assert page == keys_page(), "docs/keys.md is out of date: make keys"


def helps(monkeypatch):
    """The help of the command line and of every command, in a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    parser = make_parser()
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return {"": parser.format_help()} | {n: p.format_help() for n, p in commands.choices.items()}


def test_help_fits_eighty_columns(monkeypatch):
    found = helps(monkeypatch)
    assert found.keys() == {"", *COMMANDS}
    assert run_help() in found["run"]
    wide = [(name, line) for name in found for line in found[name].splitlines() if len(line) > 80]
    assert wide == []
