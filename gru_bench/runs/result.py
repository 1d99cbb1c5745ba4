"""The schema of `result.json`: all that a run folder keeps of a run with its seeds.

A folder holds `config.yaml`, one `seed_<n>/` of TensorBoard events a seed, `predictions.npz` where
all seeds share one test split and, written last, `result.json`. A folder without `result.json` is
unfinished; `error.txt` says why a run failed. The dataclasses below, and those of what was seen
within the trained cells (`gru_bench.runs.probe_results`), are the schema of `result.json`, key for
key; `msgspec` checks names and types on the way in.
"""

from dataclasses import dataclass, field
from typing import Any

from gru_bench.config.score import Score
from gru_bench.runs.predictions import Predictions
from gru_bench.runs.probe_results import Probes
from gru_bench.system.prose import counted

SCHEMA_VERSION = 3
EQUAL_TIME = 1.1  # times that differ by a larger factor are not equal


def misses_equal_time(ratio: float) -> bool:
    """Whether a ratio of two times is too far from 1 for them to be called equal."""
    return not 1 / EQUAL_TIME <= ratio <= EQUAL_TIME


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Counts: `cell` all recurrent layers, `lstm` the LSTM's that it matches, `total` the model."""

    cell: int
    lstm: int
    total: int

    def __post_init__(self) -> None:
        if self.lstm < 1:
            raise ValueError("`lstm` must be at least 1")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One seed's training, with an entry for each evaluation; null where not finite."""

    step: list[int]
    time_s: list[float | None]
    train_loss: list[float | None]
    validation_loss: list[float | None]
    validation_score: list[float | None]
    gradient_norm: list[float | None]
    learning_rate: list[float | None]

    def __post_init__(self) -> None:
        for name, column in vars(self).items():
            if len(column) != len(self.step):
                raise ValueError(f"`{name}` has {len(column)} entries, `step` {len(self.step)}")


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """One seed: scores of the parameters that were best on validation, and how training went.

    `test`, `validation` and `train` map each score's name to its value, null where not finite.
    `solved_s` is the number of steps to solve the task times the time of a training step, which is
    measured in turns with the other cells; null where the task is not solved or nothing is timed.
    `environment` is the place in the result's `environments` of where the seed was trained.
    """

    seed: int
    learning_rate: float
    test: dict[str, float | None]
    validation: dict[str, float | None]
    train: dict[str, float | None]
    best_step: int | None
    steps: int
    solved_step: int | None
    solved_s: float | None
    diverged_step: int | None
    curve: Curve
    environment: int = 0


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A measured quantity: its median, with the quartiles `low` and `high`."""

    median: float
    low: float
    high: float
    repeats: int | None = None


@dataclass(frozen=True, kw_only=True)
class CallLatency:
    """Microseconds of single calls that each take one step of one sequence: median and 99%."""

    median: float
    p99: float
    calls: int


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of the whole run, and what one model takes, alone and against the LSTM.

    `train_step` is a training step (forward, backward, update) in milliseconds. `latency` is one
    step of one sequence in microseconds, as a program takes it that takes many in a call. `call` is
    a call of a program of one step, as where steps arrive one by one. Spreads are over the rounds
    of one process.
    """

    compile_s: float
    train_s: float
    wall_s: float
    train_step_ms: Spread | None
    train_step_vs_lstm: Spread | None
    latency_us: Spread | None = None
    latency_vs_lstm: Spread | None = None
    call_us: CallLatency | None = None


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """The search for a learning rate and a start: each with every tuning seed, on validation data.

    `keeps` are the shares of the state kept at the start that were tried with every rate; empty if
    the start was not tuned. `scores` has a row for each rate and, within a rate, for each start;
    `scores[i][j]` is the best validation score of row i with seed j, null where there is none.
    `chosen` is the learning rate and `chosen_keep` the start of the best row.
    """

    learning_rates: list[float]
    seeds: list[int]
    scores: list[list[float | None]]
    chosen: float
    keeps: list[float] = field(default_factory=list)
    chosen_keep: float | None = None

    def __post_init__(self) -> None:
        if self.chosen not in self.learning_rates:
            raise ValueError("`chosen` is none of the `learning_rates`")
        if (self.chosen_keep is not None or self.keeps) and self.chosen_keep not in self.keeps:
            raise ValueError("`chosen_keep` is none of the `keeps`")
        shape = [len(self.seeds)] * len(self.learning_rates) * len(self.starts)
        if [len(row) for row in self.scores] != shape:
            raise ValueError("`scores` needs a row a candidate with an entry a tuning seed")

    @property
    def starts(self) -> list[float | None]:
        """The shares kept at the start that were tried; None alone if the start was not tuned."""
        return [*self.keeps] or [None]

    @property
    def chosen_rate_is_at_an_end(self) -> bool:
        """Whether several rates were tried, and the lowest or the highest of them is chosen."""
        ends = (min(self.learning_rates), max(self.learning_rates))
        return len(self.learning_rates) > 1 and self.chosen in ends

    @property
    def at_the_chosen_rate(self) -> list[list[float | None]]:
        """Returns the rows of the chosen rate, a row a start."""
        first = len(self.starts) * self.learning_rates.index(self.chosen)
        return self.scores[first : first + len(self.starts)]

    def scores_at(self, keep: float | None) -> list[list[float | None]]:
        """Returns the rows of one start, a row a learning rate."""
        return self.scores[self.starts.index(keep) :: len(self.starts)]


@dataclass(frozen=True, kw_only=True)
class MachineEnvironment:
    """Where seeds were trained, with which versions, by which launcher, and by which recurrence.

    `remat` says whether its steps were computed once more for the backward pass.
    """

    device: str
    device_kind: str
    device_count: int
    platform: str
    processor: str
    python: str
    git_revision: str | None
    versions: dict[str, str]
    recurrence: str = "scan"
    remat: bool = False
    launcher: str = "local"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run with all its seeds: everything in `result.json`, and `predictions` beside it.

    `identity` is equal for runs that differ in nothing but their seeds and how they were executed.
    `config` says what the run is, as a plain dict. `margin` is how large a difference of the main
    score does not matter, as stated before the run. `hidden_size` is the cell's own: that of the
    configuration, or the one at which it matches such an LSTM. `axis` is the key of `config` that
    makes the task harder, such as `task.lag`; null where there is none. `equal_time_ratio` is the
    training step's time over the LSTM's by which `match=time` chose the hidden size; null where
    something else is matched. `state_bytes` is what is kept of one sequence between two steps;
    null of a model that reads backwards, too, and cannot take one step at a time.
    `command` and `created` are of the time when seeds were last added; `environments` are all in
    which seeds were trained, in the order in which they were. `class_names` are those of the
    classes that are told apart, in the order of their numbers; null where there are none, or an
    older gru-bench made the run. `predictions` are those on the test split, which lie in a file of
    their own; None where seeds do not share one, or an older gru-bench made the run.
    """

    schema_version: int = SCHEMA_VERSION
    identity: str
    config: dict[str, Any]
    margin: float | None
    task_label: str
    created: str
    command: str
    hidden_size: int
    parameters: Parameters
    score: Score
    axis: str | None
    equal_time_ratio: float | None = None
    seeds: list[SeedResult]
    timing: Timing
    memory_mb: float | None
    state_bytes: int | None
    tuning: Tuning | None = None
    probes: Probes | None = None
    environments: list[MachineEnvironment]
    class_names: list[str] | None = None
    predictions: Predictions | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        cell = self.config.get("cell")
        if not (isinstance(cell, dict) and isinstance(cell.get("name"), str)):
            raise TypeError("`config` has no `cell.name`")
        if not isinstance(self.config.get("hidden_size"), int):
            raise TypeError("`config` has no whole number `hidden_size`")
        if not self.seeds:
            raise ValueError("`seeds` is empty")
        for seed in self.seeds:
            if self.score.name not in seed.test:
                raise ValueError(f"`test` of seed {seed.seed} lacks the score `{self.score.name}`")
            if not 0 <= seed.environment < len(self.environments):
                raise ValueError(f"`environment` of seed {seed.seed} is none of `environments`")
        if len({seed.seed for seed in self.seeds}) < len(self.seeds):
            raise ValueError("`seeds` has a seed twice")

    def __repr__(self) -> str:
        """Returns what was run, and the mean of the main score."""
        scores = self.test_scores.values()
        mean = f"{sum(scores) / len(scores):.4g}" if scores else "none"
        return (
            f"<Result {self.cell} h{self.hidden_size} on {self.task_label}:"
            f" {self.score.name} {mean}, mean of {counted(len(scores), 'seed')}>"
        )

    @property
    def cell(self) -> str:
        """Name of the cell, such as `gru`."""
        return str(self.config["cell"]["name"])

    @property
    def nominal_size(self) -> int:
        """The hidden size asked for: that of the LSTM which the cell is to match."""
        return int(self.config["hidden_size"])

    @property
    def difficulty(self) -> float | None:
        """The value of `axis`; None where nothing says how hard the task is."""
        name = (self.axis or "").removeprefix("task.")
        value = self.config.get("task", {}).get(name)
        return float(value) if isinstance(value, int | float) else None

    @property
    def environment(self) -> MachineEnvironment:
        """Where seeds were last added."""
        return self.environments[-1]

    @property
    def misses_equal_time(self) -> bool:
        """Whether `match=time` found no size at which a training step takes as long."""
        return self.equal_time_ratio is not None and misses_equal_time(self.equal_time_ratio)

    @property
    def test_scores(self) -> dict[int, float]:
        """The main score on the test split by seed, without the seeds that have none."""
        scores = {seed.seed: seed.test[self.score.name] for seed in self.seeds}
        return {seed: score for seed, score in scores.items() if score is not None}

    @property
    def solved(self) -> int | None:
        """How many seeds solved the task, or None if the task has no such rule."""
        if self.score.solved_rule is None:
            return None
        return sum(seed.solved_step is not None for seed in self.seeds)

    @property
    def solved_in_words(self) -> str:
        """How many of all seeds solved the task, such as `7 of 8`; empty without such a rule."""
        return "" if self.solved is None else f"{self.solved} of {len(self.seeds)}"

    @property
    def diverged(self) -> int:
        """How many seeds diverged."""
        return sum(seed.diverged_step is not None for seed in self.seeds)
