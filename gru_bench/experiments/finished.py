"""Which seeds of a run are finished already, by what its folder holds."""

from gru_bench.experiments.resolve import Experiment
from gru_bench.runs.folder import DamagedResult, read_result
from gru_bench.runs.result import Result


def earlier_result(experiment: Experiment) -> Result | None:
    """Returns the sound result of just this run that its folder holds, as this machine sees it."""
    list(experiment.folder.glob("*"))  # A network's file system may look anew only for this.
    try:
        result = read_result(experiment.folder)
    except DamagedResult:
        return None
    return result if result.identity == experiment.identity else None


def kept_result(experiment: Experiment) -> Result | None:
    """Returns the result whose seeds are not trained anew: with `force` none, nor without one."""
    return None if experiment.config.force else earlier_result(experiment)


def missing_seeds(experiment: Experiment) -> list[int]:
    """Returns the seeds asked for that are still to be trained."""
    result = kept_result(experiment)
    finished = set() if result is None else {seed.seed for seed in result.seeds}
    return [seed for seed in experiment.config.seeds if seed not in finished]


def has_all_seeds(experiment: Experiment) -> bool:
    """Whether its folder holds a result of all seeds asked for, made anew or not."""
    result = earlier_result(experiment)
    return result is not None and {seed.seed for seed in result.seeds}.issuperset(
        experiment.config.seeds
    )


def needs_tuning(experiment: Experiment) -> bool:
    """Whether a learning rate or a start is still to be chosen before seeds are trained."""
    result = kept_result(experiment)
    tuned = result is not None and result.tuning is not None
    return experiment.config.tune.is_asked_for and not tuned
