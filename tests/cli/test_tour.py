"""The guided first minutes, and what the command alone says."""

import contextlib
import io

import pytest
from helpers.unmeasured import leave_unmeasured

from gru_bench.cli import tour
from gru_bench.cli.main import main
from gru_bench.runs.folder import load_results


@pytest.fixture(scope="module")
def toured(tmp_path_factory):
    """The folder of a tour with a very small run, and what it printed."""
    folder = tmp_path_factory.mktemp("tour")
    small = ("task.length=6", "hidden_size=4", "steps=6", "seeds=2", "probes=false")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        leave_unmeasured(patch)
        patch.setattr(tour, "WORDS", ("cell=gru", "task=adding", *small))
        assert main(["tour", "--dir", str(folder), "-q"]) == 0
    return folder, printed.getvalue()


def test_a_tour_ends_without_anybody_at_the_terminal(toured):
    folder, printed = toured
    (result,), _ = load_results(folder)
    assert (result.cell, len(result.seeds)) == ("gru", 2)
    assert f"{result.parameters.cell:,} parameters" in printed
    assert "<svg" in (folder / "report.html").read_text()
    assert printed.rstrip().endswith("gru-bench run --help lists them.")
    assert "[Enter]" not in printed


def test_a_tour_fits_eighty_columns(toured):
    folder, printed = toured
    wide = [line for line in printed.splitlines() if len(line) > 80 and str(folder) not in line]
    assert wide == []


def test_the_command_alone_prints_its_help(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: gru-bench")
    assert "tour" in printed


def test_a_flag_without_a_command_is_answered_with_the_help_to_read(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--foo"])
    assert ended.value.code == 2
    assert "not understood: --foo (see gru-bench --help)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--dry-run"], "dry_run=true"),
        (["--hidden-size=64"], "hidden_size=64"),
        (["cell=gru", "--seeds", "3"], "seeds=3"),
        (["--force", "cell=gru"], "force=true"),
        (["--device"], "device=..."),
    ],
)
def test_a_setting_that_is_given_as_a_flag_is_answered_with_the_word(flags, word, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["run", *flags])
    assert ended.value.code == 2
    assert f"settings are words without dashes, such as {word}\n" in capsys.readouterr().err
