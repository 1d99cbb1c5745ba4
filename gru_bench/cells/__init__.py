"""The equations of recurrent cells: the base classes and the built-in ones."""

from gru_bench.cells.base import AffineMap, Cell, Dot, Gates, State
from gru_bench.cells.builtin import GRU, LSTM, RNN, GRUResetAfter
from gru_bench.cells.linear import Coefficients, LinearCell, MinGRU, MinLSTM

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AffineMap",
    "Cell",
    "Coefficients",
    "Dot",
    "GRUResetAfter",
    "Gates",
    "LinearCell",
    "MinGRU",
    "MinLSTM",
    "State",
]
