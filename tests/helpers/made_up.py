"""Made-up results for the tests of what reads run folders."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from gru_bench.config.score import Score
from gru_bench.model.counts import stack_parameters
from gru_bench.runs.probe_results import (
    Gate,
    GateEnds,
    GradientNorms,
    Lengths,
    Probes,
)
from gru_bench.runs.result import (
    CallLatency,
    Curve,
    MachineEnvironment,
    Parameters,
    Result,
    SeedResult,
    Spread,
    Timing,
    Tuning,
)

# Name of the score, higher is better, baseline and its name, solved rule, input size, task keys.
TASKS: dict[str, tuple[str, bool, float, str, str | None, int, dict[str, Any]]] = {
    "adding": ("mse", False, 1 / 6, "always predicting 1", "validation MSE below 0.01", 2,
               {"length": 100}),
    "copy": ("recall_accuracy", True, 0.125, "guessing", "validation accuracy above 0.99", 10,
             {"lag": 20}),
    "text": ("accuracy", True, 0.49, "the largest class", None, 64, {"max_length": 128}),
}  # fmt: skip
MARGINS = {"mse": 0.002, "recall_accuracy": 0.01, "accuracy": 0.01}
ENVIRONMENT = MachineEnvironment(
    device="cpu",
    device_kind="cpu",
    device_count=2,
    platform="Linux-6.1-x86_64",
    processor="A processor",
    python="3.11.7",
    git_revision="0123abc",
    versions={"jax": "0.10.2", "flax": "0.12.8"},
)


def make_result(
    task: str = "adding",
    /,
    cell: str = "gru",
    scores: Sequence[float | None] = (0.001, 0.002, 0.003, 0.002),
    *,
    hidden_size: int = 128,
    nominal_size: int | None = None,
    corpus: str = "reuters8",
    solved: int | None = None,
    diverged: Sequence[int] = (),
    curves: Sequence[Sequence[float | None]] | None = None,
    tuning: Tuning | None = None,
    probes: Probes | None = None,
    margin: float | Literal["task"] | None = "task",
    **keys: Any,
) -> Result:
    """A result of one seed a test score.

    Args:
        task: One of `TASKS`.
        cell: Name of the cell.
        scores: Test score of each seed.
        hidden_size: Of the cell.
        nominal_size: That of the configuration, which the cell matches; its own if None.
        corpus: Name of the corpus, where the task is `text`.
        solved: How many of the first seeds solved the task; all of them if None.
        diverged: Seeds that diverged.
        curves: Validation scores of each seed, every 100 steps; its test score twice if None.
        tuning: How its learning rate was found.
        probes: What its trained cells showed.
        margin: Of the score; that of the task if not given.
        keys: Changes to the configuration, such as `task={"length": 50}` or `steps=10`.
    """
    name, higher, baseline, baseline_name, rule, input_size, task_keys = TASKS[task]
    config: dict[str, Any] = {
        "cell": {"name": cell, "forget_bias": 1.0},
        "task": {"name": task, **task_keys},
        "corpus": {"name": corpus} if task == "text" else None,
        "hidden_size": nominal_size or hidden_size,
        "match": "hidden",
        "budget": None,
        "steps": 2000,
        "batch_size": 50,
        "optim": {"name": "adam", "learning_rate": 0.002},
        "tune": {
            "learning_rates": tuning.learning_rates if tuning else [],
            "seeds": len(tuning.seeds) if tuning else 2,
        },
    }
    for key, value in keys.items():
        config[key] = config[key] | value if isinstance(value, dict) else value
    solved = len(scores) if solved is None else solved
    margin = MARGINS[name] if margin == "task" else margin
    count = stack_parameters(cell, input_size, hidden_size, 1)
    lstm = stack_parameters("lstm", input_size, config["hidden_size"], 1)
    relative = count / lstm
    return Result(
        identity=hashlib.sha256(json.dumps(config).encode()).hexdigest()[:16],
        config=config,
        margin=margin,
        task_label=f"text-{corpus}" if task == "text" else task,
        created="2026-01-31T12:00:00Z",
        command=f"gru-bench run cell={cell} task={task} hidden_size={hidden_size}",
        hidden_size=hidden_size,
        parameters=Parameters(cell=count, lstm=lstm, total=count + 129),
        score=Score(
            name=name,
            higher_is_better=higher,
            baseline=baseline,
            baseline_name=baseline_name,
            solved_rule=rule,
            is_share=name != "mse",
        ),
        axis=f"task.{next(iter(task_keys))}",
        seeds=[
            SeedResult(
                seed=seed,
                learning_rate=tuning.chosen if tuning else config["optim"]["learning_rate"],
                test={"loss": score, name: score},
                validation={"loss": score, name: score},
                train={"loss": score, name: score},
                best_step=1900,
                steps=2000,
                solved_step=800 if rule and seed < solved else None,
                solved_s=12.3 if rule and seed < solved else None,
                diverged_step=500 if seed in diverged else None,
                curve=make_curve(curves[seed] if curves else (score, score)),
            )
            for seed, score in enumerate(scores)
        ],
        timing=Timing(
            compile_s=4.1,
            train_s=40 * relative,
            wall_s=6 + 40 * relative,
            train_step_ms=Spread(
                median=4 * relative, low=3.9 * relative, high=4.2 * relative, repeats=30
            ),
            train_step_vs_lstm=Spread(median=relative, low=0.98 * relative, high=1.02 * relative),
            latency_us=Spread(
                median=20 * relative, low=19 * relative, high=22 * relative, repeats=500
            ),
            latency_vs_lstm=Spread(
                median=relative, low=0.97 * relative, high=1.03 * relative, repeats=500
            ),
            call_us=CallLatency(median=61.0, p99=94.0, calls=1000),
        ),
        memory_mb=16 * relative,
        state_bytes=4 * hidden_size * (2 if cell == "lstm" else 1),
        tuning=tuning,
        probes=probes,
        environments=[ENVIRONMENT],
    )


def make_curve(scores: Sequence[float | None]) -> Curve:
    """A curve with an evaluation every 100 steps."""
    return Curve(
        step=[100 * (i + 1) for i in range(len(scores))],
        time_s=[0.5 * (i + 1) for i in range(len(scores))],
        train_loss=list(scores),
        validation_loss=list(scores),
        validation_score=list(scores),
        gradient_norm=[0.5] * len(scores),
        learning_rate=[0.002] * len(scores),
    )


def make_tuning(best: float, higher_is_better: bool) -> Tuning:
    """Three rates, two seeds each; the middle one is best, and a seed of the highest diverged."""
    worse = 0.8 * best if higher_is_better else 3 * best
    scores = [[worse, 0.9 * worse], [best, 1.01 * best], [worse, None]]
    return Tuning(
        learning_rates=[0.001, 0.004, 0.016], seeds=[10**9, 10**9 + 1], scores=scores, chosen=0.004
    )


def make_probes(cell: str, scores: Sequence[float], *, longer: bool = True) -> Probes:
    """Probes of a cell whose gradients shrink and whose gates close over time.

    Args:
        cell: Name of the cell.
        scores: Test score of each seed at the length trained at.
        longer: Whether the task has other lengths.
    """
    shrinks = {"rnn": (0.5, 0.8), "lstm": (0.8, 0.99)}.get(cell, (0.7, 0.98))
    distance = list(range(0, 100, 5))
    gradients = [
        [[(shrink - 0.01 * seed) ** d for d in distance] for seed in range(len(scores))]
        for shrink in shrinks
    ]
    names = {"rnn": (), "lstm": ("kept", "input", "output")}.get(cell, ("kept", "reset"))
    kept = {"gru": 0.9, "gru_reset_after": 0.85}.get(cell, 0.75)
    gates = {name: make_gate(kept - 0.25 * i) for i, name in enumerate(names)}
    is_gru = cell.startswith("gru")
    z_kept = {"gru": 0.0, "gru_reset_after": 1.0}.get(cell)
    return Probes(
        gradients=GradientNorms(distance=distance, initial=gradients[0], trained=gradients[1]),
        gates=[gates] if gates else [],
        gate_ends=GateEnds(
            z_kept=z_kept,
            kept=0.0,
            z_replaced=None if z_kept is None else 1 - z_kept,
            replaced=6e-8,
            reset_shut=0.0 if is_gru else None,
            reset_open=0.83 if is_gru else None,
        )
        if gates
        else None,
        lengths=Lengths(
            multiple=[1, 2, 4],
            length=[100, 200, 400],
            scores=[[score * factor for score in scores] for factor in (1.0, 0.95, 0.8)],
        )
        if longer
        else None,
    )


def make_gate(mean: float) -> Gate:
    """A gate that closes by 0.1 over 100 steps and whose units are spread around their mean."""
    return Gate(
        step=list(range(0, 100, 10)),
        by_step=[mean - 0.01 * i for i in range(10)],
        by_unit=np.linspace(mean - 0.1, mean + 0.1, 16).tolist(),
        histogram=[0.05] * 20,
    )


def make_show(seeds: int = 4) -> list[Result]:
    """Four cells on three tasks, tuned and probed, with curves that look like training."""
    rng = np.random.default_rng(0)
    ends = {
        "adding": {"gru": 8e-4, "gru_reset_after": 1.2e-3, "lstm": 2e-3, "rnn": 0.16},
        "copy": {"gru": 0.97, "gru_reset_after": 0.98, "lstm": 0.95, "rnn": 0.25},
        "text": {"gru": 0.945, "gru_reset_after": 0.943, "lstm": 0.940, "rnn": 0.86},
    }
    results = []
    for task, by_cell in ends.items():
        baseline = TASKS[task][2]
        for cell, end in by_cell.items():
            progress = np.linspace(0, 1, 20) ** 0.7
            if task == "adding":
                final = end * np.exp(0.4 * rng.standard_normal(seeds))
                path = baseline * (final[:, None] / baseline) ** progress
                path = path * np.exp(0.15 * rng.standard_normal(path.shape))
            else:
                final = np.clip(end + 0.01 * rng.standard_normal(seeds), 0, 1)
                path = baseline + (final[:, None] - baseline) * progress
                path = np.clip(path + 0.01 * rng.standard_normal(path.shape), 0, 1)
            solved = 0 if cell == "rnn" else seeds - (cell == "lstm")
            results.append(
                make_result(
                    task,
                    cell,
                    final.tolist(),
                    solved=solved,
                    curves=path.tolist(),
                    tuning=make_tuning(end, higher_is_better=task != "adding"),
                    probes=make_probes(cell, final.tolist(), longer=task != "text"),
                )
            )
    return results


def make_learning_curve(seeds: int = 8) -> list[Result]:
    """Three cells on text with more and more training documents, and with all of them."""
    rng = np.random.default_rng(1)
    results = []
    for documents, lost in ((100, 0.2), (400, 0.1), (1600, 0.04), (None, 0.0)):
        for cell, end in {"gru": 0.945, "lstm": 0.935, "rnn": 0.86}.items():
            scores = end - lost * (1.3 if cell == "lstm" else 1) + 0.008 * rng.normal(size=seeds)
            result = make_result("text", cell, scores.tolist(), task={"train_documents": documents})
            trained = [replace(s, train={"accuracy": end + 0.05}) for s in result.seeds]
            results.append(replace(result, seeds=trained))
    return results
