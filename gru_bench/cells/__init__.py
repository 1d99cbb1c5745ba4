"""The equations of recurrent cells: the base class and the built-in ones."""

from gru_bench.cells.base import AffineMap, Cell, Dot, Gates, State
from gru_bench.cells.builtin import GRU, LSTM, RNN, GRUResetAfter

__all__ = ["GRU", "LSTM", "RNN", "AffineMap", "Cell", "Dot", "GRUResetAfter", "Gates", "State"]
