"""TensorBoard events of a run: a view for people, which gru-bench never reads."""

import io
import os
import re
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from jaxtyping import Float
from omegaconf import OmegaConf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.custom_scalar.layout_pb2 import (
    Category,
    Chart,
    Layout,
    MultilineChartContent,
)
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)
from tensorboard.summary.writer.record_writer import RecordWriter

from gru_bench.runs.folder import EVENTS
from gru_bench.system.files import refuse_link, remove_entries

FLUSH_EVERY_S = 5.0  # TensorBoard looks for new events as often as that.


def make_tag(split: str, task: str, name: str) -> str:
    """Returns the name under which TensorBoard shows a curve."""
    return f"{split}/{task}/{name}"


class EventFile:
    """The events of one TensorBoard run, in place of those that its folder had.

    `flush` lets TensorBoard see what was written. The file is open meanwhile alone, so that a
    population of any number of seeds needs one descriptor. Unlike TensorBoard's writer it does
    not wait for the disk, once a run: a view need not outlive a crash of the machine.
    """

    def __init__(self, folder: Path) -> None:
        refuse_link(folder)
        remove_entries(folder, f"{EVENTS}*")
        folder.mkdir(parents=True, exist_ok=True)
        # Two processes may end a sweep in the same second, and draw the same figures.
        self._path = folder / f"{EVENTS}{time.time():.0f}.{socket.gethostname()}.{os.getpid()}"
        self._unwritten = io.BytesIO()
        self._records = RecordWriter(self._unwritten)
        self._records.write(
            Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString()
        )
        self.flush()

    def write(self, content: Summary, step: int = 0, wall_time: float | None = None) -> None:
        """Adds an event.

        Args:
            content: What TensorBoard is to show.
            step: Training steps made.
            wall_time: Seconds since 1970; now if not given.
        """
        now = time.time() if wall_time is None else wall_time
        event = Event(summary=content, step=step, wall_time=now)
        self._records.write(event.SerializeToString())

    def write_image(self, tag: str, png: bytes) -> None:
        """Adds a picture.

        Args:
            tag: Its title; what is before the first slash is the section of the page.
            png: The bytes of a PNG file.
        """
        # A signature of 8 bytes, then the header: its length, its name, width and height.
        width, height = struct.unpack_from(">II", png, 16)
        image = Summary.Image(width=width, height=height, encoded_image_string=png)
        self.write(Summary(value=[Summary.Value(tag=tag, image=image)]))

    def flush(self) -> None:
        """Appends what was written to the file."""
        with self._path.open("ab") as file:
            file.write(self._unwritten.getvalue())
        self._unwritten.seek(0)
        self._unwritten.truncate()


class EventLog:
    """TensorBoard events of one run folder, one TensorBoard run a seed in `seed_<seed>/`.

    All seeds form one trial of the HParams page, under the name `group`. No summary of the whole
    experiment is written: TensorBoard would take the first it meets for all runs below its folder,
    and hide the scores of every other task. Without one it gathers settings and scores itself.

    Writes go straight to the files, without the queue and thread a seed of `SummaryWriter`.

    Args:
        folder: The run folder; event files of an earlier attempt at these seeds are removed.
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
        self._files: dict[int, EventFile] = {}
        self._unfinished = set(seeds)
        self._flushed_s = time.monotonic()
        for seed in seeds:
            self._files[seed] = EventFile(folder / f"seed_{seed}")
            self._write(seed, _session_start(group, hparams))
        yaml = "".join(f"    {line}\n" for line in OmegaConf.to_yaml(config).splitlines())
        self._write(seeds[0], _text("config", yaml))
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
        for file in self._files.values():
            file.flush()

    def log(
        self, seed: int, step: int, scalars: Mapping[str, float], wall_time: float | None = None
    ) -> None:
        """Adds one point to each curve.

        Args:
            seed: One of the seeds of this log.
            step: Training steps made.
            scalars: Tag, such as those of `curves`, to value; it may be non-finite.
            wall_time: Seconds since 1970; now if not given.
        """
        for tag, value in scalars.items():
            point = Summary(value=[Summary.Value(tag=tag, simple_value=float(value))])
            self._write(seed, point, step, wall_time)
        if time.monotonic() - self._flushed_s > FLUSH_EVERY_S:
            self._flush()

    def histogram(
        self,
        seed: int,
        step: int,
        tag: str,
        counts: Float[np.ndarray, " bins"],
        edges: Float[np.ndarray, " bins+1"],
    ) -> None:
        """Adds one histogram.

        Args:
            seed: One of the seeds of this log.
            step: Training steps made.
            tag: Such as `within/layer_0/kept`. Time Series has a panel for each run and sorts
                sections by name: these should come after the curves.
            counts: Height of each bin, of any scale; one that is not finite counts as 0.
            edges: The edges of the bins, ascending.

        Raises:
            ValueError: There is not one edge more than there are counts.
        """
        if len(edges) != len(counts) + 1:
            raise ValueError(f"{len(counts)} bins have {len(edges)} edges")
        counts = np.where(np.isfinite(counts), counts, 0.0)
        filled = np.flatnonzero(counts)
        # TensorBoard drops empty bins at the ends, and lets what is left reach from min to max.
        first, end = (filled[0], filled[-1] + 1) if len(filled) else (0, len(counts))
        histogram = HistogramProto(
            min=edges[first],
            max=edges[end],
            num=counts.sum(),
            bucket_limit=edges[first + 1 : end + 1],
            bucket=counts[first:end],
        )
        self._write(seed, Summary(value=[Summary.Value(tag=tag, histo=histogram)]), step)

    def arrange(self, task: str, score: str) -> None:
        """Adds charts that overlay all runs of the task to the page of custom scalars.

        Every run brings the charts of its task, of which TensorBoard shows one copy: they are there
        whichever folder it is opened on.

        Args:
            task: The task's label.
            score: Name of its main score.
        """
        charts = {
            f"validation {score}": ("validation", score),
            "training loss": ("train", "loss"),
            "gradient norm": ("train", "gradient_norm"),
        }
        layout = Layout(
            category=[
                Category(
                    title=task,
                    chart=[
                        Chart(
                            title=title,
                            multiline=MultilineChartContent(
                                tag=[re.escape(make_tag(split, task, name)) + "$"]
                            ),
                        )
                        for title, (split, name) in charts.items()
                    ],
                )
            ]
        )
        self._write(next(iter(self._files)), _custom_scalars(layout))

    def finish(
        self, seed: int, step: int, scores: Mapping[str, float], main: str | None = None
    ) -> None:
        """Adds the scores on the test split as `test/<score>` and marks the seed as finished.

        Args:
            seed: One of the seeds of this log.
            step: Training steps made.
            scores: The scores by name.
            main: The one that is added as `score/<score>`. Of all tags the page of HParams shows
                the first five by name, which are thus the main scores of the tasks.
        """
        tags = {name: f"{'score' if name == main else 'test'}/{name}" for name in scores}
        self.log(seed, step, {tags[name]: value for name, value in scores.items()})
        self._write(seed, _session_end("STATUS_SUCCESS"))
        self._unfinished.discard(seed)

    def _write(
        self, seed: int, content: Summary, step: int = 0, wall_time: float | None = None
    ) -> None:
        self._files[seed].write(content, step, wall_time)

    def _flush(self) -> None:
        for file in self._files.values():
            file.flush()
        self._flushed_s = time.monotonic()


def _session_start(group: str, hparams: Mapping[str, str | float]) -> Summary:
    # tensorboard.plugins.hparams.summary would do it, but imports TensorFlow.
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
    return _plugin_summary(f"_hparams_/{name}", "hparams", data.SerializeToString())


def _text(tag: str, markdown: str) -> Summary:
    return _plugin_summary(f"{tag}/text_summary", "text", string=markdown.encode(), sizes=(1,))


def _custom_scalars(layout: Layout) -> Summary:
    string = layout.SerializeToString()
    return _plugin_summary("custom_scalars__config__", "custom_scalars", string=string)


def _plugin_summary(
    tag: str,
    plugin: str,
    content: bytes | None = None,
    string: bytes | None = None,
    sizes: Sequence[int] = (),
) -> Summary:
    """Returns a summary for one of TensorBoard's plugins.

    Args:
        tag: Where the plugin looks for it.
        plugin: The plugin's name.
        content: The plugin's own data.
        string: What the plugin shows, as a tensor of one string.
        sizes: The shape of the tensor.
    """
    data = SummaryMetadata.PluginData(plugin_name=plugin, content=content)
    value = Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=data))
    if string is not None:
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])
        value.tensor.CopyFrom(TensorProto(dtype=DT_STRING, string_val=[string], tensor_shape=shape))
    return Summary(value=[value])
