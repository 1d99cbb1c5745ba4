"""The ledger: every claim with what the evidence says of it."""

from collections.abc import Callable, Collection, Iterable, Sequence

from gru_bench.evidence.claims.claim import Claim, Test
from gru_bench.evidence.claims.cost import memory, parameters, real_time
from gru_bench.evidence.claims.evidence import Evidence, of_any_runs
from gru_bench.evidence.claims.gates import reset_open, reset_shut, update_gate
from gru_bench.evidence.claims.gradients import gradients_alive, interpolation
from gru_bench.evidence.claims.lags import long_lags
from gru_bench.evidence.claims.outside import (
    cheaper_than_attention,
    minimal_gru,
    moderate_lengths,
    recall,
)
from gru_bench.evidence.claims.pace import speed
from gru_bench.evidence.claims.rules import ClaimRule, current_rules
from gru_bench.evidence.claims.scores import comparable, no_dominance, one_gate, separate_control
from gru_bench.evidence.claims.small_data import overfitting
from gru_bench.evidence.runtimes import RuntimeFigures
from gru_bench.runs.result import Result

# What tests each claim, by its name in the file of rules.
TESTS: dict[str, Callable[[Evidence, ClaimRule], Iterable[Test]]] = {
    "parameters": parameters,
    "speed": speed,
    "memory": memory,
    "comparable": comparable,
    "long_lags": long_lags,
    "gradients_alive": gradients_alive,
    "separate_control": separate_control,
    "overfitting": overfitting,
    "real_time": real_time,
    "no_dominance": no_dominance,
    "update_gate": update_gate,
    "reset_shut": reset_shut,
    "reset_open": reset_open,
    "one_gate": one_gate,
    "interpolation": interpolation,
    "moderate_lengths": moderate_lengths,
    "recall": recall,
    "cheaper_than_attention": cheaper_than_attention,
    "minimal_gru": minimal_gru,
}


def judge(evidence: Evidence, lacking: Collection[str] = ()) -> list[Claim]:
    """Returns all claims of the rules, in order, with what the evidence says of them.

    Args:
        evidence: What they are judged on.
        lacking: The names of claims for which not all was run that the rules ask for.
    """
    return [
        Claim(
            name=name,
            rule=rule,
            tests=list(TESTS[name](evidence, rule)),
            least_tasks=evidence.rules.least_tasks,
            expected=rule.tasks if evidence.is_reference else (),
            is_whole=name not in lacking,
        )
        for name, rule in evidence.rules.claims.items()
    ]


def ledger(results: Sequence[Result], runtimes: RuntimeFigures | None = None) -> list[Claim]:
    """Returns the claims as any runs at hand speak of them, whatever they were made for.

    Args:
        results: Finished runs.
        runtimes: What cells cost in several runtimes; without it, times are those of the runs.
    """
    return judge(of_any_runs(results, current_rules(), runtimes))
