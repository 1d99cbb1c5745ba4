"""The machine a run is made on: JAX's devices set up before their first use, and a description."""

import datetime
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from gru_bench.system.files import cache_dir
from gru_bench.system.version import __version__

PACKAGES = ("jax", "jaxlib", "flax", "optax", "hydra-core", "datasets", "tokenizers", "numpy")
THREADS = "PJRT_NPROC"  # XLA's variable


def cpu_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_up_devices(cores: int | None = None) -> None:
    """Makes every CPU core a device of its own, and keeps compiled programs on disk.

    To be called before JAX is used. Runs are sharded over the devices, or the batches of a run, as
    one program does not fill several cores. What the user has set by environment variables stays.
    """
    import jax

    cores = cores or cpu_cores()
    # A device's matrix products are cut into as many parts as there are threads: more than the
    # cores can run, and they wait for each other.
    os.environ.setdefault(THREADS, str(cores))
    set_by_user = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not set_by_user and "JAX_NUM_CPU_DEVICES" not in os.environ:
        jax.config.update("jax_num_cpu_devices", cores)
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "programs"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def leave_accelerators() -> None:
    """Keeps this process to the CPU: one that only waits for others takes no card's memory.

    To be called before JAX is used.
    """
    import jax

    jax.config.update("jax_platforms", "cpu")


def job_environment(shares_card: bool) -> dict[str, str]:
    """The environment of a job's process.

    Args:
        shares_card: whether it shares an accelerator, whose memory it must not take as a whole.
    """
    share = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"} if shares_card else {}
    # The job has cores of its own, and needs as many threads as suit them.
    inherited = {name: value for name, value in os.environ.items() if name != THREADS}
    return share | inherited


def versions() -> dict[str, str]:
    """Versions of this package and of what its results depend on."""
    return {"gru-bench": __version__} | {name: metadata.version(name) for name in PACKAGES}


def describe() -> dict[str, Any]:
    """Device, platform, versions and git revision, as `runs.MachineEnvironment` wants them."""
    import jax

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
    """The processor's name and how many of its cores may be used."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        name = models[0] if models else name
    cores = cpu_cores()
    return f"{name}, {cores} core{'s' if cores > 1 else ''}"


def git_revision() -> str | None:
    """Revision of the checkout that the package runs from, `+` if it has changes; None if none."""
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
    """The time in UTC, to the second, in ISO 8601."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
