"""Claims on what a cell holds and how long one step takes: parameters, memory, latency."""

from collections.abc import Iterator

from gru_bench.evidence.claims.by_runtime import memory_tests, slowest_call_tests, time_tests
from gru_bench.evidence.claims.claim import Test
from gru_bench.evidence.claims.evidence import PACKAGE, Evidence
from gru_bench.evidence.claims.findings import below, from_spread, smaller
from gru_bench.evidence.claims.rules import ClaimRule
from gru_bench.evidence.claims.setting import Setting, same_machine
from gru_bench.evidence.interval_text import format_interval
from gru_bench.evidence.runtimes import Work
from gru_bench.runs.result import Result


def parameters(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim on parameters, from counts."""
    layers, whole = rule.parts
    share, margin = rule.limits["share"], rule.limits["margin"]
    for setting in evidence.of("scores"):
        if not setting.has_equal_sizes:
            continue
        for gru in (setting.runs[cell] for cell in evidence.grus if cell in setting.runs):
            count, units = gru.parameters, gru.hidden_size * gru.config.get("layers", 1)
            of_layers = count.cell / count.lstm
            of_whole = count.total / (count.total - count.cell + count.lstm)
            # The second bias of the reset-after GRU is one number a unit.
            fits = abs(count.cell - share * count.lstm) <= units
            yield evidence.test(
                setting,
                gru,
                what="parameters of the recurrent layers",
                figure=f"{of_layers:.4f} of the LSTM's",
                finding="for" if fits else "against",
                part=layers,
            )
            yield evidence.test(
                setting,
                gru,
                what="parameters of the whole model",
                figure=f"{of_whole:.4f} of the LSTM's",
                finding="for" if abs(of_whole - share) <= margin else "against",
                part=whole,
            )


def memory(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim on memory, from bytes."""
    training, streaming = rule.parts
    margin = rule.limits["margin"]
    yield from memory_tests(evidence, margin, training)
    in_runs = training if evidence.runtimes is None else f"{training} in {PACKAGE}"
    for setting, gru, lstm in evidence.pairs("scores", "lengths", "streams", equal_sizes=True):
        if gru.memory_mb and lstm.memory_mb and same_machine(gru, lstm):
            ratio = gru.memory_mb / lstm.memory_mb
            yield evidence.test(
                setting,
                gru,
                what="memory of a training step",
                figure=f"{gru.memory_mb:.3g} MB, {ratio:.3f} of the LSTM's",
                finding=smaller(ratio, margin),
                part=in_runs,
            )
        yield from _state(evidence, setting, gru, lstm, streaming)


def real_time(evidence: Evidence, rule: ClaimRule) -> Iterator[Test]:
    """Yields the tests of the claim on real-time use, from times of single steps and bytes."""
    median, slowest, whole, state = rule.parts
    yield from time_tests(evidence, Work.STEP, median)
    yield from slowest_call_tests(evidence, slowest)
    for setting, gru, lstm in evidence.pairs("scores", "streams", equal_sizes=True):
        if gru.timing.latency_vs_lstm is not None:
            ratio = from_spread(gru.timing.latency_vs_lstm)
            yield evidence.test(
                setting,
                gru,
                what="one step of one sequence through the whole model",
                figure=f"latency {format_interval(ratio)} of the LSTM's",
                finding=below(ratio, 1),
                part=whole,
            )
        yield from _state(evidence, setting, gru, lstm, state)


def _state(
    evidence: Evidence, setting: Setting, gru: Result, lstm: Result, part: str
) -> Iterator[Test]:
    """Yields the test of what is kept of a sequence; none where a model takes no single steps."""
    if gru.state_bytes is None or lstm.state_bytes is None:
        return
    ratio = gru.state_bytes / lstm.state_bytes
    yield evidence.test(
        setting,
        gru,
        what="state kept of a sequence",
        figure=f"{gru.state_bytes} bytes, {ratio:.2f} of the LSTM's",
        finding=smaller(ratio, 0),
        part=part,
    )
