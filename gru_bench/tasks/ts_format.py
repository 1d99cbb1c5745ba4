"""The `.ts` format of the UEA and UCR archives of time series.

Lines that begin with `@` tell what follows `@data`: one sequence a line, its channels separated by
colons, the values of a channel by commas, the label last. `?` or `NaN` stands for a missing value.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float

from gru_bench.system.errors import UserError
from gru_bench.tasks.recordings import Recordings


def read_ts(content: bytes, where: str) -> Recordings:
    """Reads a file, whose channels are called by their numbers.

    Args:
        content: The bytes of the file.
        where: The file in words.

    Returns:
        The sequences, each with its label as it is written; with none where the file has none.

    Raises:
        UserError: It is not UTF-8, a line is not what it should be, sequences differ in their
            number of channels, or channels of one sequence in their length; or there is no
            sequence.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is not utf-8") from error
    numbered = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    lines = [(number, line) for number, line in numbered if line and not line.startswith("#")]
    begin = next((i for i, (_, line) in enumerate(lines) if line.lower() == "@data"), None)
    if begin is None:
        raise UserError(f"{where} has no line @data, after which the sequences of a .ts file come")
    header = _header(line for _, line in lines[:begin])
    if header.get("timestamps", "false").startswith("true"):
        raise UserError(f"{where} has time stamps within its values, which are not read")
    labelled = any(
        header.get(key, "false").startswith("true") for key in ("classlabel", "targetlabel")
    )
    values: list[Float[np.ndarray, "_ channels"]] = []
    labels: list[tuple[str, ...]] = []
    for number, line in lines[begin + 1 :]:
        fields = line.split(":")
        labels.append((fields.pop().strip(),) if labelled else ())
        values.append(_sequence(fields, f"{where} in line {number}"))
        if values[-1].shape[1] != values[0].shape[1]:
            raise UserError(
                f"{where} has {values[-1].shape[1]} channels in line {number}, and"
                f" {values[0].shape[1]} in the first sequence"
            )
    if not values:
        raise UserError(f"{where} has no sequences")
    return Recordings(
        values=values,
        labels=labels,
        groups=None,
        names=[str(number) for number in range(1, len(values) + 1)],
        channels=tuple(f"channel {number + 1}" for number in range(values[0].shape[1])),
        where=where,
    )


def _header(lines: Iterable[str]) -> Mapping[str, str]:
    """Returns what the lines before the data say, by their words in small letters."""
    pairs = (line.removeprefix("@").partition(" ") for line in lines if line.startswith("@"))
    return {key.lower(): value.strip().lower() for key, _, value in pairs}


def _sequence(channels: list[str], where: str) -> Float[np.ndarray, "time channels"]:
    """Returns the values of one sequence."""
    right = "values must be finite numbers, or ? if missing"
    try:
        rows = [
            np.array(channel.replace("?", "nan").split(","), np.float64) for channel in channels
        ]
    except ValueError as error:
        raise UserError(f"{where}: {error}: {right}") from None
    for channel, row in zip(channels, rows, strict=True):
        for step in np.flatnonzero(np.isinf(row)):
            raise UserError(f"{where}: {channel.split(',')[step].strip()} is not finite: {right}")
    lengths = sorted({len(row) for row in rows})
    if len(lengths) != 1:
        raise UserError(
            f"{where}: channels of {lengths[0]} and of {lengths[-1]} steps: those of one sequence"
            " must be of one length"
        )
    return np.stack(rows, axis=1)
