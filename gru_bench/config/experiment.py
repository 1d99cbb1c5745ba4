"""The schema of every key: what a run is, and how it is executed.

Hydra merges the YAML of `conf/` into these dataclasses, which gives names and types;
`__post_init__` checks values and combinations, without data and without JAX. Past that point only
these objects travel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gru_bench.config.execution import ExecutionConfig
from gru_bench.config.optim import TuneConfig
from gru_bench.config.run import RunConfig
from gru_bench.system.errors import UserError


@dataclass
class ExperimentConfig(ExecutionConfig, RunConfig):
    """All that a command asks for at once: a run, and its execution."""

    def __post_init__(self) -> None:
        RunConfig.__post_init__(self)
        ExecutionConfig.__post_init__(self)
        if self.tune.is_asked_for and set(self.tune.tuning_seeds) & set(self.seeds):
            raise UserError(
                f"seeds={self.seeds} is not possible: tuning uses some of them; seeds must be below"
                f" {TuneConfig.FIRST_SEED}"
            )

    def folder(self, contents: Mapping[str, str]) -> Path:
        """Returns the run folder.

        Args:
            contents: The hashes of the data, as `resolved` takes them.
        """
        return Path(self.out_dir) / self.run_name(contents)
