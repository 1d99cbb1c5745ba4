"""The process of one job: `python -m gru_bench.experiments.worker`, which `jobs.JobProcess` starts.

The job comes on standard input as a line of JSON, and what became of it goes to standard output as
JSON: whoever can write there can start a training, and nothing else.
"""

import json
import os
import signal
import sys
import threading
from dataclasses import asdict

from gru_bench.experiments.jobs import Job, JobOutcome
from gru_bench.system.errors import UserError
from gru_bench.system.machine import pinned_settings, require_devices, set_up_devices


def main() -> None:
    """Runs the job that comes on standard input."""
    # Slurm announces a time limit to every process of a job; the one above this answers.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    line = sys.stdin.buffer.readline()  # from the process that started this one
    threading.Thread(target=end_with_starter, daemon=True).start()
    # Whatever prints anything, the standard output is for the outcome alone.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        job = Job.from_json(line)
        set_up_devices(job.cores)
        require_devices()
        outcome = run(job)
    except UserError as error:
        outcome = JobOutcome(lost=str(error))
    output.write(json.dumps(asdict(outcome)))
    output.close()


@pinned_settings()
def run(job: Job) -> JobOutcome:
    """Trains the population of a job in this process; returns what became of it."""
    from gru_bench.experiments.resolve import resolve
    from gru_bench.experiments.sweep import Sweep, run_here
    from gru_bench.system.progress import Progress

    try:
        experiments = resolve(job.configs, called=job.labels)
    except UserError as error:
        return JobOutcome(lost=str(error))
    sweep = Sweep([experiment.folder for experiment in experiments])
    run_here([experiments], sweep, job.command, Progress(1, quiet=True), job.timed)
    return JobOutcome(
        failures=[(str(folder), reason) for folder, reason in sweep.failures],
        elsewhere=[str(folder) for folder in sweep.elsewhere],
    )


def end_with_starter() -> None:
    """Asks this process to end, with a checkpoint, once its standard input is closed."""
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
