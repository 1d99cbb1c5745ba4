"""Checkpoints: training goes on bit for bit, whatever broke it off and whatever the disk did."""

import contextlib
import dataclasses
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from helpers import ROOT

from gru_bench.config.optim import OptimConfig
from gru_bench.config.tasks.text import TextConfig
from gru_bench.model.model import ModelConfig
from gru_bench.system.errors import UserError
from gru_bench.system.interrupts import Interrupts
from gru_bench.tasks.adding import AddingTask
from gru_bench.tasks.corpora import Corpus, Documents
from gru_bench.tasks.text import make_task as make_text_task
from gru_bench.training.checkpoints import Checkpoints, remove_checkpoints
from gru_bench.training.fit import fit
from gru_bench.training.state import Evaluation, TrainConfig

ADDING = AddingTask(length=4, batch_size=8)
GRU = ModelConfig("gru", input_size=2, output_size=1, hidden_size=8)
CONFIG = TrainConfig(
    GRU, OptimConfig(schedule="cosine"), steps=55, evaluate_every=10, patience=2
)  # six chunks, the last one half empty
RUNS = ((0, 3, 4), (0.02, 0.6, 1.0))  # an uneven number for two devices


class BrokenOff(Exception):  # noqa: N818
    """Ends training in the middle, as a crash would."""


def checkpoints(folder, identity="this", interval_s=0.0, note=None):
    """Those of a folder, a warning being an error unless it is expected."""

    def unexpected(line):
        raise AssertionError(line)

    return Checkpoints(folder, identity, interval_s, note or unexpected)


def saved_at_each_chunk(folder, config=CONFIG, task=ADDING, runs=RUNS):
    """A fit that goes through, leaving in `<folder>/<k>` what a crash after chunk k would leave."""

    def keep(snapshot):
        checkpoints(folder / str(len(snapshot.evaluations))).keep(snapshot)

    return fit(config, task, *runs, keep=keep)


def resumed(folder, config=CONFIG, task=ADDING, runs=RUNS, note=None):
    """A fit that goes on from the newest checkpoint."""
    return fit(config, task, *runs, resume=checkpoints(folder, note=note).resume)


def assert_same(found, expected):
    """Bit for bit the same, all but the seconds."""

    def plain(result):
        fields = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
        fields["evaluations"] = [vars(each) | {"time_s": 0} for each in result.evaluations]
        return fields | {"compile_s": 0, "train_s": 0, "earlier_s": 0}

    def assert_equal(path, one, two):
        name = jax.tree_util.keystr(path)
        assert np.asarray(one).dtype == np.asarray(two).dtype, name
        np.testing.assert_array_equal(one, two, err_msg=name)

    jax.tree.map_with_path(assert_equal, plain(found), plain(expected))


@pytest.fixture(scope="module")
def whole():
    """The fit that nothing interrupts, and that saves nothing."""
    return fit(CONFIG, ADDING, *RUNS)


@pytest.fixture(scope="module")
def saved(tmp_path_factory, whole):
    """Folders of checkpoints by the number of chunks after which training was broken off."""
    folder = tmp_path_factory.mktemp("saved")
    assert_same(saved_at_each_chunk(folder), whole)
    return folder


# Going on


@pytest.mark.parametrize("chunks", range(1, 7))
def test_training_goes_on_bit_for_bit_after_every_chunk(chunks, saved, whole):
    assert len(whole.evaluations) == 6
    assert len(set(whole.steps)) > 1  # so that one run went on while another had stopped
    assert_same(resumed(saved / str(chunks)), whole)


@pytest.mark.parametrize("cell", ["gru_reset_after", "rnn"])
def test_training_goes_on_until_its_task_is_solved(cell, tmp_path):
    config = TrainConfig(
        dataclasses.replace(GRU, cell=cell), OptimConfig(), 90, 30, stop_when_solved=True
    )
    task, runs = AddingTask(length=2, batch_size=32), ((0, 1), (0.03, 1e-5))
    expected = saved_at_each_chunk(tmp_path, config, task, runs)
    assert expected.solved_step[0] > 30  # after the interruption
    assert_same(resumed(tmp_path / "1", config, task, runs), expected)


def test_text_goes_on_in_the_same_order_of_documents(tmp_path, monkeypatch):
    # JAX takes a task apart and puts it together of what are no arrays, to name its arguments.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    random = np.random.default_rng(0)

    def documents(count):
        labels = random.integers(0, 2, count).astype(np.int32)
        words = np.array(["no no maybe", "yes yes perhaps"])
        return Documents([f"{words[label]} {random.integers(9)}" for label in labels], labels)

    corpus = Corpus(documents(40), documents(10), documents(10), ("no", "yes"))
    task = make_text_task(TextConfig(min_frequency=1), corpus, 8)
    model = ModelConfig("lstm", task.input_size, 2, 8, readout=task.readout, embedding_size=4)
    optim = OptimConfig("adamw", warmup_steps=7, weight_decay=0.01)
    config = TrainConfig(model, optim, steps=24, evaluate_every=4, patience=2)  # 5 steps an epoch
    runs = ((0, 1), (0.003, 0.2))
    expected = saved_at_each_chunk(tmp_path, config, task, runs)
    assert len(expected.evaluations) > 3
    assert_same(resumed(tmp_path / "3", config, task, runs), expected)


def test_seconds_add_up_and_earlier_evaluations_are_told_again(saved, whole):
    seen, before = [], []

    def resume(start):
        before.append(checkpoints(saved / "3").resume(start))
        return before[0]

    result = fit(CONFIG, ADDING, *RUNS, seen.append, resume)
    (snapshot,) = before
    assert seen == result.evaluations
    assert result.evaluations[:3] == snapshot.evaluations
    times = [evaluation.time_s for evaluation in result.evaluations]
    assert times == sorted(set(times))
    assert result.train_s == times[-1]
    assert snapshot.train_s == times[2] > 0
    assert result.compile_s > snapshot.compile_s > 0
    assert result.earlier_s == snapshot.compile_s + snapshot.train_s
    assert whole.earlier_s == 0


# Reading


@pytest.fixture(scope="module")
def start():
    """What `fit` asks to resume from."""
    starts = []

    def resume(start):
        starts.append(start)
        raise BrokenOff

    with pytest.raises(BrokenOff):
        fit(CONFIG, ADDING, *RUNS, resume=resume)
    return starts[0]


@pytest.fixture
def folder(saved, tmp_path):
    """Two checkpoints of one call: after the second chunk and, newest, after the fourth."""
    shutil.copytree(saved / "2" / "1", tmp_path / "run" / "9")
    shutil.copytree(saved / "4" / "1", tmp_path / "run" / "10")
    return tmp_path / "run"


def chunks_found(folder, start, identity="this"):
    """How many chunks the snapshot to go on from has made, and what the user is told."""
    lines = []
    snapshot = checkpoints(folder, identity, note=lines.append).resume(start)
    assert all(line.startswith("warning: ") and "\n" not in line for line in lines), lines
    return len(snapshot.evaluations), lines


def test_the_newest_is_taken_and_lies_where_the_start_does(folder, start):
    snapshot = checkpoints(folder).resume(start)
    assert len(snapshot.evaluations) == 4

    def assert_alike(one, two):
        assert (one.dtype, one.shape) == (two.dtype, two.shape)
        assert one.sharding.is_equivalent_to(two.sharding, one.ndim)

    jax.tree.map(assert_alike, snapshot.state, start.state)
    assert not jnp.array_equal(
        jax.random.key_data(snapshot.state.data_key[0]),
        jax.random.key_data(snapshot.state.data_key[1]),
    )
    assert type(snapshot.evaluations[0].step) is int
    assert type(snapshot.evaluations[0].time_s) is float
    assert isinstance(snapshot.evaluations[0], Evaluation)


def test_without_checkpoints_training_starts_afresh(tmp_path, start):
    assert chunks_found(tmp_path / "none", start) == (0, [])


def truncate(path):
    """What a machine that lost power may leave of a file."""
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate_arrays(folder):
    for path in folder.glob("arrays/**/d/*"):
        truncate(path)


def lose_the_arrays(folder):
    shutil.rmtree(folder / "arrays")


def empty_every_file(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            os.truncate(path, 0)


def use_another_format(folder):
    """Sound by its digests, but not what Orbax can read."""
    about = json.loads((folder / "about.json").read_text())
    shutil.rmtree(folder / "arrays")
    (folder / "about.json").write_text(json.dumps(about | {"digests": {}}))


@pytest.mark.parametrize(
    "damage", [truncate_arrays, lose_the_arrays, empty_every_file, use_another_format]
)
def test_a_damaged_checkpoint_is_passed_over(damage, folder, start):
    damage(folder / "10")
    chunks, lines = chunks_found(folder, start)
    assert chunks == 2
    assert len(lines) == 1
    assert "/10 is not used: " in lines[0]
    damage(folder / "9")
    chunks, lines = chunks_found(folder, start)
    assert chunks == 0
    assert len(lines) == 2


@pytest.mark.parametrize("damage", [truncate, flip_a_bit])
def test_damage_to_any_one_file_is_seen(damage, folder, start):
    files = sorted(path for path in (folder / "10").rglob("*") if path.is_file())
    assert len(files) > 3
    for path in files:
        content = path.read_bytes()
        damage(path)
        chunks, lines = chunks_found(folder, start)
        assert (chunks, len(lines)) == (2, 1), path
        path.write_bytes(content)
    assert chunks_found(folder, start) == (4, [])


def test_a_half_written_checkpoint_is_none(folder, start):
    """What is left if the process ends before the last file is there."""
    (folder / "10" / "about.json").rename(folder / "10" / "about.json.unfinished")
    (folder / "11").mkdir()
    assert chunks_found(folder, start) == (2, [])


def test_training_goes_on_bit_for_bit_from_the_checkpoint_before_a_damaged_one(folder, whole):
    truncate_arrays(folder / "10")
    lines = []
    assert_same(resumed(folder, note=lines.append), whole)
    assert len(lines) == 1


def test_a_checkpoint_of_another_configuration_is_not_used(folder, start):
    chunks, lines = chunks_found(folder, start, identity="another")
    assert chunks == 0
    assert len(lines) == 2
    assert all("made with another configuration or other seeds" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "value", "another"),
    [("set of devices", "2 x cpu", "1 x cpu"), ("version of JAX", jax.__version__, "0.1")],
)
def test_a_checkpoint_made_elsewhere_is_not_used(name, value, another, folder, start):
    about = json.loads((folder / "10" / "about.json").read_text())
    assert about["origin"][name] == value
    about["origin"][name] = another
    (folder / "10" / "about.json").write_text(json.dumps(about))
    chunks, lines = chunks_found(folder, start)
    assert chunks == 2
    assert len(lines) == 1
    assert f"another {name}" in lines[0]


def test_a_checkpoint_of_another_population_is_not_used(folder, start):
    more = dataclasses.replace(
        start, state=jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf]), start.state)
    )
    chunks, lines = chunks_found(folder, more)
    assert chunks == 0
    assert "another set of arrays" in lines[0]


# Writing


def names(folder):
    return {path.name for path in folder.iterdir()}


def broken_off_after(chunks, checkpoints, before=lambda chunk: None):
    """A fit that ends with an error after some chunks; `before` is called before each `keep`."""

    def keep(snapshot):
        made = len(snapshot.evaluations)
        before(made)
        checkpoints.keep(snapshot)
        if made == chunks:
            raise BrokenOff

    with pytest.raises(BrokenOff):
        fit(CONFIG, ADDING, *RUNS, resume=checkpoints.resume, keep=keep)


def test_two_are_kept_and_what_is_half_written_goes(tmp_path, start):
    folder, seen = tmp_path / "run", []
    (folder / "3").mkdir(parents=True)  # half-written
    kept = checkpoints(folder)
    broken_off_after(3, kept, lambda chunk: seen.append(names(folder)))
    assert seen == [{"3"}, {"4"}, {"4", "5"}]
    assert names(folder) == {"5", "6"}
    assert chunks_found(folder, start) == (3, [])


def test_a_damaged_one_does_not_push_out_the_sound_one_before_it(folder):
    truncate_arrays(folder / "10")
    seen = []
    kept = checkpoints(folder, note=[].append)
    broken_off_after(4, kept, lambda chunk: seen.append(names(folder)))
    assert seen == [{"9", "10"}, {"9", "11"}]
    assert names(folder) == {"11", "12"}


def test_what_gru_bench_did_not_write_stays(tmp_path, start):
    folder, documents = tmp_path / "checkpoints" / "training", tmp_path / "documents"
    for each in (folder / "notes", folder / "7", documents / "1"):
        each.mkdir(parents=True)
        (each / "thesis.txt").write_text("years of work")
    (folder / "8").symlink_to(documents / "1")
    kept = checkpoints(folder)
    broken_off_after(4, kept)
    assert names(folder) == {"notes", "7", "8", "11", "12"}
    assert chunks_found(folder, start) == (4, [])
    remove_checkpoints(folder.parent)
    assert names(folder) == {"notes", "7", "8"}
    for each in (folder / "notes", folder / "7", documents / "1"):
        assert (each / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("linked", ["run", "run/checkpoints", "run/checkpoints/training"])
def test_nothing_behind_a_link_is_removed(tmp_path, linked):
    documents = tmp_path / "documents"
    for name in ("1", "training/1", "checkpoints/training/1"):
        (documents / name / "arrays").mkdir(parents=True)
    (tmp_path / linked).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / linked).symlink_to(documents)
    before = sorted(documents.rglob("*"))
    remove_checkpoints(tmp_path / "run" / "checkpoints")
    assert sorted(documents.rglob("*")) == before
    if linked != "run":
        with pytest.raises(UserError, match="is a link to"):
            checkpoints(tmp_path / "run" / "checkpoints" / "training")


def test_between_checkpoints_passes_the_interval(tmp_path):
    kept = checkpoints(tmp_path / "run", interval_s=3600.0)
    broken_off_after(2, kept)
    assert not (tmp_path / "run").exists()


@contextlib.contextmanager
def full_disk():
    """Lets no file grow beyond 16 kB: writing fails in its midst, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_costs_a_checkpoint_and_no_more(tmp_path, start, whole, caplog):
    folder, lines = tmp_path / "run", []
    kept = checkpoints(folder, note=lines.append)

    def keep(snapshot):
        full = len(snapshot.evaluations) in (3, 4)
        with full_disk() if full else contextlib.nullcontext():
            kept.keep(snapshot)
        if full:
            assert names(folder) == {"1", "2"}  # nothing half-written takes up room either
            assert chunks_found(folder, start) == (2, [])

    assert_same(fit(CONFIG, ADDING, *RUNS, keep=keep), whole)
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("warning: no checkpoint was saved")
        assert "\n" not in line
    assert not caplog.records
    assert chunks_found(folder, start) == (6, [])


# Signals, in a process of its own


def train_under_signals(folder, config=CONFIG):
    """Trains as an experiment does; says what it has seen, and goes on when it is told to."""

    def wait(what):
        print(what, flush=True)
        sys.stdin.readline()

    # Whoever runs the tests in the background may have Ctrl-C ignored, and so would this process.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kept = checkpoints(Path(folder), interval_s=3600.0)
    with Interrupts(lambda line: print(line, flush=True)) as interrupts:

        def keep(snapshot):
            wait(len(snapshot.evaluations))
            kept.keep(snapshot, now=interrupts.requested)
            interrupts.raise_requested()

        def resume(start):
            print("compiled", flush=True)
            return kept.resume(start)

        fit(config, ADDING, *RUNS, resume=resume, keep=keep)


def train_for_very_long(folder):
    """One chunk of an hour or so."""
    train_under_signals(folder, dataclasses.replace(CONFIG, steps=10**7, evaluate_every=10**7))


@contextlib.contextmanager
def process(function, folder):
    """Runs one of the functions above in a fresh Python of two devices."""
    code = (
        f"import conftest, test_checkpoints; test_checkpoints.{function.__name__}({str(folder)!r})"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(map(str, [ROOT, ROOT / "tests", Path(__file__).parent]))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


def expect(child, start):
    line = child.stdout.readline()
    assert line.startswith(start), line


@pytest.mark.process
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)]
)
def test_a_signal_ends_training_with_a_checkpoint(number, status, tmp_path, whole):
    with process(train_under_signals, tmp_path / "run") as child:
        expect(child, "compiled")
        expect(child, "1")
        child.stdin.write("\n")
        expect(child, "2")
        child.send_signal(number)
        expect(child, "stopping")
        child.stdin.write("\n")
        assert child.wait(60) == status
    assert names(tmp_path / "run") == {"1"}
    assert_same(resumed(tmp_path / "run"), whole)


@pytest.mark.process
def test_a_second_signal_ends_a_chunk_in_its_midst(tmp_path):
    with process(train_for_very_long, tmp_path / "run") as child:
        expect(child, "compiled")
        child.send_signal(signal.SIGINT)
        expect(child, "stopping")
        child.send_signal(signal.SIGINT)
        assert child.wait(10) == -signal.SIGINT
    assert not (tmp_path / "run").exists()
