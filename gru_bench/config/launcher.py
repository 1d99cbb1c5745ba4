"""The schema of `launcher`: which engine trains the populations of a sweep, and with what."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from gru_bench.config.checks import (
    one_of,
    require,
    require_choices,
    require_installed,
    require_positive,
)

CLUSTERS = ("slurm", "local")


@dataclass
class LauncherConfig:
    """This process trains them, one after another."""

    name: str = "local"

    # Of the package that is the engine, and of the extra that installs it.
    PACKAGE: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        if self.PACKAGE is not None:
            require_installed(f"launcher={self.name}", self.PACKAGE, extra=self.PACKAGE)


@dataclass
class JoblibConfig(LauncherConfig):
    """Processes of this machine: `workers` at once, each with `cpus` cores.

    By default there is one for every core; the cores are shared out among them.
    """

    name: str = "joblib"
    workers: int | None = None
    cpus: int | None = None

    PACKAGE: ClassVar[str | None] = "joblib"

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("workers", "cpus"):
            _require_count(key, getattr(self, key))


@dataclass
class SubmititConfig(LauncherConfig):
    """Jobs of a Slurm cluster, or with `cluster=local` of this machine, as a rehearsal.

    Each has `cpus` cores, `gpus` cards, `memory_gb` (what the cluster gives if null) and
    `timeout_min` minutes; one that is broken off by this limit is queued again, three times at
    most, and goes on from its checkpoint. At most `workers` are submitted at once, all of them if
    null. `options` are further ones of submitit for Slurm, such as
    `{qos: long, setup: [module load cuda]}`.
    """

    name: str = "submitit"
    cluster: str = one_of(CLUSTERS, "slurm")
    workers: int | None = None
    cpus: int = 2
    gpus: int = 0
    memory_gb: float | None = None
    timeout_min: int = 240
    partition: str | None = None
    account: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    PACKAGE: ClassVar[str | None] = "submitit"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choices(self, "launcher.")
        for key in ("workers", "cpus", "timeout_min"):
            _require_count(key, getattr(self, key))
        require(self.gpus >= 0, "launcher.gpus", self.gpus, "0 or more")
        if self.memory_gb is not None:
            require_positive("launcher.memory_gb", self.memory_gb)


@dataclass
class RayConfig(LauncherConfig):
    """Tasks of the Ray cluster at `address`; if null of one that is started on this machine.

    Each has `cpus` cores and `gpus` cards, of which a part, such as 0.5, lets jobs share one.
    """

    name: str = "ray"
    address: str | None = None
    cpus: int = 1
    gpus: float = 0.0

    PACKAGE: ClassVar[str | None] = "ray"

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_count("cpus", self.cpus)
        require(
            math.isfinite(self.gpus)
            and self.gpus >= 0
            and (self.gpus < 1 or self.gpus == int(self.gpus)),
            "launcher.gpus",
            self.gpus,
            "a whole number, or a part of one card",
        )


LAUNCHERS = (LauncherConfig, JoblibConfig, SubmititConfig, RayConfig)


def _require_count(key: str, value: int | None) -> None:
    require(value is None or value >= 1, f"launcher.{key}", value, "at least 1")
