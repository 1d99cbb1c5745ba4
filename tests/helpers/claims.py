"""Made-up runs that claims are tested on, and short ways to what the ledger says of them."""

from dataclasses import replace

from gru_bench.evidence.claims.claim import Claim, Test
from gru_bench.evidence.claims.ledger import ledger
from gru_bench.runs.probe_results import GradientNorms, Probes
from gru_bench.runs.result import Result, Spread
from helpers.made_up import make_result

EIGHT = [0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97]


def claim_of(name: str, results: list[Result], runtimes=None) -> Claim:
    """The claim of this name in the ledger of some runs."""
    return next(claim for claim in ledger(results, runtimes) if claim.name == name)


def verdict(name: str, results: list[Result]) -> str:
    """Its verdict."""
    return claim_of(name, results).verdict


def only_test(name: str, results: list[Result]) -> Test:
    """Its test, of which there is but one."""
    (test,) = claim_of(name, results).tests
    return test


def findings(name: str, results: list[Result], part: str | None = None) -> list[str]:
    """The findings of its tests that vote, of one part or of all."""
    return [t.finding for t in claim_of(name, results).voting if part in (None, t.part)]


def spread(median: float, half: float = 0.01, repeats: int = 30) -> Spread:
    """A measured quantity with its quartiles."""
    return Spread(median=median, low=median - half, high=median + half, repeats=repeats)


def with_timing(result: Result, **changes) -> Result:
    """The result with other times."""
    return replace(result, timing=replace(result.timing, **changes))


def starting(result: Result, **keys) -> Result:
    """The result with other keys of its cell."""
    return replace(result, config=result.config | {"cell": result.config["cell"] | keys})


def solving_at(result: Result, steps) -> Result:
    """The result with these steps until its seeds solved the task."""
    seeds = [
        replace(seed, solved_step=step) for seed, step in zip(result.seeds, steps, strict=True)
    ]
    return replace(result, seeds=seeds)


def with_gradients(result: Result, initial, trained=None, distance: int = 100) -> Result:
    """Gradients so many steps back, one a seed, over those at the loss."""

    def rows(values):
        return [[0.0 if value is None else value, 1.0] for value in values]

    norms = GradientNorms(
        distance=[distance, 0], initial=rows(initial), trained=rows(trained or initial)
    )
    return replace(result, probes=Probes(gradients=norms, gates=[], gate_ends=None, lengths=None))


def counting(cell: str, scores, solved: int | None = None, task: str = "counting") -> Result:
    """A run of counting, or of another task that is scored alike."""
    keys = {"name": task, "max_n": 50}
    result = make_result("copy", cell, scores, task=keys, margin=0.01, solved=solved)
    score = replace(result.score, name="acceptance")
    seeds = [
        replace(seed, test={"acceptance": seed.test["recall_accuracy"]}) for seed in result.seeds
    ]
    return replace(result, task_label=task, score=score, seeds=seeds)


def ahead(gains, task: str = "text", /, *, base: float = 0.9, cell: str = "gru", **keys):
    """A GRU and an LSTM whose scores differ by these amounts."""
    return [
        make_result(task, cell, [base + gain for gain in gains], **keys),
        make_result(task, "lstm", [base] * len(gains), **keys),
    ]


def on_tasks(*gains, seeds: int = 8, **keys) -> list[Result]:
    """A GRU that is ahead of the LSTM by one of these on each task."""
    return [
        run
        for task, gain in zip("abcdefghij", gains, strict=False)
        for run in ahead([gain] * seeds, margin=0.01, corpus=task, **keys)
    ]
