"""gru-bench: which recurrent cell should I use, a GRU, an LSTM or a plain RNN?

What is offered here is imported when it is first used. `python -m gru_bench` imports this module
while the working directory is first on the path, where a `random.py` would replace Python's own.
"""

from importlib import import_module

TYPE_CHECKING = False  # that of `typing`, which is not imported for the same reason
if TYPE_CHECKING:
    from gru_bench.api import choose, load_model, load_results, run
    from gru_bench.system.errors import UserError
    from gru_bench.system.version import __version__

__all__ = ["UserError", "__version__", "choose", "load_model", "load_results", "run"]

_MODULES = {"UserError": "system.errors", "__version__": "system.version"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'api')}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
