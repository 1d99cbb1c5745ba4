"""TensorBoard events of a run: a view, from which nothing is ever read back."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from omegaconf import OmegaConf
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

from gru_bench.config import (
    AddingConfig,
    CopyConfig,
    CountingConfig,
    ExperimentConfig,
    TextConfig,
)

FLUSH_EVERY_S = 5.0  # TensorBoard looks for new events as often as that.


def trial_hparams(config: ExperimentConfig) -> dict[str, str | float]:
    """The settings by which TensorBoard's HParams page tells trials apart.

    Every run has every key, since the page drops runs that lack one. The seed is not among them:
    the seeds of one configuration are the sessions of one trial. `length` is what makes the task
    long: the lag of copy, the sequence length of adding, the largest n that counting is trained on,
    the most tokens of a text.
    """
    match config.task:
        case CopyConfig(lag=length) | AddingConfig(length=length) | CountingConfig(max_n=length):
            pass
        case TextConfig(max_length=length):
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
