"""The declarations of launchers: which engine trains the populations of a sweep, and its keys."""

from dataclasses import dataclass
from typing import Any, ClassVar

from gru_bench.config.checks import require, require_installed
from gru_bench.config.keys import OnlyWith, check_keys, key

CLUSTERS = ("slurm", "local")
SLURM = (OnlyWith("launcher.cluster", ("slurm",)),)


@dataclass
class LauncherConfig:
    """This process, one population after another.

    Attributes:
        PACKAGE: The package that is the engine, and the extra that installs it.
    """

    name: str = key("the launcher", "local")

    PACKAGE: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        if self.PACKAGE is not None:
            require_installed(f"launcher={self.name}", self.PACKAGE, extra=self.PACKAGE)
        check_keys(self, "launcher.")


@dataclass
class JoblibConfig(LauncherConfig):
    """Processes of this machine."""

    name: str = key("the launcher", "joblib")
    workers: int | None = key("processes at once; null is one for every core", None, at_least=1)
    cpus: int | None = key("cores of each; null shares them out", None, at_least=1)

    PACKAGE: ClassVar[str | None] = "joblib"


@dataclass
class SubmititConfig(LauncherConfig):
    """Jobs of a Slurm cluster, or of this machine as a rehearsal.

    A job that is broken off by its limit of time is queued again, three times at most, and goes on
    from its checkpoint.
    """

    name: str = key("the launcher", "submitit")
    cluster: str = key("where jobs go; local is a rehearsal on this machine", "slurm",
                       choices=CLUSTERS)  # fmt: skip
    workers: int | None = key("jobs that are submitted at once; null submits all", None,
                              at_least=1)  # fmt: skip
    cpus: int = key("cores of each job", 2, at_least=1)
    gpus: int = key("GPUs of each job", 0, at_least=0)
    memory_gb: float | None = key("memory of each job in GB; null is what the cluster gives", None,
                                  above=0, only_with=SLURM)  # fmt: skip
    timeout_min: int = key("minutes of each job, after which it is queued again", 240, at_least=1)
    partition: str | None = key("the cluster's partition", None, only_with=SLURM)
    account: str | None = key("whom the cluster charges", None, only_with=SLURM)
    options: dict[str, Any] = key(
        "further options, as submitit names them for Slurm, such as"
        " {qos: long, setup: [module load cuda]}",
        {},
    )

    PACKAGE: ClassVar[str | None] = "submitit"


@dataclass
class RayConfig(LauncherConfig):
    """Tasks of a Ray cluster."""

    name: str = key("the launcher", "ray")
    address: str | None = key(
        "address of the cluster, such as auto; null starts Ray on this machine", None
    )
    cpus: int = key("cores of each job", 1, at_least=1)
    gpus: float = key("GPUs of each job; a part of one, such as 0.5, is shared", 0.0, at_least=0)

    PACKAGE: ClassVar[str | None] = "ray"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.gpus < 1 or self.gpus == int(self.gpus),
            "launcher.gpus",
            self.gpus,
            "a whole number, or a part of one GPU",
        )


LAUNCHERS = (LauncherConfig, JoblibConfig, SubmititConfig, RayConfig)
