"""Tests on what cells cost in each runtime, as `gru-bench speed --runtimes` measured it."""

from collections.abc import Iterator

from gru_bench.evidence.claims.claim import Test
from gru_bench.evidence.claims.findings import below
from gru_bench.evidence.claims.setting import GRUS
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.runtimes import RuntimeFigure, RuntimeFigures, Work

LSTM = "lstm"
# The runtime that trained the runs, as the measurement names it.
PACKAGE = "gru-bench"
# Closes the rule of a claim whose times are of runtimes.
BY_RUNTIME = (
    " Judged for each runtime by itself, at every size that was measured, by intervals over"
    " processes: a part of the claim is one runtime's."
)
# The same for memory.
MEMORY_BY_RUNTIME = (
    " Judged by itself for each runtime that tells its memory, at every size that was measured: a"
    " part of the claim is one runtime's."
)


def time_tests(figures: RuntimeFigures, work: Work, part: str) -> list[Test]:
    """Returns the tests whether a GRU's time is below that of the LSTM in the same runtime.

    Args:
        figures: What was measured.
        work: What was timed.
        part: The part of the claim; the name of the runtime is added to it.
    """
    return [
        Test(
            task=_layer(figures),
            what=f"{_what(figure)}, {work}",
            figure=f"{format_interval(figure.vs_lstm)} of the LSTM's",
            finding=below(figure.vs_lstm, 1),
            part=f"{part} in {figure.runtime}",
        )
        for figure in _of_grus(figures, work)
        if figure.vs_lstm is not None
    ]


def memory_tests(figures: RuntimeFigures, part: str) -> list[Test]:
    """Returns the tests whether a GRU's training takes less memory; none where it is not known.

    Args:
        figures: What was measured.
        part: The part of the claim; the name of the runtime is added to it.
    """
    tests = []
    for figure in _of_grus(figures, Work.TRAINING):
        lstm = figures.figure(figure.runtime, LSTM, Work.TRAINING, figure.hidden_size)
        if not (figure.memory_mb and lstm and lstm.memory_mb):
            continue
        tests.append(
            Test(
                task=_layer(figures),
                what=f"{_what(figure)}, memory of a {Work.TRAINING}",
                figure=f"{figure.memory_mb:.3g} MB, {figure.memory_mb / lstm.memory_mb:.3f} of the"
                " LSTM's",
                finding="for" if figure.memory_mb < lstm.memory_mb else "against",
                part=f"{part} in {figure.runtime}",
            )
        )
    return tests


def _of_grus(figures: RuntimeFigures, work: Work) -> Iterator[RuntimeFigure]:
    yield from (f for f in figures.figures if f.cell in GRUS and f.work == work)


def _what(figure: RuntimeFigure) -> str:
    return f"{figure.runtime}: {figure.cell} h{figure.hidden_size}"


def _layer(figures: RuntimeFigures) -> str:
    return f"layer of {figures.input_size} features, {figures.time} steps"
