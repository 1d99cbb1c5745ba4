"""Engines that run the populations of a sweep elsewhere: joblib, submitit (Slurm), Ray.

A job is one population. Whatever the engine, its part ends in `run_job`, which starts a fresh
process for the job: nothing of JAX is inherited, and one that is killed takes no other with it.
"""

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from gru_bench.config.launcher import JoblibConfig, LauncherConfig, RayConfig, SubmititConfig
from gru_bench.experiments.jobs import (
    Job,
    JobOutcome,
    JobProcess,
    Resumable,
    _lines,
    _not_started,
    run_job,
)
from gru_bench.experiments.resolve import Experiment
from gru_bench.system.errors import UserError
from gru_bench.system.machine import cpu_cores
from gru_bench.system.processes import safe_path

ARRAY_SIZE = 1000  # jobs that are submitted as one array: as many as Slurm takes by default
SUBMITIT_FOLDER = ".submitit"  # holds its scripts and logs, below out_dir
RULE = "\n" + 22 * "-" + "\n"  # separates the parts of submitit's errors
POLL_S = 1.0
CONNECT_S = 10.0


# Of each job as it ends: its number, and what became of it.
JobOutcomes = Generator[tuple[int, JobOutcome]]


def launch(
    launcher: LauncherConfig,
    populations: Sequence[Sequence[Experiment]],
    command: str,
    timed: bool,
    note: Callable[[str], None],
) -> JobOutcomes:
    """Runs each population as a job of the engine.

    Args:
        launcher: Which engine, and with what.
        populations: The experiments of each.
        command: How they were asked for.
        timed: Whether to measure what a step of training costs.
        note: Takes a line for the user.

    Returns:
        An iterator over the jobs as they end: number of the population, and what became of it. To
        close it cancels the jobs that wait and stops those that run.

    Raises:
        UserError: The engine is not available. Nothing has been started then.
    """
    cores, shares_gpu = resources(launcher)
    cwd = str(Path.cwd())
    jobs = [
        Job(
            configs=[experiment.config for experiment in population],
            names=[experiment.name for experiment in population],
            labels=[experiment.label for experiment in population],
            command=command,
            timed=timed,
            cwd=cwd,
            cores=cores,
            shares_gpu=shares_gpu,
        )
        for population in populations
    ]
    match launcher:
        case JoblibConfig():
            return run_joblib(launcher, jobs)
        case SubmititConfig():
            folder = Path(populations[0][0].config.out_dir) / SUBMITIT_FOLDER
            return run_submitit(launcher, jobs, folder.absolute())
        case RayConfig():
            return run_ray(launcher, jobs, note)
    raise UserError(f"launcher.name={launcher.name} is not known")


def resources(launcher: LauncherConfig) -> tuple[int, bool]:
    """Returns the cores of a job, and whether jobs share a GPU."""
    match launcher:
        case JoblibConfig(workers=workers, cpus=cpus):
            workers = workers or cpu_cores()
            return cpus or max(1, cpu_cores() // workers), workers > 1
        case SubmititConfig(cluster="local", cpus=cpus, workers=workers):
            return cpus, workers != 1
        case SubmititConfig(cpus=cpus):
            return cpus, False
        case RayConfig(cpus=cpus, gpus=gpus):
            return cpus, 0 < gpus < 1
    return cpu_cores(), False


def run_joblib(launcher: JoblibConfig, jobs: Sequence[Job]) -> JobOutcomes:
    """Runs jobs in processes of this machine, each waited for by one of joblib's threads.

    Its own processes (loky's) would all be given up as soon as one of them is killed.
    """
    from joblib import Parallel, delayed

    stopped = threading.Event()
    lock = threading.Lock()  # so that none is started unseen while the others are stopped
    started: list[JobProcess] = []

    def run(number: int, job: Job) -> tuple[int, JobOutcome]:
        with lock:
            if stopped.is_set():
                return number, JobOutcome(lost="cancelled")
            try:
                process = JobProcess(job)
            except OSError as error:
                return number, _not_started(error)
            started.append(process)
        return number, process.wait()

    calls = (delayed(run)(number, job) for number, job in enumerate(jobs))
    engine = Parallel(
        launcher.workers or cpu_cores(),
        backend="threading", return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs",
    )  # fmt: skip
    try:
        yield from engine(calls)
    finally:
        with lock:
            stopped.set()
        for process in started:
            process.ask_to_stop()
        for process in started:
            process.stop()


def run_submitit(launcher: SubmititConfig, jobs: Sequence[Job], folder: Path) -> JobOutcomes:
    """Runs jobs on a Slurm cluster, or with submitit on this machine.

    Args:
        launcher: The launcher's keys.
        jobs: The jobs.
        folder: The folder of scripts and logs, which all machines must see.

    Raises:
        UserError: There is no Slurm, or it knows no such option.
    """
    from submitit import AutoExecutor

    options = {"partition": launcher.partition, "account": launcher.account} | launcher.options
    try:
        executor = AutoExecutor(folder, launcher.cluster)
        executor.update_parameters(
            name="gru-bench",
            timeout_min=launcher.timeout_min,
            cpus_per_task=launcher.cpus,
            gpus_per_node=launcher.gpus or None,
            mem_gb=launcher.memory_gb,
            **{f"slurm_{key}": value for key, value in options.items()},
        )
    except RuntimeError:
        raise UserError(
            "launcher=submitit needs Slurm, and there is no srun here: launcher=submitit_local runs"
            " the same jobs on this machine"
        ) from None
    except (NameError, ValueError) as error:
        raise UserError(
            f"launcher.options={launcher.options} is not possible: {_lines(error)[0]}"
        ) from None
    return _submit(executor, launcher, jobs)


def _submit(executor: Any, launcher: SubmititConfig, jobs: Sequence[Job]) -> JobOutcomes:
    """Submits as many jobs at once as may be, and yields what becomes of them.

    Raises:
        UserError: The first are refused.
    """
    from submitit.core.utils import FailedJobError, UncompletedJobError

    waiting = deque(enumerate(jobs))
    running: dict[int, Any] = {}
    limit = launcher.workers or len(jobs)
    accepted = refused = False
    try:
        while waiting or running:
            free = 0 if refused else min(limit - len(running), len(waiting), ARRAY_SIZE)
            batch = [waiting.popleft() for _ in range(free)]
            if batch:
                try:
                    with safe_path():
                        submitted = executor.submit_array([Resumable(job) for _, job in batch])
                except FailedJobError as error:
                    reason = f"Slurm refuses the jobs: {_lines(error)[0]}"
                    if not accepted:
                        raise UserError(reason) from None
                    if not running:
                        for number, _ in batch:
                            yield number, JobOutcome(lost=reason, log=str(error))
                        continue
                    # It takes no more of one user: the others wait until one has ended.
                    waiting.extendleft(reversed(batch))
                    refused = True
                else:
                    accepted = True
                    running.update(zip([number for number, _ in batch], submitted, strict=True))
            for number in [number for number, job in running.items() if job.done()]:
                job, refused = running.pop(number), False
                try:
                    yield number, job.result()
                except FailedJobError as error:  # a trace between two rules
                    *_, trace = str(error).split(RULE)[:2]
                    yield number, JobOutcome(lost=_lines(trace)[-1], log=str(error))
                except UncompletedJobError as error:
                    reason = " ".join(_lines(error)[:2])
                    yield number, JobOutcome(lost=reason, log=str(error))
            if running:
                time.sleep(POLL_S)
    finally:
        for job in running.values():
            job.cancel(check=False)


def run_ray(launcher: RayConfig, jobs: Sequence[Job], note: Callable[[str], None]) -> JobOutcomes:
    """Runs jobs as tasks of a Ray cluster.

    Raises:
        UserError: There is no cluster at the address.
    """
    import logging

    import ray

    try:
        host, _, port = (launcher.address or "").rpartition(":")
        if host and port.isdecimal():  # Ray itself tries for minutes
            socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
        with safe_path():
            ray.init(launcher.address, logging_level=logging.ERROR, log_to_driver=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"launcher.address={launcher.address} is not possible: {_lines(error)[0]}"
        ) from None
    wanted = {"CPU": float(launcher.cpus), "GPU": launcher.gpus}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(k, 0) >= v for k, v in wanted.items()) for node in nodes):
        note(f"no node of the Ray cluster has {launcher.cpus} cores and {launcher.gpus:g} GPUs:"
             " the jobs wait for one")  # fmt: skip
    return _run_tasks(launcher, jobs)


def _run_tasks(launcher: RayConfig, jobs: Sequence[Job]) -> JobOutcomes:
    """Yields what becomes of the jobs of the cluster that this process is connected to."""
    import ray
    from ray.exceptions import RayError

    task = ray.remote(num_cpus=launcher.cpus, num_gpus=launcher.gpus, max_retries=0)(run_job)
    running = {task.remote(job): number for number, job in enumerate(jobs)}
    try:
        while running:
            (done,), _ = ray.wait(list(running), num_returns=1)
            number = running.pop(done)
            try:
                yield number, ray.get(done)
            except RayError as error:
                yield number, JobOutcome(lost=_lines(error)[0], log=str(error))
    finally:
        for each in running:
            ray.cancel(each)
        if running:
            ray.wait(list(running), num_returns=len(running), timeout=60)
        ray.shutdown()
