"""A job: one population, trained in a fresh process of its own."""

import contextlib
import dataclasses
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, strsignal
from typing import Any, Self

from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.plain_values import from_plain, to_plain
from gru_bench.runs.folder import RESULT
from gru_bench.system.machine import job_environment


@dataclass(frozen=True)
class Job:
    """One population to be run in a process of its own.

    Attributes:
        configs: Its experiments.
        names: Their run folders below `out_dir`.
        labels: What tells each from the others of its sweep.
        command: How they were asked for.
        timed: Whether to measure what a step of training costs.
        cwd: Working directory, which relative paths mean.
        cores: CPU cores that it may use.
        shares_gpu: Whether others may use the same accelerator at the same time.
    """

    configs: list[ExperimentConfig]
    names: list[str]
    labels: list[str]
    command: str
    timed: bool
    cwd: str
    cores: int
    shares_gpu: bool

    def to_json(self) -> str:
        """Returns the job as one line, from which `from_json` makes it again."""
        values = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return json.dumps(values | {"configs": [to_plain(config) for config in self.configs]})

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """Makes a job of the line.

        Raises:
            UserError: The file of a user's class has changed since then.
        """
        values = json.loads(line)
        return cls(**values | {"configs": [from_plain(plain) for plain in values["configs"]]})


@dataclass(frozen=True)
class JobOutcome:
    """What became of a job.

    Attributes:
        failures: Run folders that failed, each with the reason in one line.
        elsewhere: Run folders that another process was at work on.
        lost: Why the job ended without a report; None if there is one.
        log: What it wrote to standard error, if it is lost.
    """

    failures: list[tuple[str, str]] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    lost: str | None = None
    log: str = ""


class JobProcess:
    """A job's process. It ends, with a checkpoint, once `stop` is called or this process is gone.

    Its standard input stays open as long as it is to run. It is out of reach of the terminal's
    Ctrl-C, which would otherwise end it twice.
    """

    def __init__(self, job: Job) -> None:
        with contextlib.ExitStack() as files:
            self._output = files.enter_context(tempfile.TemporaryFile())
            self._log = files.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "gru_bench.experiments.worker"],
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._log,
                cwd=job.cwd,
                env=job_environment(job.shares_gpu),
                start_new_session=True,
            )
            self._files = files.pop_all()
        self._send(job)

    def _send(self, job: Job) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its log says why it ended so early
            self._process.stdin.write(f"{job.to_json()}\n".encode())
            self._process.stdin.flush()

    def wait(self) -> JobOutcome:
        """Returns what became of the job; stops it if this process is interrupted meanwhile."""
        with self._files:
            try:
                status = self._process.wait()
            finally:
                self.stop()
            log = _content(self._log)
            try:
                return JobOutcome(**json.loads(_content(self._output)))
            except (ValueError, TypeError):
                return JobOutcome(lost=_reason(status, log), log=log)

    def ask_to_stop(self) -> None:
        """Asks the process to end, with a checkpoint, and does not wait for that."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def stop(self) -> None:
        """Asks the process to end, and waits until it has."""
        self.ask_to_stop()
        self._process.wait()


def _content(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode(errors="replace"))


def _reason(status: int, log: str) -> str:
    """Returns why a process ended, in one line."""
    if status == -SIGKILL:
        return "its process was killed (SIGKILL), as systems do that run out of memory"
    if status < 0:
        return f"its process was ended by signal {-status} ({strsignal(-status)})"
    return _lines(log, f"its process ended with status {status}")[-1]


def _lines(text: object, default: str = "no reason is given") -> list[str]:
    """Returns the lines of a text or an error; the default alone if it says nothing."""
    return str(text).strip().splitlines() or [default]


def _not_started(error: OSError) -> JobOutcome:
    """Returns the outcome of a job whose process cannot be started, as in a missing folder."""
    return JobOutcome(lost=f"its process cannot be started: {error}")


def run_job(job: Job) -> JobOutcome:
    """Runs a job in a fresh process; what can go wrong is in the outcome."""
    try:
        return JobProcess(job).wait()
    except OSError as error:
        return _not_started(error)


class Resumable:
    """`run_job` of one job as submitit wants it: what a time limit breaks off is queued again."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self) -> JobOutcome:
        return run_job(self._job)

    def checkpoint(self) -> Any:
        """Returns the submission that goes on from the checkpoint."""
        from submitit.helpers import DelayedSubmission

        job = self._job
        folders = [
            Path(job.cwd, config.out_dir, name)
            for config, name in zip(job.configs, job.names, strict=True)
        ]
        if not any((folder / RESULT).exists() for folder in folders):
            # Begun: force=true has done its work, and would now clear the checkpoint.
            configs = [dataclasses.replace(each, force=False) for each in job.configs]
            job = dataclasses.replace(job, configs=configs)
        return DelayedSubmission(Resumable(job))
