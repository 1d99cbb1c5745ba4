"""The process of one job: `python -m gru_bench.experiments.worker`, which `jobs.JobProcess` starts.

The job comes on standard input, what became of it goes to standard output.
"""

import json
import os
import pickle
import signal
import sys
import threading
from dataclasses import asdict

from gru_bench.experiments.jobs import Job, Outcome
from gru_bench.system.machine import set_up_devices


def main() -> None:
    """Runs the job."""
    # Slurm announces a time limit to every process of a job; the one above this answers.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    job: Job = pickle.load(sys.stdin.buffer)  # from the process that started this one
    threading.Thread(target=end_with_starter, daemon=True).start()
    # Whatever prints anything, the standard output is for the outcome alone.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    set_up_devices(job.cores)
    output.write(json.dumps(asdict(run(job))))
    output.close()


def run(job: Job) -> Outcome:
    """Trains its population in this process."""
    from gru_bench.experiments.experiment import make_experiments
    from gru_bench.experiments.sweep import Sweep, run_here
    from gru_bench.system.progress import Progress

    experiments = make_experiments(job.configs)
    sweep = Sweep([experiment.folder for experiment in experiments])
    run_here([experiments], sweep, job.command, Progress(1, quiet=True), job.timed)
    return Outcome(
        failures=[(str(folder), reason) for folder, reason in sweep.failures],
        elsewhere=[str(folder) for folder in sweep.elsewhere],
    )


def end_with_starter() -> None:
    """Asks this process to end, with a checkpoint, once its standard input is closed."""
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
