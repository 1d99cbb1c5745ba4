"""Tests on what cells cost in each runtime, as `gru-bench speed --runtimes` measured it."""

from collections.abc import Iterator

from gru_bench.config.cell import REFERENCE
from gru_bench.evidence.claims.claim import Finding, Test
from gru_bench.evidence.claims.evidence import Evidence
from gru_bench.evidence.claims.findings import below, smaller
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.runtimes import RuntimeFigure, Work


def time_tests(evidence: Evidence, work: Work, part: str) -> Iterator[Test]:
    """Yields the tests whether a GRU's time is below that of the LSTM in the same runtime.

    Args:
        evidence: What was measured.
        work: What was timed.
        part: The part of the claim; the name of the runtime is added to it.
    """
    for figure in _of_grus(evidence, work):
        if figure.vs_lstm is not None:
            shown = f"{format_interval(figure.vs_lstm)} of the LSTM's"
            yield _test(evidence, figure, f"{work}", shown, below(figure.vs_lstm, 1), part)


def slowest_call_tests(evidence: Evidence, part: str) -> Iterator[Test]:
    """Yields the tests whether 99% of a GRU's calls for one step end sooner than the LSTM's.

    The two were timed apart, so the intervals of both must not touch.
    """
    for figure in _of_grus(evidence, Work.STEP):
        lstm = _lstm(evidence, figure)
        if figure.p99_us is None or lstm is None or lstm.p99_us is None:
            continue
        shown = " against ".join(format_interval(f, 1, " µs") for f in (figure.p99_us, lstm.p99_us))
        finding = below(figure.p99_us.over(lstm.p99_us), 1)
        yield _test(evidence, figure, "99% of calls for one step", shown, finding, part)


def memory_tests(evidence: Evidence, margin: float, part: str) -> Iterator[Test]:
    """Yields the tests whether a GRU's training takes less memory; none where it is not known.

    Args:
        evidence: What was measured.
        margin: A share of the LSTM's that does not matter.
        part: The part of the claim; the name of the runtime is added to it.
    """
    for figure in _of_grus(evidence, Work.TRAINING):
        lstm = _lstm(evidence, figure)
        if not (figure.memory_mb and lstm and lstm.memory_mb):
            continue
        ratio = figure.memory_mb / lstm.memory_mb
        shown = f"{figure.memory_mb:.3g} MB, {ratio:.3f} of the LSTM's"
        what = f"memory of a {Work.TRAINING}"
        yield _test(evidence, figure, what, shown, smaller(ratio, margin), part)


def _of_grus(evidence: Evidence, work: Work) -> Iterator[RuntimeFigure]:
    figures = [] if evidence.runtimes is None else evidence.runtimes.figures
    yield from (f for f in figures if f.cell in evidence.grus and f.work == work)


def _lstm(evidence: Evidence, figure: RuntimeFigure) -> RuntimeFigure | None:
    assert evidence.runtimes is not None
    return evidence.runtimes.figure(figure.runtime, REFERENCE, figure.work, figure.hidden_size)


def _test(
    evidence: Evidence, figure: RuntimeFigure, what: str, shown: str, finding: Finding, part: str
) -> Test:
    """Returns a test of one size, which is what votes where one layer is measured in many."""
    assert evidence.runtimes is not None
    return Test(
        task=f"layer h{figure.hidden_size}, {evidence.runtimes.time} steps",
        what=f"{figure.runtime}: {figure.cell} h{figure.hidden_size}, {what}",
        figure=shown,
        finding=finding,
        part=f"{part} in {figure.runtime}",
        is_beside=evidence.is_beside(figure.cell),
    )
