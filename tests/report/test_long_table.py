"""The long table: what pandas and pyarrow read back is what the results hold."""

import dataclasses
import io
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pytest
from helpers.made_up import make_result, make_show, make_tuning
from pyarrow import parquet

from gru_bench.cli.main import main
from gru_bench.report import render
from gru_bench.report.formats import long_table
from gru_bench.runs.folder import write_result
from gru_bench.system.errors import UserError

ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
CURVE = {"scheduled_learning_rate": "learning_rate"} | {
    name: name
    for name in (
        "step",
        "train_loss",
        "validation_loss",
        "validation_score",
        "gradient_norm",
    )
}


def read_parquet(results, folder):
    render.render(results, [], "long", folder / "long.parquet")
    return parquet.read_table(folder / "long.parquet")


def read_csv(results, folder):
    render.render(results, [], "long", folder / "long.csv")
    types = {bool: "boolean", int: "Int64", float: "float64", str: "str"}
    dtype = {name: types[kind] for name, kind in long_table.columns(results).items()}
    return pd.read_csv(folder / "long.csv", dtype=dtype)


def test_a_line_holds_its_run_seed_and_evaluation():
    """Worked by hand, a value of each kind."""
    result = make_result("copy", "gru", (0.75, None), curves=[(0.5, None, 0.625), (0.25,)])
    lines = list(long_table.rows([result]))
    assert [(line["seed"], line["step"]) for line in lines] == [
        (0, 100),
        (0, 200),
        (0, 300),
        (1, 100),
    ]
    assert [line["validation_score"] for line in lines] == [0.5, None, 0.625, 0.25]
    assert [line["test_score"] for line in lines] == [0.75, 0.75, 0.75, None]
    expected = {
        "identity": result.identity,
        "task": "copy",
        "corpus": None,
        "cell": "gru",
        "hidden_size": 128,
        "nominal_size": 128,
        "match": "hidden",
        "parameters": 3 * 128 * (10 + 128 + 1),
        "lstm_parameters": 4 * 128 * (10 + 128 + 1),
        "score": "recall_accuracy",
        "higher_is_better": True,
        "baseline": 0.125,
        "tuned": False,
        "learning_rate": 0.002,
        "trained_steps": 2000,
        "best_step": 1900,
        "solved_step": 800,
        "diverged_step": None,
        "best_validation_score": 0.75,
        "test.loss": 0.75,
        "step": 300,
        "paired_s": 0.9,  # of 300 steps that take 3 ms each
        "gradient_norm": 0.5,
        "scheduled_learning_rate": 0.002,
        "steps": 2000,
        "task.lag": 20,
        "task.length": None,
        "optim.name": "adam",
    }
    assert {name: lines[2].get(name) for name in expected} == expected
    assert set(lines[2]) <= set(long_table.columns([result]))


def test_parquet_read_by_pyarrow_holds_the_rows_with_their_types(tmp_path):
    results = make_show()
    read = read_parquet(results, tmp_path)
    kinds = long_table.columns(results)
    assert read.schema.names == list(kinds)
    assert read.schema.types == [ARROW[kind] for kind in kinds.values()]
    assert read.to_pylist() == [{n: row.get(n) for n in kinds} for row in long_table.rows(results)]
    assert read.num_rows == 12 * 4 * 20  # runs, seeds, evaluations


def test_csv_read_by_pandas_holds_the_rows(tmp_path):
    results = make_show()
    read = read_csv(results, tmp_path)
    names = list(long_table.columns(results))
    assert list(read.columns) == names
    lines = read.astype(object).where(read.notna(), None).to_dict("records")
    for line, row in zip(lines, long_table.rows(results), strict=True):
        for name, value in line.items():
            # Old versions of pandas read the last digit of a number as its neighbour.
            is_number = isinstance(value, float)
            assert value == (pytest.approx(row[name], rel=1e-15) if is_number else row.get(name))


def test_csv_needs_no_help_to_find_its_types(tmp_path, capsys):
    """Whole scores stay numbers with a point, and truth is understood."""
    render.render([make_result("copy", scores=(1.0, 0.0))], [], "long")
    read = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert read["test_score"].dtype == "float64"
    assert read["higher_is_better"].dtype == "bool"
    assert read["seed"].dtype == "int64"
    assert read["corpus"].isna().all()


def test_types_are_the_same_where_a_column_is_empty(tmp_path):
    with_all = read_parquet([make_result("text", scores=(0.5,))], tmp_path).schema
    with_none = read_parquet([make_result("adding", scores=(None,), diverged=[0])], tmp_path).schema
    for name in set(with_all.names) & set(with_none.names):
        assert with_all.field(name).type == with_none.field(name).type
    assert set(with_all.names) ^ set(with_none.names) == {"test.accuracy", "test.mse"}


def test_whole_numbers_among_settings_of_real_numbers(tmp_path):
    result = make_result(optim={"weight_decay": 0, "clip_norm": 1})
    read = read_parquet([result], tmp_path)
    assert read.schema.field("optim.weight_decay").type == pa.float64()
    assert read["optim.clip_norm"].unique().to_pylist() == [1.0]


def test_a_tuned_rate_is_the_seeds(tmp_path):
    read = read_parquet([make_result(tuning=make_tuning(0.01, False))], tmp_path)
    assert read["learning_rate"].unique().to_pylist() == [0.004]
    assert read["tuned"].unique().to_pylist() == [True]
    assert "optim.learning_rate" not in read.column_names


def test_a_seed_without_evaluations_is_not_lost(tmp_path):
    result = make_result(scores=(0.1, None), diverged=[1], curves=[(0.1,), ()])
    first, second = read_parquet([result], tmp_path).to_pylist()
    assert (first["seed"], first["step"], first["diverged_step"]) == (0, 100, None)
    assert (second["seed"], second["step"], second["diverged_step"]) == (1, None, 500)


@pytest.mark.parametrize("name", ['quoted, "name"', "über 文", "two\nlines"])
def test_names_survive_csv(tmp_path, name):
    read = read_csv([make_result("text", corpus=name)], tmp_path)
    assert set(read["corpus"]) == {name}


def test_a_hundred_runs(tmp_path):
    """Of two sizes, matched and not, from run folders to a file and back, by the command line."""
    results = [
        make_result(
            task,
            cell,
            [0.01 * (run + seed) for seed in range(5)],
            hidden_size=size,
            nominal_size=64,
            curves=[[0.01 * run + 0.001 * seed * i for i in range(20)] for seed in range(5)],
            steps=1000 + run,
        )
        for run, (task, cell, size) in enumerate(
            (task, cell, size)
            for task in ("adding", "copy")
            for cell in ("gru", "rnn")
            for size in range(40, 65)
        )
    ]
    assert len(results) == 100
    for number, result in enumerate(results):
        (tmp_path / f"{number:03}").mkdir()
        write_result(tmp_path / f"{number:03}", result)
    out = tmp_path / "long.parquet"
    assert main(["report", str(tmp_path), "--format", "long", "--out", str(out)]) == 0

    table = pd.read_parquet(out)
    assert len(table) == 100 * 5 * 20
    by_seed = dict(iter(table.groupby(["identity", "seed"])))
    assert len(by_seed) == 500
    for result in results:
        for seed in result.seeds:
            lines = by_seed[result.identity, seed.seed]
            assert set(lines["hidden_size"]) == {result.hidden_size}
            assert set(lines["steps"]) == {result.config["steps"]}
            assert set(lines["test_score"]) == {seed.test[result.score.name]}
            for column, name in CURVE.items():
                assert lines[column].tolist() == getattr(seed.curve, name)


def test_another_ending_is_refused_with_those_that_are_right(tmp_path):
    out = tmp_path / "runs.xlsx"
    with pytest.raises(UserError, match=r"out=.*runs\.xlsx is not possible: .*\.csv or \.parquet"):
        render.render([make_result()], [], "long", out)
    assert not out.exists()


@pytest.mark.process
def test_only_parquet_imports_pyarrow(tmp_path):
    write_result(tmp_path, dataclasses.replace(make_result()))
    program = (
        "import sys; from gru_bench.cli.main import main;"
        f" main(['report', {str(tmp_path)!r}, '--format', 'long']);"
        " print({'pyarrow', 'pandas', 'jax'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr
