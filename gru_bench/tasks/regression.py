"""Values as outputs, judged by their errors: of a whole sequence, or a forecast of a series."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from gru_bench.config.score import Score
from gru_bench.tasks.base import Batch, register_tree, static
from gru_bench.tasks.fixed_data import FixedData, FixedSplits, Item


@dataclasses.dataclass(frozen=True, kw_only=True)
class ErrorScores:
    """The scores of standardised outputs: means over the examples.

    The loss is the mean squared error of standardised values. The main score is the mean absolute
    error divided by that of a naive answer, so that it is of no unit; beside it stands the plain
    one in the units of the targets.

    Attributes:
        score: The main score, by its name among the scores.
        unit: The standard deviation of each output on the training data, in its own unit.
        naive_error: The mean absolute error of the naive answer for each output on the training
            data, by which errors are divided in the main score.
    """

    score: Score = static()
    unit: Float[Array, " outputs"]
    naive_error: Float[Array, " outputs"]

    def example_scores(
        self, outputs: Float[Array, "batch outputs"], batch: Batch
    ) -> dict[str, Float[Array, " batch"]]:
        """Returns the mean over the outputs of each example's errors, of every kind."""
        errors = outputs - batch.targets
        absolute = jnp.abs(errors) * self.unit[None]
        return {
            "loss": jnp.square(errors).mean(1),
            "mae": absolute.mean(1),
            "mse": jnp.square(absolute).mean(1),
            self.score.name: (absolute / self.naive_error[None]).mean(1),
        }

    def tally(self, outputs: Float[Array, "batch outputs"], batch: Batch) -> dict[str, Array]:
        """Returns the sums of the errors of every kind."""
        sums = {
            name: errors @ batch.weights
            for name, errors in self.example_scores(outputs, batch).items()
        }
        return sums | {"count": batch.weights.sum()}

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        """Returns the loss, the mean absolute error, the root of the mean squared error, the score.

        Where the score is below 1, errors are smaller than those of the naive answer on the
        training data.
        """
        means = {name: sum / tally["count"] for name, sum in tally.items() if name != "count"}
        return means | {"rmse": jnp.sqrt(means.pop("mse"))}

    def predictions(
        self, outputs: Float[Array, "batch outputs"], batch: Batch
    ) -> Float[Array, " batch"]:
        """Returns the error made on each example, of which the score is the mean."""
        return self.example_scores(outputs, batch)[self.score.name]


@register_tree
@dataclasses.dataclass(frozen=True, kw_only=True)
class Regression(ErrorScores, FixedData):
    """A `Task` of one standardised value for each sequence; `targets` are `[examples, 1]`.

    The naive answer is always the median of the training values.
    """


@register_tree
@dataclasses.dataclass(frozen=True, kw_only=True)
class Forecasting(ErrorScores, FixedSplits):
    """A `Task` of the next steps of a series, from those of a window before them.

    An example is a place in the series, so that steps which many windows share lie there once. The
    naive answer is the seasonal naive forecast, so that the score is the mean absolute scaled error
    (MASE) of Hyndman and Koehler 2006.

    Attributes:
        series: Standardised values at each step.
        origins: The step of each example at which its window ends and what is forecast begins.
        window: Steps of a window.
        horizon: Steps that are forecast.
        target_places: The places of the channels that are forecast. Outputs are those of the first
            step, then those of the next.
    """

    series: Float[Array, "steps features"]
    origins: Int[Array, " examples"]
    window: int = static()
    horizon: int = static()
    target_places: tuple[int, ...] = static()

    @property
    def sequence_length(self) -> int:
        """Steps of a window."""
        return self.window

    def batch(self, item: Item) -> Batch:
        """Returns the windows of one item and what follows each."""
        indices, weights = item
        origins = self.origins[indices]
        before = origins[None] + jnp.arange(-self.window, 0)[:, None]
        after = origins[:, None] + jnp.arange(self.horizon)[None]
        targets = self.series[after[..., None], jnp.array(self.target_places)]
        return Batch(
            inputs=self.series[before],
            targets=targets.reshape(len(indices), -1),
            lengths=jnp.full(len(indices), self.window),
            weights=weights,
        )


def scored_against_best(name: str, baselines: Mapping[str, float | np.floating]) -> Score:
    """Returns the score of that name, whose baseline is the simple forecast of the least error.

    Args:
        name: The score, an error.
        baselines: What each simple forecast scores on the test, by its name.
    """
    best, *others = sorted(baselines, key=lambda each: baselines[each])
    beside = ", ".join(f"{each}: {baselines[each]:.3g}" for each in others)
    return Score(
        name=name,
        higher_is_better=False,
        baseline=float(baselines[best]),
        baseline_name=f"{best} ({beside})" if beside else best,
    )
