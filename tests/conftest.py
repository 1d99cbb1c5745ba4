"""What must happen before JAX starts: two CPU devices, a cache of programs, shapes checked."""

import atexit
import os
import shutil
import tempfile

# Most of the tests' time is compilation, and many compile the same, in processes of their own too.
# Where pytest-xdist has several at work, they have the folder of the one that started them.
if "PYTEST_XDIST_WORKER" not in os.environ:
    programs = tempfile.mkdtemp(prefix="gru-bench-programs-")
    atexit.register(shutil.rmtree, programs, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = programs
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

import jax
import pytest
from jaxtyping import install_import_hook

jax.config.update("jax_num_cpu_devices", 2)

pytest.register_assert_rewrite("helpers")

# Not training: its runs gain a leading axis as a population, which their annotations leave out.
CHECKED = ["cells", "model", "recurrence", "tasks"]
install_import_hook([f"gru_bench.{package}" for package in CHECKED], "beartype.beartype")

# What runs, resumes and reports trainings, whatever they compute: most of its time is compilation.
UNOPTIMISED = {
    "test_api", "test_checkpoints", "test_claims", "test_engines", "test_equal_time",
    "test_dry_run", "test_user_classes", "test_probes", "test_search", "test_sweep",
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
