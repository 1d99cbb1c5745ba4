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
    """Gives Hydra back as it was found once the context is closed; within, it is not initialised.

    So that experiments can be composed under `@hydra.main`, after `initialize_config_dir`, and
    without a trace in the caller's own groups. The state is the process': one thread at a time.
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
