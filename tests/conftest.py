"""What must happen before JAX starts: two CPU devices, and annotated shapes that are checked."""

import os

# The devices of one host share a pool of threads; where it is no larger than the number of
# devices, programs that wait for each other can wait for ever.
os.environ.setdefault("PJRT_NPROC", "4")

import jax
import pytest
from jaxtyping import install_import_hook

jax.config.update("jax_num_cpu_devices", 2)

# Not train.py: its runs gain a leading axis as a population, which their annotations leave out.
CHECKED = ["cells", "model", "parameters", "recurrence", "tasks"]
install_import_hook([f"gru_bench.{module}" for module in CHECKED], "beartype.beartype")


@pytest.fixture
def x64():
    """Double precision for one test."""
    with jax.enable_x64(True):
        yield
