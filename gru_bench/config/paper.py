"""Published tables that can be measured again: how a preset of `conf/paper/` is written.

A preset states beforehand what was published, how it was measured there, what is measured here
and which values count as the same. It is read strictly: a key that does not exist is a mistake.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from gru_bench.config.reference import OWN, conf_dir
from gru_bench.system.errors import UserError
from gru_bench.system.files import expand_home

Known = Literal["read", "recalled"]
Statistic = Literal["mean", "rate", "maximum"]
Range = tuple[float, float]


class _Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all parts of a preset have in common: a key that is not listed is refused."""


class Definition(_Preset, frozen=True, kw_only=True):
    """How the figures were measured where they were published, each in a few words.

    Attributes:
        task: What is learnt, and how it is encoded.
        data: How many sequences, and whether they are fixed or drawn anew.
        loss: Over which steps it is taken.
        optimiser: The optimiser with its learning rate and clipping.
        sizes: Layers, units and parameters.
        training: How long, how often, and what is reported of it.
    """

    task: str
    data: str
    loss: str
    optimiser: str
    sizes: str
    training: str


class Row(_Preset, frozen=True, kw_only=True):
    """One published figure.

    Attributes:
        label: What the row is called; different from that of every other row of its part.
        published: The figure in the unit of the part, or what was said of it in a word or two; None
            if nobody has published one.
        known: Whether it was read in the source or is recalled; None if there is none.
        agrees: The range of values that count as the same, its ends included; None if there is no
            figure.
        differs: Why what is measured is something else than what was published; empty if it is not.
    """

    label: str
    published: float | str | None = None
    known: Known | None = None
    agrees: Range | None = None
    differs: str = ""

    def __post_init__(self) -> None:
        given = (self.published is not None, self.known is not None, self.agrees is not None)
        if len(set(given)) > 1:
            raise ValueError(
                f"row {self.label}: `published`, `known` and `agrees` go together: give all or none"
            )
        if self.agrees is not None and not self.agrees[0] <= self.agrees[1]:
            raise ValueError(f"row {self.label}: `agrees` must rise, such as [0.1, 0.2]")


class TrainedRow(Row, frozen=True, kw_only=True):
    """A figure of trained models.

    Attributes:
        cell: The cell.
        where: What tells its run from others of the cell, by dotted keys.
        statistic: What is made of the seeds: the mean, the maximum, or the rate of those that
            reach a value.
        score: A name of a test score; empty for that of the part.
        reaches: The score from which on a seed counts for a rate.
    """

    cell: str
    where: dict[str, Any] = {}
    statistic: Statistic = "mean"
    score: str = ""
    reaches: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.statistic == "rate") != (self.reaches is not None):
            raise ValueError(
                f"row {self.label}: `reaches` goes with `statistic: rate`, and only so"
            )


class CountedRow(Row, frozen=True, kw_only=True):
    """The parameters of one recurrent layer, with as many inputs and units as are stated."""

    cell: str
    input_size: int
    hidden_size: int


class TimedRow(Row, frozen=True, kw_only=True):
    """The time of a cell over that of the LSTM in one runtime.

    Attributes:
        cell: The cell.
        runtime: The runtime by its name in the file of figures.
        work: What is timed.
        hidden_size: Units.
    """

    cell: str
    runtime: str
    work: Literal["training step", "whole sequence", "one step"]
    hidden_size: int


class Part(_Preset, frozen=True, kw_only=True):
    """One table, or the part of one that is measured by itself.

    Attributes:
        title: What it is about.
        definition: How it was measured where it was published; None where there is nothing to say.
        unit: `%` for shares, which are then measured in percent; empty for plain numbers.
        better: Whether higher or lower figures are better.
        differs: How what is measured here is something else than what was published. Each entry is
            a reason by itself for which no figure of the part is called reproduced.
        liberties: What is done in another way and taken to matter little, stated beforehand.
        reduction: By what less is trained here, in words; empty if by nothing.
        minutes: The minutes on two cores, with compilation.
        minutes_from: Whether these were measured or estimated.
    """

    title: str
    definition: Definition | None = None
    unit: Literal["", "%"] = ""
    better: Literal["higher", "lower"] = "higher"
    differs: list[str] = []
    liberties: list[str] = []
    reduction: str = ""
    minutes: float = 0.0
    minutes_from: Literal["measured", "estimated"] = "estimated"


class TrainedPart(Part, frozen=True, kw_only=True, tag_field="kind", tag="trained"):
    """A part whose models are trained.

    Attributes:
        runs: Words of `gru-bench run` by their keys; several values of a key stand as in a command.
        score: The test score that the figures are of.
        rows: The figures.
    """

    runs: dict[str, Any]
    score: str
    rows: list[TrainedRow]

    def __post_init__(self) -> None:
        _require_different_labels(self.rows)


class CountedPart(Part, frozen=True, kw_only=True, tag_field="kind", tag="counted"):
    """A part whose figures are counts of parameters: nothing is trained."""

    rows: list[CountedRow]

    def __post_init__(self) -> None:
        _require_different_labels(self.rows)


class TimedPart(Part, frozen=True, kw_only=True, tag_field="kind", tag="timed"):
    """A part whose figures were measured by `gru-bench speed --runtimes`: nothing is trained.

    Attributes:
        figures: The file that the command wrote.
        rows: The ratios.
    """

    figures: str = "results/speed/runtimes.json"
    rows: list[TimedRow]

    def __post_init__(self) -> None:
        _require_different_labels(self.rows)


AnyPart = TrainedPart | CountedPart | TimedPart


class Paper(_Preset, frozen=True, kw_only=True):
    """A published table, or several of one paper.

    Attributes:
        source: Authors, year and title, with the table.
        url: Where it can be read.
        parts: What is measured by itself, by name.
        notes: What else a reader should know.
    """

    source: str
    url: str
    parts: dict[str, AnyPart]
    notes: list[str] = []


def _require_different_labels(rows: Sequence[Row]) -> None:
    labels = [row.label for row in rows]
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(f"the label {label} stands for several rows: each needs its own")


def paper_names(config_dir: Path | None = None) -> dict[str, Path]:
    """Returns the files of the presets by their names; the user's own stand before ours.

    Args:
        config_dir: A folder of further presets, laid out as `conf/`.
    """
    folders = [conf_dir(), OWN, *([config_dir] if config_dir else [])]
    files = [file for folder in folders for file in sorted((folder / "paper").glob("*.yaml"))]
    return {file.stem: file for file in files}


def read_paper(name: str, config_dir: Path | None = None) -> Paper:
    """Reads a preset.

    Args:
        name: Its name, or a file that ends in .yaml.
        config_dir: A folder of further presets.

    Raises:
        UserError: There is no such preset, or it is not one.
    """
    names = paper_names(config_dir)
    file = expand_home(name) if name.endswith(".yaml") else names.get(name)
    if file is None:
        raise UserError(
            f"there is no preset {name}: it must be one of {', '.join(sorted(names))}, or a file"
            " that ends in .yaml"
        )
    try:
        return msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), Paper)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{file} cannot be read: it is no text in UTF-8") from None
    except yaml.YAMLError as error:
        raise UserError(f"{file} is no YAML: {' '.join(str(error).split())}") from None
    except msgspec.ValidationError as error:
        raise UserError(f"{file} is no preset of a paper: {_plain(str(error))}") from None


def _plain(reason: str) -> str:
    """Returns what msgspec says, with the place as a path of keys."""
    return reason.replace("Object contains unknown field", "there is no key").replace(
        "at `$.", "at `"
    )
