"""What must happen before JAX starts: two CPU devices, a cache of programs, shapes checked."""

import os
from pathlib import Path

# Most of the tests' time is compilation, and many compile the same, in processes of their own and
# in one session after another: compiled programs are kept beside the checkout's other caches.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    programs = Path(__file__).resolve().parent.parent / ".program_cache"
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(programs)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

import jax
import pytest
from jaxtyping import install_import_hook

jax.config.update("jax_num_cpu_devices", 2)

pytest.register_assert_rewrite("helpers")

# An array is never stretched to more axes unasked: `a + b[None]` says what `a + b` leaves open.
jax.config.update("jax_numpy_rank_promotion", "raise")

# The packages that compute with arrays: their shapes are checked against their annotations.
CHECKED = ["analysis", "cells", "model", "recurrence", "tasks", "training"]
install_import_hook([f"gru_bench.{package}" for package in CHECKED], "beartype.beartype")

# What runs, resumes and reports trainings, whatever they compute: most of its time is compilation.
UNOPTIMISED = {
    "test_api", "test_checkpoints", "test_claims", "test_engines", "test_equal_time",
    "test_dry_run", "test_user_classes", "test_probes", "test_search", "test_sweep",
    "test_trained_model", "test_exported_files", "test_choose",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def optimisations(request):
    """Programs of the modules in UNOPTIMISED are compiled without most optimisations."""
    if request.path.stem not in UNOPTIMISED:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # of processes that a test starts
        jax.config.update("jax_disable_most_optimizations", True)
        yield
        jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def x64():
    """Double precision for one test."""
    with jax.enable_x64(True):
        yield
