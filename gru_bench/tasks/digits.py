"""The handwritten digits of the UCI repository, as scikit-learn carries them, read pixel by pixel.

Source: Alpaydin and Kaynak, "Optical recognition of handwritten digits", 1998: its test set.
"""

import gzip

import numpy as np

from gru_bench.tasks.recordings import Recordings

PIXELS = 64  # 8 x 8, row by row


def read_digits(content: bytes, where: str) -> Recordings:
    """Reads images of 8 x 8 pixels as sequences of 64 steps with one channel.

    Args:
        content: Lines of 64 grey values from 0 to 16 and the digit, compressed by gzip.
        where: The file in words.
    """
    lines = gzip.decompress(content).decode("ascii").splitlines()
    rows = np.loadtxt(lines, delimiter=",", ndmin=2)
    return Recordings(
        values=list(rows[:, :PIXELS, None]),
        labels=[(str(int(digit)),) for digit in rows[:, PIXELS]],
        groups=None,
        names=[str(number) for number in range(1, len(rows) + 1)],
        channels=("pixel",),
        where=where,
    )
