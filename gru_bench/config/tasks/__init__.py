"""The declarations of tasks, a module each: keys, score, axis of difficulty. Nothing imports JAX.

A module that is put into this package declares a task; nothing lists it.
"""

from importlib import import_module
from pkgutil import iter_modules

from gru_bench.config.tasks.base import (
    ClassificationConfig,
    Readout,
    TaskConfig,
    TokenTaskConfig,
    declared,
)
from gru_bench.config.tasks.custom import CustomTaskConfig

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

TASKS = declared()  # the built-in ones by name

__all__ = [
    "TASKS",
    "ClassificationConfig",
    "CustomTaskConfig",
    "Readout",
    "TaskConfig",
    "TokenTaskConfig",
]
