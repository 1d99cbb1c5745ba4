"""The ledger: every claim with what the results say of it."""

from collections.abc import Sequence

from gru_bench.evidence.claims.claim import Claim
from gru_bench.evidence.claims.cost import memory, parameters, real_time, speed
from gru_bench.evidence.claims.lags import gradients_alive, long_lags
from gru_bench.evidence.claims.scores import comparable, no_dominance, overfitting, separate_control
from gru_bench.evidence.claims.setting import make_settings
from gru_bench.evidence.runtimes import RuntimeFigures
from gru_bench.runs.result import Result


def ledger(results: Sequence[Result], runtimes: RuntimeFigures | None = None) -> list[Claim]:
    """Returns the ten claims, always all and in order, with what the results say of them.

    Args:
        results: Finished runs.
        runtimes: What cells cost in several runtimes; without it, times are those of the runs.
    """
    settings = make_settings(results)
    return [
        parameters(settings),
        speed(settings, runtimes),
        memory(settings, runtimes),
        comparable(settings),
        long_lags(settings),
        gradients_alive(settings),
        separate_control(settings),
        overfitting(settings),
        real_time(settings, runtimes),
        no_dominance(settings),
    ]
