"""Claims on single gates, from what the gates of trained cells do when driven to their ends."""

from collections.abc import Iterator

import numpy as np

from gru_bench.evidence.claims.claim import Test
from gru_bench.evidence.claims.evidence import Evidence
from gru_bench.evidence.claims.rules import ClaimRule
from gru_bench.evidence.claims.setting import Setting
from gru_bench.runs.probe_results import GateEnds
from gru_bench.runs.result import Result


def update_gate(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that a GRU keeps its old state where z is near 1."""
    tolerance = rule.limits["tolerance"]
    for setting, run, ends in _driven(evidence):
        if ends.z_kept is None or ends.z_replaced is None:
            continue
        yield evidence.test(
            setting,
            run,
            "with z driven to its ends",
            f"the old state is kept to within {ends.kept:.1g} at z = {ends.z_kept:.2f}, replaced by"
            f" the candidate to within {ends.replaced:.1g} at z = {ends.z_replaced:.2f}",
            "for" if abs(ends.z_kept - 1) <= tolerance and ends.kept <= tolerance else "against",
        )


def reset_shut(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that a unit with r near 0 acts as on a first element."""
    candidate, unit = rule.parts
    tolerance = rule.limits["tolerance"]
    for setting, run, ends in _driven(evidence):
        if ends.reset_shut is None:
            continue
        yield evidence.test(
            setting,
            run,
            "with r at 0, the candidate after two histories",
            f"differs by {ends.reset_shut:.1g} at most",
            "for" if ends.reset_shut <= tolerance else "against",
            candidate,
        )
        yield from _unit(evidence, rule, setting, run, unit)


def reset_open(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim that a unit with r near 1 acts like a plain RNN's."""
    candidate, unit = rule.parts
    tolerance = rule.limits["tolerance"]
    for setting, run, ends in _driven(evidence):
        if ends.reset_open is None:
            continue
        yield evidence.test(
            setting,
            run,
            "with r at 1, the candidate after two histories",
            f"differs by {ends.reset_open:.2g} at most, as a plain RNN's state would",
            "for" if ends.reset_open > tolerance else "against",
            candidate,
        )
        yield from _unit(evidence, rule, setting, run, unit)


def _unit(
    evidence: Evidence, rule: ClaimRule, setting: Setting, run: Result, part: str
) -> Iterator[Test]:
    """Yields the test whether the candidate is all of the new state: what z keeps is not."""
    gates = run.probes.gates if run.probes else []
    if not (gates and "kept" in gates[0]):
        return
    share = float(np.mean(gates[0]["kept"].by_unit))
    yield evidence.test(
        setting,
        run,
        "in trained cells, share of the old state in the new one, whatever r is",
        f"{share:.0%} on average",
        "for" if share <= rule.limits["share_kept"] else "against",
        part,
    )


def _driven(evidence: Evidence) -> Iterator[tuple[Setting, Result, GateEnds]]:
    """Yields the GRUs whose gates were driven to their ends."""
    for setting in evidence.of("scores", "gradients"):
        for run in (setting.runs[cell] for cell in evidence.grus if cell in setting.runs):
            if run.probes is not None and run.probes.gate_ends is not None:
                yield setting, run, run.probes.gate_ends
