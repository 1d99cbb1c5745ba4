"""A sweep on a Ray cluster of two nodes, one of which is lost on the way; run by make check-ray.

Both nodes are started on this machine, with a core each. Every job must run, on both nodes; the one
whose node is lost must be named, the others must finish, and a second start must make up for it.
The commands for Ray of docs/run-on-a-cluster.md must run there, too.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from gru_bench.runs.folder import load_results
from gru_bench.runs.status import STATUS, read_status

SWEEP = "cell=gru,rnn task=adding task.length=10 hidden_size=4 steps=40 seeds=2 probes=false"
LONG = "cell=gru,rnn task=adding task.length=50 hidden_size=16 steps=60000 seeds=1 probes=false"
PATIENCE_S = 300.0
PAGE = Path(__file__).resolve().parent.parent / "docs" / "run-on-a-cluster.md"


def command(cluster: Cluster, words: str) -> list[str]:
    """Returns the command that runs a sweep on the cluster."""
    launcher = ["launcher=ray", f"launcher.address={cluster.address}"]
    return [sys.executable, "-m", "gru_bench", "run", "-m", *launcher, *words.split()]


def busy_nodes() -> set[str]:
    """Nodes that have no core left."""
    free = ray._private.state.available_resources_per_node()
    return {node for node, resources in free.items() if resources.get("CPU", 0.0) < 1}


def wait_for(process: subprocess.Popen[str], reached: Callable[[], bool]) -> None:
    """Waits until something is reached or the process has ended."""
    began = time.monotonic()
    while process.poll() is None and not reached():
        if time.monotonic() - began > PATIENCE_S:
            process.kill()
            raise SystemExit(f"nothing came of it for {PATIENCE_S:.0f} s")
        time.sleep(0.2)


def running(folder: Path) -> int:
    """Returns how many runs are in training."""
    return sum(
        status is not None and status.state == "running" and status.step > 0
        for status in map(read_status, (path.parent for path in folder.rglob(STATUS)))
    )


def check(condition: bool, what: str) -> None:
    """Prints what was found, and ends the script if it is not so."""
    print("ok  " if condition else "NOT ", what, flush=True)
    if not condition:
        raise SystemExit(1)


def main() -> None:
    """Starts the cluster and checks the sweeps on it."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 1})
    second = cluster.add_node(num_cpus=1)
    ray.init(cluster.address, logging_level="ERROR", log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(command(cluster, SWEEP), cwd=folder, text=True)
        nodes: set[str] = set()

        def seen() -> bool:
            nodes.update(busy_nodes())
            return False

        wait_for(process, seen)
        check(process.wait() == 0, "two populations on two nodes: exit status 0")
        check(len(nodes) == 2, "both nodes had jobs")
        results, _ = load_results(Path(folder) / "results" / "runs")
        check(len(results) == 2, "two results")

        process = subprocess.Popen(
            command(cluster, LONG), cwd=folder, text=True, stderr=subprocess.PIPE
        )
        wait_for(process, lambda: running(Path(folder)) == 2)
        cluster.remove_node(second)
        _, errors = process.communicate(timeout=PATIENCE_S)
        print(errors)
        check(process.returncode == 1, "one node lost: exit status 1")
        check(errors.count("failed: ") == 1, "the run that was lost with it is named")
        check(len(load_results(Path(folder) / "results" / "runs")[0]) == 3, "the other is finished")
        again = subprocess.run(command(cluster, LONG), cwd=folder, check=False)
        check(again.returncode == 0, "a second start finishes it")
        for block in re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE):
            if "launcher=ray" in block:
                words = re.sub(r"^pip .*\n", "", block)
                done = subprocess.run(["bash", "-ec", words], cwd=folder, check=False)
                check(done.returncode == 0, words.strip())
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
