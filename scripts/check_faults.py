"""Tries to make gru-bench lose a result, by faults that befall real sweeps, and says if any did.

    python scripts/check_faults.py --kills 20

runs the real command on a sweep of four tiny runs, undisturbed and then once more under each fault:
killed at random moments, started twice at once, on a disk that fills up, with damaged files, with
results of other versions, with a clock that jumps, and so on: docs/failures.md has a table of
them. Whatever happened, the sweep must end with the undisturbed results, bit for bit but for
timings; no finished result may be rewritten, lost or half-written; and the report must name what it
passes over. The exit status is 1 if one of these fails. It takes half an hour or more on two cores.
"""

import argparse
import hashlib
import json
import os
import pty
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gru_bench.runs.folder import RESULT, read_result
from gru_bench.runs.result import SCHEMA_VERSION
from gru_bench.runs.status import read_all

CELLS = ("gru", "gru_reset_after", "lstm", "rnn")
WORDS = [
    "-m", f"cell={','.join(CELLS)}", "task=adding", "task.length=10", "hidden_size=8",
    "batch_size=8", "seeds=2", "steps=10000", "evaluate_every=100", "checkpoint_s=0.2",
    "probes=false",
]  # fmt: skip
PATIENCE_S = 600
DISK_BYTES = 64 * 2**20
JUMPING_CLOCK = """
import time
true = {name: getattr(time, name) for name in ("time", "time_ns")}
def jump(): return 86400 * int(time.monotonic() / 1.5 % 3 - 1)  # a day back, none, a day on
time.time = lambda: true["time"]() + jump()
time.time_ns = lambda: true["time_ns"]() + jump() * 10**9
"""
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
NO_FLOCK = """
import errno, fcntl
def flock(*_): raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = flock
"""
# Seconds of a core that a command may take on a folder of two thousand runs.
HISTORY_S = {
    ("status",): 1.0,
    ("report", "--format", "csv"): 3.0,
    ("report", "--format", "table"): 5.0,
}


class Lost(Exception):  # noqa: N818
    """What must not happen has happened. The message is one line."""


def require(condition: bool, otherwise: str) -> None:
    """Raises `Lost` unless the condition holds."""
    if not condition:
        raise Lost(otherwise)


class Lab:
    """A folder for sweeps, with the undisturbed one that all others are compared with."""

    def __init__(self, folder: Path, seed: int, kills: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.kills = kills
        # One cache of compiled programs for all, which is thereby broken into as well.
        self.environment = os.environ | {
            "JAX_COMPILATION_CACHE_DIR": str(folder / "programs"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        self.undisturbed = folder / "undisturbed"
        finish(self.start(folder / "compiling"))
        began = time.monotonic()
        finish(self.start(self.undisturbed))
        self.usual_s = time.monotonic() - began
        self.expected = contents(self.undisturbed)

    def start(self, out_dir: Path, *words: str, **environment: str) -> "subprocess.Popen[str]":
        """Starts the sweep, with some of its settings replaced."""
        return self.command("run", *WORDS, *words, f"out_dir={out_dir}", environment=environment)

    def command(
        self, *words: str, environment: Mapping[str, str] | None = None, open_files: int = 0
    ) -> "subprocess.Popen[str]":
        """Starts the command line.

        Args:
            words: What follows `gru-bench`; of settings given twice the last one counts.
            environment: Variables that it has besides this process' own.
            open_files: How many it may have, if that is to be limited.
        """

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

        given = {word.partition("=")[0]: word for word in words}
        return subprocess.Popen(
            [sys.executable, "-m", "gru_bench", *given.values()],
            env=self.environment | dict(environment or {}), cwd=self.folder,
            preexec_fn=limit if open_files else None,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip

    def report(self, out_dir: Path) -> str:
        """What `gru-bench report` prints, which must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "gru_bench", "report", out_dir, "--format", "markdown"],
            capture_output=True, text=True,
        )  # fmt: skip
        require(done.returncode == 0, f"the report failed: {done.stderr}")
        return done.stdout + done.stderr

    def require_expected(self, out_dir: Path) -> None:
        """Raises `Lost` unless the sweep's results are those of the undisturbed one."""
        found = contents(out_dir)
        require(found.keys() == self.expected.keys(), f"{len(found)} results are there")
        for name, content in found.items():
            expected = self.expected[name]
            other = [key for key in expected if content.get(key) != expected[key]]
            require(not other, f"{name} differs from the undisturbed one in {', '.join(other)}")
        for leftover in (".unfinished-*", "checkpoints", "status.json", "error.txt"):
            left = list(out_dir.rglob(leftover))
            require(not left, f"left behind: {left}")
        self.report(out_dir)


class Watch:
    """The finished results of a sweep, none of which may change or go."""

    def __init__(self, out_dir: Path) -> None:
        self._out_dir = out_dir
        self._seen = marks(out_dir)

    def look(self) -> None:
        """Raises `Lost` if a result was rewritten or is gone, or a new one cannot be read."""
        now = marks(self._out_dir)
        for path, mark in self._seen.items():
            require(path in now, f"{path} is gone")
            require(now[path] == mark, f"{path} was rewritten")
        for path in now:
            read_result(path.parent)  # raises if half-written
        self._seen = now


def marks(out_dir: Path) -> dict[Path, tuple[int, int, str]]:
    """Of every result its inode, its time and its digest."""
    found = {}
    for path in sorted(out_dir.rglob(RESULT)):
        stat, digest = path.stat(), hashlib.sha256(path.read_bytes()).hexdigest()
        found[path] = (stat.st_ino, stat.st_mtime_ns, digest)
    return found


def contents(out_dir: Path) -> dict[str, Any]:
    """Every result by its run's folder, without timings and where, when and how it was made."""
    found = {}
    for path in sorted(out_dir.rglob(RESULT)):
        result = json.loads(path.read_bytes())
        for key in ("created", "command", "timing", "memory_mb", "environments"):
            del result[key]
        for seed in result["seeds"]:
            del seed["solved_s"], seed["curve"]["time_s"]
        found[str(path.parent.relative_to(out_dir))] = result
    return found


def finish(child: "subprocess.Popen[str]", *statuses: int) -> str:
    """Waits for a sweep; returns what it printed. Its exit status must be one of those given."""
    printed, _ = child.communicate(timeout=PATIENCE_S)
    expected = child.returncode in (statuses or (0,))
    require(expected, f"exit status {child.returncode}: {printed[-2000:]}")
    require("Traceback" not in printed, f"a traceback was printed: {printed[-2000:]}")
    return printed


def kill(child: "subprocess.Popen[str]") -> None:
    """Ends a sweep as a lost machine does."""
    child.kill()
    child.communicate()


def wait_for(condition: Callable[[], bool], child: "subprocess.Popen[str]") -> None:
    """Waits until something has happened while the sweep runs."""
    while not condition():
        require(child.poll() is None, "the sweep ended before it could be disturbed")
        time.sleep(0.02)


# The faults. Each returns what was tried and seen, in one line.


def killed_at_random(lab: Lab) -> str:
    """`kill -9`, again and again; a sweep that is done makes room for the next."""
    where: Counter[str] = Counter()
    sweeps = 0
    while where.total() < lab.kills:
        sweeps += 1
        out_dir = lab.folder / f"killed_{sweeps}"
        out_dir.mkdir()
        watch = Watch(out_dir)
        while True:
            child = lab.start(out_dir)
            try:
                # Once all are killed, it is let run to its end.
                limit = lab.random.uniform(0, 0.8 * lab.usual_s)
                child.communicate(timeout=limit if where.total() < lab.kills else PATIENCE_S)
            except subprocess.TimeoutExpired:
                kill(child)
                where[moment(out_dir)] += 1
                watch.look()
            else:
                break
        require(child.returncode == 0, f"exit status {child.returncode}")
        watch.look()
        lab.require_expected(out_dir)
    found = ", ".join(f"{count} {moment}" for moment, count in where.most_common())
    return f"{where.total()} kills ({found}) in {sweeps} sweeps"


def moment(out_dir: Path) -> str:
    """Where in a sweep a kill has hit."""
    done = len(marks(out_dir))
    broken = list(out_dir.rglob("status.json"))
    steps = [status.step for status in read_all(out_dir).values()] if done or broken else []
    if done == len(CELLS):
        return "at the end"
    return "in training" if any(steps) else "between runs" if done else "before the first step"


def two_at_once(lab: Lab) -> str:
    """Two sweeps on one folder, started at once."""
    out_dir = lab.folder / "two"
    children = [lab.start(out_dir) for _ in range(2)]
    # 1 is the status of a sweep that has left a run to the other.
    printed = "\n".join(finish(child, 0, 1) for child in children)
    started = Counter(
        line.split("] ")[1] for line in printed.splitlines() if line.endswith("steps")
    )
    require(started.total() == len(CELLS), f"{started.total()} runs were started: {started}")
    lab.require_expected(out_dir)
    left = sum("left to another process" in line for line in printed.splitlines())
    return f"{started.total()} runs started by two, {left} left to the other"


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
            subprocess.run(["umount", folder], check=True)
    else:  # Without the right to mount: no file may grow, which is how a full disk looks to it.
        yield (
            folder,
            lambda process: resource.prlimit(process, resource.RLIMIT_FSIZE, (512, 512)),
            lambda: None,
            "no right to mount, so by RLIMIT_FSIZE",
        )


def damaged_checkpoint(lab: Lab) -> str:
    """A killed sweep whose newest checkpoint and whose TensorBoard events are cut short."""
    out_dir = lab.folder / "checkpoint"

    def checkpoints() -> list[Path]:
        found = out_dir.rglob("checkpoints/training/*/about.json")
        return sorted((path.parent for path in found), key=lambda path: int(path.name))

    child = lab.start(out_dir)
    wait_for(lambda: len(checkpoints()) == 2, child)
    kill(child)
    newest = checkpoints()[-1]
    truncate(max(newest.rglob("arrays/**/*"), key=lambda path: path.stat().st_size))
    events = list(out_dir.rglob("events.out.tfevents.*"))
    for path in events:
        truncate(path)
    printed = finish(lab.start(out_dir))
    require(f"{newest} is not used" in printed, "the damaged checkpoint was not reported")
    lab.require_expected(out_dir)
    return "passed over with a line, the one before it taken up"


def damaged_results(lab: Lab) -> str:
    """A finished sweep with a result cut short, two of other versions, and events cut short."""
    out_dir = lab.folder / "damaged"
    shutil.copytree(lab.undisturbed, out_dir)
    cut, older, newer, sound = (
        next((out_dir / "adding" / cell).glob("h8-*")) for cell in ("gru", "lstm", "rnn", CELLS[1])
    )
    truncate(cut / RESULT)
    others = {older: SCHEMA_VERSION - 1, newer: SCHEMA_VERSION + 1}
    for folder, version in others.items():
        result = json.loads((folder / RESULT).read_bytes())
        (folder / RESULT).write_text(json.dumps(result | {"schema_version": version}))
    kept = {folder: (folder / RESULT).read_bytes() for folder in others}
    for path in sound.rglob("events.out.tfevents.*"):
        truncate(path)
        EventAccumulator(str(path.parent)).Reload()  # raises if TensorBoard cannot read it
    report = lab.report(out_dir)
    for folder in (cut, *others):
        require(f"passed over {folder / RESULT}" in report, f"the report is silent on {folder}")
    before = marks(sound)
    finish(lab.start(out_dir))
    require(marks(sound) == before, f"{sound} was made anew")
    lab.require_expected(out_dir)
    for folder, version in others.items():
        aside = folder / f"result.schema-{version}.json"
        require(aside.exists(), f"the result of version {version} in {folder} is gone")
        require(aside.read_bytes() == kept[folder], f"{aside} was changed")
    return "three named by the report and made anew; those of other versions kept aside"


def jumping_clock(lab: Lab) -> str:
    """Every 1.5 seconds the clock jumps by a day, back and on; broken off once in between."""
    out_dir, shim = lab.folder / "clock", lab.folder / "shim"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text(JUMPING_CLOCK)
    path = os.pathsep.join([str(shim), *filter(None, [os.environ.get("PYTHONPATH")])])
    child = lab.start(out_dir, PYTHONPATH=path)
    wait_for(lambda: bool(marks(out_dir)), child)
    time.sleep(1)
    kill(child)
    watch = Watch(out_dir)
    finish(lab.start(out_dir, PYTHONPATH=path))
    watch.look()
    lab.require_expected(out_dir)
    return "by a day back and on, in Python's time.time and time_ns; killed once besides"


def foreign_files(lab: Lab) -> str:
    """Links in the places of a lock, of a run folder and of what is in one."""
    documents = lab.folder / "documents"
    for name in ("1/arrays", "training/1/arrays", "checkpoints/training/1/arrays", "seed_0"):
        (documents / name).mkdir(parents=True)
        (documents / name / "thesis.txt").write_text("years of work")
    (documents / "deed").write_text("a house")
    before = tree(documents)
    tried = 0
    for number, inside in enumerate(("", "checkpoints", "checkpoints/training", "seed_0")):
        out_dir = lab.folder / f"links_{number}"
        shutil.copytree(lab.undisturbed, out_dir)
        run = next((out_dir / "adding" / "gru").glob("h8-*"))
        shutil.rmtree(run)
        link = run / inside
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(documents)
        printed = finish(lab.start(out_dir), 1, 2)
        require("is a link to" in printed, f"{inside or 'the run folder'}: no word of the link")
        require(tree(documents) == before, f"{inside or 'the run folder'}: documents were changed")
        link.unlink()
        finish(lab.start(out_dir))
        lab.require_expected(out_dir)
        tried += 1
    locks = lab.folder / "links_0" / ".locks"
    for lock in locks.iterdir():
        lock.unlink()
        lock.symlink_to(documents / "deed")
    printed = finish(lab.start(lab.folder / "links_0", "force=true"), 2)
    require("is a link to" in printed, "no word of a lock that is a link")
    require(tree(documents) == before, "what a lock linked to was changed")
    return f"{tried + 1} kinds of links refused with a line, nothing behind them touched"


def tree(folder: Path) -> dict[str, str]:
    """All that is below a folder, files with their content."""
    return {str(p): p.read_text() if p.is_file() else "" for p in sorted(folder.rglob("*"))}


def changed_data(lab: Lab) -> str:
    """A file of texts that changes in training, and back."""
    file, where = lab.folder / "own.csv", lab.folder / "data"
    rows = [f"{word} {number},{word}" for number in range(60) for word in ("yes", "no")]
    ours = "\n".join(["text,label", *rows]) + "\n"
    words = [
        "run", "cell=gru", "task=text", "corpus=files", f"corpus.train={file}", *WORDS[4:],
        "task.min_frequency=1", "steps=4000",
    ]  # fmt: skip
    file.write_text(ours)
    finish(lab.command(*words, f"out_dir={where / 'whole'}"))
    child = lab.command(*words, f"out_dir={where / 'changed'}")
    wait_for(lambda: any(where.rglob("changed/**/about.json")), child)
    file.write_text(ours + "maybe,yes\n")
    printed = finish(child, 1)
    require("has changed since it was read" in printed, printed)
    require(not marks(where / "changed"), "there is a result of data that have changed")
    finish(lab.command(*words, f"out_dir={where / 'changed'}"))
    file.write_text(ours)
    finish(lab.command(*words, f"out_dir={where / 'changed'}"))
    whole, found = contents(where / "whole"), contents(where / "changed")
    require(len(found) == 2, f"{len(found)} results of two contents")
    require(whole.items() <= found.items(), "the result differs from the undisturbed one")
    return "the run fails with a line; either content has its own result"


def another_run(lab: Lab) -> str:
    """A folder that holds the result of another run under the name of one that is to be made."""
    out_dir = lab.folder / "another"
    shutil.copytree(lab.undisturbed, out_dir)
    run = next((out_dir / "adding" / "gru").glob("h8-*"))
    sound = (run / RESULT).read_bytes()
    result = json.loads(sound)
    (run / RESULT).write_text(json.dumps(result | {"identity": result["identity"][:8] + "0" * 8}))
    before = marks(out_dir)
    for force in ("false", "true"):
        printed = finish(lab.start(out_dir, f"force={force}", "cell=gru"), 1, 2)
        require("holds another run" in printed, printed)
        require(marks(out_dir) == before, "the result of another run was changed")
    (run / RESULT).write_bytes(sound)
    (run / "error.txt").unlink()
    finish(lab.start(out_dir))
    lab.require_expected(out_dir)
    return "refused with a line, with force=true, too; its result stays"


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


def cut_journal(lab: Lab) -> str:
    """A search whose journal a crash has cut, and one with a foreign line."""
    words = ["search", "cell=gru", *WORDS[2:], "steps=20", "search.hidden_size=[4,8]"]
    out_dir = lab.folder / "search"
    words.append(f"out_dir={out_dir}")
    finish(lab.command(*words, "search.trials=2"))
    journal = out_dir / "search.journal"
    whole = journal.read_bytes()
    for trials, damage in enumerate((b'{"op_code": 5, "wor', bytes(4096)), start=3):
        with journal.open("ab") as file:
            file.write(damage)
        printed = finish(lab.command(*words, f"search.trials={trials}"))
        require("not written to its end" in printed, "the cut record was not reported")
    require(journal.read_bytes().startswith(whole), "records of the journal were lost")
    journal.write_bytes(b"Dear diary\n" + journal.read_bytes())
    printed = finish(lab.command(*words, "search.trials=5"), 2)
    require("line 1 is not a record" in printed, printed)
    return "a cut record and one of zeros are left out with a line; a foreign line is named"


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


def no_flock(lab: Lab) -> str:
    """A file system without locks: two sweeps at once, and the lock of a machine that is gone."""
    shim = lab.folder / "no_flock"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text(NO_FLOCK)
    path = os.pathsep.join([str(shim), *filter(None, [os.environ.get("PYTHONPATH")])])
    out_dir = lab.folder / "unlocked"
    children = [lab.start(out_dir, PYTHONPATH=path) for _ in range(2)]
    printed = "\n".join(finish(child, 0, 1) for child in children)
    started = Counter(
        line.split("] ")[1] for line in printed.splitlines() if line.endswith("steps")
    )
    require(started.total() == len(CELLS), f"{started.total()} runs were started: {started}")
    lab.require_expected(out_dir)
    identity = read_result(next(iter(marks(out_dir))).parent).identity
    marker = out_dir / ".locks" / f"{identity}.held"
    marker.write_text("17\nnode7\n")
    printed = finish(lab.start(out_dir, "force=true", PYTHONPATH=path), 1)
    require("process 17 on node7" in printed, "the holder is not named")
    require(f"remove {marker}" in printed, "how to take over is not said")
    marker.unlink()
    finish(lab.start(out_dir, "force=true", PYTHONPATH=path))
    lab.require_expected(out_dir)
    return f"{started.total()} runs started by two; a holder elsewhere named, and taken over from"


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


def truncate(path: Path) -> None:
    """Cuts a file to half its length."""
    os.truncate(path, path.stat().st_size // 2)


FAULTS = (
    killed_at_random,
    two_at_once,
    full_disk,
    damaged_checkpoint,
    damaged_results,
    jumping_clock,
    foreign_files,
    changed_data,
    another_run,
    settings_of_jax,
    cut_journal,
    unwilling_output,
    few_open_files,
    too_large,
    no_flock,
    long_history,
)


def main() -> int:
    """Tries all faults and prints a table."""
    names = [fault.__name__ for fault in FAULTS]
    parser = argparse.ArgumentParser(description="Try to make gru-bench lose a result.")
    parser.add_argument("--kills", type=int, default=20, help="random kills (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of their moments (default: 0)")
    parser.add_argument("--only", choices=names, action="append", help="only this fault")
    options = parser.parse_args()

    table = Table("fault", "", "seconds", "what was seen", title="Was anything lost?")
    lost = 0
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), options.seed, options.kills)
        print(f"undisturbed: {len(lab.expected)} runs in {lab.usual_s:.0f} s", flush=True)
        for fault in FAULTS:
            if options.only and fault.__name__ not in options.only:
                continue
            began = time.monotonic()
            try:
                seen, verdict = fault(lab), "nothing lost"
            except Exception as error:
                seen, verdict = f"{type(error).__name__}: {error}", "LOST"
                lost += 1
            took = f"{time.monotonic() - began:.0f}"
            table.add_row(fault.__name__.replace("_", " "), verdict, took, seen)
            print(f"{fault.__name__}: {verdict} after {took} s: {seen}", flush=True)
    Console().print(table)
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())
