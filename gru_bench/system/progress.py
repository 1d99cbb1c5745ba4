"""The live progress display: what runs, how far it is, how well it does, how long it will take."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gru_bench.system.errors import cause
from gru_bench.system.prose import counted
from gru_bench.system.terminal import Display, wrapped

RATE_UPDATES = 10  # Steps a second are a mean over so many updates.
BAR_WIDTH = 30  # Columns.


class Bar:
    """One run's place in the live display: what runs, how far it is, how well it does."""

    def __init__(self, description: str, total_steps: int, score_name: str) -> None:
        self.description = description
        self.total_steps = total_steps
        self.score_name = score_name
        self.phase = "starting"
        self.step = 0
        self._values = ""
        self._started_s = time.monotonic()
        self._updates: deque[tuple[float, int]] = deque(maxlen=RATE_UPDATES + 1)

    def update(self, step: int, loss: float | None = None, score: float | None = None) -> None:
        """Moves the bar; the phase shown becomes "training".

        The speed is known from the second update on, so an update with step 0 as the first step is
        about to run lets it show one chunk earlier.

        Args:
            step: Training steps made.
            loss: Training loss, the mean over the seeds.
            score: Validation score, the mean over the seeds.
        """
        self.phase = "training"
        self.step = step
        self._updates.append((time.monotonic(), step))
        named = {"loss": loss, self.score_name: score}
        self._values = ", ".join(f"{k} {v:.4g}" for k, v in named.items() if v is not None)

    def outcome(self, error: BaseException | None) -> str:
        """Returns the run in one line of plain text, once it is over."""
        took = show_clock(time.monotonic() - self._started_s)
        if error is None and self.step >= self.total_steps:
            line = f"{self.description}: {counted(self.step, 'step')} in {took}"
        else:
            ended = "stopped early"
            if error is not None:
                ended = "failed" if isinstance(error, Exception) else cause(error)
            line = f"{self.description}: {ended} at step {self.step} of {self.total_steps}"
            line += f" after {took}"
        return f"{line}, {self._values}" if self._values else line

    def steps_per_s(self) -> float | None:
        """Returns the steps per second lately; None if they are not known yet."""
        if len(self._updates) < 2:
            return None
        (first_s, first_step), (last_s, last_step) = self._updates[0], self._updates[-1]
        if last_step <= first_step or last_s <= first_s:
            return None
        return (last_step - first_step) / (last_s - first_s)

    def __rich__(self) -> RenderableType:
        title = Text.assemble(
            (self.description, "bold"), "  ", self._values, no_wrap=True, overflow="ellipsis"
        )
        figures = [self.phase, f"{self.step}/{self.total_steps}"]
        rate = self.steps_per_s()
        if rate is not None:
            # Between updates the time left is counted down by the clock.
            left_s = (self.total_steps - self.step) / rate
            left_s -= time.monotonic() - self._updates[-1][0]
            speed = f"{rate:.0f}" if rate >= 100 else f"{rate:.3g}"
            figures += [f"{speed} steps/s", f"{show_clock(max(left_s, 0))} left"]
        return Group(title, _bar_line(self.step, self.total_steps, "  ".join(figures)))


class Progress:
    """Live display of runs, one after another, on standard error.

    On a terminal: the current run's bar and, in a sweep, one for all of it; a finished run leaves
    one line. Elsewhere (a pipe, CI) one plain line at the start and at the end of each run.

    Args:
        total_runs: Runs to come; the bar for all of them shows from 2 on.
        quiet: Print nothing at all.
        console: Where to; standard error if not given.
    """

    def __init__(
        self, total_runs: int, quiet: bool = False, console: Console | None = None
    ) -> None:
        self.total_runs = total_runs
        self._started = 0
        self._bar: Bar | None = None
        self._quiet = quiet
        self._console = console or Console(file=cast("TextIO", Display(sys.stderr)))
        self._live: Live | None = None
        if self._console.is_interactive and not quiet:
            # What is printed meanwhile goes above the bars, unless it is on its way into a pipe.
            self._live = Live(
                self, console=self._console, transient=True, redirect_stdout=sys.stdout.isatty()
            )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @contextmanager
    def run(self, description: str, total_steps: int, score_name: str) -> Iterator[Bar]:
        """Shows one run while the context is open, and leaves a line on how it ended.

        Args:
            description: Such as "adding · gru · h128".
            total_steps: Training steps of the run if nothing stops it early.
            score_name: Name of the score given to `Bar.update`.
        """
        self._started += 1
        self._bar = Bar(description, total_steps, score_name)
        if self._live is None:
            self.note(f"{self._position()}{description}: {counted(total_steps, 'step')}")
        try:
            yield self._bar
        except BaseException as error:
            self.note(self._position() + self._bar.outcome(error))
            raise
        else:
            self.note(self._position() + self._bar.outcome(None))
        finally:
            self._bar = None

    def job_ended(self, text: str) -> None:
        """Counts one of the runs that another process has made, and prints a line on it."""
        self._started += 1
        self.note(self._position() + text)

    def note(self, text: str) -> None:
        """Prints a line or more, above the bars where there are any."""
        if not self._quiet:
            lines = wrapped(text, self._console.width)
            self._console.print(lines, markup=False, highlight=False, soft_wrap=True)

    def _position(self) -> str:
        return f"[{self._started}/{self.total_runs}] " if self.total_runs > 1 else ""

    def __rich__(self) -> RenderableType:
        bar = self._bar  # Read once: the display refreshes from its own thread.
        parts: list[RenderableType] = [] if bar is None else [bar]
        if self.total_runs > 1:
            done = self._started - len(parts)
            text = f"run {self._started} of {self.total_runs}"
            parts.append(_bar_line(done, self.total_runs, text))
        return Group(*parts)


def _bar_line(completed: float, total: float, text: str) -> Table:
    line = Table.grid(padding=(0, 2))
    line.add_column(width=BAR_WIDTH)
    line.add_column(no_wrap=True)
    line.add_row(ProgressBar(total=total, completed=completed), text)
    return line


def show_clock(seconds: float) -> str:
    """Returns seconds as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
