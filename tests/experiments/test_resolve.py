"""What is decided of a run before it is trained, for any settings."""

import dataclasses
import itertools

import hypothesis.strategies as st
import pytest
from helpers.made_up import make_result
from hypothesis import HealthCheck, given, settings

from gru_bench.config.cell import CELLS, CellConfig
from gru_bench.config.compose import compose_experiments
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.tasks import TASKS
from gru_bench.experiments.finished import has_all_seeds, missing_seeds
from gru_bench.experiments.resolve import resolve
from gru_bench.model.counts import COUNTS, stack_parameters
from gru_bench.runs.folder import write_result
from gru_bench.runs.growth import grown
from gru_bench.system.errors import UserError

SYNTHETIC = sorted(name for name, task in TASKS.items() if not task.READS_CORPUS)
CONFIGS = st.builds(
    ExperimentConfig,
    task=st.sampled_from(SYNTHETIC).map(lambda name: TASKS[name]()),
    cell=st.sampled_from(CELLS).map(CellConfig),
    hidden_size=st.integers(1, 400),
    layers=st.integers(1, 3),
    steps=st.integers(1, 5000),
    evaluate_every=st.none() | st.integers(1, 5000),
    match=st.sampled_from(["hidden", *COUNTS]),
)


@given(CONFIGS)
def test_everything_is_decided_and_the_same_each_time(config):
    before = dataclasses.asdict(config)
    (experiment,) = resolve([config])
    assert dataclasses.asdict(config) == before  # what was asked for is left as it is
    assert 1 <= experiment.train.evaluate_every <= experiment.train.steps == config.steps
    assert experiment.train.model.hidden_size > 0
    undecided = [
        field.name
        for field in dataclasses.fields(experiment)
        if getattr(experiment, field.name) is None
    ]
    assert undecided == ["equal_time_ratio"]  # of match=time alone
    (again,) = resolve([experiment.config])
    assert (again.train, again.identity, again.name, again.setting, again.population) == (
        experiment.train,
        experiment.identity,
        experiment.name,
        experiment.setting,
        experiment.population,
    )


@given(CONFIGS)
def test_the_size_has_as_much_of_what_is_matched_as_the_lstm(config):
    (experiment,) = resolve([config])
    model = experiment.train.model
    if config.match == "hidden":
        assert model.hidden_size == config.hidden_size
        return

    def count(cell, size):
        grows = {} if config.match == "parameters" else {"length": experiment.task.sequence_length}
        return COUNTS[config.match](cell, model.cell_input_size, size, config.layers, **grows)

    target = count("lstm", config.hidden_size)
    distance = abs(count(config.cell.name, model.hidden_size) - target)
    # The count grows with the size: none is nearer if no neighbour is.
    sizes = (size for size in (model.hidden_size - 1, model.hidden_size + 1) if size > 0)
    assert distance <= min(abs(count(config.cell.name, size) - target) for size in sizes)


@given(CONFIGS, st.integers(1, 300_000))
def test_no_size_is_nearer_to_a_budget(config, budget):
    config = dataclasses.replace(config, match="parameters", budget=budget)
    (experiment,) = resolve([config])
    model = experiment.train.model

    def distance(size):
        count = stack_parameters(model.cell, model.cell_input_size, size, config.layers)
        return abs(count - budget)

    size = model.hidden_size
    assert distance(size) <= distance(size + 1)
    assert size == 1 or distance(size) < distance(size - 1)


SEEDS = st.integers(1, 6) | st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SEEDS, min_size=1, max_size=4))
def test_a_run_that_grows_trains_each_seed_once(tmp_path_factory, asked):
    out_dir = str(tmp_path_factory.mktemp("runs"))
    trained: list[int] = []
    result = None
    for seeds in asked:
        config = ExperimentConfig(
            cell=CellConfig("gru"),
            task=TASKS["adding"](),
            hidden_size=8,
            steps=10,
            seeds=seeds,
            out_dir=out_dir,
        )
        (experiment,) = resolve([config])
        missing = missing_seeds(experiment)
        assert has_all_seeds(experiment) == (missing == [])
        if missing:
            made = make_result(scores=[0.1] * 10, hidden_size=8)
            part = dataclasses.replace(
                made,
                identity=experiment.identity,
                seeds=[each for each in made.seeds if each.seed in missing],
            )
            result = part if result is None else grown(result, part)
            experiment.folder.mkdir(parents=True, exist_ok=True)
            write_result(experiment.folder, result)
        trained += missing
        assert missing_seeds(experiment) == []
    assert result is not None
    at_once = {
        seed for seeds in asked for seed in ([*range(seeds)] if type(seeds) is int else seeds)
    }
    assert sorted(trained) == sorted(at_once)
    assert sorted(each.seed for each in result.seeds) == sorted(at_once)


@pytest.mark.parametrize("counts", [(2, 4), (1, 3, 8)])
def test_as_many_seeds_as_at_once(counts):
    """The count n asks for the seeds below n, so that a larger one only adds some."""
    asked = [
        ExperimentConfig(
            cell=CellConfig("gru"), task=TASKS["adding"](), hidden_size=8, steps=10, seeds=count
        ).seeds
        for count in counts
    ]
    for fewer, more in itertools.pairwise(asked):
        assert more[: len(fewer)] == fewer


def test_a_recurrence_of_some_cells_names_them_and_the_commands_for_all():
    words = ["task=adding", "task.length=4", "hidden_size=3", "recurrence=parallel"]
    with pytest.raises(UserError) as refused:
        resolve(compose_experiments(["cell=gru,mingru,rnn,minlstm", *words], multirun=True))
    assert str(refused.value) == (
        "recurrence=parallel is not possible: gru is not linear in its state; here recurrence must"
        " be auto or scan or plain; mingru and minlstm take it, so make two commands of it, whose"
        " runs are reported together: cell=mingru,minlstm recurrence=parallel, and cell=gru,rnn"
        " without recurrence"
    )
    resolve(compose_experiments(["cell=mingru,minlstm", *words], multirun=True))
    resolve(compose_experiments(["cell=gru,rnn", *words[:-1]], multirun=True))
    with pytest.raises(UserError, match=r"auto or scan or plain$"):
        resolve(compose_experiments(["cell=gru,rnn", *words], multirun=True))
    custom = ["cell=gru,mingru,custom", "cell.module=gru_bench.cells.linear:MinGRU"]
    with pytest.raises(UserError, match=r"auto or scan or plain$"):
        resolve(compose_experiments([*custom, *words], multirun=True))


def test_a_recurrence_of_some_sizes_alone_is_not_said_to_be_of_some_cells(monkeypatch):
    def check(model):
        if model.cell == "gru" and model.hidden_size > 3:
            raise UserError("too large")

    monkeypatch.setattr("gru_bench.experiments.resolve.check_recurrence", check)
    words = ["task=adding", "task.length=4", "cell=gru,rnn", "recurrence=fused"]
    with pytest.raises(UserError) as refused:
        resolve(compose_experiments([*words, "hidden_size=3,4"], multirun=True))
    assert str(refused.value) == "too large"
    with pytest.raises(UserError, match="too large; rnn takes it"):
        resolve(compose_experiments([*words, "hidden_size=4"], multirun=True))
