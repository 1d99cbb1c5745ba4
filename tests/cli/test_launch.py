"""What becomes of runs is told alike by all commands that train."""

from pathlib import Path

from gru_bench.cli.launch import tell_of_unfinished
from gru_bench.experiments.sweep import Sweep


def test_runs_without_a_result_are_told_of_in_eighty_columns(capsys):
    failed, taken, done = (Path("results") / name for name in ("failed", "taken", "done"))
    assert not tell_of_unfinished(Sweep([done]))
    assert tell_of_unfinished(Sweep([done, taken], elsewhere=[taken]))
    assert tell_of_unfinished(Sweep([failed], failures=[(failed, "a long reason " * 8 + "ends")]))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert max(map(len, printed.err.splitlines())) <= 80
    said = " ".join(printed.err.split())
    assert f"another process is at work on {taken} failed: {failed}: a long reason" in said
    assert said.endswith("a long reason ends (see error.txt there)")
