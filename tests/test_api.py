"""The functions for scripts and notebooks."""

import html
import math
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest
from helpers import ROOT
from helpers.made_up import make_result
from helpers.unmeasured import leave_unmeasured

import gru_bench
from gru_bench.config.compose import compose_experiments
from gru_bench.config.settings import to_words
from gru_bench.experiments import choose as choosing
from gru_bench.experiments.limits import Limits
from gru_bench.model.counts import cell_parameters
from gru_bench.report.decision import decision
from gru_bench.report.groups import make_groups
from gru_bench.report.results import Results
from gru_bench.runs.folder import read_result, write_result
from gru_bench.system import errors

GUIDE = ROOT / "docs" / "python.md"
WORDS = [
    "task=adding",
    "task.length=6",
    "hidden_size=4",
    "steps=6",
    "seeds=2",
    "probes=false",
]


def python(program, folder):
    """The standard output of a program in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with two runs, and what `run` gave."""
    out = tmp_path_factory.mktemp("runs")
    words = ["cell=rnn,gru", *WORDS, f"out_dir={out}"]
    with pytest.MonkeyPatch.context() as patch:
        leave_unmeasured(patch)
        return out, words, gru_bench.run(words, sweep=True)


def test_run_gives_the_results_that_it_leaves_in_the_folders(finished):
    out, words, results = finished
    assert [result.cell for result in results] == ["rnn", "gru"]  # the order of the sweep
    for result in results:
        (folder,) = (out / "adding" / result.cell).glob("h4-*")
        assert read_result(folder) == result
        assert result.parameters.cell == cell_parameters(result.cell, 2, 4)
        assert list(result.test_scores) == [0, 1]
        assert all(math.isfinite(score) for score in result.test_scores.values())
        assert result.command == f"gru-bench run -m {' '.join(words)}"


def test_finished_runs_are_read_and_not_repeated(finished, capfd):
    out, words, results = finished
    before = {path: path.stat().st_mtime_ns for path in out.rglob("result.json")}
    assert gru_bench.run(words, sweep=True) == results
    assert {path: path.stat().st_mtime_ns for path in out.rglob("result.json")} == before
    assert capfd.readouterr() == ("", "")
    gru_bench.run(words, sweep=True, quiet=False)
    assert capfd.readouterr().err.count("finished already") == 2


def test_settings_may_be_python_values(finished):
    """A mapping and keywords name the runs that words name, which are finished already."""
    out, _, results = finished
    settings = {"task.length": 6, "hidden_size": 4, "steps": 6, "probes": False}
    again = gru_bench.run(
        settings, cell=["rnn", "gru"], task="adding", seeds=2, out_dir=str(out), quiet=True
    )
    assert again == results
    by_list = gru_bench.run(
        {"cell": "gru", **settings}, task="adding", seeds=[0, 1], out_dir=str(out)
    )
    assert by_list == results[1:]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cell": ["gru", "lstm"], "seeds": 3}, ["cell=gru,lstm", "seeds=3"]),
        ({"seeds": [0, 2], "task.length": (5, 9)}, ["seeds=[0,2]", "task.length=5,9"]),
        ({"tune.learning_rates": [1e-3, 0.01]}, ["tune.learning_rates=[0.001,0.01]"]),
        ({"optim.clip_norm": None, "force": True}, ["optim.clip_norm=null", "force=true"]),
        ({"out_dir": "a,b"}, ['out_dir="a,b"']),
        ({"cell.options.k": {"a": [1, 2]}}, ["cell.options.k={a:[1,2]}"]),
    ],
)
def test_python_values_are_written_as_words(settings, words):
    assert to_words(settings) == words


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": []}, r"cell=\[\] is not possible: give one value at least"),
        ({"cell": {1}}, r"cell=\{1\} is not possible: give a text, a number"),
        ({"cell": "gruu"}, "did you mean gru"),
    ],
)
def test_values_that_cannot_be_are_user_errors(settings, message):
    with pytest.raises(gru_bench.UserError, match=message):
        gru_bench.run(settings)
    with pytest.raises(gru_bench.UserError, match="cell is given twice"):
        gru_bench.run(settings, cell="gru")


def test_results_show_what_they_say():
    results = Results([make_result("adding", "gru"), make_result("adding", "lstm")])
    first, answer, *runs = repr(results).splitlines()
    assert first == "2 runs"
    assert answer == decision(make_groups(results))
    assert [line.split()[:2] for line in runs] == [["<Result", "gru"], ["<Result", "lstm"]]
    assert all(len(line) <= 100 for line in runs)
    page = results._repr_html_()
    assert html.escape(answer) in page
    assert page.count("<tr>") == 3
    assert repr(results[:1]).startswith("1 run\n")
    assert repr(Results()) == "no runs"


def test_results_become_a_data_frame():
    results = Results([make_result("adding", "gru"), make_result("copy", "lstm")])
    frame = results.to_pandas()
    assert sorted(frame["cell"]) == ["gru", "lstm"]
    by_cell = frame.set_index("cell")
    assert by_cell.loc["gru", "parameters"] == results[0].parameters.cell
    assert Results().to_pandas().empty


def test_load_results_gives_them_by_path(finished):
    out, _, (rnn, gru) = finished
    assert gru_bench.load_results(out) == [gru, rnn]
    assert gru_bench.load_results(str(out)) == [gru, rnn]


def test_load_results_warns_of_what_it_passes_over(tmp_path):
    write_result(tmp_path, make_result())
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "result.json").write_text("{")
    with pytest.warns(UserWarning, match=r"passed over .*damaged/result.json: not JSON") as caught:
        assert gru_bench.load_results(tmp_path) == [make_result()]
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("cell=gru", r"give a list, \['cell=gru'\]"),
        (["cell=gruu"], "did you mean gru"),
        (["cell=gru,rnn", *WORDS], "cell=gru,rnn lists several values"),
    ],
)
def test_bad_words_are_user_errors(words, message):
    with pytest.raises(gru_bench.UserError, match=message):
        gru_bench.run(words)


def test_no_runs_are_a_user_error(tmp_path):
    with pytest.raises(gru_bench.UserError, match="no finished runs under"):
        gru_bench.load_results(tmp_path)
    assert gru_bench.UserError is errors.UserError


def test_a_run_that_fails_is_named_after_the_others_are_finished(tmp_path, monkeypatch):
    leave_unmeasured(monkeypatch)
    words = ["cell=gru,rnn", *WORDS, f"out_dir={tmp_path}"]
    gru, rnn = (tmp_path / config.run_name({}) for config in compose_experiments(words, True))
    (gru / "result.json").mkdir(parents=True)  # where a file must go
    with pytest.raises(RuntimeError, match=f"^1 of 2 runs not finished; {re.escape(str(gru))}"):
        gru_bench.run(words, sweep=True)
    assert read_result(rnn).cell == "rnn"


@pytest.mark.process
def test_import_is_light(tmp_path):
    program = (
        "import sys, gru_bench; gru_bench.run, gru_bench.load_results, gru_bench.UserError;"
        " print({'jax', 'flax', 'hydra', 'numpy', 'msgspec', 'yaml', 'rich'} & set(sys.modules))"
    )
    assert python(program, tmp_path) == "set()\n"


@pytest.mark.process
def test_devices_that_jax_has_already_are_kept(finished, tmp_path):
    _, words, results = finished
    devices = (os.cpu_count() or 1) + 1
    program = (
        f"import jax, gru_bench; jax.config.update('jax_num_cpu_devices', {devices});"
        f" jax.devices(); print([r.cell for r in gru_bench.run({words!r}, sweep=True)]);"
        " print(jax.device_count())"
    )
    assert python(program, tmp_path) == f"{[r.cell for r in results]}\n{devices}\n"


def test_threads_take_turns(finished):
    _, words, results = finished
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda _: gru_bench.run(words, sweep=True), range(3)))
    assert found == [results] * 3


def test_a_program_that_uses_hydra_itself(finished, tmp_path):
    """In a process of its own, as `@hydra.main` takes its command line and working directory."""
    _, words, results = finished
    (tmp_path / "mine.yaml").write_text("answer: 42\n")
    program = f"""
import hydra, gru_bench
from hydra import compose, initialize_config_dir

@hydra.main(config_path={str(tmp_path)!r}, config_name="mine", version_base="1.3")
def main(config):
    print(config.answer, [r.cell for r in gru_bench.run({words!r}, sweep=True)])

main()
with initialize_config_dir({str(tmp_path)!r}, version_base="1.3"):
    for _ in range(2):  # as a cell of a notebook is run again
        print(len(gru_bench.run({words!r}, sweep=True)), compose("mine").answer)
"""
    cells = [result.cell for result in results]
    printed = [line for line in python(program, tmp_path).splitlines() if line[0] != "["]  # logs
    assert printed == [f"42 {cells}", "2 42", "2 42"]


def test_what_the_caller_has_set_in_jax_stays(finished):
    _, words, results = finished
    with jax.enable_x64(True):
        assert gru_bench.run(words, sweep=True) == results
        assert jax.numpy.ones(1).dtype == "float64"


@pytest.mark.guide
def test_the_examples_of_the_guide_run(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) == 5
    printed = python("\n".join(blocks), tmp_path)
    assert "2 runs: ['gru', 'lstm']" in printed
    assert "did you mean gru" in printed
    assert re.search(r"^gru .* 3$", printed, re.MULTILINE)  # mean, deviation and count of 3 seeds
    assert len(list(tmp_path.glob("results/runs/adding/*/*/result.json"))) == 2


def test_a_choice_is_asked_for_with_its_limits(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(choosing, "choose", lambda *arguments: asked.append(arguments))
    words = ["task=adding", "steps=2", f"out_dir={tmp_path}"]
    gru_bench.choose(words, parameters=400, runtime="onnx", minutes=2, margin=0.01)
    ((configs, request, _),) = asked
    assert [config.cell.name for config in configs] == ["gru", "lstm", "rnn"]
    assert {config.margin for config in configs} == {0.01}
    assert request.limits == Limits(runtime="onnx", parameters=400)
    assert (request.minutes, request.quiet) == (2, True)
    assert request.command == (
        "gru-bench choose --runtime onnx --parameters 400 --minutes 2 task=adding steps=2"
        f" out_dir={tmp_path} margin=0.01 cell=gru,lstm,rnn"
    )


def test_numbers_of_numpy_are_numbers():
    grid = list(np.geomspace(1e-3, 1e-1, 3))
    words = to_words({"optim.learning_rate": grid, "hidden_size": np.int64(8)})
    assert words == ["optim.learning_rate=0.001,0.01,0.1", "hidden_size=8"]
