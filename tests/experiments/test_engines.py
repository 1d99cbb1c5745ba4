"""Sweeps on engines: jobs of their own processes, what fails alone, what cannot be had."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest
from helpers import ROOT
from submitit.core.utils import FailedJobError, UncompletedJobError

from gru_bench.config import checks
from gru_bench.config.compose import compose_experiments
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.launcher import JoblibConfig, RayConfig, SubmititConfig
from gru_bench.experiments import engines, jobs, worker
from gru_bench.experiments.costs import Cost
from gru_bench.experiments.engines import launch, resources, run_joblib, run_ray, run_submitit
from gru_bench.experiments.jobs import Job, JobOutcome, JobProcess, Resumable, run_job
from gru_bench.experiments.resolve import resolve
from gru_bench.experiments.sweep import run_experiments
from gru_bench.report.group_notes import group_notes
from gru_bench.report.groups import make_groups
from gru_bench.runs.folder import ERROR, RESULT, load_results, read_result
from gru_bench.system.errors import UserError
from gru_bench.system.machine import THREADS, cpu_cores, job_environment, set_up_devices

PAGE = ROOT / "docs" / "run-on-a-cluster.md"
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
WORDS = ["task=adding", "task.length=5", "hidden_size=3", "steps=4", "seeds=2", "probes=false"]
NOTHING = Job([], [], [], "test", timed=False, cwd=str(Path.cwd()), cores=1, shares_gpu=False)


def silent(line: str) -> None:
    """Takes a line and forgets it."""


def compose(*words: str) -> list[ExperimentConfig]:
    return compose_experiments([*WORDS, *words], multirun=True)


@pytest.fixture(scope="module")
def joblib_sweep(tmp_path_factory):
    """A sweep by joblib below the working directory, one of its two runs made to fail."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("joblib"))
        launcher = ["launcher=joblib", "launcher.workers=2", "launcher.cpus=1"]
        configs = compose("cell=gru,rnn", *launcher, "out_dir=runs")
        bad = Path("runs") / configs[0].run_name({})
        (bad / RESULT).mkdir(parents=True)  # a folder stands where the result is to be
        sweep = run_experiments(configs, "test", quiet=True)
        yield sweep


def test_a_job_that_fails_does_not_stop_the_others(joblib_sweep):
    bad, good = joblib_sweep.folders
    ((folder, reason),) = joblib_sweep.failures
    assert folder == bad
    assert "cannot write there" in reason
    assert joblib_sweep.finished == [good]
    assert "Traceback" in (bad / ERROR).read_text()


def test_a_job_has_its_share_of_the_cores_and_its_own_ratio_to_the_lstm(joblib_sweep):
    result = read_result(joblib_sweep.finished[0])
    assert result.environment.device_count == 1
    assert result.timing.train_step_vs_lstm.median > 0
    assert result.environment.launcher == "joblib"
    (group,) = make_groups(load_results("runs")[0])
    assert any("runs were made by a launcher" in note for note in group_notes(group))


def test_what_is_finished_is_the_same_run_without_a_launcher(joblib_sweep):
    good = joblib_sweep.finished[0]
    before = (good / RESULT).stat().st_mtime_ns
    again = run_experiments(compose("cell=rnn", "out_dir=runs"), "again", quiet=True)
    assert again.finished == [good]
    assert (good / RESULT).stat().st_mtime_ns == before


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Stand-ins for Slurm's commands, which run the script that is submitted."""
    run = f'setsid bash "$1" &> {tmp_path}/log &'
    commands = {
        "sbatch": f"""
            cp "$1" {tmp_path}/script
            last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$1")
            if [[ $last ]]; then
                for task in $(seq 0 $last); do
                    export SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=$task SLURM_JOB_ID=$((7 + task))
                    {run}
                done
            else
                export SLURM_JOB_ID=7
                {run}
            fi
            echo Submitted batch job 7""",
        "srun": """
            while [[ $1 == -* ]]; do [[ $1 == --unbuffered ]] || shift; shift; done
            exec "$@\"""",
        "sacct": "echo 'JobID|State'; printf '%s|RUNNING\\n' 7 7_0 7_1",
    }
    for name, text in commands.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "script"


def test_submitit_submits_what_slurm_is_to_give(tmp_path, slurm):
    launcher = SubmititConfig(partition="short", memory_gb=4, gpus=1, options={"qos": "long"})
    outcomes = dict(run_submitit(launcher, [NOTHING], tmp_path / "jobs"))
    assert outcomes == {0: JobOutcome()}
    wanted = ["partition=short", "mem=4GB", "gpus-per-node=1", "qos=long", "time=240"]
    for line in [*wanted, "cpus-per-task=2"]:
        assert f"#SBATCH --{line}\n" in slurm.read_text()


def test_what_breaks_a_submitted_job_off_is_said_in_one_line():
    trace = "Traceback (most recent call last):\n  File ...\nValueError: it is too late"
    rule = 22 * "-"
    errors = [
        FailedJobError(f"Job (task=0) failed:\n{rule}\n{trace}\n{rule}\nMore is in the logs"),
        UncompletedJobError("Job 7 (task: 0) with path a.pkl\nhas not produced any output\nmore"),
        FailedJobError("Job got killed"),
        FailedJobError(""),
    ]

    def result():
        raise errors.pop(0)

    job = types.SimpleNamespace(done=lambda: True, result=result)
    executor = types.SimpleNamespace(submit_array=lambda jobs: [job] * len(jobs))
    outcomes = dict(engines._submit(executor, SubmititConfig(), [NOTHING] * 4))
    assert [outcomes[i].lost for i in range(4)] == [
        "ValueError: it is too late",
        "Job 7 (task: 0) with path a.pkl has not produced any output",
        "Job got killed",
        "no reason is given",
    ]


@pytest.mark.parametrize("accepted", [0, 1])
def test_jobs_that_slurm_refuses(accepted):
    job = types.SimpleNamespace(done=lambda: True, result=JobOutcome)
    batches = [[job]] * accepted

    def submit(jobs):
        if not batches:
            raise FailedJobError("sbatch: error: too many jobs\nmore")
        return batches.pop()

    executor = types.SimpleNamespace(submit_array=submit)
    outcomes = engines._submit(executor, SubmititConfig(workers=1), [NOTHING] * 3)
    reason = "Slurm refuses the jobs: sbatch: error: too many jobs"
    if accepted:
        assert [outcome.lost for _, outcome in outcomes] == [None, reason, reason]
    else:
        with pytest.raises(UserError, match=reason):
            next(outcomes)


def test_jobs_are_submitted_in_arrays_that_slurm_takes_and_wait_where_it_takes_no_more(monkeypatch):
    monkeypatch.setattr(engines, "ARRAY_SIZE", 2)
    monkeypatch.setattr(engines, "POLL_S", 0.0)
    asked, in_queue, most = [], [], []
    room = iter([3, 3])  # for the two arrays that are submitted first; later it is larger

    def submit(jobs):
        asked.append(len(jobs))
        if len(in_queue) + len(jobs) > next(room, 5):
            raise FailedJobError("sbatch: error: QOSMaxSubmitJobPerUserLimit")
        in_queue.extend(jobs)
        most.append(len(in_queue))
        # Each is still at work when it is first asked.
        at_work = [iter([False, True]) for _ in jobs]
        return [types.SimpleNamespace(done=each.__next__, result=end) for each in at_work]

    def end():
        in_queue.pop()
        return JobOutcome()

    executor = types.SimpleNamespace(submit_array=submit)
    outcomes = dict(engines._submit(executor, SubmititConfig(), [NOTHING] * 7))
    assert outcomes == dict.fromkeys(range(7), JobOutcome())
    assert max(asked) == 2
    assert len(asked) > 4  # Some were refused, and submitted later.
    assert max(most) > 2  # The queue has grown beyond what it held at the first refusal.
    assert not in_queue


def test_a_job_that_is_queued_again_keeps_its_checkpoint_whatever_force_says(tmp_path):
    configs = compose("cell=gru", "force=true", "out_dir=runs")
    name = configs[0].run_name({})
    job = dataclasses.replace(NOTHING, configs=configs, names=[name], cwd=str(tmp_path))
    again = Resumable(job)
    result = tmp_path / "runs" / name / RESULT
    result.parent.mkdir(parents=True)
    result.touch()
    assert again.checkpoint().function._job.configs[0].force  # it had not begun
    result.unlink()
    assert not again.checkpoint().function._job.configs[0].force


def test_a_job_is_a_line_of_json():
    job = dataclasses.replace(NOTHING, configs=compose("cell=gru,rnn"), command="a\nb")
    line = job.to_json()
    assert "\n" not in line
    assert Job.from_json(line) == job


def test_a_job_whose_code_has_changed_is_lost_with_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "changing.py").write_text("class Mine: ...\n")
    # Modules of these names must not be taken from the working directory.
    for name in ("random", "optax", "datasets", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('code of the working directory')")
    configs = compose("cell=custom", "cell.module=changing:Mine")
    (tmp_path / "changing.py").write_text("class Mine: more = 1\n")
    outcome = run_job(dataclasses.replace(NOTHING, configs=configs, cwd=str(tmp_path)))
    assert outcome.lost == (
        "the file of changing:Mine is another one than when the sweep was started: start it again"
    )


@pytest.mark.guide
@pytest.mark.usefixtures("slurm")
@pytest.mark.parametrize("command", [c for c in COMMANDS if "launcher=ray" not in c])
def test_a_command_of_the_page_does_what_it_says(command, tmp_path):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    commands = re.sub(r"^pip .*\n", "", command)  # what it installs is there
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"PATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob(RESULT))


@pytest.mark.process
def test_a_killed_job_is_lost_alone():
    process = JobProcess(NOTHING)
    timer = threading.Timer(0.2, os.kill, (process._process.pid, signal.SIGKILL))
    timer.start()
    outcome = process.wait()
    assert outcome.lost is not None
    assert "SIGKILL" in outcome.lost


def test_what_ended_a_process_is_said():
    assert "signal 15 " in jobs._reason(-15, "a line")
    assert "signal 35 " in jobs._reason(-35, "")  # has no name in Python
    assert jobs._reason(1, "a line\nthe last\n") == "the last"
    assert "status 3" in jobs._reason(3, "\n")


@pytest.mark.process
def test_a_job_ends_once_nobody_waits_for_it():
    process = JobProcess(NOTHING)
    process.stop()
    assert process.wait().lost is not None


def test_a_job_that_cannot_be_started_says_why():
    job = dataclasses.replace(NOTHING, cwd="/no/such/folder")
    ((_, by_joblib),) = run_joblib(JoblibConfig(workers=1), [job])
    for outcome in (run_job(job), by_joblib):
        assert outcome.lost is not None
        assert "/no/such/folder" in outcome.lost


def test_all_jobs_are_asked_to_stop_before_one_is_waited_for(monkeypatch):
    calls = []
    started, ended = threading.Barrier(3), threading.Event()

    class Process:
        def __init__(self, job):
            self.first = job.command == "first"

        def wait(self):
            started.wait(10)
            assert self.first or ended.wait(10)
            return JobOutcome()

        def ask_to_stop(self):
            calls.append("ask")

        def stop(self):
            calls.append("wait")
            ended.set()

    monkeypatch.setattr(engines, "JobProcess", Process)
    jobs = [dataclasses.replace(NOTHING, command="first"), NOTHING, NOTHING]
    outcomes = run_joblib(JoblibConfig(workers=3), jobs)
    assert next(outcomes) == (0, JobOutcome())
    with pytest.raises(KeyboardInterrupt):
        outcomes.throw(KeyboardInterrupt())
    assert calls == ["ask"] * 3 + ["wait"] * 3


def test_a_job_that_leaves_no_result_here_has_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "gru_bench.experiments.sweep.launch", lambda *_: (each for each in [(0, JobOutcome())])
    )
    configs = compose("cell=gru", "launcher=joblib", f"out_dir={tmp_path}")
    sweep = run_experiments(configs, "test", quiet=True)
    ((_, reason),) = sweep.failures
    assert "is the folder of runs shared?" in reason
    assert sweep.finished == []


def test_the_way_through_time_is_checked_where_the_job_runs(tmp_path, monkeypatch):
    configs = compose("cell=gru", "launcher=joblib", "recurrence=fused", f"out_dir={tmp_path}")

    def launch(*_):
        yield 0, worker.run(dataclasses.replace(NOTHING, configs=configs))

    monkeypatch.setattr("gru_bench.experiments.sweep.launch", launch)
    monkeypatch.setattr(
        "gru_bench.experiments.sweep.measure_cells", lambda *_: {"gru": Cost(3, 12)}
    )
    sweep = run_experiments(configs, "test", quiet=True)
    ((_, reason),) = sweep.failures
    assert "recurrence=fused is not possible: it needs an NVIDIA GPU" in reason


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE", raising=False)
    assert "XLA_PYTHON_CLIENT_PREALLOCATE" not in job_environment(shares_gpu=False)
    assert job_environment(shares_gpu=True)["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    assert job_environment(shares_gpu=True)["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true"


def test_a_job_has_threads_for_its_own_cores_whatever_its_starter_has(monkeypatch):
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "2")
    monkeypatch.setenv(THREADS, "3")
    set_up_devices(8)
    assert os.environ[THREADS] == "3"  # the user's own choice
    assert THREADS not in job_environment(shares_gpu=False)
    monkeypatch.delenv(THREADS)
    set_up_devices(8)
    assert os.environ[THREADS] == "8"


@pytest.fixture
def everything_installed(monkeypatch):
    monkeypatch.setattr(checks, "find_spec", lambda name: name)


@pytest.mark.usefixtures("everything_installed")
def test_cores_and_cards_of_a_job():
    assert resources(JoblibConfig(workers=1)) == (cpu_cores(), False)
    assert resources(JoblibConfig(workers=2 * cpu_cores())) == (1, True)
    assert resources(SubmititConfig(cpus=4, workers=8)) == (4, False)
    assert resources(SubmititConfig(cluster="local", cpus=1, workers=2)) == (1, True)
    assert resources(RayConfig(cpus=3, gpus=0.5)) == (3, True)
    assert resources(RayConfig(gpus=2)) == (1, False)


@pytest.mark.parametrize("name", ["joblib", "submitit", "ray"])
def test_an_engine_that_is_not_installed(monkeypatch, name):
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=rf"pip install '\.\[{name}\]'"):
        compose("cell=gru", f"launcher={name}")


@pytest.mark.usefixtures("everything_installed")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["launcher=joblib", "launcher.workers=0"], "launcher.workers=0 is not possible"),
        (["launcher=joblib", "launcher.partition=short"], "it goes with launcher=submitit"),
        (["launcher=joblib", "launcher.options.qos=long"], "goes with launcher=submitit"),
        (["launcher=joblib,local"], "give one launcher"),
        (["launcher=dask"], "launcher must be one of joblib, local, ray"),
        (["launcher=ray", "launcher.gpus=1.5"], "a whole number, or a part of one GPU"),
        (["launcher=submitit", "launcher.cluster=pbs"], "launcher.cluster must be one of"),
        (["launcher=submitit", "launcher.memory_gb=0"], "launcher.memory_gb=0"),
    ],
)
def test_bad_settings_are_said_in_one_line(words, said):
    with pytest.raises(UserError, match=said):
        compose("cell=gru", *words)


def test_without_slurm_nothing_is_started(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    configs = compose("cell=gru", "launcher=submitit", f"out_dir={tmp_path}/runs")
    with pytest.raises(UserError, match="there is no srun here"):
        run_experiments(configs, "test", quiet=True)
    assert not list(tmp_path.rglob("status.json"))


def test_an_option_that_slurm_has_not(tmp_path):
    configs = compose("cell=gru", "launcher=submitit_local", "launcher.options.colour=red")
    configs[0].out_dir = str(tmp_path)
    with pytest.raises(UserError, match=r"launcher.options=\{'colour': 'red'\}"):
        launch(configs[0].launcher, [resolve(configs)], "test", False, silent)


@pytest.mark.usefixtures("everything_installed")
def test_a_lost_task_of_ray_stops_no_other(monkeypatch):
    """A stand-in for Ray; make check-ray runs a real cluster."""

    class RayError(Exception):
        pass

    def get(task):
        if task == "task 1":
            raise RayError("the node died\nand more")
        return JobOutcome()

    numbers = iter(range(9))
    exceptions = types.SimpleNamespace(RayError=RayError)
    ray = types.SimpleNamespace(
        init=lambda *_, **__: None,
        nodes=lambda: [{"Alive": True, "Resources": {"CPU": 1.0}}],
        remote=lambda **_: (
            lambda _: types.SimpleNamespace(remote=lambda _: f"task {next(numbers)}")
        ),
        wait=lambda tasks, num_returns: ([tasks[0]], tasks[1:]),
        get=get,
        cancel=None,
        shutdown=lambda: None,
        exceptions=exceptions,
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.exceptions", exceptions)
    lines: list[str] = []
    outcomes = dict(run_ray(RayConfig(cpus=2), [NOTHING] * 3, lines.append))
    assert [outcomes[i].lost for i in range(3)] == [None, "the node died", None]
    assert lines == ["no node of the Ray cluster has 2 cores and 0 GPUs: the jobs wait for one"]
