"""What must happen before JAX starts: two CPU devices, a cache of programs, shapes checked."""

import os
from importlib import metadata
from pathlib import Path

from packaging.version import Version

from gru_bench.system.machine import FLAGS, with_whole_loops

# Many tests compile the same, in processes of their own and in one session after another: compiled
# programs are kept beside the checkout's other caches.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    programs = Path(__file__).resolve().parent.parent / ".program_cache"
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(programs)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

# Most of the tests' time is compilation, and what most of them test does not depend on its quality.
# Emitters of fusions take half of the time of an unoptimised compilation. Later releases cannot do
# without them, and end the process that asks for it.
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
os.environ[FLAGS] = with_whole_loops(os.environ.get(FLAGS, ""))
if Version(metadata.version("jaxlib")) < Version("0.11"):
    os.environ[FLAGS] += " --xla_cpu_use_fusion_emitters=false"

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


# The files that take longest come first, so that no process is left with one of them at the end.
LONGEST = (
    "test_fit", "test_sweep", "test_golden", "test_main", "test_choose", "test_checkpoints",
    "test_user_classes", "test_probes", "test_api", "test_check_gpu", "test_pages", "test_runtimes",
    "test_engines", "test_render", "test_search", "test_random_models", "test_scan",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    rank = {name: place for place, name in enumerate(LONGEST)}

    def place(item):
        # What is compiled in another way comes last in its file: each change drops all programs.
        optimised = item.get_closest_marker("optimised") is not None
        return rank.get(item.path.stem, len(LONGEST)), item.path, optimised

    items.sort(key=place)


@pytest.fixture(autouse=True)
def optimisations(request):
    """Programs of the tests that are marked so are compiled as a user's are."""
    wanted = request.node.get_closest_marker("optimised") is not None
    if wanted != jax.config.values["jax_disable_most_optimizations"]:
        return
    jax.clear_caches()
    jax.config.update("jax_disable_most_optimizations", not wanted)
    # XLA reads its flags once in a process; options of a compilation stand above them.
    if WITHOUT_EMITTERS:
        compiler.get_compile_options = with_fusions if wanted else GET_COMPILE_OPTIONS


WITHOUT_EMITTERS = "fusion_emitters" in os.environ[FLAGS]
GET_COMPILE_OPTIONS = compiler.get_compile_options


def with_fusions(*args, env_options_overrides=None, **kwargs):
    """The options of JAX, but for the flag that is set above."""
    options = {"xla_cpu_use_fusion_emitters": True} | (env_options_overrides or {})
    return GET_COMPILE_OPTIONS(*args, env_options_overrides=options, **kwargs)


@pytest.fixture
def x64():
    """Double precision for one test."""
    with jax.enable_x64(True):
        yield
