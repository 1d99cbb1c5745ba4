"""Machines that lack something, or behave as others do not."""

import json
import os
import pty
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.lab import CELLS, PATIENCE_S, WORDS, Lab, Watch, finish, marks, require, wait_for
from gru_bench.runs.folder import RESULT, read_result

DISK_BYTES = 64 * 2**20
# By itself each would change the data of runs, or make all fail.
JAX_SETTINGS = {
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_RANDOM_SEED_OFFSET": "7",
    "JAX_ENABLE_X64": "1",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_DISABLE_JIT": "1",
    "JAX_DEBUG_NANS": "1",
    "JAX_TRANSFER_GUARD": "disallow",
}
# Seconds of a core that a command may take on a folder of two thousand runs.
HISTORY_S = {
    ("status",): 1.0,
    ("report", "--format", "csv"): 3.0,
    ("report", "--format", "table"): 5.0,
}


def full_disk(lab: Lab) -> str:
    """The disk fills up once the first run is finished, and room is made later."""
    with small_disk(lab.folder / "disk") as (out_dir, fill, free, kind):
        child = lab.start(out_dir)
        wait_for(lambda: bool(marks(out_dir)), child)
        fill(child.pid)
        watch = Watch(out_dir)
        printed = finish(child, 1, 2)
        watch.look()
        failed = printed.count("failed: ")
        report = lab.report(out_dir)
        require("unfinished" in report, "the report does not tell of unfinished runs")
        free()
        finish(lab.start(out_dir))
        watch.look()
        lab.require_expected(out_dir)
    return f"{kind}: {failed} of {len(CELLS)} runs failed with a line each, all finished later"


@contextmanager
def small_disk(
    folder: Path,
) -> Iterator[tuple[Path, Callable[[int], object], Callable[[], None], str]]:
    """A folder, what fills its disk, what frees it, and how it is done."""
    folder.mkdir()
    filler = folder / "filler"

    def fill(_: int) -> None:
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return

    size = f"size={DISK_BYTES}"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0:
        try:
            yield folder, fill, filler.unlink, "a small tmpfs"
        finally:
            # Lazily, so that a process that a failed check leaves does not hide why it failed.
            subprocess.run(["umount", "--lazy", folder], check=True)
    else:  # Without the right to mount: no file may grow, which is how a full disk looks to it.
        yield (
            folder,
            lambda process: resource.prlimit(process, resource.RLIMIT_FSIZE, (512, 512)),
            lambda: None,
            "no right to mount, so by RLIMIT_FSIZE",
        )


def settings_of_jax(lab: Lab) -> str:
    """Everything that environment variables can change in JAX, at once; devices there are not."""
    out_dir = lab.folder / "settings"
    finish(lab.start(out_dir, **JAX_SETTINGS))
    lab.require_expected(out_dir)
    for platform in ("cuda", "gpu", "abacus"):
        printed = finish(lab.start(lab.folder / platform, JAX_PLATFORMS=platform), 2)
        require(f"error: JAX_PLATFORMS={platform} is not possible" in printed, printed)
        finish(lab.command("info", environment={"JAX_PLATFORMS": platform}), 2)
    return f"{len(JAX_SETTINGS)} variables change nothing; three platforms refused with a line"


def unwilling_output(lab: Lab) -> str:
    """Encodings that lack a character, a full device, a closed pipe, a terminal that is gone."""
    out_dir = lab.folder / "output"
    for number, encoding in enumerate(("ascii", "latin-1", "cp1252")):
        where = out_dir / f"{number}"
        finish(lab.start(where, "force=true", PYTHONIOENCODING=encoding, PYTHONUTF8="0"))
        lab.require_expected(where)
    table = [sys.executable, "-m", "gru_bench", "report", str(lab.undisturbed)]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(table, stdout=full, stderr=subprocess.PIPE, text=True)
        require(done.returncode == 2, f"a full device: exit status {done.returncode}")
        require(done.stderr.count("\n") == 1, done.stderr)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(table, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    require((done.returncode, done.stderr) == (0, ""), f"a closed pipe: {done}")
    # The terminal goes away in training: the sweep is to go on, as after `disown`.
    where = out_dir / "terminal"
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "gru_bench", "run", *WORDS, f"out_dir={where}"],
        env=lab.environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    threading.Thread(target=drain, args=(ours, where), daemon=True).start()
    child.wait(PATIENCE_S)
    require(child.returncode in (0, 2), f"without a terminal: exit status {child.returncode}")
    lab.require_expected(where)
    return "three encodings, /dev/full, a closed pipe, a terminal that is gone in training"


def drain(terminal: int, out_dir: Path) -> None:
    """Reads a terminal until the first run is finished, and then closes it."""
    while not marks(out_dir):
        os.read(terminal, 4096)
    os.close(terminal)


def few_open_files(lab: Lab) -> str:
    """60 rates x 5 seeds with 256 descriptors, and 1,100 seeds with 1,024."""
    few = ["steps=2", "evaluate_every=2", "batch_size=2", "hidden_size=2", "cell=gru"]
    rates = ",".join(f"{rate / 1000:g}" for rate in range(1, 61))
    for name, limit, words in (
        ("rates", 256, [f"optim.learning_rate={rates}", "seeds=5"]),
        ("seeds", 1024, ["seeds=1100"]),
    ):
        out_dir = lab.folder / name
        child = lab.command("run", *WORDS, *few, *words, f"out_dir={out_dir}", open_files=limit)
        finish(child)
        seeds = sum(len(read_result(path.parent).seeds) for path in marks(out_dir))
        require(seeds == {"rates": 300, "seeds": 1100}[name], f"{seeds} seeds are finished")
        events = len(list(out_dir.rglob("events.out.tfevents.*")))
        require(events == seeds, f"{events} event files of {seeds} seeds")
    return "60 x 5 runs with 256 descriptors, 1,100 seeds with 1,024"


def too_large(lab: Lab) -> str:
    """A hidden size that no machine has the memory for, beside others."""
    out_dir = lab.folder / "large"
    printed = finish(lab.start(out_dir, "hidden_size=8,300000"), 1)
    require(printed.count("too large for this machine") >= len(CELLS), printed)
    for folder in list((out_dir / "adding").glob("*/h300000-*")):
        shutil.rmtree(folder)
    lab.require_expected(out_dir)
    words = ["hidden_size=8,300000", "dry_run=true"]
    printed = finish(lab.start(lab.folder / "plan", *words))
    require("too large" in printed, printed)
    return "passed over with figures by the sweep and by dry_run, the others finished"


def long_history(lab: Lab) -> str:
    """Status and report of a folder of two thousand runs."""
    out_dir = lab.folder / "history"
    made_up = [json.loads(path.read_bytes()) for path in marks(lab.undisturbed)]
    for number in range(2000):
        result = made_up[number % len(made_up)]
        result["identity"] = f"{number:016x}"
        result["config"]["steps"] = number
        folder = out_dir / result["config"]["cell"]["name"] / f"h8-{number:08x}"
        folder.mkdir(parents=True)
        (folder / RESULT).write_text(json.dumps(result))
    took = {}
    for words, limit in HISTORY_S.items():
        before = cpu_seconds()
        finish(lab.command(*words, str(out_dir)))
        took[words] = cpu_seconds() - before
        require(took[words] <= limit, f"{' '.join(words)}: {took[words]:.1f} s of {limit}")
    return ", ".join(f"{' '.join(words)} {seconds:.1f} s" for words, seconds in took.items())


def cpu_seconds() -> float:
    """Seconds of a core that all processes started here and ended have taken."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
