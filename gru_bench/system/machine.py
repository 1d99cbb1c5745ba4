"""The machine a run is made on: JAX's devices set up before their first use, and a description."""

import contextlib
import datetime
import os
import platform
import subprocess
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

from gru_bench.system.errors import UserError
from gru_bench.system.programs import programs_dir, tidy
from gru_bench.system.prose import counted
from gru_bench.system.version import __version__

PACKAGES = ("jax", "jaxlib", "flax", "optax", "hydra-core", "datasets", "tokenizers", "numpy")
THREADS = "PJRT_NPROC"  # XLA's variable
FLAGS = "XLA_FLAGS"  # likewise: options, or the name of a file of them
DEVICES = "xla_force_host_platform_device_count"  # one of the options
# XLA compiles a loop whose body touches less than this as one function, not as a list of operations
# that are called one by one. A single sequence takes 0.3 to 0.9 of the time by it, and a batch as
# long as before (results/speed/README.md).
WHOLE_LOOPS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=4000000"
OPEN_FILES = 10240  # enough for any sweep, and the most that macOS allows

# Settings of JAX that its environment variables change, and without which runs of one identity
# would be trained on other data, or fail. JAX_DEFAULT_MATMUL_PRECISION, which changes rounding
# alone, is left to the user.
SETTINGS = {
    "jax_threefry_partitionable": True,
    "jax_default_prng_impl": "threefry2x32",
    "jax_random_seed_offset": 0,
    "jax_enable_x64": False,
    "jax_disable_jit": False,
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
    "jax_debug_nans": False,
    "jax_debug_infs": False,
    "jax_debug_key_reuse": False,
    "jax_check_tracer_leaks": False,
    "jax_transfer_guard_host_to_device": "allow",
    "jax_transfer_guard_device_to_device": "allow",
    "jax_transfer_guard_device_to_host": "allow",
}


def cpu_cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_up_devices(cores: int | None = None) -> None:
    """Makes every CPU core a device of its own, and keeps compiled programs on disk.

    Loops are compiled whole, and programs of one CPU device run in the thread that calls them. Runs
    are sharded over the devices, or the batches of a run, as one program does not fill several
    cores. What the user has set by environment variables stays.

    Raises:
        UserError: An environment variable has a value that JAX does not know.
        RuntimeError: JAX has been used already, with another number of devices than the cores.
    """
    try:
        import jax
    except ValueError as error:
        raise UserError(f"JAX does not start, an environment variable is wrong: {error}") from None
    allow_open_files()
    cores = cores or cpu_cores()
    flags = os.environ.get(FLAGS, "")
    if "JAX_NUM_CPU_DEVICES" not in os.environ and DEVICES not in flags:
        jax.config.update("jax_num_cpu_devices", cores)  # first, as it is refused too late
    # Waking another thread for a call takes longer than a step of a small cell.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    # A device's matrix products are cut into as many parts as there are threads: more than the
    # cores can run, and they wait for each other.
    os.environ.setdefault(THREADS, str(cores))
    os.environ[FLAGS] = with_whole_loops(flags)
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        tidy(programs_dir())
        jax.config.update("jax_compilation_cache_dir", str(programs_dir()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    # What cannot be read is compiled anew, which costs some seconds.
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")


def with_whole_loops(flags: str) -> str:
    """Returns XLA's flags with the option by which loops are compiled whole.

    Args:
        flags: Options, or the name of a file of them, which is returned as it is. So are options
            among which others of the same kind are: XLA has one place for them.
    """
    flags = flags.strip()
    is_file = bool(flags) and not flags.startswith("-")
    if is_file or WHOLE_LOOPS.partition("=")[0] in flags:
        return flags
    return f"{flags} {WHOLE_LOOPS}".strip()


def allow_open_files() -> None:
    """Lets this process open as many files as the system allows, up to ten thousand."""
    try:
        import resource
    except ImportError:  # There is none on Windows, and no such limit.
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def pinned_settings() -> Iterator[None]:
    """Sets JAX as all runs are made while the context is open, and then as it was before."""
    import jax

    def found() -> dict[str, Any]:
        return {name: getattr(jax.config, name) for name in SETTINGS}

    # JAX has values of the process, and of each thread others that go before them. What the process
    # has can be seen from a thread that has none.
    with ThreadPoolExecutor(1) as thread:
        before = thread.submit(found).result()
    try:
        with contextlib.ExitStack() as stack:
            for name, value in SETTINGS.items():
                if before[name] != value:
                    jax.config.update(name, value)
                if getattr(jax.config, name) != value:
                    stack.enter_context(getattr(jax, name.removeprefix("jax_"))(value))
            yield
    finally:
        for name, value in before.items():
            if SETTINGS[name] != value:
                jax.config.update(name, value)


def require_devices() -> None:
    """Starts JAX's devices.

    Raises:
        UserError: There are none of the kind that an environment variable asks for.
    """
    import jax

    try:
        jax.devices()
    except Exception as error:  # JAX raises whatever its plugins do, an assertion included.
        asked = os.environ.get("JAX_PLATFORMS")
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"JAX_PLATFORMS={asked} is not possible: there is no such device here, or its plugin is"
            f" not installed; unset it, or JAX_PLATFORMS=cpu ({reason[:120]})"
            if asked
            else f"JAX finds no device: {reason[:200]}"
        ) from error


def leave_accelerators() -> None:
    """Keeps this process to the CPU: one that only waits for others takes no memory of a GPU.

    To be called before JAX is used.
    """
    import jax

    jax.config.update("jax_platforms", "cpu")


def job_environment(shares_gpu: bool) -> dict[str, str]:
    """Returns the environment of a job's process.

    Args:
        shares_gpu: Whether it shares an accelerator, whose memory it must not take as a whole.
    """
    share = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"} if shares_gpu else {}
    # The job has cores of its own, and needs as many threads as suit them.
    inherited = {name: value for name, value in os.environ.items() if name != THREADS}
    return share | inherited


def versions() -> dict[str, str]:
    """Returns the versions of this package and of what its results depend on."""
    return {"gru-bench": __version__} | {name: metadata.version(name) for name in PACKAGES}


def describe() -> dict[str, Any]:
    """Returns device, platform, versions and git revision, for `runs.MachineEnvironment`."""
    import jax

    require_devices()
    devices = jax.devices()
    return {
        "device": devices[0].platform,
        "device_kind": devices[0].device_kind,
        "device_count": len(devices),
        "platform": platform.platform(),
        "processor": processor(),
        "python": platform.python_version(),
        "git_revision": git_revision(),
        "versions": versions(),
    }


def processor() -> str:
    """Returns the processor's name and how many of its cores may be used."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        name = models[0] if models else name
    cores = cpu_cores()
    return f"{name}, {counted(cores, 'core')}"


def git_revision() -> str | None:
    """Returns the git revision that the package runs from, `+` if it has changes; or None."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        revision = _git(root, "rev-parse", "HEAD")
        return revision + ("+" if _git(root, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def now() -> str:
    """Returns the time in UTC, to the second, in ISO 8601."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
