"""Where faults are tried: the sweep, the undisturbed results, and what must not happen to any."""

import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gru_bench.runs.folder import RESULT, read_result

CELLS = ("gru", "gru_reset_after", "lstm", "rnn")
WORDS = [
    "-m", f"cell={','.join(CELLS)}", "task=adding", "task.length=10", "hidden_size=8",
    "batch_size=8", "seeds=2", "steps=10000", "evaluate_every=100", "checkpoint_s=0.2",
    "probes=false",
]  # fmt: skip
PATIENCE_S = 600


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
            "COLUMNS": "10000",  # What is said of a path is looked for in one line.
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


def truncate(path: Path) -> None:
    """Cuts a file to half its length."""
    os.truncate(path, path.stat().st_size // 2)
