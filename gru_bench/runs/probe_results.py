"""The part of `result.json` that says why a cell scores as it does: what was seen within it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GradientNorms:
    """How much of the loss gradient at a sequence's last step reaches the states before it.

    `initial[i][j]` and `trained[i][j]` are of seed i: the norm of the gradient with respect to the
    full state (h, and c of an LSTM) `distance[j]` steps back, over that at distance 0.
    `initial_direct` and `trained_direct` are what comes of it through the kept state alone, with
    all gates and candidates held constant, over the same whole norm; null of attention, or where
    an older gru-bench made the run.
    """

    distance: list[int]
    initial: list[list[float | None]]
    trained: list[list[float | None]]
    initial_direct: list[list[float | None]] | None = None
    trained_direct: list[list[float | None]] | None = None

    def __post_init__(self) -> None:
        direct = (*(self.initial_direct or ()), *(self.trained_direct or ()))
        for row in (*self.initial, *self.trained, *direct):
            if len(row) != len(self.distance):
                raise ValueError("a row of norms is not as long as `distance`")

    def of(self, is_trained: bool, is_direct: bool = False) -> list[list[float | None]] | None:
        """Returns the norms after training or before, of the direct part or of the whole."""
        if is_direct:
            return self.trained_direct if is_trained else self.initial_direct
        return self.trained if is_trained else self.initial


@dataclass(frozen=True, kw_only=True)
class Gate:
    """How far a gate is open, from 0 to 1, on the test data of a trained model; means over seeds.

    `by_step[j]` is of step `step[j]`, null where no sequence is so long; `by_unit` is sorted within
    each seed; `histogram` has the share of all values in equal intervals.
    """

    step: list[int]
    by_step: list[float | None]
    by_unit: list[float]
    histogram: list[float]


@dataclass(frozen=True, kw_only=True)
class GateEnds:
    """What the gates of the trained cells do at their ends; the largest deviations over seeds.

    `z_kept` and `z_replaced` are the update gate where the state is kept and where it is replaced:
    null for an LSTM, as are the last two. `kept`: of the new memory from the old; `replaced`: of
    the new memory from the candidate; `reset_shut` and `reset_open`: of the candidate from that of
    another history, the reset gate at 0 and at 1.
    """

    z_kept: float | None
    kept: float
    z_replaced: float | None
    replaced: float
    reset_shut: float | None
    reset_open: float | None


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Test scores of the trained models on longer sequences: `scores[i][j]` at `length[i]`, seed j.

    `multiple` is of what makes the task long, the lag of copy, the length of adding; `length` is in
    steps. The first is as in training.
    """

    multiple: list[int]
    length: list[int]
    scores: list[list[float | None]]

    def __post_init__(self) -> None:
        if not len(self.multiple) == len(self.length) == len(self.scores):
            raise ValueError("`multiple`, `length` and `scores` differ in length")


@dataclass(frozen=True, kw_only=True)
class Probes:
    """Why the cell scores as it does; what does not apply to it is null.

    `gates` has an entry a layer, empty for a cell without gates; `gate_ends` is of the first layer.
    """

    gradients: GradientNorms | None
    gates: list[dict[str, Gate]]
    gate_ends: GateEnds | None
    lengths: Lengths | None
