"""The progress display, as a terminal and a pipe see it."""

import io
import math
import time

import pytest
from rich.console import Console

from gru_bench.system.progress import Progress


def make_console(terminal: bool, width: int = 80) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    # The environment of a test run, such as TERM=dumb or FORCE_COLOR=1, must not decide.
    return Console(file=out, force_terminal=terminal or None, width=width, _environ={}), out


def interrupt_second_run(console: Console) -> None:
    with Progress(2, console=console) as progress:
        with progress.run("a", 100, "mse") as bar:
            bar.update(40)
        with progress.run("b", 100, "mse") as bar:
            bar.update(10, math.nan, math.nan)
            raise KeyboardInterrupt


def test_pipe_gets_plain_lines_at_start_and_end() -> None:
    console, out = make_console(terminal=False, width=80)
    with Progress(2, console=console) as progress:
        for cell in ("gru", "lstm"):
            with progress.run(f"adding · {cell} · h128", 2000, "mse") as bar:
                bar.phase = "compiling"
                for step in (1000, 2000):
                    bar.update(step, 0.25, 0.125)
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[0] == "[1/2] adding · gru · h128: 2000 steps"
    assert lines[3] == ("[2/2] adding · lstm · h128: 2000 steps in 0:00:00, loss 0.25, mse 0.125")
    assert not set(out.getvalue()) & {"\x1b", "\r", "\b"}


def test_run_may_stop_early_or_break_off() -> None:
    console, out = make_console(terminal=False)
    with pytest.raises(KeyboardInterrupt):
        interrupt_second_run(console)
    lines = out.getvalue().splitlines()
    assert lines[1] == "[1/2] a: stopped early at step 40 of 100 after 0:00:00"
    assert lines[3] == (
        "[2/2] b: stopped by Ctrl-C at step 10 of 100 after 0:00:00, loss nan, mse nan"
    )


def test_terminal_shows_speed_time_left_and_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    console, out = make_console(terminal=True)
    with Progress(12, console=console) as progress:
        with progress.run("text-reuters8 · gru_reset_after · h128", 2000, "accuracy") as bar:
            bar.phase = "compiling"
            assert "compiling  0/2000" in render(progress)
            bar.update(0)
            now = 4.0
            bar.update(1000, 0.25, 0.875)
            shown = render(progress)
            assert "text-reuters8 · gru_reset_after · h128  loss 0.25, accuracy 0.875" in shown
            assert "training  1000/2000  250 steps/s  0:00:04 left" in shown
            assert "run 1 of 12" in shown
            now = 6.0
            assert "0:00:02 left" in render(progress)
        progress.note("kept [bold]as it is[/bold]")
    assert "kept [bold]as it is[/bold]" in out.getvalue()


def render(progress: Progress) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(progress)
    return out.getvalue()


def test_interrupted_terminal_is_left_clean() -> None:
    console, out = make_console(terminal=True)
    with pytest.raises(KeyboardInterrupt):
        interrupt_second_run(console)
    hide, show = "\x1b[?25l", "\x1b[?25h"
    assert out.getvalue().rfind(show) > out.getvalue().rfind(hide) >= 0


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_prints_nothing(terminal: bool) -> None:
    console, out = make_console(terminal)
    with Progress(2, quiet=True, console=console) as progress:
        with progress.run("a", 100, "mse") as bar:
            bar.update(10)
        progress.note("b")
    assert out.getvalue() == ""
