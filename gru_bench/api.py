"""What a notebook or a script needs: run experiments, load what is finished, use what is trained.

Nothing heavy is imported before a function is called, so that `import gru_bench` is instant.
"""

import contextlib
import shlex
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gru_bench.system.errors import UserError
from gru_bench.system.prose import counted

if TYPE_CHECKING:
    from gru_bench.config.experiment import ExperimentConfig
    from gru_bench.export.trained_model import TrainedModel
    from gru_bench.report.choice_card import Card
    from gru_bench.report.results import Results

_one_at_a_time = threading.Lock()


def run(
    overrides: "Sequence[str] | Mapping[str, Any]" = (),
    *,
    sweep: bool = False,
    quiet: bool = True,
    **settings: Any,
) -> "Results":
    """Trains and compares cells as `gru-bench run` does; finished runs are read, not repeated.

    To be called before JAX is used for anything else, which then keeps the devices it has. Threads
    take turns; Hydra's state and JAX's settings are those of the caller again afterwards.

    Example:
        >>> import gru_bench
        >>> results = gru_bench.run({"task.length": 10}, cell=["gru", "rnn"], task="adding")
        >>> print(results)
        >>> for result in results:
        ...     print(result.cell, result.parameters.cell, result.test_scores)

    Args:
        overrides: Settings as words `key=value`, as on the command line, or as a mapping. If
            nothing names a cell, a task or an experiment, they are about the quickstart.
        sweep: Whether `key=a,b` among the words asks for every combination, as `-m` does. A list
            among the values of a mapping does so by itself, unless the key takes a list.
        quiet: Whether to show no progress on standard error.
        **settings: Further settings, by keys without a dot, such as `cell="gru"` or `seeds=3`.

    Returns:
        A result for each configuration, in the order of the sweep.

    Raises:
        UserError: A word is not understood, or an experiment is not possible.
        RuntimeError: Runs failed, or another process is at work on them; the others are finished.
    """
    if isinstance(overrides, str):
        raise UserError(f"overrides={overrides!r} is not possible: give a list, [{overrides!r}]")
    words, is_sweep = _words(overrides, settings)
    sweep = sweep or is_sweep
    from gru_bench.config.compose import compose_experiments
    from gru_bench.experiments.sweep import run_experiments
    from gru_bench.report.results import Results
    from gru_bench.runs.folder import read_result
    from gru_bench.system.files import require_working_directory

    require_working_directory()
    # Hydra's state and JAX's settings are those of the process.
    with _one_at_a_time:
        configs = compose_experiments(words, sweep)
        if any(config.dry_run for config in configs):
            raise UserError(
                "dry_run=true is not possible here: it prints, so give it to gru-bench run"
            )
        _set_up_devices(configs)
        flag = ["-m"] if sweep else []
        done = run_experiments(configs, shlex.join(["gru-bench", "run", *flag, *words]), quiet)
    unfinished = [f"{folder}: {reason}" for folder, reason in done.failures]
    unfinished += [f"{folder}: another process is at work on it" for folder in done.elsewhere]
    if unfinished:
        count = f"{len(unfinished)} of {counted(len(done.folders), 'run')} not finished"
        raise RuntimeError("; ".join([count, *unfinished]))
    return Results(read_result(folder) for folder in done.folders)


def _words(
    overrides: "Sequence[str] | Mapping[str, Any]", settings: dict[str, Any]
) -> tuple[list[str], bool]:
    """Returns all settings as words, and whether values ask for a sweep."""
    from gru_bench.config.settings import to_words
    from gru_bench.config.words import parse

    if not isinstance(overrides, Mapping):
        written, values = list(overrides), settings
    else:
        if twice := overrides.keys() & settings.keys():
            raise UserError(f"{min(twice)} is given twice: in the mapping and as a keyword")
        written, values = [], {**overrides, **settings}
    made = to_words(values)
    return [*written, *made], any(each.is_sweep_override() for each in parse(made))


def choose(
    overrides: Sequence[str],
    *,
    latency_us: float | None = None,
    runtime: str = "xla",
    parameters: int | None = None,
    memory_kb: float | None = None,
    minutes: float = 30.0,
    margin: float | None = None,
    quiet: bool = True,
) -> "Card":
    """Chooses a cell for data and limits as `gru-bench choose` does.

    Example:
        >>> import gru_bench
        >>> card = gru_bench.choose(["task=adding", "task.length=10"], parameters=5000, minutes=5)
        >>> model = gru_bench.load_model(card.taken.folder)

    Args:
        overrides: Settings as words `key=value`, as on the command line; `cell=a,b,c` alone may
            list several values, and `hidden_size` is the largest size that is looked at.
        latency_us: Microseconds of a single step of one sequence, at most.
        runtime: In which the latency is measured: xla, onnx or torch.
        parameters: Of the whole model, at most.
        memory_kb: Thousands of bytes of weights and of the state of one sequence, at most.
        minutes: What all of it may take, as far as can be told beforehand.
        margin: A difference of the score that does not matter.
        quiet: No progress on standard error.

    Raises:
        UserError: A word or a limit is not possible, or runs failed.
    """
    from gru_bench.config.compose import choice_words, compose_experiments
    from gru_bench.experiments.choose import Asked
    from gru_bench.experiments.choose import choose as choose_within
    from gru_bench.experiments.limits import Limits
    from gru_bench.system.files import require_working_directory

    require_working_directory()
    limits = Limits(latency_us, runtime, parameters, memory_kb)
    with _one_at_a_time:
        words = choice_words(overrides, margin)
        configs = compose_experiments(words, multirun=True)
        _set_up_devices(configs)
        asked = Asked(limits, minutes, words, quiet)
        return choose_within(configs, asked, lambda line: None)


def load_results(directory: str | Path = "results/runs") -> "Results":
    """Returns every finished run below a folder, in the order of their paths.

    For each folder that is passed over (damaged, unfinished, a copy) there is a warning.

    Example:
        >>> import gru_bench
        >>> results = gru_bench.load_results("results/runs")
        >>> scores = {(r.task_label, r.cell): r.test_scores for r in results}

    Args:
        directory: The folder that runs lie under, at any depth.

    Raises:
        UserError: There is no such folder, or no finished run in it.
    """
    from gru_bench.report.results import Results
    from gru_bench.runs import folder

    results, passed_over = folder.load_results(directory)
    for line in passed_over:
        warnings.warn(line, stacklevel=2)
    return Results(results)


def load_model(folder: str | Path, seed: int | None = None) -> "TrainedModel":
    """Loads the trained model of a run, ready to be used.

    Example:
        >>> import gru_bench
        >>> model = gru_bench.load_model("results/runs/text-tickets/gru/h16-0123456789ab")
        >>> model.predict(["my card was charged twice"])

    Args:
        folder: The run folder.
        seed: Whose parameters; None for those of the seed that is best on validation data. Others
            are there if the run was made with `save_weights=all`.

    Raises:
        UserError: There are none, or they are damaged.
    """
    from gru_bench.export import trained_model

    return trained_model.load_model(folder, seed)


def _set_up_devices(configs: "Sequence[ExperimentConfig]") -> None:
    """Sets JAX up as the command line does, unless it has been used before."""
    from gru_bench.system.machine import leave_accelerators, require_devices, set_up_devices

    with contextlib.suppress(RuntimeError):  # JAX has been used: its devices stay as they are
        set_up_devices()
        if configs[0].launcher.name != "local":
            leave_accelerators()
    require_devices()
