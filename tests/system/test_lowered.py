"""Programs as they are lowered: kept where nothing else decides, and the same read as traced."""

import zlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from gru_bench.system import lowered
from gru_bench.system.lowered import compile_program, result_node


@result_node
class Pair(NamedTuple):
    first: jax.Array
    rest: dict


class Foreign(NamedTuple):
    value: jax.Array


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A cache of the test's own."""
    before = jax.config.values["jax_compilation_cache_dir"]
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    monkeypatch.setattr(lowered, "_compiled", {})
    yield tmp_path
    jax.config.update("jax_compilation_cache_dir", before)


def kept(folder):
    return sorted(folder.glob("lowered-*-cache"))


class Counted:
    """A function that counts how often it is traced."""

    def __init__(self, result=Pair):
        self.traces = 0
        self.result = result

    def __call__(self, tree, key):
        self.traces += 1
        noise = jax.random.normal(key, tree["x"].shape)
        if self.result is Foreign:
            return Foreign(tree["x"] + noise)
        return Pair(jnp.tanh(tree["x"] * noise), {3: tree["n"] + 1, 1: (noise, None)})


ARGUMENTS = {"x": jnp.arange(3.0), "n": jnp.int32(4)}, jax.random.key(1)


def another_process(monkeypatch):
    monkeypatch.setattr(lowered, "_compiled", {})


def assert_equal(tree, other):
    assert str(jax.tree.structure(tree)) == str(jax.tree.structure(other))
    for leaf, same in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(leaf, same, strict=True)


def test_what_is_kept_computes_the_same_bits_and_is_not_traced_again(folder, monkeypatch):
    traced = compile_program(Counted(), *ARGUMENTS, made_of=None)(*ARGUMENTS)
    assert not kept(folder)
    function = Counted()
    assert_equal(compile_program(function, *ARGUMENTS, made_of="f")(*ARGUMENTS), traced)
    assert len(kept(folder)) == function.traces == 1
    another_process(monkeypatch)
    assert_equal(compile_program(function, *ARGUMENTS, made_of="f")(*ARGUMENTS), traced)
    assert function.traces == 1


def test_a_process_compiles_the_same_once():
    first = compile_program(Counted(), *ARGUMENTS, made_of="f")
    assert compile_program(Counted(), *ARGUMENTS, made_of="f") is first
    assert compile_program(Counted(), *ARGUMENTS, made_of="g") is not first


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: ({"made_of": "g"}, ARGUMENTS),
        lambda patch: ({"made_of": "f", "donate": True}, ARGUMENTS),
        lambda patch: ({"made_of": "f"}, (ARGUMENTS[0] | {"x": jnp.arange(4.0)}, ARGUMENTS[1])),
        lambda patch: ({"made_of": "f"}, (ARGUMENTS[0] | {"n": jnp.float32(4)}, ARGUMENTS[1])),
        lambda patch: ({"made_of": "f"}, (ARGUMENTS[0] | {"m": jnp.int32(4)}, ARGUMENTS[1])),
        lambda patch: patch.setattr(lowered, "_surroundings", lambda: "another source"),
        lambda patch: patch.setattr(lowered, "_settings", lambda: ["other settings"]),
    ],
)
def test_whatever_decides_is_part_of_the_key(folder, monkeypatch, change):
    compile_program(Counted(), *ARGUMENTS, made_of="f")
    options, arguments = change(monkeypatch) or ({"made_of": "f"}, ARGUMENTS)
    function = Counted()
    compile_program(function, *arguments, **options)
    assert function.traces == 1
    assert len(kept(folder)) == 2


def test_settings_of_jax_are_among_what_decides():
    before = lowered._settings()
    with jax.default_matmul_precision("bfloat16"):
        assert lowered._settings() != before
    with jax.enable_x64(True):
        assert lowered._settings() != before


def test_a_source_that_was_edited_since_the_start_keeps_nothing(folder, monkeypatch):
    monkeypatch.setattr(lowered, "_started", 0.0)
    lowered._surroundings.cache_clear()
    try:
        function = Counted()
        for _ in range(2):
            compile_program(function, *ARGUMENTS, made_of="f")
        assert not kept(folder)
        assert function.traces >= 1
    finally:
        lowered._surroundings.cache_clear()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: zlib.compress(b"no line"),
        lambda content: zlib.compress(b'["Unknown", null, []]\nprogram'),
        lambda content: zlib.compress(zlib.decompress(content).partition(b"\n")[0] + b"\n"),
    ],
)
def test_what_is_damaged_is_traced_and_replaced(folder, monkeypatch, damage):
    function = Counted()
    expected = compile_program(function, *ARGUMENTS, made_of="f")(*ARGUMENTS)
    (path,) = kept(folder)
    path.write_bytes(damage(path.read_bytes()))
    another_process(monkeypatch)
    assert_equal(compile_program(function, *ARGUMENTS, made_of="f")(*ARGUMENTS), expected)
    assert function.traces == 2
    another_process(monkeypatch)
    compile_program(function, *ARGUMENTS, made_of="f")
    assert function.traces == 2


def test_results_of_foreign_kinds_are_traced_in_any_case(folder, monkeypatch):
    function = Counted(Foreign)
    result = compile_program(function, *ARGUMENTS, made_of="f")(*ARGUMENTS)
    assert isinstance(result, Foreign)
    assert not kept(folder)


def test_what_cannot_be_exported_is_traced_once(folder):
    function = Counted(Foreign)
    compile_program(function, *ARGUMENTS, made_of="f")
    assert function.traces == 1
    traces = []

    def calls_back(x):
        traces.append(x)
        return jax.pure_callback(np.tanh, x, x)

    program = compile_program(calls_back, jnp.arange(3.0), made_of="g")
    np.testing.assert_allclose(program(jnp.arange(3.0)), np.tanh(np.arange(3.0)), rtol=1e-6)
    assert len(traces) == 1
    assert not kept(folder)


def test_two_kinds_of_one_name_are_refused():
    with pytest.raises(ValueError, match="another kind of nodes is called Pair"):
        result_node(type("Pair", (), {}))


def test_nothing_is_kept_where_jax_is_to_keep_nothing(folder):
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        compile_program(Counted(), *ARGUMENTS, made_of="f")
    finally:
        jax.config.update("jax_enable_compilation_cache", True)
    assert not kept(folder)


def test_a_folder_that_cannot_be_written_to_changes_nothing(folder):
    jax.config.update("jax_compilation_cache_dir", str(folder / "file"))
    (folder / "file").write_text("mine")
    result = compile_program(Counted(), *ARGUMENTS, made_of="f")(*ARGUMENTS)
    assert isinstance(result, Pair)
    assert (folder / "file").read_text() == "mine"


@pytest.mark.filterwarnings("error")
def test_the_results_take_over_the_first_arguments_memory_and_keep_its_sharding(
    folder, monkeypatch
):
    mesh = jax.make_mesh((2,), ("member",))
    sharding = NamedSharding(mesh, PartitionSpec("member"))

    def double(state, factor):
        return {"x": state["x"] * factor}

    for _ in range(2):
        state = {"x": jax.device_put(jnp.arange(4.0), sharding)}
        factor = jax.device_put(jnp.float32(2), NamedSharding(mesh, PartitionSpec()))
        program = compile_program(
            double, state, factor, made_of="double", donate=True, sharding=sharding
        )
        result = program(state, factor)
        np.testing.assert_array_equal(result["x"], [0.0, 2.0, 4.0, 6.0])
        assert state["x"].is_deleted()
        assert not factor.is_deleted()
        assert result["x"].sharding == sharding
        another_process(monkeypatch)


def test_the_least_recently_used_programs_are_let_go(monkeypatch):
    monkeypatch.setattr(lowered, "IN_MEMORY", 2)
    programs = {name: compile_program(jnp.sin, jnp.float32(1), made_of=name) for name in ("a", "b")}
    assert compile_program(jnp.sin, jnp.float32(1), made_of="a") is programs["a"]
    compile_program(jnp.sin, jnp.float32(1), made_of="c")
    assert compile_program(jnp.sin, jnp.float32(1), made_of="a") is programs["a"]
    assert compile_program(jnp.sin, jnp.float32(1), made_of="b") is not programs["b"]
