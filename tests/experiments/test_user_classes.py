"""Cells, tasks and texts that users bring: the worked examples, and what is said of mistakes."""

import importlib
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from helpers import ROOT, guides
from helpers.plain_recurrence import assert_same, python_unroll, value_and_gradients
from helpers.reference import CELLS, random_cell, random_sequence, sigmoid
from helpers.xla import xla_operations

from gru_bench.benchmark import layer
from gru_bench.benchmark.peers import OURS, SCAN, SPLIT_SCAN
from gru_bench.benchmark.shape import Shape
from gru_bench.config.cell import BUILT_IN as DECLARED
from gru_bench.config.cell import CELLS as BUILT_IN
from gru_bench.config.cell import CustomCellConfig
from gru_bench.config.compose import compose_experiments
from gru_bench.config.tasks import CustomTaskConfig
from gru_bench.config.user_classes import classes_by_name, source_file
from gru_bench.evidence.claims.ledger import ledger
from gru_bench.experiments.resolve import resolve
from gru_bench.model import counts
from gru_bench.model.user_cell import layer_flops, layer_parameters, load_cell
from gru_bench.recurrence.plain import plain_unroll
from gru_bench.recurrence.scan import unroll
from gru_bench.runs.folder import load_results
from gru_bench.system.errors import UserError
from gru_bench.tasks.user_task import load_task

ROOT = ROOT
PAGE = "add-a-cell.md"
NUMBERS = itertools.count()
CLASSES = {"gru": "GRU", "gru_reset_after": "GRUResetAfter", "lstm": "LSTM", "rnn": "RNN"}
MGU, PARITY = "mgu:MinimalGatedUnit", "parity:Parity"


@pytest.fixture(autouse=True)
def classes_of_users():
    """What users write may stretch arrays to more axes unasked, as NumPy does."""
    with jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture
def examples(monkeypatch):
    """The folder of examples as the working directory."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    monkeypatch.chdir(ROOT / "examples")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that no other test has, in the working directory; gives its name."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    name = f"own_module_{next(NUMBERS)}"

    def write(code):
        (tmp_path / f"{name}.py").write_text(code)
        importlib.invalidate_caches()
        return name

    return write


# The page, command by command


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Runs a command of the page, once and after those before it, in a copy of the examples."""
    return guides.runner(PAGE, tmp_path_factory.mktemp("page") / "examples")


def results_by_cell(folder, task):
    return {r.cell: r for r in load_results(folder / "results" / "runs")[0] if r.task_label == task}


@pytest.mark.guide
@pytest.mark.parametrize("number", range(len(guides.commands(PAGE))))
def test_a_command_of_the_page_does_what_it_says(page, number):
    _, done = page(number)
    assert done.returncode == 0, done.stderr


@pytest.mark.guide
def test_a_cell_of_a_user_stands_in_the_table_and_among_the_figures(page):
    folder, done = page(0)
    row = next(line for line in done.stdout.splitlines() if line.startswith("mgu "))
    assert "608" in row.split()  # 2 H (I + H + 1)
    assert "0.50" in row.split()
    printed = next(line for line in done.stdout.splitlines() if " minimal_gated_unit " in line)
    # 2 H (I + H + 1) with I = 2, H = 128, and half of an LSTM's.
    assert printed.split()[2:5] == ["minimal_gated_unit", "33,536", "0.5000"]
    html = (folder / "report.html").read_text()
    figures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert sum(">mgu<" in figure for figure in figures) >= 3
    assert [claim.number for claim in ledger(load_results(folder / "results")[0])] == [
        *range(1, 20)
    ]


@pytest.mark.guide
def test_the_result_of_a_cell_of_a_user(page):
    folder, _ = page(0)
    runs = results_by_cell(folder, "adding")
    mgu, gru = runs["mgu"], runs["gru"]
    assert mgu.config["cell"]["module"] == MGU
    assert (mgu.parameters.cell, mgu.parameters.lstm) == (608, 1216)
    assert mgu.timing.train_step_vs_lstm.median > 0
    assert mgu.timing.latency_us.median > 0
    # Nothing is claimed of its gates at their ends, but how far they are open is seen.
    assert mgu.probes.gate_ends is None
    kept, reset = (mgu.probes.gates[0][name].by_unit for name in ("kept", "reset"))
    np.testing.assert_allclose(np.add(kept, reset[::-1]), 1, atol=1e-5)
    assert len(mgu.probes.gradients.trained[0]) == len(gru.probes.gradients.trained[0]) == 20


@pytest.mark.guide
def test_a_finished_run_is_recognised_and_a_changed_cell_is_run_anew(page, monkeypatch):
    folder, _ = page(0)
    finished = {path.parent.name for path in folder.glob("results/runs/adding/mgu/*/result.json")}
    words = guides.commands(PAGE)[0].replace("\\\n", " ").split("\n")[0].split()[3:]
    name = (
        "import sys; from gru_bench.config.compose import compose_experiments as c;"
        "print(c(sys.argv[1:], True)[1].run_name({}).rpartition('/')[2])"
    )

    def named():
        done = subprocess.run(
            [sys.executable, "-c", name, *words], cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert {named()} == finished
    source = folder / "mgu.py"
    before = source.read_text()
    source.write_text(before.replace("(1 - f) * h + f * n", "f * h + (1 - f) * n"))
    assert named() not in finished
    source.write_text(before)


@pytest.mark.guide
def test_the_result_of_a_task_of_a_user(page):
    folder, _ = page(1)
    (result,) = results_by_cell(folder, "parity").values()
    assert result.config["task"]["options"] == {"length": 8}
    assert result.score.name == "accuracy"
    assert all(0.3 < score < 1 for score in result.test_scores.values())
    assert result.probes.lengths.length == [8, 16, 32]


@pytest.mark.guide
def test_the_result_of_a_text_of_a_user(page):
    folder, _ = page(2)
    (result,) = results_by_cell(folder, "text-tickets").values()
    assert len(result.test_scores) == 2
    assert all(seed.train["accuracy"] > 0.7 for seed in result.seeds)


# The minimal gated unit, against its equations


def reference_mgu(cell, x, state):
    """The outputs after each step by the equations of Zhou et al., in NumPy."""
    w_f, w = np.split(np.asarray(cell.weight_ih[...]), 2, axis=1)
    b_f, b = np.split(np.asarray(cell.bias[...]), 2)
    u_f, u = (np.asarray(weight[...]) for weight in cell.weights_hh)
    (h,) = state
    outputs = []
    for x_t in np.asarray(x):
        f = sigmoid(x_t @ w_f + h @ u_f + b_f)
        candidate = np.tanh(x_t @ w + (f * h) @ u + b)
        h = (1 - f) * h + f * candidate
        outputs.append(h)
    return np.stack(outputs)


def test_the_minimal_gated_unit_computes_its_equations(examples, x64):
    cell = random_cell(MGU, 3, 5)
    assert np.abs(cell.bias[...]).min() > 0
    x, state = random_sequence(cell, 7, 2, 3)
    np.testing.assert_allclose(unroll(cell, x, state)[0], reference_mgu(cell, x, state), rtol=1e-12)


def test_its_fast_gradient_is_that_of_a_plain_scan(examples, x64):
    cell = random_cell(MGU, 2, 7)
    x, state = random_sequence(cell, 9, 3, 2)
    found = value_and_gradients(unroll, cell, x, state)
    assert_same(found, value_and_gradients(plain_unroll, cell, x, state), rtol=1e-10, atol=1e-12)
    assert_same(found[1], python_unroll(cell, x, state), rtol=1e-11, atol=1e-13)
    assert all(jnp.abs(gradient).max() > 0 for gradient in jax.tree.leaves(found[0]))


def test_its_chrono_initialisation_keeps_the_state(examples):
    cell = load_cell(MGU)(2, 3, rngs=nnx.Rngs(0))
    cell.remember(jnp.array([0.0, 2.0, 5.0]))
    h = jnp.ones((1, 3))
    gates = cell.gates((h,), cell.project(jnp.zeros((1, 2))), lambda i, a: jnp.zeros_like(a))
    np.testing.assert_allclose(
        cell.openness(gates)["kept"][0], sigmoid(np.array([0, 2, 5])), rtol=1e-6
    )


# Counted and matched


@pytest.mark.parametrize(("input_size", "hidden_size"), [(1, 1), (2, 3), (64, 256)])
def test_parameters_are_counted_in_the_real_tree(examples, input_size, hidden_size):
    formula = 2 * hidden_size * (input_size + hidden_size + 1)
    assert counts.cell_parameters(MGU, input_size, hidden_size) == formula
    stack = counts.stack_parameters(MGU, input_size, hidden_size, 3)
    assert stack == formula + 2 * 2 * hidden_size * (2 * hidden_size + 1)


@pytest.mark.parametrize("name", CELLS)
def test_the_built_in_cells_are_counted_as_by_their_formulas(name):
    reference = f"gru_bench.cells.builtin:{CLASSES[name]}"
    pointwise = DECLARED[name].pointwise * 16
    assert layer_parameters(reference, 5, 16) == counts.cell_parameters(name, 5, 16)
    assert layer_flops(reference, 5, 16) == counts.cell_flops(name, 5, 16) - pointwise


def test_operations_are_those_that_xla_counts(examples):
    # Worked by hand: k H (2I + 2H + 1) with k = 2, and 9 pointwise operations of 3 units.
    assert counts.cell_flops(MGU, 2, 3) == 66 + 27
    sigmoids = 3 * 16  # XLA counts one as four operations
    expected = counts.cell_flops(MGU, 5, 16) + sigmoids
    assert xla_operations(MGU, 5, 16) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("match", ["parameters", "flops"])
def test_no_size_comes_nearer_to_the_lstm(examples, match):
    count = {"parameters": counts.stack_parameters, "flops": counts.stack_flops}[match]
    target = count("lstm", 7, 20, 2)
    distances = {size: abs(count(MGU, 7, size, 2) - target) for size in range(1, 60)}
    found = counts.matched_hidden_size(MGU, 7, 20, 2, match)
    assert found == min(distances, key=distances.__getitem__) > 20


def test_the_table_of_parameters_has_a_row_for_it(examples):
    own = classes_by_name("cell", [MGU, "gru"], BUILT_IN)
    assert own == {"minimal_gated_unit": MGU, "gru": "gru"}
    rows = {row["cell"]: row for row in counts.parameter_table([2], [128], own=own)}
    assert [*rows] == [*CELLS, "minimal_gated_unit"]
    assert rows["minimal_gated_unit"]["ratio_to_lstm"] == 0.5
    budget = {row["cell"]: row for row in counts.budget_table([100], 20_000, own)}
    # 2 H (H + 101) is 20,010 at 62... and 20,536 at 63.
    assert budget["minimal_gated_unit"]["hidden_size"] == 62
    assert counts.parameter_table([2], [128])[-1]["cell"] == "rnn"


def test_its_layer_is_timed_against_a_plain_scan(examples, monkeypatch):
    monkeypatch.setitem(layer.GRIDS, "quick", [Shape(4, 5, 3, 2)])
    monkeypatch.setitem(layer.ROUNDS, "quick", 2)
    monkeypatch.setattr(layer, "PRODUCT_SIZE", 16)
    result = layer.measure_speed("quick", cells={"mgu": MGU})
    assert [(case["cell"], case["work"]) for case in result["cases"]] == [
        ("mgu", layer.TRAIN),
        ("mgu", layer.INFER),
    ]
    assert {name for case in result["cases"] for name in case["contestants"]} == {
        OURS, SCAN, SPLIT_SCAN,
    }  # fmt: skip
    ours = result["cases"][1]["contestants"][OURS]
    # 5 steps of one sequence; 4 columns, each of 3 products with the input and 2 with the state.
    assert ours["gflops"] * ours["median_ms"] * 1e6 == pytest.approx(2 * 5 * 4 * (3 + 2))


# Named in a configuration


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("MinimalGatedUnit", "minimal_gated_unit"),
        ("MGU", "mgu"),
        ("GRUWithOneGate2", "gru_with_one_gate2"),
    ],
)
def test_a_class_goes_by_its_own_name_in_snake_case(class_name, name):
    assert CustomCellConfig(module=f"a.b:{class_name}").name == name
    assert CustomTaskConfig(module=f"a.b:{class_name}").name == name
    assert CustomCellConfig(module=f"a.b:{class_name}", name="mine").name == "mine"


def test_the_identity_is_that_of_the_class_and_of_its_file(module, tmp_path):
    def identity(*words):
        base = ["task=copy", "steps=1", "cell=custom", f"cell.module={name}:A", *words]
        return compose_experiments(base, False)[0].identity({})

    name = module("A = 1\n")
    (tmp_path / "copied.py").write_text("A = 1\n")
    first = identity()
    assert identity() == first
    assert identity(f"cell.module={name}:B", "cell.name=a") != first
    assert identity("cell.module=copied:A") != first
    module("A = 2\n")
    assert identity() != first
    module("A = 1\n")
    assert identity() == first
    task = ["task=custom", f"task.module={name}:A"]
    with_task = identity(*task)
    assert identity(*task, "task.options.x=1") != with_task
    module("A = 3\n")
    assert identity(*task) != with_task


def test_configurations_of_built_in_cells_are_as_they_were():
    """Or their finished runs would be run anew."""
    (config,) = compose_experiments(["cell=gru", "task=adding"], False)
    assert vars(config.cell) == {
        "name": "gru", "keep": 0.9, "forget_bias": None, "initialisation": "orthogonal",
        "chrono_length": None,
    }  # fmt: skip
    assert vars(config.task) == {"name": "adding", "length": 100}


def test_a_file_is_found_without_running_any_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "own_package" / "inner"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("raise SystemExit('run')\n")
    (package / "cells.py").write_text("raise SystemExit('run')\n")
    importlib.invalidate_caches()
    assert source_file("own_package.inner.cells:A") == str(package / "cells.py")
    assert source_file("own_package.inner:A") == str(package / "__init__.py")
    assert source_file("own_package.outer.cells:A") is None
    assert source_file("own_packages:A") is None


def test_a_sweep_has_built_in_ones_and_users_ones_side_by_side():
    words = ["cell=gru,custom", f"cell.module={MGU}", "task=custom,adding", f"task.module={PARITY}"]
    configs = compose_experiments([*words, "task.options.length=4,5"], True)
    assert [(c.cell.name, c.task.name, getattr(c.task, "options", None)) for c in configs] == [
        (cell, *task)
        for cell in ("gru", "minimal_gated_unit")
        for task in (("parity", {"length": 4}), ("parity", {"length": 5}), ("adding", None))
    ]


@pytest.mark.process
def test_a_package_offers_classes_by_name(tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path, dirs_exist_ok=True)
    info = tmp_path / "own_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[gru_bench.cells]\nmgu = {MGU}\ngru = {MGU}\n[gru_bench.tasks]\nodd = {PARITY}\n"
    )
    code = """if True:
        from gru_bench.config.compose import compose_experiments
        from gru_bench.config.user_classes import classes_by_name
        words = ["cell=gru,mgu", "task=odd", "task.options.length=6"]
        for c in compose_experiments(words, True):
            print(c.cell.name, c.cell.implementation, c.task.name, c.task.module, c.task.options)
        print(classes_by_name("cell", ["mgu", "gru"], ("gru",)))
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        f"gru gru odd {PARITY} {{'length': 6}}",
        f"mgu {MGU} odd {PARITY} {{'length': 6}}",
        str({"mgu": MGU, "gru": "gru"}),
    ], done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cell=custom"], ["cell.module is missing", "cell.module=my_package"]),
        (["task=custom"], ["task.module is missing"]),
        (["cell=custom", "cell.module=mgu.MGU"], ["cell.module=mgu.MGU", "package.module:Class"]),
        (["cell=custom", "cell.module='a b:C'"], ["cell.module=a b:C", "package.module:Class"]),
        (["cell=custom", "cell.module=my:GRU"], ["cell.name=gru", "none of gru, gru_reset_after"]),
        (["task=custom", "task.module=my:Copy"], ["task.name=copy", "none of adding"]),
        (["cell=custom", "cell.module=m:A", "cell.name=../up"], ["cell.name=../up", "letters"]),
        (["cell=gru", "cell.module=m:A"], ["cell.module is not a key", "goes with cell=custom"]),
        (
            ["task=adding", "task.options.length=3"],
            ["task.options.length", "with task=custom"],
        ),
        (["task=custom", "task.module=m:A", "task.embedding_size=0"], ["task.embedding_size=0"]),
        (["task=custom", "task.module=m:A", "task.options.n=1", "steps=x"], ["steps=x", "a whole"]),
        (["cell=mgu"], ["cell=mgu is not known", "custom, gru"]),
    ],
)
def test_what_is_wrong_with_the_words_is_said_in_one_line(words, expected):
    with pytest.raises(UserError) as error:
        compose_experiments(words, False)
    message = str(error.value)
    assert "\n" not in message
    for part in expected:
        assert part in message


def test_two_classes_do_not_go_by_one_name(examples):
    words = [
        "task=adding",
        "cell=custom",
        f"cell.module={MGU},gru_bench.cells.builtin:RNN",
        "cell.name=x",
    ]
    with pytest.raises(
        UserError, match=f"cell.name=x .* both {MGU} and gru_bench.cells.builtin:RNN"
    ):
        resolve(compose_experiments(words, True))


def test_epochs_of_a_task_that_is_drawn_without_end(examples):
    words = ["task=custom", f"task.module={PARITY}", "task.options.length=4", "epochs=2"]
    with pytest.raises(UserError, match=r"epochs=2 .* give steps instead"):
        resolve(compose_experiments(words, False))


def test_tokens_are_embedded(module):
    name = module(
        "import dataclasses, jax, jax.numpy as jnp\n"
        f"import sys; sys.path.insert(0, {str(ROOT / 'examples')!r})\n"
        "from parity import Parity\n"
        "from gru_bench.tasks.base import static\n"
        "@jax.tree_util.register_dataclass\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Ids(Parity):\n"
        "    tokens: bool = static(default=True)\n"
        "    input_size: int = static(default=4)\n"
        "    def batch(self, item):\n"
        "        batch = super().batch(item)\n"
        "        return batch._replace(inputs=(batch.inputs @ jnp.array([2.0, 1.0])).astype(int))\n"
    )
    words = ["task=custom", f"task.module={name}:Ids", "task.options.length=3"]
    (experiment,) = resolve(compose_experiments([*words, "task.embedding_size=5"], False))
    assert experiment.train.model.embedding_size == 5
    assert experiment.train.model.cell_input_size == 5


# What is wrong with a class


CELL = """
import jax, jax.numpy as jnp
from flax import nnx
from gru_bench.cells import GRU, RNN, Cell, LinearCell
class Good(RNN): pass
"""
OWN = "class Own(RNN):\n  "
GATES = OWN + "gates = staticmethod(lambda s, x, d: {'n': %s})\n"
NEXT_STATE = OWN + "next_state = staticmethod(lambda s, g: (%s,))\n"
LINEAR = """
class Linear(LinearCell):
  input_only = 1
  input_gates = staticmethod(lambda x: {'z': jax.nn.sigmoid(x)})
  coefficients = staticmethod(lambda g: (1 - g['z'], g['z']))
class Own(Linear):
  """
INIT = OWN + "def __init__(self, i, h, *, rngs):\n    super().__init__(%s, rngs=rngs)\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("Own = 3", ["has no class Own"]),
        ("class Other: pass", ["has no class Own"]),
        ("class Own: pass", ["not a subclass of gru_bench.cells.Cell"]),
        ("Own = RNN", ["defined elsewhere", "cell.module=gru_bench.cells.builtin:RNN"]),
        ("raise ImportError('no such\\nthing')", ["importing it fails with ImportError: no such"]),
        ("class Own(Cell): pass", ["products"]),
        ("class Own(Cell): products = (1,)", ["a cell defines its own gates"]),
        (OWN + "def __init__(self, size): pass", ["TypeError", "__init__"]),
        (NEXT_STATE % "g['n'][:, :1]",
         ["next_state must give float32[2,4]", "it gives float32[2,1]"]),
        (NEXT_STATE % "g['n'], g['n']",
         ["next_state must give float32[2,4]", "float32[2,4], float32[2,4]"]),
        (NEXT_STATE % "g['n'] * jnp.ones(4)",
         ["next_state must give bfloat16[2,4]", "it gives float32[2,4]"]),
        (OWN + "zero_state = lambda self, n, dtype: (jnp.zeros((n, 1), dtype),)",
         ["zero_state must give float32[2,4]"]),
        (GATES % "x + d(0, s[0]) + d(0, s[0])", ["dot(i, ...)", "[0]: [0, 0]"]),
        (NEXT_STATE % "jnp.sqrt(g['n'] * 0)",
         ["gradient by plain autodiff is not finite", "square root"]),
        (NEXT_STATE % "g['n'] / jnp.where(g['n'] > 9, 1, 0)", ["is not finite"]),
        (GATES % "x * d(0, s[0])",
         ["gradient differs from that of plain autodiff", "input_is_added = False"]),
        (OWN + "def gates(self, s, x, d): return {'n': x}", ["gates must be a @staticmethod"]),
        (OWN + "openness = staticmethod(lambda g: {'kept': 1 + g['n']})",
         ["openness: kept", "from 0 to 1"]),
        (INIT % "i, h" + "    self.extra = nnx.Variable(jnp.zeros(h))", ["no nnx.Param"]),
        (LINEAR + "coefficients = lambda self, g: (g['z'], g['z'])",
         ["coefficients must be a @staticmethod"]),
        (LINEAR + "next_state = staticmethod(lambda s, g: (jnp.tanh(s[0] * g['z'] + g['z']),))",
         ["next state is not the one of its coefficients"]),
        (INIT % "i, 7", ["hidden_size=4, it has hidden_size=7"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_cell_is_said_in_one_line(module, code, expected):
    name = module(CELL + code)
    with pytest.raises(UserError) as error:
        load_cell(f"{name}:Own")
    message = str(error.value)
    assert message.startswith(f"cell.module={name}:Own ")
    assert "\n" not in message
    for part in expected:
        assert part in message


def test_what_does_not_only_add_its_input_passes_once_it_says_so(module):
    name = module(CELL + GATES % "x * d(0, s[0])" + "  input_is_added = False\n")
    assert load_cell(f"{name}:Own").__name__ == "Own"


def test_a_cell_that_is_linear_in_its_state_passes(module):
    assert load_cell(f"{module(CELL + LINEAR + 'pass')}:Own").__name__ == "Own"


def test_there_is_no_such_module():
    with pytest.raises(UserError, match=r"no module own_nowhere\.cells in .* or among"):
        load_cell("own_nowhere.cells:Own")


@pytest.mark.parametrize("name", CELLS)
def test_the_built_in_cells_pass_the_check(name):
    assert load_cell(f"gru_bench.cells.builtin:{CLASSES[name]}").__name__ == CLASSES[name]


def test_a_class_that_has_changed_since_it_was_imported_is_not_mistaken_for_the_new_one(module):
    name = module(CELL)
    load_cell(f"{name}:Good")
    assert CustomCellConfig(module=f"{name}:Good").name == "good"
    module(CELL + "\n# changed\n")
    with pytest.raises(UserError, match=r"has changed since .* start Python anew"):
        CustomCellConfig(module=f"{name}:Good")


TASK = f"""
import sys; sys.path.insert(0, {str(ROOT / "examples")!r})
import dataclasses, jax, jax.numpy as jnp
from gru_bench.tasks.base import static
from parity import Parity
def task(cls):
    return jax.tree_util.register_dataclass(dataclasses.dataclass(frozen=True)(cls))
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("class Own: pass", ["takes no arguments"]),
        ("class Own:\n  def __init__(self, **options): pass",
         ["it has no batch, batch_size", "gru_bench.tasks.base.Task"]),
        ("@dataclasses.dataclass(frozen=True)\nclass Own(Parity): pass", ["a pytree of arrays"]),
        ("@task\nclass Own(Parity):\n  readout: str = static(default='first')",
         ["readout=first", "last, mean, max, every"]),
        ("@task\nclass Own(Parity):\n  score: str = static(default='accuracy')", ["score must be"]),
        ("@task\nclass Own(Parity):\n  input_size: int = static(default=3)",
         ["inputs of a batch", "(4, 10, 3)", "(4, 10, 2)"]),
        ("@task\nclass Own(Parity):\n  tokens: bool = static(default=True)", ["whole numbers (4,"]),
        ("@task\nclass Own(Parity):\n  def batch(self, item):\n"
         "    return super().batch(item)._replace(weights=jnp.ones(3))", ["weights of a batch"]),
        ("@task\nclass Own(Parity):\n  def tally(self, o, b):\n    return {'loss': jnp.ones(())}",
         ["KeyError", "count"]),
        ("@task\nclass Own(Parity):\n  def scores(self, t):\n    return {'loss': t['loss']}",
         ["scores must have the single numbers accuracy"]),
        ("@task\nclass Own(Parity):\n  def solved(self, s):\n    return s['accuracy']",
         ["solved must give one true or false"]),
        ("@task\nclass Own(Parity):\n  def predictions(self, o, b):\n    return o.argmax()",
         ["predictions must be one for each sequence, (10,), they are ()"]),
        ("@task\nclass Own(Parity):\n  def evaluation(self, key, split):\n    return key",
         ["cannot be used"]),
        ("class Own(Parity): pass\n"
         "jax.tree_util.register_pytree_node(Own, lambda t: ((), (t.length, t.batch_size)),"
         " lambda s, _: Parity(*s))", ["it is another task once it was taken apart"]),
        ("@task\nclass Own(Parity):\n  def __post_init__(self):\n    self.data.sum()\n"
         "  data: jax.Array = dataclasses.field(default_factory=lambda: jnp.ones(3))",
         ["no attribute 'sum'"]),
        ("DATA = jnp.ones(30_000)\n@task\nclass Own(Parity):\n  def tally(self, o, b):\n"
         "    return super().tally(o * DATA[b.lengths[0]], b)",
         ["0.1 MB of data would become constants of the compiled program"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_task_is_said_in_one_line(module, code, expected):
    name = module(TASK + code)
    with pytest.raises(UserError) as error:
        load_task(f"{name}:Own", {} if "__init__" in code else {"length": 4}, 10)
    message = str(error.value)
    assert message.startswith(f"task.module={name}:Own cannot be used: ")
    assert "\n" not in message
    for part in expected:
        assert part in message


def test_what_is_wrong_with_the_options_is_said_in_one_line(examples):
    with pytest.raises(UserError, match="length=0 must be at least 1"):
        load_task(PARITY, {"length": 0}, 10)
    with pytest.raises(UserError, match="unexpected keyword argument 'lenght'"):
        load_task(PARITY, {"lenght": 5}, 10)


def test_parity_is_that_of_the_marked_bits(examples):
    task = load_task(PARITY, {"length": 6}, 50)
    batch = task.batch(jax.random.key(0))
    odd = [
        sum(int(bit) for bit, mark in row if mark) % 2 for row in np.swapaxes(batch.inputs, 0, 1)
    ]
    np.testing.assert_array_equal(batch.targets, odd)
    assert 0 < sum(odd) < 50
    outputs = jax.nn.one_hot(batch.targets, 2) * 9.0
    assert task.scores(task.tally(outputs, batch))["accuracy"] == 1
    assert task.scores(task.tally(-outputs, batch))["accuracy"] == 0


@pytest.mark.process
def test_the_working_directory_is_searched_by_the_command(tmp_path):
    (tmp_path / "wrong.py").write_text("class Own: pass\n")
    command = [str(Path(sys.executable).parent / "gru-bench"), "run", "-q", "cell=custom"]
    done = subprocess.run(
        [*command, "cell.module=wrong:Own"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: cell.module=wrong:Own cannot be used: it is not a subclass of gru_bench.cells.Cell"
    ]
