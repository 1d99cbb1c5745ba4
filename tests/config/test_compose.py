"""Overrides become configurations, and what is wrong with them is said in one line."""

import re

import pytest
from helpers import ROOT

from gru_bench.config.compose import compose_experiments
from gru_bench.config.reference import conf_dir
from gru_bench.config.tasks.adding import AddingConfig
from gru_bench.config.tasks.copy import CopyConfig
from gru_bench.config.tasks.series import SeriesConfig
from gru_bench.config.tasks.text import TextConfig
from gru_bench.evidence.planning import fewest_pairs
from gru_bench.system.errors import UserError


def test_overrides_reach_every_level() -> None:
    words = ["cell=lstm", "cell.forget_bias=2", "task=adding", "task.length=50", "seeds=[3,5]"]
    (config,) = compose_experiments([*words, "optim.clip_norm=null"], multirun=False)
    assert (config.cell.name, config.cell.forget_bias) == ("lstm", 2.0)
    assert config.task == AddingConfig(length=50)
    assert config.seeds == [3, 5]
    assert config.optim.clip_norm is None
    assert config.corpus is None


def test_task_brings_its_own_sizes_which_overrides_change() -> None:
    (default,) = compose_experiments(["task=copy"], multirun=False)
    (changed,) = compose_experiments(["task=copy", "hidden_size=7", "steps=9"], multirun=False)
    assert isinstance(default.task, CopyConfig)
    assert (changed.hidden_size, changed.steps) == (7, 9)
    assert default.hidden_size != 7
    assert changed.batch_size == default.batch_size


def test_steps_replace_the_epochs_of_text() -> None:
    (config,) = compose_experiments(["task=text", "steps=40"], multirun=False)
    assert isinstance(config.task, TextConfig)
    assert (config.steps, config.epochs) == (40, None)


def test_sweep_is_the_product_in_order() -> None:
    configs = compose_experiments(["cell=gru,rnn", "hidden_size=8,16", "steps=1"], multirun=True)
    found = [(config.cell.name, config.hidden_size) for config in configs]
    assert found == [("gru", 8), ("gru", 16), ("rnn", 8), ("rnn", 16)]


def test_without_words_it_is_the_quickstart() -> None:
    configs = compose_experiments([], multirun=False)
    pairs = [(config.task.name, config.cell.name) for config in configs]
    tasks, cells = ("adding", "copy", "text"), ("gru", "lstm", "rnn")
    assert pairs == [(task, cell) for task in tasks for cell in cells]
    needed = fewest_pairs(len(cells) * (len(cells) - 1) // 2)  # for a verdict
    assert all(len(config.seeds) >= needed for config in configs)
    table = (ROOT / "results" / "quickstart" / "learning_rates.md").read_text(encoding="utf-8")
    chosen = re.findall(r"^chosen: (.+)$", table, re.MULTILINE)
    assert [config.optim.learning_rate for config in configs[::3]] == [float(c) for c in chosen]


def test_words_that_name_nothing_to_run_are_about_the_quickstart() -> None:
    configs = compose_experiments(["seeds=12", "optim.name=sgd"], multirun=False)
    assert len(configs) == 9
    assert {(len(c.seeds), c.optim.name) for c in configs} == {(12, "sgd")}


@pytest.mark.parametrize(
    ("word", "needed"),
    [
        ("task.lag=3", "task=copy"),
        ("task.max_n=9", "task=counting"),
        ("corpus=imdb", "task=text"),
        ("corpus=japanese_vowels", "task=series"),
        ("corpus.train=a.csv", "task=series or task=text"),
        ("corpus.channels=[x]", "task=series"),
    ],
)
def test_words_about_a_task_need_its_name(word: str, needed: str) -> None:
    with pytest.raises(UserError) as error:
        compose_experiments([word, "seeds=3"], multirun=False)
    assert str(error.value) == f"{word} needs a named task: add {needed}"


def test_a_corpus_of_ones_own_is_for_any_task_that_reads_one(tmp_path, monkeypatch) -> None:
    corpora = tmp_path / "conf" / "corpus"
    corpora.mkdir(parents=True)
    (corpora / "pumps.yaml").write_text("name: pumps\ntrain: pumps.csv\nchannels: [flow]\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="needs a named task: add task=series or task=text"):
        compose_experiments(["corpus=pumps"], multirun=False)
    with pytest.raises(UserError, match="task=series corpus=pumps or task=text corpus=pumps"):
        compose_experiments(["task=pumps"], multirun=False)


def test_a_score_of_classes_is_left_out_where_no_class_is_said() -> None:
    words = ["task=series", "task.predict=class,value", "task.score=macro_f1"]
    configs = compose_experiments(words, multirun=True)
    tasks = [c.task for c in configs if isinstance(c.task, SeriesConfig)]
    assert [(task.predict, task.score) for task in tasks] == [
        ("class", "macro_f1"), ("value", "accuracy"),
    ]  # fmt: skip


def test_words_narrow_what_an_experiment_sweeps_over() -> None:
    configs = compose_experiments(["experiment=quickstart", "cell=gru", "seeds=2"], multirun=False)
    assert [config.task.name for config in configs] == ["adding", "copy", "text"]
    assert {config.cell.name for config in configs} == {"gru"}
    assert all(config.seeds == [0, 1] for config in configs)


def test_an_experiment_may_be_several_sweeps() -> None:
    configs = compose_experiments(["experiment=claims_full"], multirun=False)
    settings = {(c.task_label, getattr(c.task, "length", None)) for c in configs}
    assert {("adding", 20), ("adding", 200), ("counting", None)} <= settings
    documents = {c.task.train_documents for c in configs if isinstance(c.task, TextConfig)}
    assert documents == {100, None}
    for c in configs:
        assert (len(c.tune.learning_rates) * c.tune.seeds, len(c.seeds)) == (10, 12)
        assert c.sweeps == []
    assert len({c.run_name({}) for c in configs}) == len(configs)


def test_words_narrow_an_experiment_to_the_sweeps_of_a_task() -> None:
    words = ["experiment=claims", "task=adding", "cell=rnn", "task.length=7,8"]
    configs = compose_experiments(words, multirun=False)
    assert [config.task for config in configs] == [AddingConfig(length=7), AddingConfig(length=8)]
    assert {config.steps for config in configs} == {600}


def test_what_several_sweeps_ask_for_is_run_once() -> None:
    configs = compose_experiments(["task=adding", "hidden_size=8,8", "steps=1"], multirun=True)
    assert len(configs) == 1


@pytest.mark.parametrize(
    "experiment", sorted(p.stem for p in (conf_dir() / "experiment").glob("*"))
)
def test_every_experiment_preset_states_its_margins(experiment: str) -> None:
    configs = compose_experiments([f"experiment={experiment}"], multirun=False)
    assert all(config.margin is not None for config in configs)


@pytest.mark.parametrize("corpus", sorted(p.stem for p in (conf_dir() / "corpus").glob("*.yaml")))
def test_every_corpus_preset_composes(corpus: str) -> None:
    words = ["task=text", f"corpus={corpus}", *(["corpus.train=a.csv"] * (corpus == "files"))]
    (config,) = compose_experiments(words, multirun=False)
    assert config.corpus is not None
    assert config.corpus.name == corpus


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cell=gruu"], ["cell=gruu", "gru, gru_no_reset", "did you mean gru"]),
        (["task=ading"], ["task=ading", "did you mean adding?"]),
        (["task=text", "corpus=reuter8"], ["corpus=reuter8", "did you mean reuters8"]),
        (["experiment=quikstart"], ["experiment=quikstart", "did you mean quickstart?"]),
        (["hiden_size=3"], ["hiden_size is not a key", "did you mean hidden_size"]),
        (["learning_rate=1"], ["learning_rate is not a key", "optim.learning_rate"]),
        (["task=copy", "task.length=3"], ["task.length is not a key"]),
        (["hidden_size=0"], ["hidden_size=0", "at least 1"]),
        (["hidden_size=-4"], ["hidden_size=-4", "at least 1"]),
        (["hidden_size=big"], ["hidden_size=big", "a whole number"]),
        (["layers=0"], ["layers=0", "at least 1"]),
        (["layers=two"], ["layers=two", "a whole number"]),
        (["steps=0"], ["steps=0", "at least 1"]),
        (["steps=1.5"], ["steps=1.5", "a whole number"]),
        (["seeds=0"], ["seeds=0", "a count from 1 to 10000"]),
        (["seeds=-1"], ["seeds=-1", "a count from 1 to 10000"]),
        (["seeds=some"], ["seeds=some", "a count from 1 to 10000"]),
        (["seeds=1000000000"], ["seeds=1000000000", "a count from 1 to 10000"]),
        (["seeds=[1,1]"], ["seeds=[1, 1]", "different whole numbers"]),
        (["seeds=[]"], ["seeds=[]", "a list of different whole numbers"]),
        (["batch_size=0"], ["batch_size=0", "at least 1"]),
        (["batch_size=x"], ["batch_size=x", "a whole number"]),
        (["optim.learning_rate=0"], ["optim.learning_rate=0", "greater than 0"]),
        (["optim.learning_rate=-1"], ["optim.learning_rate=-1", "greater than 0"]),
        (["optim.learning_rate=fast"], ["optim.learning_rate=fast", "a number"]),
        (["optim.learning_rate=nan"], ["optim.learning_rate=nan", "greater than 0"]),
        (["optim.name=adamm"], ["optim.name=adamm", "adam, adamw, sgd, rmsprop"]),
        (["task=copy", "task.lag=0"], ["task.lag=0", "at least 1"]),
        (["task=adding", "task.length=1"], ["task.length=1", "at least 2"]),
        (["task=text", "task.max_length=0"], ["task.max_length=0", "at least 1"]),
        (["task=text", "corpus=files"], ["corpus.train", "corpus.train=my.csv"]),
        (["epochs=3"], ["epochs=3", "give steps instead"]),
        (["task=text", "epochs=3", "steps=4"], ["steps", "epochs"]),
        (["match=size"], ["match=size", "hidden, parameters, flops, state, time"]),
        (["budget=1000"], ["budget=1000", "match=parameters"]),
        (["tune.learning_rates=0.1"], ["tune.learning_rates"]),
        (["tune.learning_rates=[0.1,0.1]"], ["tune.learning_rates", "different numbers"]),
        (["margin=-1"], ["margin=-1", "greater than 0"]),
        (["force=maybe"], ["force=maybe", "true or false"]),
        (["cell=null"], ["cell=null", "lstm_coupled, lstm_no_output, mingru, minlstm, rnn"]),
        (["cell=gru,lstm"], ["cell=gru,lstm", "-m"]),
        (["gru"], ["gru", "key=value"]),
        (["hidden_size=[1"], ["hidden_size=[1", "quote the value"]),
        (["experiment=claims", "task=copy"], ["task=copy", "adding, counting, text"]),
    ],
)
def test_bad_input_is_one_line_that_names_the_key(words: list[str], expected: list[str]) -> None:
    with pytest.raises(UserError) as error:
        compose_experiments(words, multirun=False)
    message = str(error.value)
    assert "\n" not in message
    for part in expected:
        assert part in message


def test_one_experiment_at_a_time() -> None:
    with pytest.raises(UserError, match="experiment=claims,quickstart is not possible"):
        compose_experiments(["experiment=claims,quickstart"], multirun=True)


def test_bad_input_in_a_sweep_is_found_before_anything_runs() -> None:
    with pytest.raises(UserError, match="hidden_size=0"):
        compose_experiments(["hidden_size=8,0"], multirun=True)


@pytest.mark.parametrize("word", ["recurrence=scan,auto", "force=true,false", "probes=true,false"])
def test_values_that_do_not_change_a_run_are_not_swept(word):
    with pytest.raises(UserError, match="runs that differ in nothing else are one"):
        compose_experiments([word, "cell=gru"], multirun=True)
