"""The trials of a search, which reports leave out: nobody chooses by their test scores."""

from collections.abc import Sequence

from gru_bench.config.optim import TuneConfig
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError
from gru_bench.system.prose import counted


def is_trial(result: Result) -> bool:
    """Whether a run tried a setting, on seeds that no reported run has."""
    return all(seed.seed >= TuneConfig.FIRST_SEED for seed in result.seeds)


def without_trials(results: Sequence[Result]) -> tuple[list[Result], list[str]]:
    """Returns the runs that are no trials, and a line on those that are left out.

    Raises:
        UserError: There are trials alone.
    """
    kept = [result for result in results if not is_trial(result)]
    count = len(results) - len(kept)
    trials = counted(count, "trial")
    if not kept:
        raise UserError(
            f"there is nothing but {trials} of a search, whose test scores are not shown: run the"
            " settings that are best on validation data on seeds of their own, by the commands that"
            " gru-bench search has printed"
        )
    line = f"left out {trials} of a search: settings are chosen before any test score is seen"
    return kept, [line] if count else []
