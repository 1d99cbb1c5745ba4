"""The ledger: every claim with what the results say of it."""

from collections.abc import Sequence

from gru_bench.evidence.claims.claim import Claim
from gru_bench.evidence.claims.cost import memory, parameters, real_time, speed
from gru_bench.evidence.claims.lags import gradients_alive, long_lags
from gru_bench.evidence.claims.scores import comparable, counting, no_dominance, overfitting
from gru_bench.evidence.claims.setting import make_settings
from gru_bench.runs.result import Result


def ledger(results: Sequence[Result]) -> list[Claim]:
    """Returns the ten claims, always all and in order, with what the results say of them."""
    settings = make_settings(results)
    claims = (
        parameters,
        speed,
        memory,
        comparable,
        long_lags,
        gradients_alive,
        counting,
        overfitting,
        real_time,
        no_dominance,
    )
    return [claim(settings) for claim in claims]
