"""The command as a user calls it."""

import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ROOT
from helpers.unmeasured import leave_unmeasured

from gru_bench.cli.key_help import run_help, search_help
from gru_bench.cli.main import main
from gru_bench.cli.parser import COMMANDS
from gru_bench.config.compose import compose_experiments
from gru_bench.config.launcher import LAUNCHERS
from gru_bench.config.search import SearchConfig
from gru_bench.config.tasks import TASKS
from gru_bench.model.counts import COUNTS

RUN = ["run", "-q", "task=adding", "task.length=6", "hidden_size=4", "steps=6", "seeds=2"]


def gru_bench(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gru_bench", *words],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with the runs of a small sweep, and what the sweep printed."""
    out = tmp_path_factory.mktemp("runs")
    done = gru_bench(*RUN, "-m", "cell=gru,lstm", f"out_dir={out}")
    assert done.returncode == 0, done.stderr
    return out, done.stdout


@pytest.mark.process
def test_run_ends_with_the_table_and_where_it_lies(finished: tuple[Path, str]) -> None:
    out, printed = finished
    assert "gru" in printed
    assert "lstm" in printed
    assert f"2 runs in {out}" in printed


def test_run_folder_is_complete(finished: tuple[Path, str]) -> None:
    out, _ = finished
    (result,) = (out / "adding" / "gru").glob("h4-*/result.json")
    data = json.loads(result.read_text())
    assert [seed["seed"] for seed in data["seeds"]] == [0, 1]
    assert all(len(seed["curve"]["step"]) == 6 for seed in data["seeds"])
    assert all(seed["steps"] == 6 for seed in data["seeds"])
    (environment,) = data["environments"]
    assert environment["versions"]["jax"]
    assert (environment["recurrence"], environment["launcher"]) == ("scan", "local")
    assert data["timing"]["train_step_vs_lstm"]["median"] > 0
    assert (result.parent / "config.yaml").exists()
    assert len(list(result.parent.glob("seed_*/*tfevents*"))) == 2
    assert not [path for path in result.parent.iterdir() if path.name.startswith(".")]


def test_json_report_has_the_documented_keys(
    finished: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = finished
    assert main(["report", str(out), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["cell"] for row in rows] == ["gru", "lstm"]
    assert [row["parameters_vs_lstm"] for row in rows] == [0.75, 1]
    assert [key for key in rows[0] if key in DOCUMENTED] == DOCUMENTED


DOCUMENTED = [
        "task", "cell", "hidden_size", "nominal_size", "match", "seeds", "learning_rate",
        "parameters", "parameters_vs_lstm", "total_parameters", "score_name", "score_mean",
        "score_low", "score_high", "solved", "train_step_ms", "train_step_vs_lstm", "latency_us",
        "latency_vs_lstm", "memory_mb", "state_bytes",
]  # fmt: skip


@pytest.mark.parametrize("format", ["table", "markdown", "latex", "csv", "html"])
def test_other_reports_name_the_cells(
    finished: tuple[Path, str], tmp_path: Path, format: str
) -> None:
    out, _ = finished
    file = tmp_path / "report"
    assert main(["report", str(out), "--format", format, "--out", str(file)]) == 0
    assert "gru" in file.read_text()


def test_claims_end_with_the_ledger_and_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_unmeasured(monkeypatch)
    words = ["claims", "-q", "task=adding", "cell=gru,lstm", "task.length=6", "hidden_size=4"]
    rest = ["steps=6", "seeds=2", f"out_dir={tmp_path}/runs", "--out", f"{tmp_path}/claims.html"]
    assert main([*words, *rest]) == 0
    printed = capsys.readouterr().out
    assert "A GRU has 75% of an LSTM's" in printed
    # With head the model has 76% of the parameters, and one part against refutes.
    assert "✗ refuted" in printed
    assert "? undecided here" in printed  # no verdict rests on two seeds
    page = (tmp_path / "claims.html").read_text()
    assert "gru-bench claims" in page
    assert "Not measured by these runs" in page
    assert main(["status", f"{tmp_path}/runs"]) == 0
    assert "2 finished" in capsys.readouterr().out


def test_a_run_that_fails_is_named_and_the_exit_status_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gru_bench.experiments.sweep.measure_cells", lambda *_: 1 / 0)
    words = [*RUN[1:], "cell=gru", f"out_dir={tmp_path}"]
    (config,) = compose_experiments(words[1:], multirun=False)
    assert main(["run", *words]) == 1
    printed = " ".join(capsys.readouterr().err.split())
    assert f"failed: {tmp_path / config.run_name({})}: ZeroDivisionError" in printed
    assert "Traceback" not in printed


def test_damaged_result_is_named_and_passed_over(
    finished: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = finished
    folder = tmp_path / "runs"
    (folder / "damaged").mkdir(parents=True)
    (folder / "damaged" / "result.json").write_text('{"schema_version": 2')
    (folder / "good").mkdir()
    (result,) = (out / "adding" / "lstm").glob("h4-*/result.json")
    (folder / "good" / "result.json").write_bytes(result.read_bytes())
    assert main(["report", str(folder), "--format", "csv"]) == 0
    printed = capsys.readouterr()
    assert "damaged/result.json" in printed.err
    assert [row["cell"] for row in csv.DictReader(printed.out.splitlines())] == ["lstm"]


def test_finished_runs_are_skipped_unless_forced(
    finished: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And end the same in another process, with other seeds beside them."""
    shutil.copytree(finished[0], tmp_path / "runs")
    (result,) = (tmp_path / "runs" / "adding" / "lstm").glob("h4-*/result.json")
    before, seeds = result.stat().st_mtime_ns, json.loads(result.read_text())["seeds"]
    words = [*RUN, "cell=lstm", f"out_dir={tmp_path}/runs"]
    words.remove("-q")
    assert main(words) == 0
    assert "finished already" in capsys.readouterr().err
    assert result.stat().st_mtime_ns == before
    assert main([*words, "seeds=[1]", "probes=false", "force=true"]) == 0
    (alone,) = json.loads(result.read_text())["seeds"]
    assert (alone["seed"], alone["test"]) == (1, seeds[1]["test"])


BAD_INPUT = [
    ["run", "hidden_size=0"],
    ["run", "cell=gruu"],
    ["run", "task=text", "corpus=files", "corpus.train=nowhere.csv"],
    ["report", "nowhere"],
    ["report", ".", "--format", "pdf"],
    ["params", "--hidden-size", "0"],
    ["params", "--budget", "0"],
    ["params", "--budget", "20000", "--hidden-size", "64"],
    ["params", "--budget", "20000", "--match", "flops"],
    ["params", "--match", "time"],
    ["board", "nowhere"],
    ["speed", "--end-to-end", "--steps", "0"],
]


@pytest.mark.parametrize("words", BAD_INPUT)
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        status: object = main(words)
    except SystemExit as ended:  # by argparse
        status = ended.code
    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    assert "error:" in printed.err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.process
def test_bad_input_is_one_line_without_a_traceback_in_a_process(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    done = gru_bench(*RUN, "cell=gru", f"out_dir={tmp_path}/runs")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: out_dir=")
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "runs").read_text() == "not a folder"


@pytest.mark.process
def test_params_are_exact_and_quick_without_jax(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["params", "--input-size", "2,64", "--hidden-size", "128,256", "--format", "json"]
    assert main(words) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 16
    assert {(r["cell"], r["ratio_to_lstm"]) for r in rows if r["cell"] in ("gru", "rnn")} == {
        ("gru", 0.75),
        ("rnn", 0.25),
    }
    first = next(r for r in rows if r["cell"] == "lstm")
    assert first["parameters"] == 4 * 128 * (2 + 128 + 1)
    imports = "import sys; from gru_bench.cli.main import main"
    probe = f"{imports}; main({words!r}); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert done.stdout.strip().endswith("False")


def test_params_prints_the_sizes_nearest_to_a_budget(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["params", "--budget", "20000", "--input-size", "100"]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert {tuple(line.split()[1:4]) for line in lines} >= {
        ("36", "lstm", "19,728"),
        ("46", "gru", "20,286"),
        ("100", "rnn", "20,100"),
    }


@pytest.mark.parametrize("match", COUNTS)
def test_params_prints_the_sizes_that_match_an_lstm(
    match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["params", "--match", match, "--hidden-size", "128", "--input-size", "2"]
    assert main([*words, "--format", "json"]) == 0
    sizes = {row["cell"]: row["hidden_size"] for row in json.loads(capsys.readouterr().out)}
    assert sizes["lstm"] == 128
    assert sizes["gru"] == {"parameters": 148, "flops": 148, "state": 256}[match]
    assert sizes["rnn"] == {"parameters": 257, "flops": 258, "state": 256}[match]


def test_help_names_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples")

    def keys(config: object, prefix: str = "") -> Iterator[str]:
        for field in dataclasses.fields(config):  # type: ignore[arg-type]
            value = getattr(config, field.name)
            if dataclasses.is_dataclass(value):
                yield from keys(value, f"{prefix}{field.name}.")
            else:
                yield f"{prefix}{field.name}"

    words = {
        *TASKS,
        "text corpus=files corpus.train=my.csv",
        "custom task.module=parity:Parity",
    }
    named = set()
    for task in words:
        (config,) = compose_experiments([f"task={task.split()[0]}", *task.split()[1:]], False)
        named |= set(keys(config))
    for launcher in LAUNCHERS:
        named |= {f"launcher.{field.name}" for field in dataclasses.fields(launcher)}
    known = {"cell.name", "corpus.name", "task.name", "launcher.name", "sweeps"}
    told = run_help()
    missing = [key for key in sorted(named - known) if key not in told]
    assert missing == []


def test_help_names_every_key_of_a_search() -> None:
    missing = [f.name for f in dataclasses.fields(SearchConfig) if f.name not in search_help()]
    assert missing == []


@pytest.mark.process
def test_help_imports_nothing_heavy() -> None:
    probe = """if True:
        import sys
        from gru_bench.cli.main import main
        from gru_bench.cli.parser import COMMANDS
        for words in [[], *([command] for command in COMMANDS)]:
            try: main([*words, "--help"])
            except SystemExit as ended: assert ended.code == 0
            heavy = {"jax", "flax", "hydra", "numpy", "rich"} & set(sys.modules)
            assert not heavy, f"{words} imports {heavy}"
        """
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage: gru-bench") == 1 + len(COMMANDS)
    assert time.perf_counter() - started < 10  # a hang, not a benchmark


@pytest.mark.process
def test_info_names_versions_devices_and_cache(tmp_path: Path) -> None:
    done = gru_bench("info", GRU_BENCH_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    for part in ("jax", "flax", "device", "cache", str(tmp_path)):
        assert part in done.stdout


@pytest.mark.parametrize("command", ["search", "robustness"])
@pytest.mark.parametrize("words", [[], ["seeds=8"]], ids=" ".join)
def test_a_command_without_a_default_asks_for_a_task(
    command: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, *words]) == 2
    assert capsys.readouterr().err == (
        "error: no task is named: add task=adding cell=gru,lstm, say\n"
    )
