"""Hydra's global state, which may be in use by the program that calls gru-bench."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.version import VersionBase


@contextmanager
def set_aside() -> Iterator[None]:
    """Makes Hydra as if it were not initialised, and restores its state when the context closes.

    Experiments can thus be composed under `@hydra.main` and after `initialize_config_dir`, and
    leave no trace in the caller's groups. The state is that of the process, so that only one
    thread at a time may do this.
    """
    Plugins.instance()  # Hydra's plugins store their configurations once a process.
    hydra, store, version = GlobalHydra.instance(), ConfigStore.instance(), VersionBase.instance()
    before = hydra.hydra, store.repo, version.version_base
    hydra.hydra, store.repo = None, copy.deepcopy(store.repo)
    try:
        yield
    finally:
        # Hydra's own contexts put another object in the place of the one above.
        GlobalHydra.instance().hydra, store.repo, version.version_base = before
