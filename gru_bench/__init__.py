"""gru-bench: which recurrent cell should I use, a GRU, an LSTM or a plain RNN?"""

from gru_bench.api import load_results, run
from gru_bench.errors import UserError

__all__ = ["UserError", "load_results", "run"]
__version__ = "0.1.0"
