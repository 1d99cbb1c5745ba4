"""The sizes of one benchmarked layer, and what one turn of every contestant is."""

from dataclasses import dataclass

LEARNING_RATE = 1e-3
# Training steps, or inferences, in one turn. In JAX the steps are one program, as they are in this
# package's training.
A_TURN = 4


@dataclass(frozen=True)
class Shape:
    """Sizes of one case."""

    batch: int
    time: int
    input_size: int
    hidden_size: int

    def __str__(self) -> str:
        return f"{self.batch} x {self.time} x {self.input_size} x {self.hidden_size}"
