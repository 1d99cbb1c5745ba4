"""Programs as they are lowered, kept beside JAX's compiled ones: no later process traces them.

JAX finds a compiled program by what it is lowered to, so that a function is traced and lowered in
every process anew, which takes longer than reading what was compiled. Here the lowered program,
StableHLO by `jax.export`, is found by what it is made of: the source of this package, the versions
that it is built on, JAX's settings and devices, the configuration, and the structure, shapes and
shardings of the arguments. It runs as it is kept even where it has just been lowered, so that no
result depends on what was there.

What is kept is data, of which Python executes nothing. Compiled, it does what the package has
lowered; whoever can replace files in the cache can replace that, as with JAX's compiled programs.
"""

import contextlib
import functools
import hashlib
import json
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax
from jax import export
from jax.tree_util import PyTreeDef

from gru_bench.system.files import write_atomically
from gru_bench.system.machine import SETTINGS, versions

PACKAGE = Path(__file__).parents[1]
IN_MEMORY = 24  # compiled programs that a process holds, which are those of three populations
Options = dict[str, str | bool]  # as JAX has it
# On a CPU LLVM's further levels double the time of compilation, and no step of a cell is faster by
# them. XLA cuts a program into 32 parts to be compiled side by side, which for few cores costs more
# than it gains (results/speed/README.md).
ON_CPU: Options = {
    "xla_backend_optimization_level": "1",
    "xla_cpu_parallel_codegen_split_count": "8",
}

Kind = TypeVar("Kind", bound=type)
_started = time.time()
_compiled: dict[str, "Program"] = {}
# The nodes of which results may consist, by name: what is kept can ask for no others.
_nodes: dict[str, type] = {kind.__name__: kind for kind in (dict, list, tuple, type(None))}


class Program:
    """A compiled program.

    Attributes:
        compiled: The program as JAX has it.
    """

    def __init__(self, compiled: "jax.stages.Compiled", results: PyTreeDef | None = None) -> None:
        """Takes a compiled function.

        Args:
            compiled: A function of some arguments or, with a structure, of their leaves.
            results: The structure of the results whose leaves it returns.
        """
        self.compiled = compiled
        self._results = results

    def __call__(self, *arguments: Any) -> Any:
        """Returns the results of arguments like those that the program was compiled for."""
        if self._results is None:
            return self.compiled(*arguments)
        return jax.tree.unflatten(self._results, self.compiled(*jax.tree.leaves(arguments)))


def result_node(kind: Kind) -> Kind:
    """Lets the results of kept programs have nodes of this kind, and returns it."""
    if _nodes.setdefault(kind.__name__, kind) is not kind:
        raise ValueError(f"another kind of nodes is called {kind.__name__}")
    return kind


def compile_program(
    function: Callable[..., Any],
    *arguments: Any,
    made_of: str | None,
    donate: bool = False,
    sharding: Any = None,
) -> Program:
    """Compiles a function, which is traced only where its lowered form is not kept.

    Args:
        function: The function, which closes over no arrays.
        arguments: Arrays, or trees of them, like those that the program will be called with.
        made_of: All that tells it from other functions of this package; None if something besides
            decides what it does, such as a user's class: then it is traced in any case.
        donate: Whether the results may take over the memory of the first argument.
        sharding: The sharding of all results; None leaves it to the compiler.

    Returns:
        The program; that of an earlier call if nothing differs.
    """
    options = _options()
    if made_of is None or _surroundings() is None:
        jitted = jax.jit(function, donate_argnums=0 if donate else (), out_shardings=sharding)
        return Program(jitted.lower(*arguments).compile(options))
    leaves, structure = jax.tree.flatten(arguments)
    kinds = [(jax.typeof(leaf), getattr(leaf, "sharding", None)) for leaf in leaves]
    way = (donate, str(sharding))
    origin = (_surroundings(), _settings(), made_of, str(structure), kinds, way)
    key = hashlib.sha256(repr(origin).encode()).hexdigest()
    program = _compiled.pop(key, None)
    if program is None:
        donated = range(len(jax.tree.leaves(arguments[0])) if donate else 0)
        run, results = _lowered(key, function, leaves, structure, donated)
        jitted = jax.jit(run, donate_argnums=tuple(donated), out_shardings=sharding)
        compiled = jitted.lower(*leaves).compile(options)
        program = Program(compiled, results())
    _compiled[key] = program  # What was used last stands last.
    for unused in list(_compiled)[:-IN_MEMORY]:
        del _compiled[unused]
    return program


def _options() -> Options | None:
    """Returns the options of compilation; None leaves them to JAX, and to its settings."""
    unoptimised = jax.config.values["jax_disable_most_optimizations"]
    return ON_CPU if jax.default_backend() == "cpu" and not unoptimised else None


def _lowered(
    key: str,
    function: Callable[..., Any],
    leaves: Sequence[Any],
    structure: PyTreeDef,
    donated: Sequence[int],
) -> tuple[Callable[..., Any], Callable[[], PyTreeDef]]:
    """Returns a function of the leaves of arguments, as it is kept, and its results' structure.

    The structure is there once the function was traced.
    """
    traced: list[PyTreeDef] = []

    def of_leaves(*leaves: Any) -> list[Any]:
        values, results = jax.tree.flatten(function(*jax.tree.unflatten(structure, leaves)))
        traced.append(results)
        return values

    kept = _read(key)
    if kept is None:
        jitted = jax.jit(of_leaves, donate_argnums=tuple(donated))
        jitted.trace(*leaves)  # JAX remembers it: neither the export nor the caller traces again
        try:
            text = json.dumps(_describe(traced[-1]))
            content = bytes(export.export(jitted)(*leaves).serialize())
        except (ValueError, TypeError, NotImplementedError, ImportError):
            # It calls what cannot be exported, such as a kernel for a GPU.
            return of_leaves, lambda: traced[-1]
        _write(key, text, content)
        kept = _loaded(text, content)
    call, results = kept
    return call, lambda: results


def _loaded(text: str, content: bytes) -> tuple[Callable[..., Any], PyTreeDef]:
    """Returns a kept program as a function of leaves, and the structure of its results."""
    return export.deserialize(bytearray(content)).call, _structure(json.loads(text))


def _describe(structure: PyTreeDef) -> Any:
    """Returns a structure in terms of JSON; raises `TypeError` if it has nodes of other kinds."""
    node = structure.node_data()
    if node is None:
        return None
    kind, about = node
    name = next((name for name, known in _nodes.items() if known is kind), None)
    if name is None:
        raise TypeError(f"{kind} is no result_node")
    return [name, about, [_describe(child) for child in structure.children()]]


def _structure(described: Any) -> PyTreeDef:
    """Returns the structure that `_describe` has described."""
    if described is None:
        return jax.tree.structure(0)
    name, about, children = described
    node = (_nodes[name], about if name == "dict" else _tuples(about))
    registry = jax.tree_util.default_registry
    return PyTreeDef.from_node_data_and_children(registry, node, map(_structure, children))


def _tuples(value: Any) -> Any:
    """Returns a value in which tuples stand for lists, as before it was written as JSON."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


@functools.cache
def _surroundings() -> str | None:
    """Returns what all programs of this process are made of; None if the source has changed."""
    if _source_changed():
        return None
    source = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        source.update(f"{path.relative_to(PACKAGE)} {path.stat().st_size}\n".encode())
        source.update(path.read_bytes())
    devices = [f"{device.device_kind} {device.id}" for device in jax.devices()]
    client = jax.devices()[0].client
    return repr((source.hexdigest(), versions(), devices, client.platform_version))


def _settings() -> list[Any]:
    """Returns the settings of JAX that change what is lowered or compiled."""
    of_thread = [getattr(jax.config, name) for name in (*SETTINGS, "jax_default_matmul_precision")]
    return [*of_thread, jax.config.values["jax_disable_most_optimizations"]]


def _source_changed() -> bool:
    """Whether a file of the package was written since the start, so that another may be loaded."""
    return any(path.stat().st_mtime > _started for path in PACKAGE.rglob("*.py"))


def _path(key: str) -> Path | None:
    """Returns where a program is kept, under a name like those of JAX; None if nothing is."""
    folder = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    enabled = jax.config.jax_enable_compilation_cache  # type: ignore[attr-defined]
    return Path(folder) / f"lowered-{key}-cache" if folder and enabled else None


def _read(key: str) -> tuple[Callable[..., Any], PyTreeDef] | None:
    """Returns a kept program and the structure of its results; None if there is none that fits."""
    path = _path(key)
    if path is None or not path.is_file():
        return None
    try:
        text, content = zlib.decompress(path.read_bytes()).split(b"\n", 1)
        return _loaded(text.decode(), content)
    except Exception:  # Whatever readers make of damaged bytes: they are replaced.
        return None


def _write(key: str, text: str, content: bytes) -> None:
    """Keeps a lowered program, if the folder can be written to."""
    path = _path(key)
    if path is None or _source_changed():
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = zlib.compress(text.encode() + b"\n" + content, level=1)
        write_atomically(path, packed, durable=False)
