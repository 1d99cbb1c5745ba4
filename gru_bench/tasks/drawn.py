"""Tasks whose batches are drawn from a key alone, without end."""

from jaxtyping import Array, Int, Key

from gru_bench.tasks.base import Split, evaluation_keys, step_keys


class DrawnFromKeys:
    """The items of such a task are keys: of the step in training, of the split in evaluation."""

    batch_size: int

    def schedule(
        self, key: Key[Array, ""], first_step: Int[Array, ""], steps: int
    ) -> Key[Array, " steps"]:
        """Returns a key for each training step."""
        return step_keys(key, first_step, steps)

    def evaluation(self, key: Key[Array, ""], split: Split) -> Key[Array, " batches"]:
        """Returns a key for each batch of the split."""
        return evaluation_keys(key, split, self.batch_size)
