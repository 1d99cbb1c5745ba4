"""Files that people bring: what is read from each kind, and what is refused."""

import hashlib
import json

import pyarrow as pa
import pytest
from pyarrow import parquet

from gru_bench.system.errors import UserError
from gru_bench.tasks import data_files
from gru_bench.tasks.data_files import TextFormat, read_columns

WANTED = {"corpus.text_column": "text", "corpus.label_column": "label"}


def read(path, **text_format):
    return read_columns(path, WANTED, path.name, TextFormat(**text_format), "label")


def rows_of(path, **text_format):
    columns = read(path, **text_format)
    return list(zip(columns.values["text"], columns.values["label"], strict=True))


def lines(separator, rows):
    return "".join(separator.join(row) + "\n" for row in [("text", "label"), *rows])


# Columns that nobody asks for


@pytest.mark.parametrize(
    ("first", "last"),
    [("1", ""), ("1", "N/A"), ("1", "1.5"), ("1", "word"), ("true", "word"), ("1", str(2**70))],
)
def test_an_unused_csv_column_may_change_its_kind(tmp_path, first, last):
    path = tmp_path / "a.csv"
    unused = [first] * 11_000 + [last]
    path.write_text("id,text,label\n" + "".join(f"{value},good film,1\n" for value in unused))
    assert rows_of(path) == [("good film", "1")] * len(unused)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (None, "word"),
        ([], [1]),
        ("2020-01-01", "word"),
        ({"a": 1}, {"a": 1, "b": 2}),
        (1, float("nan")),
        (1, 2**70),
    ],
)
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_an_unused_json_key_may_change_its_kind(tmp_path, suffix, first, last):
    path = tmp_path / f"a{suffix}"
    rows = [{"u": value, "text": "good", "label": 1} for value in (first, last)]
    text = json.dumps(rows) if suffix == ".json" else "\n".join(map(json.dumps, rows))
    path.write_text(text)
    assert rows_of(path) == [("good", "1")] * 2


def write_parquet(path, columns):
    """Writes a file, unless it is of kinds that this version of pyarrow does not write."""
    try:
        parquet.write_table(pa.table(columns), path)
    except pa.ArrowNotImplementedError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    "unused",
    [
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([b"0" * 16], pa.uuid()),
        pa.array([[1]], pa.list_view(pa.int64())),
    ],
)
def test_an_unused_parquet_column_may_be_of_any_kind(tmp_path, unused):
    path = tmp_path / "a.parquet"
    write_parquet(path, {"u": unused, "text": ["good"], "label": [1]})
    assert rows_of(path) == [("good", "1")]


# Values as they are written


def test_numbers_in_json_stay_as_they_are_written(tmp_path):
    path = tmp_path / "a.jsonl"
    labels = ["1", "1.0", "1e3", "true", '"01"', '"2020-01-01"', str(10**70)]
    path.write_text("".join(f'{{"text": 5, "label": {label}}}\n' for label in labels))
    assert rows_of(path) == [("5", label.strip('"')) for label in labels]


@pytest.mark.parametrize(
    "labels",
    [
        pa.array(["a", "b"]).dictionary_encode(),
        pa.array(["a", "b"], pa.string_view()),
        pa.array([b"a", b"b"]),
    ],
)
def test_parquet_text_of_every_kind(tmp_path, labels):
    path = tmp_path / "a.parquet"
    write_parquet(path, {"text": ["x", None], "label": labels})
    assert rows_of(path) == [("x", "a"), (None, "b")]


def test_a_parquet_column_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"text": [["x"]], "label": ["a"]}), path)
    with pytest.raises(UserError, match=r"corpus.text_column=text must be text or numbers, not li"):
        read(path)


# Quotes


def test_quoted_fields_keep_separators_quotes_and_line_ends(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('label,text\n1,"a, ""b""\r\nc"\n2,5" pipe\n\n3,"Yes, 1\nNo, 2\n"\n')
    columns = read(path)
    assert columns.values["text"] == ['a, "b"\r\nc', '5" pipe', "Yes, 1\nNo, 2\n"]
    assert [columns.place(row) for row in range(3)] == ["line 2", "line 4", "line 6"]


STRAY = [
    # An opening quote, and later one in the midst of a field.
    ({10: '"text', 34: '"text'}, "quote in line 12 that opens a field, in which line 36 has anot"),
    # Tokens that are quotes: the second one closes the field that the first one opens.
    ({10: '"', 34: '"'}, "quote in line 12 that swallows the rows down to line 36"),
    ({10: '"text', 11: 'an inch"'}, "quote in line 12 that swallows the rows down to line 13"),
    ({10: '"text'}, "quote in line 12 that is never closed"),
]


@pytest.mark.parametrize(("changed", "message"), STRAY)
@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("label_first", [False, True])
def test_a_stray_quote_never_merges_rows(tmp_path, separator, label_first, changed, message):
    path = tmp_path / "a.csv"
    order = -1 if label_first else 1
    rows = [(changed.get(i, f"text {i}"), ("pos", "neg")[i % 2]) for i in range(60)]
    content = "".join(separator.join(row[::order]) + "\n" for row in [("text", "label"), *rows])
    path.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        read(path, separator=separator)
    assert "corpus.quotes=false" in str(caught.value)
    assert rows_of(path, separator=separator, quotes=False) == rows


def test_lines_of_a_text_that_look_like_rows_are_no_fault(tmp_path):
    path = tmp_path / "a.csv"
    text = "Dear John, hello\nAll is well\nThanks, bye"
    path.write_text("label,text,id\n" + "".join(f'{i % 2},"{text}",{i}\n' for i in range(9)))
    assert rows_of(path) == [(text, str(i % 2)) for i in range(9)]


def test_the_line_of_a_stray_quote_is_that_of_its_field(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text,label\n"1\n2","long\ntext,1\n3,"b",2\n')
    with pytest.raises(UserError, match=r"quote in line 3 that opens a field, in which line 5 "):
        read(path)


# Separators and encodings


@pytest.mark.parametrize("separator", [";", "|", "\t", " "])
def test_separators(tmp_path, separator):
    path = tmp_path / "a.csv"
    path.write_text(lines(separator, [("a,b", "x")]))
    assert rows_of(path, separator=separator) == [("a,b", "x")]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig", "utf8"])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json"])
def test_encodings(tmp_path, suffix, encoding):
    path = tmp_path / f"a{suffix}"
    row = json.dumps({"text": "café", "label": "x"}, ensure_ascii=False)
    path.write_text(lines(",", [("café", "x")]) if suffix == ".csv" else row, encoding=encoding)
    assert rows_of(path, encoding=encoding) == [("café", "x")]


# What was read


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json", ".parquet"])
def test_the_hash_is_that_of_the_bytes(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    if suffix == ".parquet":
        parquet.write_table(pa.table({"text": ["good"] * 9, "label": ["x"] * 9}), path)
    else:
        row = '{"text": "good", "label": "x"}\n'
        path.write_text(lines(",", [("good", "x")] * 9) if suffix == ".csv" else row * 9)
    assert read(path).content == hashlib.sha256(path.read_bytes()).hexdigest()


def test_parquet_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"text": ["good"], "label": ["x"]}), path)
    changing = iter(["before", "after"])
    monkeypatch.setattr(data_files, "content_hash", lambda file: next(changing))
    with pytest.raises(UserError, match=r"a.parquet has changed while it was read"):
        read(path)


def test_lines_that_may_be_rows_of_labels_seen_nowhere_else_are_doubted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"word,odd\nan inch",even\n' + "good,x\n" * 9)
    columns = read(path)
    assert columns.doubts == ["lines 2 to 3"]
    assert len(columns.values["text"]) == 10
