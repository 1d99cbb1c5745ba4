"""Identity, for any settings: it follows from what a run is and from nothing else."""

import dataclasses
import functools
from typing import Any

import hypothesis.strategies as st
import pytest
from helpers.made_up import make_result
from hypothesis import assume, given, settings

from gru_bench.config.cell import CellConfig
from gru_bench.config.compose import compose_experiments
from gru_bench.config.execution import ExecutionConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.keys import DocumentedKey, keys_of
from gru_bench.config.launcher import JoblibConfig
from gru_bench.config.optim import OptimConfig, TuneConfig
from gru_bench.config.run import RunConfig
from gru_bench.config.tasks import TASKS
from gru_bench.evidence.run_settings import settings_of
from gru_bench.system.errors import UserError

SECTIONS: dict[str, type] = {"cell": CellConfig, "optim": OptimConfig, "tune": TuneConfig}
SYNTHETIC = sorted(name for name, task in TASKS.items() if not task.READS_CORPUS)


def values(each: DocumentedKey) -> st.SearchStrategy[Any]:
    """Values that a key allows by itself."""
    about = each.about
    low = about.at_least if about.above is None else about.above
    high = about.at_most if about.below is None else about.below
    numbers = st.floats(
        -100 if low is None else low,
        1000 if high is None else high,
        exclude_min=about.above is not None,
        exclude_max=about.below is not None,
    )
    if about.choices:
        found: st.SearchStrategy[Any] = st.sampled_from(about.choices)
    elif each.kind is bool:
        found = st.booleans()
    elif each.kind is int:
        found = st.integers(int(low or 1), int(min(high or 1000, 1000)))
    elif each.kind is float:
        found = numbers
    else:
        found = st.lists(numbers, max_size=3, unique=True)
    return st.none() | found if each.optional else found


@st.composite
def changes(draw: st.DrawFn) -> tuple[ExperimentConfig, str, Any]:
    """A configuration, the dotted name of one of its keys, and a value for that key."""
    task = TASKS[draw(st.sampled_from(SYNTHETIC))]
    base = ExperimentConfig(
        cell=CellConfig(draw(st.sampled_from(["gru", "lstm", "lstm_coupled"]))),
        task=task(),
        optim=OptimConfig(draw(st.sampled_from(["adam", "adamw", "sgd"]))),
        hidden_size=8,
        steps=10,
        tune=TuneConfig(draw(st.sampled_from([[], [0.01, 0.1]]))),
    )
    sections = {"": RunConfig, **SECTIONS, "task": task}
    keys = [
        each
        for section, schema in sections.items()
        for each in keys_of(schema, f"{section}." if section else "")
        if each.name != "task.name"  # goes with another class
    ]
    chosen = draw(st.sampled_from(keys))
    return base, chosen.name, draw(values(chosen))


def get(config: ExperimentConfig, name: str) -> Any:
    section, _, key = name.rpartition(".")
    return getattr(getattr(config, section) if section else config, key)


def put(config: ExperimentConfig, name: str, value: Any) -> ExperimentConfig:
    """The configuration with another value; what makes no sense is no example."""
    section, _, key = name.rpartition(".")
    try:
        if not section:
            return dataclasses.replace(config, **{key: value})
        changed = dataclasses.replace(getattr(config, section), **{key: value})
        return dataclasses.replace(config, **{section: changed})
    except UserError:
        assume(False)
        raise AssertionError from None


@given(changes())
def test_another_value_of_any_key_of_a_run_is_another_run(drawn):
    config, name, value = drawn
    changed = put(config, name, value)
    # Of a rate that is tuned and of its alternative, only the one in use counts.
    tuned = bool(config.tune.learning_rates)
    counts = name not in ({"optim.learning_rate"} if tuned else {"tune.seeds"})
    # A value that stands for a default, such as no share that is kept, may come to the same.
    differs = repr(get(config, name)) != repr(get(changed, name))
    assert (config.identity({}) != changed.identity({})) == (counts and differs)


# How a run may be executed: values of every key.
EXECUTIONS: dict[str, list[Any]] = {
    "seeds": [5, 1, [3, 7]],
    "recurrence": ["auto", "scan", "fused"],
    "remat": [False, True],
    "tensorboard": [True, False],
    "margin": [None, 0.1],
    "probes": [True, False],
    "histograms_every": [None, 2],
    "sweeps": [[], [{"task": "adding"}]],
    "launcher": [JoblibConfig(workers=1), JoblibConfig(workers=2)],
    "checkpoint_s": [60.0, 0.0],
    "dry_run": [False, True],
    "out_dir": ["results/runs", "elsewhere"],
    "save_weights": ["best", "all"],
    "force": [False, True],
}


def test_every_key_of_execution_is_tried():
    assert set(EXECUTIONS) == {field.name for field in dataclasses.fields(ExecutionConfig)}


@given(st.fixed_dictionaries({key: st.sampled_from(tried) for key, tried in EXECUTIONS.items()}))
def test_execution_is_no_part_of_a_run(execution):
    if not execution["tensorboard"]:
        execution["histograms_every"] = None  # It would be refused.
    what: dict[str, Any] = {
        "cell": CellConfig("gru"), "task": TASKS["adding"](), "hidden_size": 8, "steps": 10,
    }  # fmt: skip
    one, other = ExperimentConfig(**what), ExperimentConfig(**what, **execution)
    assert one.identity({}) == other.identity({})
    assert one.run_name({}) == other.run_name({})


# The same values as they may be written on a command line.
WRITTEN = [
    ("optim.learning_rate", ["0.01", "1e-2", "1.0E-2", "10e-3"]),
    ("optim.clip_norm", ["2", "2.0", "2e0"]),
    ("stop_when_solved", ["true", "True", "TRUE"]),
    ("cell", ["lstm", "'lstm'", '"lstm"']),
    ("seeds", ["2", "[0,1]", "[5]"]),
    ("task.length", ["6", "006"]),
]


@functools.cache
def identity_of(*words: str) -> str:
    (config,) = compose_experiments(["task=adding", *words], multirun=False)
    return config.identity({})


@settings(max_examples=6)  # a fifth of a second each
@given(st.tuples(*(st.sampled_from(ways) for _, ways in WRITTEN)), st.permutations(range(6)))
def test_order_and_notation_of_words_change_nothing(written, order):
    words = [f"{key}={way}" for (key, _), way in zip(WRITTEN, written, strict=True)]
    plain = [f"{key}={ways[0]}" for key, ways in WRITTEN]
    assert identity_of(*(words[i] for i in order)) == identity_of(*plain)


@pytest.mark.parametrize("content", ["", "0", "another"])
def test_data_count_by_their_content_and_not_by_their_place(content):
    config = ExperimentConfig(
        cell=CellConfig("gru"), task=TASKS["adding"](), hidden_size=8, steps=10
    )
    one = config.identity({"task.length": "0"})
    assert (config.identity({"task.length": content}) == one) == (content == "0")


def test_a_neutral_key_at_its_default_is_no_part_of_a_run():
    text = ["task=text", "corpus=reuters8"]
    usual = identity_of(*text)
    assert identity_of(*text, "task.score=accuracy", "task.class_weights=null") == usual
    assert identity_of(*text, "task.score=macro_f1") != usual
    assert identity_of(*text, "task.class_weights=balanced") != usual


def test_runs_that_came_before_a_key_have_its_default():
    result = make_result("text")
    assert "score" not in result.config["task"]
    assert settings_of(result)["task.score"] == "accuracy"


def test_the_identity_of_runs_that_are_published_stays_what_it_is():
    words = ["task=text", "corpus=reuters8", "cell=gru", "hidden_size=64"]
    assert identity_of(*words) == "f8fe821d1211aac7"
