"""Series as tasks: splits, groups, gaps, labels; scores against NumPy."""

import gzip

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.recordings import corpus_of, sensor_table, series_task

from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.tasks.series import SeriesConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks.base import SPLITS, may_be_read_backwards
from gru_bench.tasks.digits import read_digits
from gru_bench.tasks.series_corpora import CARRIED, load_series

TS = "@classLabel true up down\n@data\n"


def ts_file(path, sequences, labels):
    lines = [f"{','.join(map(str, s))}:{label}" for s, label in zip(sequences, labels, strict=True)]
    path.write_text(TS + "\n".join(lines) + "\n")
    return str(path)


def batches(task, split):
    indices, weights = task.evaluation(jax.random.key(0), split)
    return [task.batch((i, w)) for i, w in zip(indices, weights, strict=True)]


def test_classes_of_sequences_of_any_length(tmp_path):
    table = sensor_table(40)
    task = series_task(corpus_of(table, tmp_path / "pumps.csv"))
    assert hasattr(task, "predictions")
    assert task.sizes == (29, 3, 8)  # a fifth is the test, a tenth of the rest validation
    assert task.preprocessing.class_names == ("leak", "none")
    assert task.score.baseline == np.mean(np.asarray(task.targets)[-8:] == 1)
    lengths = np.asarray(task.lengths)
    assert sorted(lengths) == sorted(table.groupby("cycle").size())
    # The inputs of training, real steps alone, have mean 0 and deviation 1.
    real = np.concatenate([np.asarray(task.inputs)[i, : lengths[i]] for i in range(29)])
    np.testing.assert_allclose(real.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(real.std(0), 1, rtol=1e-5)
    # Each class has its share of every split.
    for part in np.split(np.asarray(task.targets), np.cumsum(task.sizes)[:-1]):
        assert 0.1 < np.mean(part == 0) < 0.4


def test_no_group_is_in_two_splits(tmp_path):
    table = sensor_table(60)
    splits = load_series(
        corpus_of(table, tmp_path / "pumps.csv", group="pump"), SeriesConfig()
    ).splits
    groups = [set(splits[split].groups) for split in SPLITS]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    assert set.union(*groups) == set(table.pump)
    assert sum(len(splits[split]) for split in SPLITS) == 60


def test_a_group_in_two_files_is_refused(tmp_path):
    table = sensor_table(60)
    test = tmp_path / "test.csv"
    table[table.pump.isin(["p0", "p3"])].to_csv(test, index=False)
    corpus = corpus_of(table, tmp_path / "pumps.csv", group="pump", test=str(test))
    with pytest.raises(UserError, match=r"corpus.group: p0, p3 occur in test and in train"):
        series_task(corpus)


def test_gaps_are_counted_unless_it_is_said_what_becomes_of_them(tmp_path):
    table = sensor_table(40)
    table.loc[3:7, "flow"] = np.nan
    path = tmp_path / "pumps.csv"
    with pytest.raises(
        UserError,
        match=r"has 5 missing values, in 1 of 40 sequences \(the first of flow at step 4"
        r" of sequence c0\): .* corpus.missing=forward or mean or mask",
    ):
        series_task(corpus_of(table, path))
    assert series_task(corpus_of(table, path, missing="mean")).input_size == 2
    task = series_task(corpus_of(table, path, missing="mask"))
    assert task.input_size == 4
    assert np.isfinite(np.asarray(task.inputs)).all()


def test_a_channel_without_values_is_refused(tmp_path):
    corpus = corpus_of(sensor_table().assign(flow=np.nan), tmp_path / "p.csv", missing="mean")
    with pytest.raises(UserError, match="has no value of flow"):
        series_task(corpus)


def test_a_class_at_every_step(tmp_path):
    table = sensor_table(40)
    task = series_task(
        corpus_of(table, tmp_path / "p.csv", label_column="state"), predict="every_step"
    )
    assert task.readout == "every"
    assert may_be_read_backwards(task)  # A finished recording is labelled: nothing is given away.
    tested = batches(task, "test")
    steps = sum(int((batch.lengths * batch.weights).sum()) for batch in tested)
    # Always "run", the commoner class, is right at all steps but the first two of each sequence.
    outputs = [jnp.zeros((*batch.targets.shape, 2)).at[..., 0].set(1.0) for batch in tested]
    tallies = [task.tally(o, b) for o, b in zip(outputs, tested, strict=True)]
    scores = task.scores(jax.tree.map(lambda *parts: sum(parts), *tallies))
    np.testing.assert_allclose(scores["accuracy"], (steps - 2 * task.sizes[2]) / steps, rtol=1e-6)
    np.testing.assert_allclose(task.score.baseline, scores["accuracy"], rtol=1e-6)


def test_errors_of_values_are_those_of_numpy(tmp_path):
    task = series_task(
        corpus_of(sensor_table(40), tmp_path / "p.csv", label_column="wear"), predict="value"
    )
    outputs_of = task.preprocessing.series.outputs
    (mean,), (deviation,) = outputs_of.means, outputs_of.deviations
    values = np.asarray(task.targets)[:, 0] * deviation + mean
    train, _, test = np.split(values, np.cumsum(task.sizes)[:-1])
    np.testing.assert_allclose([train.mean(), train.std()], [mean, deviation], rtol=1e-5)
    guess = np.random.default_rng(0).normal(size=len(test))
    errors, given = guess * deviation + mean - test, []
    tallies = []
    for number, batch in enumerate(batches(task, "test")):
        outputs = jnp.asarray(np.resize(guess[4 * number : 4 * number + 4], 4)[:, None])
        outputs = outputs.astype(jnp.float32)
        tallies.append(task.tally(outputs, batch))
        given += np.asarray(task.predictions(outputs, batch))[
            np.asarray(batch.weights) > 0
        ].tolist()
    scores = task.scores(jax.tree.map(lambda *parts: sum(parts), *tallies))
    scale = np.abs(train - np.median(train)).mean()
    np.testing.assert_allclose(scores["mae"], np.abs(errors).mean(), rtol=1e-5)
    np.testing.assert_allclose(scores["scaled_mae"], np.abs(errors).mean() / scale, rtol=1e-5)
    np.testing.assert_allclose(scores["rmse"], np.sqrt(np.square(errors).mean()), rtol=1e-5)
    np.testing.assert_allclose(given, np.abs(errors) / scale, rtol=1e-4)
    constants = {"mean": train.mean(), "median": np.median(train)}
    baselines = {
        name: np.abs(test - constant).mean() / scale for name, constant in constants.items()
    }
    best = min(baselines, key=baselines.get)
    np.testing.assert_allclose(task.score.baseline, baselines[best], rtol=1e-5)
    assert task.score.baseline_name.startswith(f"always the {best} of training (")


def test_the_score_of_values_has_no_unit(tmp_path):
    table = sensor_table(40)
    table["cents"] = table.wear / 100
    metres, cents = (
        series_task(corpus_of(table, tmp_path / "p.csv", label_column=name), predict="value")
        for name in ("wear", "cents")
    )
    assert metres.score.name == "scaled_mae"
    assert metres.score.in_words == "scaled MAE"
    assert metres.score.baseline == pytest.approx(cents.score.baseline, rel=1e-6)
    with pytest.raises(UserError, match="has the value 3 in every sequence: there is nothing to"):
        series_task(
            corpus_of(table.assign(wear=3), tmp_path / "p.csv", label_column="wear"),
            predict="value",
        )


def test_values_must_be_numbers(tmp_path):
    with pytest.raises(
        UserError, match=r"label 'none' in sequence c0: with task.predict=value labels must"
    ):
        series_task(corpus_of(sensor_table(), tmp_path / "p.csv"), predict="value")


def test_ts_files_with_a_test_of_their_own(tmp_path):
    rising = [[i, i + 1, i + 2][: 2 + i % 2] for i in range(12)]
    labels = ["up", "down"] * 6
    notes = []
    corpus = CorpusConfig(
        name="steps",
        train=ts_file(tmp_path / "train.ts", rising, labels),
        test=ts_file(tmp_path / "test.ts", rising[::2], labels[::2]),
    )
    task = series_task(corpus, notes=notes)
    assert task.sizes == (11, 1, 6)
    assert task.preprocessing.series.channels == ("channel 1",)
    assert notes == [
        "classes not in every split (training sequences in brackets): 1 of 2 without test"
        " sequences, of which no score tells: down (5); 1 of 2 without validation sequences: up (6)"
    ]


@pytest.mark.parametrize(
    ("keys", "task", "message"),
    [
        ({"text_column": "x"}, {}, "corpus.text_column=x has no effect with task=series"),
        ({"channels": ["x"]}, {}, r"corpus.channels=.* has no effect: .*.ts has no columns"),
        ({"test_fraction": 0.5}, {}, "corpus.test_fraction=0.5 has no effect: test sequences are"),
        ({"group": "speaker"}, {}, r"corpus.group=speaker has no effect: .*.ts has no columns"),
        ({"separator": ";"}, {}, "corpus.separator=; has no effect: it is for files"),
        ({"encoding": "cp1252"}, {}, "corpus.encoding=cp1252 has no effect"),
        ({}, {"predict": "every_step"}, "train.ts, which has one label for a sequence"),
        ({}, {"predict": "forecast", "window": 2}, "train.ts, which has one label for a sequence"),
    ],
)  # fmt: skip
def test_keys_without_effect_on_ts_files(tmp_path, keys, task, message):
    files = {
        split: ts_file(tmp_path / f"{split}.ts", [[1, 2], [2, 1]] * 5, ["up", "down"] * 5)
        for split in ("train", "test")
    }
    with pytest.raises(UserError, match=message):
        series_task(CorpusConfig(name="steps", **files, **keys), **task)


@pytest.mark.parametrize(
    ("labels", "tested", "message"),
    [
        (["up"] * 8, ["up"], "sequences of one class only"),
        (["up", "down"] * 4, ["left"], "has the label left, which no training sequence has"),
    ],
)
def test_labels_that_make_no_task(tmp_path, labels, tested, message):
    corpus = CorpusConfig(
        name="steps",
        train=ts_file(tmp_path / "train.ts", [[1, 2]] * 8, labels),
        test=ts_file(tmp_path / "test.ts", [[1, 2]], tested),
    )
    with pytest.raises(UserError, match=message):
        series_task(corpus)


def test_a_corpus_of_text_and_the_hub_are_refused():
    for corpus, message in (
        (CorpusConfig("reuters8", "wheel"), "corpus=reuters8 is not possible with task=series"),
        (
            CorpusConfig("x", "hub", path="a/b"),
            "corpus.source=hub is not possible with task=",
        ),
    ):
        with pytest.raises(UserError, match=message):
            series_task(corpus)


def test_files_of_two_kinds_are_refused(tmp_path):
    ts = ts_file(tmp_path / "test.ts", [[1, 2]], ["up"])
    corpus = corpus_of(sensor_table(), tmp_path / "p.csv", test=ts, group="pump")
    with pytest.raises(UserError, match=r"p.csv has columns, .*test.ts has none: give files of"):
        series_task(corpus)


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """Puts 40 images of two digits in the place of the corpus."""
    path = tmp_path / "digits.csv.gz"
    rows = [[*np.arange(64) % 17, number % 2] for number in range(40)]
    lines = [",".join(map(str, row)) for row in rows]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    monkeypatch.setattr("gru_bench.tasks.series_corpora.wheel_file", lambda *_: path)


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize(("predict", "window"), [("every_step", None), ("forecast", 8)])
def test_digits_have_one_label_each(predict, window):
    with pytest.raises(UserError, match="train of corpus=digits, which has one label for a seq"):
        series_task(CorpusConfig("digits", "wheel"), predict=predict, window=window)


@pytest.mark.usefixtures("digits")
def test_keys_of_wheels_have_an_effect_or_are_refused():
    assert series_task(CorpusConfig("digits", "wheel", test_fraction=0.5)).sizes == (18, 2, 20)
    for name in ("digits", "japanese_vowels"):
        message = f"corpus.group=speaker has no effect: corpus={name} has no columns"
        with pytest.raises(UserError, match=message):
            series_task(CorpusConfig(name, "wheel", group="speaker"))


@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "examples", "channels", "classes", "lengths"),
    [
        ("japanese_vowels", (270, 370), 12, 9, (7, 29)),
        ("basic_motions", (40, 40), 6, 4, (100, 100)),
        ("italy_power_demand", (67, 1029), 1, 2, (24, 24)),
        ("digits", (1438, 359), 1, 10, (64, 64)),
        ("mnist1d", (4000, 1000), 1, 10, (40, 40)),
    ],
)
def test_corpora_of_wheels_are_what_is_known_of_them(name, examples, channels, classes, lengths):
    task = series_task(CorpusConfig(name, "wheel"))
    train, validation, test = task.sizes
    assert (train + validation, test) == examples
    assert (task.input_size, task.output_size) == (channels, classes)
    assert (int(task.lengths.min()), int(task.lengths.max())) == lengths


def test_digits_are_read_pixel_by_pixel():
    images = np.arange(128).reshape(2, 64) % 17
    rows = [[*image, digit] for image, digit in zip(images, (7, 0), strict=True)]
    lines = [",".join(map(str, row)) for row in rows]
    read = read_digits(gzip.compress("\n".join(lines).encode()), "digits")
    np.testing.assert_array_equal([values[:, 0] for values in read.values], images)
    assert [list(labels) for labels in read.labels] == [["7"], ["0"]]


def test_corpora_of_wheels_have_presets_and_pinned_files():
    from gru_bench.config.corpus import SERIES_CORPORA
    from gru_bench.config.reference import choices

    assert tuple(CARRIED) == SERIES_CORPORA
    assert set(SERIES_CORPORA) <= set(choices("corpus"))
    for wheel, files, _ in CARRIED.values():
        assert set(files.values()) <= {path.rpartition("/")[2] for path in wheel.files}
