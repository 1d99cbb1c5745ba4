"""How fast the cells are in each runtime, as `gru-bench speed --runtimes` has measured it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from gru_bench.evidence.estimates import Interval
from gru_bench.system.errors import UserError


class Work(StrEnum):
    """The kinds of work that are timed."""

    TRAINING = "training step"
    SEQUENCE = "whole sequence"
    STEP = "one step"


@dataclass(frozen=True, kw_only=True)
class RuntimeFigure:
    """One cell in one runtime at one size; intervals are over processes.

    Attributes:
        runtime: Name of the runtime.
        cell: Name of the cell.
        work: What is timed.
        hidden_size: Units.
        us: Microseconds: of a training step of a batch, of one sequence, or of a call for one step
            of one sequence.
        p99_us: Microseconds that 99% of the calls for one step do not exceed; null for other work.
        vs_lstm: The time over that of the LSTM in the same runtime and the same rounds; null for
            the LSTM.
        memory_mb: Megabytes that the training program holds at its peak; null where the runtime
            does not tell.
    """

    runtime: str
    cell: str
    work: Work
    hidden_size: int
    us: Interval
    p99_us: Interval | None
    vs_lstm: Interval | None
    memory_mb: float | None


@dataclass(frozen=True, kw_only=True)
class RuntimeFigures:
    """What one command measured.

    Attributes:
        created: When, in UTC.
        environment: The machine, with the versions of all that took part.
        load_before: The machine's load average before.
        input_size: Features of a step.
        time: Steps of a sequence.
        batch: Sequences of a training step; other work is at batch 1.
        cores: Cores that each kind of work had.
        processes: Processes that each kind of work was measured in.
        figures: The figures.
    """

    created: str
    environment: dict[str, Any]
    load_before: float
    input_size: int
    time: int
    batch: int
    cores: dict[Work, int]
    processes: int
    figures: list[RuntimeFigure]

    def figure(self, runtime: str, cell: str, work: Work, hidden_size: int) -> RuntimeFigure | None:
        """Returns a figure, or None if the runtime has no such cell or does no such work."""
        key = (runtime, cell, work, hidden_size)
        return next(
            (f for f in self.figures if (f.runtime, f.cell, f.work, f.hidden_size) == key), None
        )


def read_runtimes(path: Path) -> RuntimeFigures:
    """Reads what `gru-bench speed --runtimes` wrote.

    Raises:
        UserError: There is no such file, or it holds something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=RuntimeFigures)
    except (OSError, msgspec.MsgspecError) as error:
        raise UserError(
            f"{path} cannot be read: {error}; gru-bench speed --runtimes writes it"
        ) from None
