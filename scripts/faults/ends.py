"""Sweeps that are broken off, or that another one runs beside."""

import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from faults.lab import (
    CELLS,
    PATIENCE_S,
    Lab,
    Watch,
    finish,
    kill,
    marks,
    require,
    truncate,
    wait_for,
)
from gru_bench.runs.folder import read_result
from gru_bench.runs.status import read_all
from gru_bench.system.errors import UserError

JUMPING_CLOCK = """
import time
true = {name: getattr(time, name) for name in ("time", "time_ns")}
def jump(): return 86400 * int(time.monotonic() / 1.5 % 3 - 1)  # a day back, none, a day on
time.time = lambda: true["time"]() + jump()
time.time_ns = lambda: true["time_ns"]() + jump() * 10**9
"""
NO_FLOCK = """
import errno, fcntl
def flock(*_): raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = flock
"""


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


def asked_to_end(lab: Lab) -> str:
    """The signals that ask a sweep to end, each in training; a checkpoint is to be kept."""
    out_dir = lab.folder / "signals"
    asked = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
    for sent in asked:
        before = step_of(out_dir)

        def has_gone_on(before: int = before) -> bool:
            return step_of(out_dir) > before

        child = lab.start(out_dir, "checkpoint_s=10000")  # none but those that are asked for
        wait_for(has_gone_on, child)
        child.send_signal(sent)
        finish(child, 128 + sent)
        kept = list(out_dir.rglob("checkpoints/training/*/about.json"))
        require(bool(kept), f"{sent.name}: no checkpoint was kept")
    finish(lab.start(out_dir))
    lab.require_expected(out_dir)
    return f"{', '.join(sent.name for sent in asked)}: each with a checkpoint, which was taken up"


def step_of(out_dir: Path) -> int:
    """Returns how many steps of all runs are done."""
    try:
        statuses = read_all(out_dir)
    except UserError:
        return 0  # No run has begun.
    done = sum(seed.steps for path in marks(out_dir) for seed in read_result(path.parent).seeds[:1])
    return done + sum(status.step or 0 for status in statuses.values())


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


def two_that_end_together(lab: Lab) -> str:
    """Two sweeps of half the runs each, which end at about the same time."""
    out_dir = lab.folder / "halves"
    halves = (CELLS[::2], CELLS[1::2])
    children = [lab.start(out_dir, f"cell={','.join(cells)}") for cells in halves]
    for child in children:
        finish(child)
    lab.require_expected(out_dir)
    return "both finished their halves in one folder"


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
