"""Exported files: written only if they compute the same, and used by a process without JAX."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from helpers import ROOT
from helpers.modules import load_module
from helpers.reference import CELLS
from helpers.trained import random_trained, train, words_for_tickets
from safetensors import safe_open

import gru_bench
from gru_bench.cli.main import main
from gru_bench.config import checks
from gru_bench.experiments.quantization import quantized
from gru_bench.export import files
from gru_bench.export.files import export
from gru_bench.export.onnx import sequence_model
from gru_bench.runs.folder import read_result
from gru_bench.runs.weights import MODEL, WEIGHTS
from gru_bench.system.errors import UserError


@pytest.mark.parametrize("readout", ["last", "mean", "max", "every"])
def test_pytorch_reads_the_head_s_states_as_jax_does(tmp_path, readout):
    trained = random_trained("gru", readout=readout)
    assert export(trained, "torch", tmp_path / "m.safetensors").difference < 1e-5


@pytest.mark.parametrize("cell", CELLS)
def test_a_model_in_pytorch_needs_its_two_files_alone(tmp_path, cell):
    options = {"input_size": 6, "output_size": 2, "embedding_size": 3, "layers": 2}
    trained = random_trained(cell, ("a", "b"), **options)
    exported = export(trained, "torch", tmp_path / "my_model.safetensors")
    assert exported.runtime == "PyTorch"
    assert exported.difference < 1e-5
    assert [path.name for path in exported.files] == ["my_model.safetensors", "my_model.py"]
    assert "gru_bench" not in (tmp_path / "my_model.py").read_text()
    model = load_module(tmp_path / "my_model.py").load(tmp_path / "my_model.safetensors")
    tokens = [[1, 5, 2], [3, 0, 4]]
    with torch.inference_mode():
        found = model(torch.tensor(tokens)).numpy()
    assert np.abs(found - trained.outputs(np.array(tokens))).max() < 1e-5
    assert model.class_names == ["a", "b"]


@pytest.mark.parametrize("readout", ["last", "mean", "max", "every"])
@pytest.mark.parametrize("cell", ["gru", "gru_reset_after", "lstm"])
def test_pytorch_reads_from_both_ends_as_jax_does(tmp_path, cell, readout):
    trained = random_trained(cell, readout=readout, layers=2, bidirectional=True)
    exported = export(trained, "torch", tmp_path / "both.safetensors")
    assert exported.difference < 1e-5
    model = load_module(tmp_path / "both.py").load(tmp_path / "both.safetensors")
    with pytest.raises(TypeError, match="takes no single steps"):
        model.step(torch.zeros(1, 2))


def test_a_model_that_reads_from_both_ends_has_no_file_of_single_steps(tmp_path):
    trained = random_trained("lstm", bidirectional=True)
    exported = export(trained, "onnx", tmp_path / "both.onnx")
    assert exported.difference < 1e-5
    assert [path.name for path in exported.files] == ["both.onnx"]
    assert [path.name for path in tmp_path.iterdir()] == ["both.onnx"]


def test_a_cell_of_the_user_becomes_a_loop_of_its_equations(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT / "examples")
    trained = random_trained("mgu:MinimalGatedUnit", hidden_size=4)
    assert export(trained, "onnx", tmp_path / "mgu.onnx").difference < 1e-5
    with pytest.raises(UserError, match="cannot be exported as torch: PyTorch has no layer"):
        export(trained, "torch", tmp_path / "mgu.safetensors")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mgu.onnx", "mgu_step.onnx"]


def test_what_is_not_the_same_is_not_written(tmp_path, monkeypatch):
    trained = random_trained("rnn")
    monkeypatch.setattr(files, "sequence_difference", lambda trained, call: float("nan"))
    for format, name in (("onnx", "a.onnx"), ("torch", "a.safetensors")):
        with pytest.raises(UserError, match="differs from JAX by nan, more"):
            export(trained, format, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_told_with_what_brings_it(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"--format onnx needs onnx: pip install '\.\[export\]'"):
        export(random_trained("rnn"), "onnx", tmp_path / "a.onnx")
    with pytest.raises(UserError, match=r"its name must end in \.onnx"):
        export(random_trained("rnn"), "onnx", tmp_path / "a.pb")


def test_plain_weights_tell_what_they_are(tmp_path):
    trained = random_trained("lstm", ("a", "b"), output_size=2)
    export(trained, "safetensors", tmp_path / "a.safetensors")
    with safe_open(tmp_path / "a.safetensors", framework="numpy") as file:
        assert file.get_tensor("layers.0.bias").shape == (12,)
        assert json.loads(file.metadata()["model"])["architecture"]["cell"] == "lstm"


WITHOUT_JAX = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "numpy", "onnxruntime"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
import json
import numpy as np
import onnxruntime

model = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
names = json.loads(model.get_modelmeta().custom_metadata_map["class_names"])
read = np.load(sys.argv[2])
(shares,) = model.run(["probabilities"], {name: read[name] for name in ("tokens", "lengths")})
print(json.dumps([names[i] for i in shares.argmax(-1)]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    corpus = tmp_path_factory.mktemp("corpus")
    return train(corpus, *words_for_tickets(corpus), "cell=lstm", "seeds=1")


@pytest.mark.process
def test_a_process_without_jax_gives_the_same_classes(folder, tmp_path, capsys):
    tickets = read_result(folder).config["corpus"]["train"]
    words = ["predict", str(folder), tickets, "--tokens", str(tmp_path / "t.npz")]
    assert main([*words, "--out", str(tmp_path / "p.csv")]) == 0
    assert main(["export", str(folder), "--out", str(tmp_path / "m.onnx")]) == 0
    shown = capsys.readouterr().out
    assert (
        "m.onnx\n  whole sequences, opset 17\n  reads tokens[batch,time] lengths[batch]\n" in shown
    )
    assert "largest difference from JAX, in ONNX Runtime: " in shown
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_JAX, tmp_path / "m.onnx", tmp_path / "t.npz"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "p.csv").read_text().splitlines()[1:]
    assert json.loads(done.stdout) == [line.split(",")[1] for line in lines]


def test_a_model_trained_in_bfloat16_is_exported_in_float32(folder, tmp_path):
    (tmp_path / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes())
    told = (folder / MODEL).read_text()
    (tmp_path / MODEL).write_text(told.replace('"dtype": "float32"', '"dtype": "bfloat16"'))
    assert gru_bench.load_model(tmp_path).config.dtype == "bfloat16"
    assert main(["export", str(tmp_path), "--out", str(tmp_path / "m.onnx")]) == 0


def test_integers_are_scored_beside_the_float_model(folder, tmp_path, capsys):
    words = ["export", str(folder), "--out", str(tmp_path / "m.onnx"), "--quantize", "int8"]
    assert main(words) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines()[-3:]]
    assert table[0] == ["weights", "test", "accuracy", "kB", "µs", "a", "sequence"]
    assert float(table[1][1]) == pytest.approx(
        read_result(folder).seeds[0].test["accuracy"], abs=1e-4
    )
    assert [row[0] for row in table[1:]] == ["float32", "int8"]
    assert (tmp_path / "m_int8.onnx").exists()
    assert main([*words, "--format", "safetensors"]) == 2
    assert "--quantize int8 is for --format onnx alone" in capsys.readouterr().err


def test_the_products_of_a_loop_become_integers():
    trained = random_trained("gru", hidden_size=8)
    model = onnx.load_model_from_string(quantized(sequence_model(trained, operators=False)))
    (scan,) = (node for node in model.graph.node if node.op_type == "Scan")
    (body,) = (each.g for each in scan.attribute if each.name == "body")
    assert "MatMulInteger" in {node.op_type for node in body.node}
    assert files.sequence_difference(trained, files.onnx_call(model)) < 0.2
