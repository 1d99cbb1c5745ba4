"""The script that checks the recurrences on a GPU: what it does without one."""

import json

import jax
import pytest
from helpers import ROOT
from helpers.modules import load_module


@pytest.fixture(scope="module")
def check_gpu():
    return load_module(ROOT / "scripts" / "check_gpu.py")


@pytest.mark.skipif(jax.default_backend() == "gpu", reason="JAX has found a GPU here")
def test_without_a_gpu_it_says_so_in_one_line(check_gpu, capsys, tmp_path):
    assert check_gpu.main(["--out", str(tmp_path / "gpu.json")]) == 2
    assert capsys.readouterr().out.startswith("no GPU: ")
    assert list(tmp_path.iterdir()) == []


def test_interpreted_it_checks_times_and_writes(check_gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(check_gpu, "ROUNDS", 2)
    tolerances = {("float32", "highest"): 1e-5, ("bfloat16", None): 1e-1}
    monkeypatch.setattr(check_gpu, "TOLERANCES", tolerances)
    out = tmp_path / "gpu.json"
    assert check_gpu.main(["--interpret", "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["interpreted"]
    checks = {(row["recurrence"], row["dtype"], row["precision"]): row for row in report["checks"]}
    assert len(checks) == 2 * 2 == len(report["checks"])
    assert checks["fused", "bfloat16", "default"]["error"] > 1e-4
    assert set(report["layers"][0]["ms"]) == {"scan", "fused", "torch.nn.LSTM"}
    assert [set(row["ms"]) for row in report["population"]] == [{"together", "in turn"}] * 2
    table = out.with_suffix(".md").read_text()
    assert "the times mean nothing" in table
    assert "| lstm | 3 x 5 x 2 x 8 | fused | 2 | together" in table


def test_a_path_that_fails_or_is_wrong_fails_the_check(check_gpu, tmp_path, monkeypatch):
    def wrong(cell, x, state, implementation):
        if implementation == "fused":
            raise NotImplementedError("no such kernel")
        outputs, last = check_gpu.plain_unroll(cell, x, state)
        return 1.5 * outputs, last

    monkeypatch.setattr(check_gpu, "unroll", wrong)
    monkeypatch.setattr(check_gpu, "TOLERANCES", {("float32", None): 1e-2})
    scan, fused = check_gpu.check(check_gpu.TINY, interpret=True)
    assert not scan["passed"]
    assert scan["error"] > 0.1
    assert (fused["passed"], fused["error"]) == (False, "no such kernel")
