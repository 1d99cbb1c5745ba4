"""The schema of recurrent cells."""

import math
from dataclasses import dataclass

from omegaconf import MISSING

from gru_bench.config.checks import (
    one_of,
    require,
    require_choices,
    require_one_of,
)
from gru_bench.config.user_classes import name_class, source_file
from gru_bench.system.files import content_hash

CELLS = ("gru", "gru_reset_after", "lstm", "rnn")
REFERENCE = "lstm"  # the cell that the others are compared with
INITIALISATIONS = ("orthogonal", "chrono")


@dataclass
class CellConfig:
    """The recurrent cell and how it starts.

    Chrono initialisation sets the gates that keep the state; it leaves a cell without them as it
    is. Its longest lag, `chrono_length`, is the length of the task's sequences if null.
    """

    name: str = MISSING
    forget_bias: float = 1.0
    initialisation: str = one_of(INITIALISATIONS, "orthogonal")
    chrono_length: int | None = None

    def __post_init__(self) -> None:
        self.check_name()
        require_choices(self, "cell.")
        require(math.isfinite(self.forget_bias), "cell.forget_bias", self.forget_bias, "finite")
        if self.chrono_length is not None:
            require(
                self.chrono_length >= 3,
                "cell.chrono_length",
                self.chrono_length,
                "at least 3, the longest lag in steps",
            )

    def check_name(self) -> None:
        """Raises `UserError` unless the name is that of a cell."""
        require_one_of("cell.name", self.name, CELLS)

    @property
    def implementation(self) -> str:
        """What its class is found by: the name of a built-in cell, or `package.module:Class`."""
        return self.name


@dataclass
class CustomCellConfig(CellConfig):
    """A cell of the user's own: its class, as `package.module:Class` in `module`.

    `name` stands for it in tables and folders; if empty it becomes the class' own in snake case.
    """

    name: str = ""
    module: str = ""

    def check_name(self) -> None:
        self.name = name_class("cell", self.module, self.name, CELLS)
        # Once and for all: the file may change while its class is in use.
        self.source = content_hash(source_file(self.module))

    @property
    def implementation(self) -> str:
        return self.module
