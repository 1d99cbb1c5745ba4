"""Series of measured values, declared: `gru_bench/tasks/series.py` has its code."""

from dataclasses import dataclass
from typing import ClassVar

from gru_bench.config.keys import LONGEST, OnlyWith, key
from gru_bench.config.tasks.base import ClassificationConfig, class_weights_key, score_key
from gru_bench.config.tasks.text import POOLINGS
from gru_bench.system.errors import UserError

PREDICTED = ("class", "value", "every_step", "forecast")
FORECAST = (OnlyWith("task.predict", ("forecast",)),)
CLASSES = (OnlyWith("task.predict", ("class", "every_step")),)
ONE_STATE = (OnlyWith("task.predict", ("class", "value", "forecast")),)


@dataclass
class SeriesConfig(ClassificationConfig):
    """Series: measured values in, a class, a value, a class at every step or a forecast out."""

    name: str = key("the task", "series")
    predict: str = key(
        "what is said of a sequence: its class, a value, a class at every step, its next values",
        "class",
        choices=PREDICTED,
    )
    score: str = score_key(CLASSES)
    class_weights: str | None = class_weights_key(CLASSES)
    readout: str = key("state that is read", "last", choices=POOLINGS, only_with=ONE_STATE)
    window: int | None = key(
        "steps that a forecast is made from", None, at_least=1, at_most=LONGEST, only_with=FORECAST
    )
    horizon: int = key("steps that are forecast", 1, at_least=1, at_most=LONGEST,
                       only_with=FORECAST)  # fmt: skip
    targets: list[str] = key("channels that are forecast; empty for all", [], only_with=FORECAST)
    season: int = key(
        "steps of a season, such as 24 of hourly values: the seasonal naive forecast repeats the"
        " last one; 1 repeats the last value",
        1,
        at_least=1,
        at_most=LONGEST,
        only_with=FORECAST,
    )

    READS_CORPUS: ClassVar[bool] = True
    HAS_EPOCHS: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.predict == "forecast" and self.window is None:
            raise UserError(
                "task.window is missing: say how many steps a forecast is made from, such as"
                " task.window=48"
            )

    @property
    def reach(self) -> int:
        """Steps before a forecast that it, or the seasonal naive one, is made from."""
        return max(self.window or 0, self.season)

    @property
    def axis(self) -> str | None:
        """How far a forecast looks ahead; nothing makes other predictions harder."""
        return "task.horizon" if self.predict == "forecast" else None

    @property
    def difficulty(self) -> float:
        """Steps that are forecast; 0 for other predictions."""
        return self.horizon if self.predict == "forecast" else 0
