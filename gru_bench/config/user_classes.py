"""Classes of the user's own, named in a configuration as `package.module:Class`.

What is known of them here is known without running any of their code, but for `import_class`.
"""

import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal

from gru_bench.system.errors import UserError

Kind = Literal["cell", "task"]
CUSTOM = "custom"  # what a class of the user's own is chosen by

_WORD = r"[^\W\d]\w*"
_REFERENCE = re.compile(rf"{_WORD}(\.{_WORD})*:{_WORD}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_imported: dict[str, bytes] = {}  # content of the file that each class came from


def installed(kind: Kind) -> dict[str, str]:
    """Classes that installed packages offer: `package.module:Class` by name.

    They are the entry points of the groups `gru_bench.cells` and `gru_bench.tasks`.
    """
    return {point.name: point.value for point in entry_points(group=f"gru_bench.{kind}s")}


def name_class(kind: Kind, reference: str, name: str, taken: tuple[str, ...]) -> str:
    """The name under which a class goes in tables and folders.

    Args:
        kind: what it is.
        reference: `package.module:Class`.
        name: asked for; the class' own in snake case if empty.
        taken: names of the built-in ones.

    Raises:
        UserError: The reference is missing or of another form, the name cannot be had, or the
            class is in use as it was before its file changed.
    """
    if not reference:
        raise UserError(
            f"{kind}.module is missing: name your class, such as"
            f" {kind}.module=my_package.my_module:MyClass"
        )
    if not _REFERENCE.fullmatch(reference):
        raise UserError(
            f"{kind}.module={reference} is not possible: {kind}.module must be of the form"
            " package.module:Class"
        )
    file = source_file(reference)
    if file and reference in _imported and Path(file).read_bytes() != _imported[reference]:
        raise UserError(f"{file} has changed since {reference} was imported: start Python anew")
    name = name or snake_case(reference.partition(":")[2])
    if name in taken or not _NAME.fullmatch(name):
        raise UserError(
            f"{kind}.name={name} is not possible: {kind}.name must be of letters, digits, _, - and"
            f" ., and none of {', '.join(taken)}"
        )
    return name


def classes_by_name(kind: Kind, words: Sequence[str], built_in: tuple[str, ...]) -> dict[str, str]:
    """What each word stands for, by the name it goes by.

    Args:
        kind: what they are.
        words: names of built-in ones or of what packages offer, or `package.module:Class`.
        built_in: the names of the former, which stand for themselves.

    Raises:
        UserError: A word is none of these.
    """
    known = installed(kind) | {name: name for name in built_in}
    return {
        (word if word in known else name_class(kind, word, "", built_in)): known.get(word, word)
        for word in words
    }


def snake_case(name: str) -> str:
    """Such as `minimal_gated_unit` for MinimalGatedUnit, or `mgu` for MGU."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def source_file(reference: str) -> str | None:
    """The file that a class is to be imported from, None if there is none; nothing is imported."""
    _add_working_directory()
    path, spec = None, None
    name = ""
    for part in reference.partition(":")[0].split("."):
        name = f"{name}.{part}" if name else part
        spec = _find(name, path)
        if spec is None:
            return None
        path = spec.submodule_search_locations or []
    return spec.origin if spec and spec.has_location else None


def import_class(kind: Kind, reference: str) -> type:
    """Imports the class; the working directory is searched last, after all installed packages.

    Raises:
        UserError: There is no such class, or its module cannot be imported.
    """
    key = f"{kind}.module={reference}"
    module_name, _, class_name = reference.partition(":")
    file = source_file(reference)
    if file is None:
        raise UserError(
            f"{key} is not possible: there is no module {module_name} in {Path.cwd()} or among the"
            " installed packages"
        )
    _imported.setdefault(reference, Path(file).read_bytes())
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise UserError(f"{key} is not possible: importing it fails with {told(error)}") from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        raise UserError(f"{key} is not possible: {file} has no class {class_name}")
    if found.__module__ != module_name:
        # A run's identity holds the content of the file that defines the class.
        raise UserError(
            f"{key} is not possible: the class is defined elsewhere, so say"
            f" {kind}.module={found.__module__}:{found.__qualname__}"
        )
    return found


def told(error: Exception) -> str:
    """An error of somebody else's code in one line."""
    first, *_ = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {first}"


def _find(name: str, path: list[str] | None) -> ModuleSpec | None:
    """As `importlib.util.find_spec`, which would import the packages above the module."""
    specs = (finder.find_spec(name, path) for finder in sys.meta_path)
    return next((spec for spec in specs if spec is not None), None)


def _add_working_directory() -> None:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # last: a random.py or datasets.py there must replace no other


class _Mistake(Exception):  # noqa: N818
    """What is wrong with a class, as the end of a sentence that begins with its name."""


@contextmanager
def _in_one_line(kind: Kind, reference: str) -> Iterator[None]:
    """Turns whatever a class of the user's raises into a `UserError`."""
    try:
        yield
    except _Mistake as mistake:
        raise UserError(f"{kind}.module={reference} cannot be used: {mistake}") from mistake
    except Exception as error:
        raise UserError(f"{kind}.module={reference} cannot be used: {told(error)}") from error
