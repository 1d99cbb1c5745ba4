"""Configurations: what is refused and how it is said, and what makes two of them the same."""

import dataclasses
import json
import math
import re
from typing import Any

import pytest

from gru_bench.config.cell import CellConfig
from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.launcher import JoblibConfig, SubmititConfig
from gru_bench.config.optim import OptimConfig, TuneConfig
from gru_bench.config.tasks import CustomTaskConfig
from gru_bench.config.tasks.adding import AddingConfig
from gru_bench.config.tasks.copy import CopyConfig
from gru_bench.config.tasks.text import TextConfig
from gru_bench.system.errors import UserError


def make_config(**changes):
    options = {"cell": CellConfig(name="gru"), "task": CopyConfig(lag=20)}
    return ExperimentConfig(**{**options, "hidden_size": 8, "steps": 10, **changes})


def make_text_config(**changes):
    corpus = CorpusConfig(name="mine", source="files", train="my.csv")
    return make_config(task=TextConfig(), corpus=corpus, **changes)


def corpus(**changes):
    return CorpusConfig(**{"name": "mine", "source": "files", "train": "my.csv", **changes})


def cell(**changes):
    return CellConfig(**{"name": "gru", **changes})


NAN, INFINITY = math.nan, math.inf

# Where a value stands, and values that it cannot have.
BAD: list[tuple[Any, str, list[Any]]] = [
    (cell, "cell.name", ["GRU", "", "transformer"]),
    (cell, "cell.initialisation", ["random"]),
    (cell, "cell.keep", [NAN, 0.0, 1.0, -0.5]),
    (cell, "cell.forget_bias", [NAN, INFINITY]),
    (cell, "cell.chrono_length", [2, 0, -1]),
    (CopyConfig, "task.lag", [0, -5]),
    (AddingConfig, "task.length", [1, 0, -1]),
    (TextConfig, "task.max_length", [0]),
    (TextConfig, "task.tokens", ["sentences"]),
    (TextConfig, "task.vocabulary_size", [2, 0]),
    (TextConfig, "task.min_frequency", [0]),
    (TextConfig, "task.embedding_size", [0, -1]),
    (TextConfig, "task.readout", ["every", "first"]),
    (corpus, "corpus.source", ["web"]),
    (corpus, "corpus.validation_fraction", [0, 1, -0.1, NAN]),
    (corpus, "corpus.test_fraction", [0.0, 1.0, 2, NAN]),
    (corpus, "corpus.train", [None, ""]),
    (JoblibConfig, "launcher.workers", [0, -1]),
    (JoblibConfig, "launcher.cpus", [0]),
    (SubmititConfig, "launcher.cluster", ["pbs", ""]),
    (SubmititConfig, "launcher.timeout_min", [0]),
    (SubmititConfig, "launcher.gpus", [-1]),
    (SubmititConfig, "launcher.memory_gb", [0, NAN, INFINITY]),
    (lambda path: corpus(source="hub", path=path), "corpus.path", [None, ""]),
    (TextConfig, "task.train_documents", [0, -1]),
    (TuneConfig, "tune.learning_rates", [[0.0], [0.1, NAN], [0.1, 0.1], [-1.0]]),
    (TuneConfig, "tune.keeps", [[0.0], [1.0], [0.5, NAN], [0.5, 0.5]]),
    (TuneConfig, "tune.seeds", [0, -1]),
    (make_config, "match", ["size", ""]),
    (make_config, "checkpoint_s", [-1.0, INFINITY, NAN]),
    (make_config, "margin", [0.0, -1.0, NAN]),
    (make_config, "budget", [20_000]),
    (lambda budget: make_config(match="parameters", budget=budget), "budget", [0, -5]),
    (OptimConfig, "optim.name", ["lion"]),
    (OptimConfig, "optim.learning_rate", [0, -1e-3, NAN, INFINITY]),
    (OptimConfig, "optim.schedule", ["step"]),
    (OptimConfig, "optim.warmup_steps", [-1]),
    (OptimConfig, "optim.weight_decay", [0.1, -0.1, NAN]),
    (lambda weight_decay: OptimConfig("adamw", weight_decay=weight_decay),
     "optim.weight_decay", [-0.1, NAN]),
    (OptimConfig, "optim.momentum", [0.9]),
    (lambda momentum: OptimConfig("sgd", momentum=momentum), "optim.momentum", [1, -0.1, NAN]),
    (OptimConfig, "optim.clip_norm", [0, -1, NAN, INFINITY]),
    (make_config, "hidden_size", [0, -8]),
    (make_config, "layers", [0]),
    (make_config, "batch_size", [0]),
    (make_config, "steps", [0, -1]),
    (make_text_config, "epochs", [0, -1]),
    (make_config, "evaluate_every", [0]),
    (make_config, "patience", [0]),
    (make_config, "precision", ["float16", "float64"]),
    (make_config, "recurrence", ["", "loop"]),
    (make_config, "seeds",
     [0, -1, [], [1, 1], [-1], [2**31], [0.5], ["a"], "5", 2.0, None, True, {"a": 1}]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "key", "value"), [(make, key, value) for make, key, values in BAD for value in values]
)
def test_a_bad_value_is_refused_in_one_line_that_names_the_key(make, key, value):
    name = key.rpartition(".")[2]
    with pytest.raises(UserError) as error:
        make(**{name: value})
    message = str(error.value)
    assert key in message
    assert "\n" not in message
    assert re.search("must be|missing|it goes with", message)


@pytest.mark.parametrize(
    ("make", "key", "value"),
    [
        (cell, "keep", 0.999),
        (lambda **options: CellConfig("lstm", **options), "forget_bias", -1.0),
        (lambda **options: cell(initialisation="chrono", **options), "chrono_length", 3),
        (CopyConfig, "lag", 1),
        (AddingConfig, "length", 2),
        (TextConfig, "vocabulary_size", 3),
        (OptimConfig, "warmup_steps", 0),
        (OptimConfig, "clip_norm", None),
        (lambda **options: OptimConfig("adamw", **options), "weight_decay", 0.1),
        (lambda **options: OptimConfig("sgd", **options), "momentum", 0.9),
        (lambda **options: OptimConfig("rmsprop", **options), "momentum", 0.9),
        (make_config, "steps", 1),
        (make_config, "precision", "bfloat16"),
    ],
)
def test_a_value_at_the_edge_is_taken_as_it_is(make, key, value):
    assert getattr(make(**{key: value}), key) == value


def test_combinations_that_make_no_sense_name_what_is_missing():
    with pytest.raises(UserError, match=r"corpus is missing.*task=text"):
        make_config(task=TextConfig())
    with pytest.raises(UserError, match=r"epochs=3.*task\.name=copy.*steps"):
        make_config(steps=None, epochs=3)
    with pytest.raises(UserError, match="either steps or epochs"):
        make_config(steps=None)
    with pytest.raises(UserError, match="either steps or epochs"):
        make_text_config(epochs=3)  # steps are set, too


def test_a_corpus_is_dropped_where_the_task_reads_none():
    assert make_config(corpus=corpus()) == make_config()
    assert make_config(corpus=corpus()).identity({}) == make_config().identity({})


@pytest.mark.parametrize(
    ("given", "seeds"), [(1, [0]), (3, [0, 1, 2]), ([4], [4]), ([7, 0, 2**31 - 1],) * 2]
)
def test_seeds_are_a_count_or_a_list(given, seeds):
    assert make_config(seeds=given).seeds == seeds


# Identity


def paths(tree, path=()):
    """The path of every leaf of nested dataclasses, but for a corpus that there is not."""
    for field in dataclasses.fields(tree):
        value = getattr(tree, field.name)
        if field.name == "corpus" and value is None:
            continue
        if dataclasses.is_dataclass(value):
            yield from paths(value, (*path, field.name))
        else:
            yield (*path, field.name)


def changed(tree, path, value):
    """A copy with another value at the path, past all checks."""
    copy = object.__new__(type(tree))
    copy.__dict__.update(vars(tree))
    name, *rest = path
    setattr(copy, name, changed(getattr(tree, name), rest, value) if rest else value)
    return copy


NOT_IDENTITY = {
    ("out_dir",),
    ("force",),
    ("margin",),
    ("probes",),
    ("save_weights",),
    ("sweeps",),
    ("checkpoint_s",),
    ("dry_run",),
    ("histograms_every",),
    ("recurrence",),
    ("remat",),
    ("tensorboard",),
    ("launcher", "name"),
    ("seeds",),
}
BASES = {"copy": make_config, "text": make_text_config,
         "adding": lambda: make_config(task=AddingConfig()),
         "tuned": lambda: make_config(tune=TuneConfig(learning_rates=[0.1, 0.2])),
         "starts": lambda: make_config(tune=TuneConfig(keeps=[0.5, 0.9]))}  # fmt: skip
# A grid takes the place of the one value; without a grid its seeds say nothing.
WITHOUT_EFFECT = {"tuned": ("optim", "learning_rate"), "starts": ("cell", "keep")}


@pytest.mark.parametrize("base", BASES)
def test_identity_changes_with_every_key_but_those_of_where_and_whether(base):
    config = BASES[base]()
    seen = {config.identity({})}
    for path in paths(config):
        identity = changed(config, path, "another value").identity({})
        if path in NOT_IDENTITY or path == WITHOUT_EFFECT.get(base, ("tune", "seeds")):
            assert identity == config.identity({}), path
        else:
            assert identity not in seen, path
            seen.add(identity)
    assert len(seen) > 20


def test_identity_is_the_same_in_every_session():
    identity = make_config().identity({})
    assert len(identity) == 16
    assert int(identity, 16) >= 0
    assert identity == make_config(out_dir="elsewhere", force=True, seeds=9).identity({})
    # Through JSON and back: numbers and text only.
    assert json.loads(json.dumps(dataclasses.asdict(make_config())))["hidden_size"] == 8


def of_file(path):
    config = make_config(task=TextConfig(), corpus=corpus(train=str(path)))
    return config, config.hash_data()


def test_identity_follows_the_content_of_files_wherever_they_lie(tmp_path):
    path, elsewhere = tmp_path / "train.csv", tmp_path / "elsewhere.csv"

    def identity(path):
        config, contents = of_file(path)
        return config.identity(contents)

    path.write_text("text,label\ngood,1\n")
    elsewhere.write_text("text,label\ngood,1\n")
    first = identity(path)
    assert identity(path) == identity(elsewhere) == first
    path.write_text("text,label\ngood,0\n")
    assert identity(path) != first


def test_files_that_options_name_count_by_their_content(tmp_path):
    file = tmp_path / "series.npy"
    file.write_bytes(b"1")
    options = {"path": str(file), "nested": [{"other": str(file)}], "length": 3, "name": "parity"}
    config = make_config(
        task=CustomTaskConfig(module="helpers.made_up:Task", options=options), epochs=None
    )
    assert set(config.data_files()) == {"task.options.path", "task.options.nested.0.other"}
    first = config.identity(config.hash_data())
    assert config.resolved(config.hash_data())["task"]["options"] == options
    file.write_bytes(b"2")
    assert config.identity(config.hash_data()) != first


def test_a_run_name_is_a_safe_path_below_the_task_and_the_cell():
    config = make_config()
    assert config.run_name({}) == f"copy/gru/h8-{config.identity({})[:12]}"
    risky = make_config(task=TextConfig(), corpus=corpus(name="../my org/set é"))
    task, cell_name, folder = risky.run_name({}).split("/")
    assert (task, cell_name) == ("text-.._my_org_set__", "gru")
    assert folder == f"h8-{risky.identity({})[:12]}"


def test_what_is_saved_tells_files_of_another_content_apart(tmp_path):
    file = tmp_path / "my.csv"
    saved = set()
    for text in ("text,label", "text,label\na,b"):
        file.write_text(text)
        config, contents = of_file(file)
        saved.add(config.resolved(contents)["corpus"]["content"]["train"])
    assert len(saved) == 2
