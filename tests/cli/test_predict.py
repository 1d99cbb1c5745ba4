"""`gru-bench predict`: a file in, predictions and tokens out."""

import csv

import numpy as np
import pytest
from helpers.trained import train, words_for_tickets

import gru_bench
from gru_bench.cli.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    corpus = tmp_path_factory.mktemp("corpus")
    return train(corpus, *words_for_tickets(corpus), "seeds=1")


def test_each_row_of_a_file_has_a_prediction(folder, tmp_path, capsys):
    (tmp_path / "new.csv").write_text("id,body\n7,my card\n8,\n9,the key and the code\n")
    out, tokens = tmp_path / "deep" / "out.csv", tmp_path / "tokens.npz"
    words = [str(folder), str(tmp_path / "new.csv"), "--out", str(out), "--tokens", str(tokens)]
    assert main(["predict", *words]) == 0
    shown = capsys.readouterr()
    assert "gru, seed 0: 3 rows" in shown.out
    assert "no prediction for 1 row without text" in shown.err
    with out.open() as file:
        rows = list(csv.DictReader(file))
    model = gru_bench.load_model(folder)
    first, last = model.predict(["my card", "the key and the code"])
    assert [row["prediction"] for row in rows] == [first, "", last]
    assert [row["row"] for row in rows] == ["1", "2", "3"]
    shares = model.predict_proba(["my card"])[0]
    assert float(rows[0]["probability"]) == pytest.approx(shares.max(), abs=1e-6)
    with np.load(tokens, allow_pickle=False) as written:
        assert written["lengths"].tolist() == [2, 1, 5]
        assert model.predict([written["tokens"][2, :5]]) == [last]


def test_the_column_and_the_separator_may_be_others(folder, tmp_path):
    (tmp_path / "new.csv").write_text("text;n\nmy card;1\n")
    words = [str(folder), str(tmp_path / "new.csv"), "--out", str(tmp_path / "out.csv")]
    assert main(["predict", *words, "--text-column", "text", "--separator", "semicolon"]) == 0
    assert (tmp_path / "out.csv").read_text().startswith("row,prediction,probability\n1,")


@pytest.mark.parametrize(
    ("file", "words", "said"),
    [
        ("body\na\n", ["--out", "p.txt"], "--out p.txt is not possible: its name must end in .csv"),
        ("body\na\n", [], "say where to write: --out predictions.csv"),
        ("text\na\n", ["--out", "p.csv"], "--text-column=body is not a column of new.csv"),
        ("body\n", ["--out", "p.csv"], "no rows"),
        ("body\na\n", ["--out", "p.csv", "--encoding", "utf-99"], "--encoding=utf-99"),
        ("body\na\n", ["--out", "p.csv", "--separator", "ab"], "--separator=ab"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    folder, tmp_path, capsys, monkeypatch, file, words, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.csv").write_text(file)
    assert main(["predict", str(folder), "new.csv", *words]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "p.csv").exists()


def test_a_folder_without_a_model_is_told(tmp_path, capsys):
    assert main(["predict", str(tmp_path), "new.csv", "--out", "p.csv"]) == 2
    assert "holds no trained model: give the folder of a finished run" in capsys.readouterr().err
