"""What a person watches while models train: TensorBoard events and a progress bar.

Both are views. Nothing is ever read back from them: `result.json` holds the results.
"""

import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from omegaconf import OmegaConf
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.api_pb2 import Status
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.plugin_hparams_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

from gru_bench.config import AddingConfig, CopyConfig, ExperimentConfig, TextConfig

FLUSH_EVERY_S = 5.0  # TensorBoard looks for new events as often as that.
RATE_UPDATES = 10  # Steps a second are a mean over so many updates.
BAR_WIDTH = 30  # Columns.


def trial_hparams(config: ExperimentConfig) -> dict[str, str | float]:
    """The settings by which TensorBoard's HParams page tells trials apart.

    Every run has every key, since the page drops runs that lack one. The seed is not among them:
    the seeds of one configuration are the sessions of one trial. `length` is what makes the task
    long: the lag of copy, the sequence length of adding, the most tokens of a text.
    """
    match config.task:
        case CopyConfig(lag=length) | AddingConfig(length=length) | TextConfig(max_length=length):
            pass
        case _:
            raise TypeError(f"a task without a length: {config.task}")
    return {
        "cell": config.cell.name,
        "task": config.task.name,
        "corpus": config.corpus.name if config.corpus else "none",
        "length": length,
        "hidden_size": config.hidden_size,
        "layers": config.layers,
        "learning_rate": config.optim.learning_rate,
        "optimizer": config.optim.name,
        "batch_size": config.batch_size,
    }


class EventLog:
    """TensorBoard events of one run folder, one TensorBoard run a seed in `seed_<seed>/`.

    All seeds form one trial of the HParams page, under the name `group`. No summary of the whole
    experiment is written: TensorBoard would take the first it meets for all runs below its folder,
    and hide the scores of every other task. Without one it gathers settings and scores itself.

    Writes go straight to the files, without the queue and thread a seed of `SummaryWriter`.

    Args:
        folder: The run folder; event files of an earlier attempt in it are removed.
        seeds: One TensorBoard run each.
        config: Resolved configuration, shown as YAML on the text page of the first seed.
        group: Name of the trial: equal for runs that differ in nothing but the seed.
        hparams: Settings of the trial, as from `trial_hparams`.
    """

    def __init__(
        self,
        folder: Path,
        seeds: Sequence[int],
        config: Mapping[str, Any],
        group: str,
        hparams: Mapping[str, str | float],
    ) -> None:
        for leftover in folder.glob("seed_*/events.out.tfevents.*"):
            leftover.unlink()
        self._writers: dict[int, EventsWriter] = {}
        self._unfinished = set(seeds)
        self._flushed_s = time.monotonic()
        for seed in seeds:
            seed_folder = folder / f"seed_{seed}"
            seed_folder.mkdir(parents=True, exist_ok=True)
            self._writers[seed] = EventsWriter(str(seed_folder / "events"))
            self._write(seed, _session_start(group, hparams))
        yaml = "".join(f"    {line}\n" for line in OmegaConf.to_yaml(config).splitlines())
        self._write(seeds[0], summary.text("config", yaml))
        self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for seed in self._unfinished:
            self._write(seed, _session_end("STATUS_FAILURE"))
        for writer in self._writers.values():
            writer.close()

    def log(
        self, seed: int, step: int, scalars: Mapping[str, float], wall_time: float | None = None
    ) -> None:
        """Adds one point to each curve.

        Args:
            seed: One of the seeds of this log.
            step: Training steps made.
            scalars: Tag, such as `train/loss` or `validation/mse`, to value; it may be non-finite.
            wall_time: Seconds since 1970; now if not given.
        """
        for tag, value in scalars.items():
            # tensorboardX.summary.scalar would warn of every non-finite value.
            point = Summary(value=[Summary.Value(tag=tag, simple_value=float(value))])
            self._write(seed, point, step, wall_time)
        if time.monotonic() - self._flushed_s > FLUSH_EVERY_S:
            self._flush()

    def finish(self, seed: int, step: int, scores: Mapping[str, float]) -> None:
        """Adds the scores on the test split as `test/<score>` and marks the seed as finished."""
        self.log(seed, step, {f"test/{name}": value for name, value in scores.items()})
        self._write(seed, _session_end("STATUS_SUCCESS"))
        self._unfinished.discard(seed)

    def _write(
        self, seed: int, content: Summary, step: int = 0, wall_time: float | None = None
    ) -> None:
        now = time.time() if wall_time is None else wall_time
        self._writers[seed].write_event(Event(summary=content, step=step, wall_time=now))

    def _flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()
        self._flushed_s = time.monotonic()


def _session_start(group: str, hparams: Mapping[str, str | float]) -> Summary:
    # tensorboardX.SummaryWriter.add_hparams knows no group name; tensorboard's own
    # plugins.hparams.summary does, but imports TensorFlow.
    start = SessionStartInfo(group_name=group, start_time_secs=time.time())
    for key, value in hparams.items():
        if isinstance(value, str):
            start.hparams[key].string_value = value
        else:
            start.hparams[key].number_value = value
    return _hparams_summary("session_start_info", HParamsPluginData(session_start_info=start))


def _session_end(status: str) -> Summary:
    end = SessionEndInfo(status=Status.Value(status), end_time_secs=time.time())
    return _hparams_summary("session_end_info", HParamsPluginData(session_end_info=end))


def _hparams_summary(name: str, data: HParamsPluginData) -> Summary:
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=data.SerializeToString())
    metadata = SummaryMetadata(plugin_data=plugin)
    return Summary(value=[Summary.Value(tag=f"_hparams_/{name}", metadata=metadata)])


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
        """The run in one line of plain text, once it is over."""
        line = f"{self.description}: "
        if error is not None:
            line += f"broken off by {type(error).__name__} "
        elif self.step < self.total_steps:
            line += "stopped early "
        line += f"at step {self.step} of {self.total_steps}"
        line += f" after {_clock(time.monotonic() - self._started_s)}"
        return f"{line}, {self._values}" if self._values else line

    def _steps_per_s(self) -> float | None:
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
        rate = self._steps_per_s()
        if rate is not None:
            # Between updates the time left is counted down by the clock.
            left_s = (self.total_steps - self.step) / rate
            left_s -= time.monotonic() - self._updates[-1][0]
            speed = f"{rate:.0f}" if rate >= 100 else f"{rate:.3g}"
            figures += [f"{speed} steps/s", f"{_clock(max(left_s, 0))} left"]
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
        self._console = console or Console(stderr=True)
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
            self.note(f"{self._position()}{description}: {total_steps} steps")
        try:
            yield self._bar
        except BaseException as error:
            self.note(self._position() + self._bar.outcome(error))
            raise
        else:
            self.note(self._position() + self._bar.outcome(None))
        finally:
            self._bar = None

    def phase(self, name: str) -> None:
        """Says what the current run does now, such as "compiling"; without one, does nothing."""
        if self._bar is not None:
            self._bar.phase = name

    def note(self, text: str) -> None:
        """Prints a line, above the bars where there are any."""
        if not self._quiet:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

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


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
