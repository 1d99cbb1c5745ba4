"""The declarations of cells: their keys, and what their counts are made of.

The equations of a built-in recurrent cell are in `gru_bench/cells/builtin.py`. Attention stands
beside the cells as a reference from outside: a layer of another kind, in
`gru_bench/model/attention.py`, that is asked for like a cell.
"""

import json
from dataclasses import dataclass, replace
from typing import Any

from gru_bench.config.checks import require, require_one_of
from gru_bench.config.keys import LONGEST, MISSING, NotWith, OnlyWith, check_keys, key
from gru_bench.config.user_classes import CUSTOM, name_class, source_file
from gru_bench.system.files import content_hash

INITIALISATIONS = ("orthogonal", "textbook", "chrono", "identity")
# The keys of a cell that say how it starts.
STARTS = ("cell.keep", "cell.forget_bias", "cell.initialisation", "cell.chrono_length")
# The share of its state that every gated cell keeps at the start unless another start is asked for:
# chosen on validation data over the tasks, see results/starts/choice.md.
KEEP = 0.9


@dataclass(frozen=True)
class BuiltInCell:
    """What the formulas of a cell's parameters and operations are made of.

    Attributes:
        affine_maps: Maps from input, state and a bias to as many numbers as there are units.
        reads_state: Whether these maps read the state; else they read the input alone.
        pointwise: Operations a unit besides the products of the affine maps and their input bias:
            additions of the recurrent products, sigmoids and tanhs, and what these make of the
            state.
        inner_bias: Whether one of the recurrent products has a bias of its own.
        state_arrays: Arrays of as many numbers as there are units in its state, such as h and c.
        forget_bias: Whether the bias of its forget gate can be chosen.
        variant_of: The cell that it is an ablation of; None for one that is no ablation.
        outside: Whether it is a reference from outside of the question which of GRU, LSTM and plain
            RNN to take.
    """

    affine_maps: int
    pointwise: int
    reads_state: bool = True
    inner_bias: bool = False
    state_arrays: int = 1
    forget_bias: bool = False
    variant_of: str | None = None
    outside: bool = False


BUILT_IN = {
    "gru": BuiltInCell(affine_maps=3, pointwise=3 + 3 + 5),
    "gru_reset_after": BuiltInCell(affine_maps=3, pointwise=3 + 3 + 5 + 1, inner_bias=True),
    "lstm": BuiltInCell(affine_maps=4, pointwise=4 + 5 + 4, state_arrays=2, forget_bias=True),
    "rnn": BuiltInCell(affine_maps=1, pointwise=1 + 1),
    "gru_no_reset": BuiltInCell(affine_maps=2, pointwise=2 + 2 + 4, variant_of="gru"),
    "gru_no_update": BuiltInCell(affine_maps=2, pointwise=2 + 2 + 1, variant_of="gru"),
    "lstm_no_output": BuiltInCell(
        affine_maps=3, pointwise=3 + 4 + 3, state_arrays=2, forget_bias=True, variant_of="lstm"
    ),
    "lstm_coupled": BuiltInCell(
        affine_maps=3, pointwise=3 + 4 + 5, state_arrays=2, forget_bias=True, variant_of="lstm"
    ),
    "mingru": BuiltInCell(affine_maps=2, pointwise=1 + 4, reads_state=False, outside=True),
    "minlstm": BuiltInCell(affine_maps=3, pointwise=2 + 6, reads_state=False, outside=True),
}
ATTENTION = "attention"
LAYERS = (ATTENTION,)  # layers that are no recurrent cell
CELLS = (*BUILT_IN, *LAYERS)
VARIANTS = tuple(name for name, cell in BUILT_IN.items() if cell.variant_of is not None)
OUTSIDE = (*(name for name, cell in BUILT_IN.items() if cell.outside), *LAYERS)
MAIN_CELLS = tuple(name for name in BUILT_IN if name not in (*VARIANTS, *OUTSIDE))
REFERENCE = "lstm"  # the cell that the others are compared with
NO_GATES = NotWith("cell.name", LAYERS, "it has no gates and no recurrent weights")


@dataclass
class CellConfig:
    """The recurrent cell and how it starts."""

    name: str = key("the cell", MISSING)
    keep: float | None = key(
        "share of its state that a gated cell keeps at the start, the same for all of them; null is"
        f" {KEEP:g}, unless forget_bias or initialisation say otherwise",
        None,
        above=0,
        below=1,
        only_with=(OnlyWith("tune.keeps", (None,)),),
        not_with=(NO_GATES,),
    )
    forget_bias: float | None = key(
        "initial bias of the forget gate, instead of keep; 1 keeps 73%",
        None,
        only_with=(
            OnlyWith("cell.name", tuple(n for n, cell in BUILT_IN.items() if cell.forget_bias)),
        ),
        not_with=(NO_GATES,),
    )
    initialisation: str = key(
        "how it starts: orthogonal is recurrent weights that are, with gates as keep says; textbook"
        " the same with a forget bias of 1, which keeps 73%, and a GRU that keeps 50%; chrono sets"
        " the gates that keep the state for long lags; identity is of cell=rnn alone: recurrent"
        " weights that are it",
        "orthogonal",
        choices=INITIALISATIONS,
        not_with=(NO_GATES,),
    )
    chrono_length: int | None = key(
        "longest lag of chrono initialisation, in steps; null is the longest sequence",
        None,
        at_least=3,
        at_most=LONGEST,
        only_with=(OnlyWith("cell.initialisation", ("chrono",)),),
        not_with=(NO_GATES,),
    )

    def __post_init__(self) -> None:
        self.check_name()
        check_keys(self, "cell.")
        require(
            self.keep is None or self.forget_bias is None,
            "cell.keep",
            self.keep,
            "left out with cell.forget_bias, which sets the same gate",
        )
        require(
            self.initialisation != "identity" or self.name == "rnn",
            "cell.initialisation",
            self.initialisation,
            "identity with cell=rnn alone, whose recurrent weights it sets",
        )
        for name in ("keep", "forget_bias"):
            value = getattr(self, name)
            require(
                value is None or self.initialisation == INITIALISATIONS[0],
                f"cell.{name}",
                value,
                f"left out with cell.initialisation={self.initialisation}, which sets that gate",
            )
        if self.keep is None and self.has_default_start and self.is_recurrent:
            self.keep = KEEP

    @property
    def is_recurrent(self) -> bool:
        """Whether it is a recurrent cell, which has a state of one size and may have gates."""
        return self.name not in LAYERS

    @property
    def has_default_start(self) -> bool:
        """Whether neither a forget bias nor another initialisation is asked for."""
        return self.forget_bias is None and self.initialisation == INITIALISATIONS[0]

    def with_initialisation(self, initialisation: str) -> "CellConfig":
        """Returns the same cell that starts in another way; `keep` goes with orthogonal alone."""
        keep = self.keep if initialisation == INITIALISATIONS[0] else None
        return replace(self, initialisation=initialisation, keep=keep)

    def check_name(self) -> None:
        """Raises `UserError` unless the name is that of a cell."""
        require_one_of("cell.name", self.name, CELLS)

    @property
    def class_reference(self) -> str:
        """The name of a built-in cell, or a class as `package.module:Class`."""
        return self.name

    @property
    def implementation(self) -> str:
        """What the cell is made from: its class and, as JSON after it, options if it has any."""
        return self.class_reference


@dataclass
class CustomCellConfig(CellConfig):
    """A cell that a user wrote."""

    name: str = key("its name in tables and folders; if empty the class' own in snake case", "")
    module: str = key("its class, as package.module:Class", "")
    options: dict[str, Any] = key("what the class is made with, besides its sizes", {})

    def check_name(self) -> None:
        self.name = name_class("cell", self.module, self.name, (*CELLS, CUSTOM))
        # It is hashed once, since the file may change while its class is in use.
        self.source = content_hash(source_file(self.module))

    @property
    def class_reference(self) -> str:
        return self.module

    @property
    def implementation(self) -> str:
        options = json.dumps(self.options, sort_keys=True) if self.options else ""
        return self.module + options
