"""What must happen before JAX starts: two CPU devices, a cache of programs, shapes checked."""

import atexit
import os
import shutil
import tempfile

# The devices of one host share a pool of threads; where it is no larger than the number of
# devices, programs that wait for each other can wait for ever.
os.environ.setdefault("PJRT_NPROC", "4")

# Most of the tests' time is compilation, and many compile the same, in processes of their own too.
os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="gru-bench-programs-")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

import jax
import pytest
from jaxtyping import install_import_hook

atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
jax.config.update("jax_num_cpu_devices", 2)

# Not train.py: its runs gain a leading axis as a population, which their annotations leave out.
CHECKED = ["cells", "model", "parameters", "recurrence", "tasks"]
install_import_hook([f"gru_bench.{module}" for module in CHECKED], "beartype.beartype")


@pytest.fixture
def x64():
    """Double precision for one test."""
    with jax.enable_x64(True):
        yield
