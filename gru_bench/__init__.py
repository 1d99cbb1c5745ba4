"""gru-bench: which recurrent cell should I use, a GRU, an LSTM or a plain RNN?"""

from gru_bench.api import choose, load_model, load_results, run
from gru_bench.system.errors import UserError
from gru_bench.system.version import __version__

__all__ = ["UserError", "__version__", "choose", "load_model", "load_results", "run"]
