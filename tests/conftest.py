"""What must happen before JAX starts: two CPU devices, a cache of programs, shapes checked."""

import os
from pathlib import Path

# Many tests compile the same, in processes of their own and in one session after another: compiled
# programs are kept beside the checkout's other caches.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    programs = Path(__file__).resolve().parent.parent / ".program_cache"
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(programs)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

# Most of the tests' time is compilation, and what most of them test does not depend on its quality.
# Emitters of fusions take half of the time of an unoptimised compilation.
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
os.environ["XLA_FLAGS"] = f"--xla_cpu_use_fusion_emitters=false {os.environ.get('XLA_FLAGS', '')}"

import hypothesis
import jax
import pytest
from jax._src import compiler
from jaxtyping import install_import_hook

jax.config.update("jax_num_cpu_devices", 2)

pytest.register_assert_rewrite("helpers")

# Properties are tried on the same few examples each time, so that a failure is the change's own.
hypothesis.settings.register_profile(
    "suite", derandomize=True, max_examples=40, deadline=None, database=None
)
hypothesis.settings.load_profile("suite")

# An array is never stretched to more axes unasked: `a + b[None]` says what `a + b` leaves open.
jax.config.update("jax_numpy_rank_promotion", "raise")

# The packages that compute with arrays: their shapes are checked against their annotations.
CHECKED = ["analysis", "cells", "model", "recurrence", "tasks", "training"]
install_import_hook([f"gru_bench.{package}" for package in CHECKED], "beartype.beartype")

# The modules whose subject is what a program computes to the last bit, or what it costs.
OPTIMISED = {"test_fit", "test_scan", "test_training_step"}


@pytest.fixture(scope="module", autouse=True)
def optimisations(request):
    """Programs of the modules in OPTIMISED are compiled as a user's are."""
    if request.path.stem not in OPTIMISED:
        yield
        return
    jax.config.update("jax_disable_most_optimizations", False)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("JAX_DISABLE_MOST_OPTIMIZATIONS")
        # XLA reads its flags once in a process; options of a compilation stand above them.
        patch.setattr(compiler, "get_compile_options", optimised(compiler.get_compile_options))
        yield
    jax.config.update("jax_disable_most_optimizations", True)


def optimised(get_compile_options):
    """The function that it is given, but for the flag that is set above."""

    def get(*args, env_options_overrides=None, **kwargs):
        options = {"xla_cpu_use_fusion_emitters": True} | (env_options_overrides or {})
        return get_compile_options(*args, env_options_overrides=options, **kwargs)

    return get


@pytest.fixture
def x64():
    """Double precision for one test."""
    with jax.enable_x64(True):
        yield
