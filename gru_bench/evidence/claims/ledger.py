"""What textbooks claim of recurrent cells, each sentence tested on finished runs.

A claim is tested wherever the runs at hand allow it, test by test: for it, against it, or open.
Its verdict follows from these findings alone, by the rule that its own words ask for:

- all: supported if every test is for it, refuted if one is against it;
- most: supported if more than half of the tests are for it, refuted if at least half are against;
- most tasks: the same of tasks, each of which counts once, by most of its tests; undecided unless
  two tasks at least are decided;
- some: supported if one test is for it, refuted if every test is against it;

and undecided here otherwise. A sentence that says two things has two parts: supported if both are,
refuted if either is, and a part without a test leaves the whole undecided.

A comparison of scores is open where neither cell learned the task: two cells that score as if they
had not seen the sequence are not as good as each other, and neither wins.

Intervals are of 95 %. No finding for or against rests on fewer than 6 seeds. Exempt are quantities
without chance (counts of parameters, bytes) and times taken in turns with the LSTM's, where the
turns are the sample.
"""

from collections.abc import Sequence

from gru_bench.claims.claim import Claim, ClaimVerdict, Finding, Test
from gru_bench.claims.cost import memory, parameters, real_time, speed
from gru_bench.claims.lags import gradients_alive, long_lags
from gru_bench.claims.scores import comparable, counting, no_dominance, overfitting
from gru_bench.claims.settings import make_settings
from gru_bench.runs import Result

__all__ = ["Claim", "ClaimVerdict", "Finding", "Test", "ledger"]


def ledger(results: Sequence[Result]) -> list[Claim]:
    """The ten claims with what the results say of them, always all and in order."""
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
