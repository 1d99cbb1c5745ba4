"""gru-bench: which recurrent cell should I use, a GRU, an LSTM or a plain RNN?"""

__version__ = "0.1.0"
