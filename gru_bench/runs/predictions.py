"""What every seed of a run made of each example of the test split: `predictions.npz`.

It lies beside `result.json`, for tasks whose test split is the same for all seeds, and can be read
by `numpy.load` without pickle. Its arrays are those of `Predictions`.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer, Shaped

# Bytes that a file may unpack to: a thousand seeds on a million documents.
LARGEST = 1 << 30


@dataclass(frozen=True, eq=False, kw_only=True)
class Predictions:
    """What seeds made of the same examples.

    Attributes:
        seeds: Their numbers.
        given: A row a seed: the class predicted of each example, in the smallest unsigned integer
            type, or the error made on it.
        actual: The class of each example; None where `given` are errors.
    """

    seeds: Int[np.ndarray, " seeds"]
    given: Shaped[np.ndarray, "seeds examples"]
    actual: Integer[np.ndarray, " examples"] | None

    def __post_init__(self) -> None:
        examples = None if self.actual is None else len(self.actual)
        if self.given.ndim != 2 or len(self.given) != len(self.seeds):
            raise ValueError("`given` needs a row a seed")
        if examples not in (None, self.given.shape[1]):
            raise ValueError(f"`actual` has {examples} examples, `given` {self.given.shape[1]}")

    def of(self, seeds: Sequence[int]) -> Shaped[np.ndarray, "seeds examples"] | None:
        """Returns the rows of some seeds, in this order; None if one of them is not known."""
        rows = {int(seed): row for row, seed in enumerate(self.seeds)}
        if not rows.keys() >= set(seeds):
            return None
        return self.given[[rows[seed] for seed in seeds]]

    def values(self, seeds: Sequence[int]) -> Float[np.ndarray, "seeds examples"] | None:
        """Returns what each seed scores on each example: 1 where it is right, else 0; or its error.

        Args:
            seeds: A row is returned for each, in this order; None if one of them is not known.
        """
        given = self.of(seeds)
        if given is None:
            return None
        return np.asarray(given if self.actual is None else given == self.actual, dtype=float)


def joined(earlier: Predictions | None, added: Predictions | None) -> Predictions | None:
    """Returns the predictions of the seeds of both.

    Those of some seeds may be missing, as where they were trained by an older gru-bench.

    Args:
        earlier: The predictions of seeds that were finished before.
        added: Those of other seeds, on the same examples.
    """
    if earlier is None or added is None:
        return added if earlier is None else earlier
    return Predictions(
        seeds=np.concatenate([earlier.seeds, added.seeds]),
        given=np.concatenate([earlier.given, added.given]),
        actual=added.actual,
    )


def to_bytes(predictions: Predictions) -> bytes:
    """Returns the content of `predictions.npz`."""
    arrays = {"seeds": predictions.seeds, "given": predictions.given}
    if predictions.actual is not None:
        arrays["actual"] = predictions.actual
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def from_bytes(content: bytes) -> Predictions:
    """Reads what `to_bytes` wrote.

    Raises:
        ValueError: It is something else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(member.file_size for member in packed.infolist()) > LARGEST:
                raise ValueError(f"it unpacks to more than {LARGEST:,} bytes")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            actual = arrays.get("actual")
            return Predictions(seeds=arrays["seeds"], given=arrays["given"], actual=actual)
    except (OSError, EOFError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"not predictions of gru-bench ({error})") from None
