"""Cells and tasks that users write: classes named in a configuration as `package.module:Class`.

No function here runs any of their code, except `import_class`.
"""

import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from inspect import isfunction
from pathlib import Path
from typing import Any, Literal

from gru_bench.system.errors import UserError, first_line

Kind = Literal["cell", "task"]
CUSTOM = "custom"  # chooses a class that a user wrote, as in cell=custom

_WORD = r"[^\W\d]\w*"
_REFERENCE = re.compile(rf"{_WORD}(\.{_WORD})*:{_WORD}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_imported: dict[str, bytes] = {}  # content of the file that each class came from


def installed(kind: Kind) -> dict[str, str]:
    """Returns the classes that installed packages offer: `package.module:Class` by name.

    They are the entry points of the groups `gru_bench.cells` and `gru_bench.tasks`.
    """
    return {point.name: point.value for point in entry_points(group=f"gru_bench.{kind}s")}


def name_class(kind: Kind, reference: str, name: str, taken: tuple[str, ...]) -> str:
    """Returns the name of a class in tables and folders.

    Args:
        kind: What it is.
        reference: The class, as `package.module:Class`.
        name: The name asked for; if empty, it is the name of the class in snake case.
        taken: Names of the built-in ones, which it must not have.

    Raises:
        UserError: The reference is missing or of another form, the name is not allowed, or the
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
    """Returns what each word stands for, by its name in tables.

    Args:
        kind: What they are.
        words: Names of built-in classes or of those that packages offer, or
            `package.module:Class`.
        built_in: The names of the built-in ones, which stand for themselves.

    Raises:
        UserError: A word is none of these.
    """
    known = installed(kind) | {name: name for name in built_in}
    return {
        (word if word in known else name_class(kind, word, "", built_in)): known.get(word, word)
        for word in words
    }


def snake_case(name: str) -> str:
    """Returns the name in snake case: `minimal_gated_unit` for MinimalGatedUnit, `mgu` for MGU."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def source_file(reference: str) -> str | None:
    """Returns the file that defines a class, None if there is none; nothing is imported."""
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


def import_class(kind: Kind, reference: str) -> Any:
    """Imports the class; the working directory is searched last, after all installed packages.

    A task may be made by a function as well.

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
        raise UserError(
            f"{key} is not possible: importing it fails with {first_line(error)}"
        ) from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type) and not (kind == "task" and isfunction(found)):
        what = "class or function" if kind == "task" else "class"
        raise UserError(f"{key} is not possible: {file} has no {what} {class_name}")
    if found.__module__ != module_name:
        # A run's identity holds the content of the file that defines the class.
        raise UserError(
            f"{key} is not possible: the class is defined elsewhere, so say"
            f" {kind}.module={found.__module__}:{found.__qualname__}"
        )
    return found


def _find(name: str, path: list[str] | None) -> ModuleSpec | None:
    """Does what `importlib.util.find_spec` does, but without importing the packages above."""
    specs = (finder.find_spec(name, path) for finder in sys.meta_path)
    return next((spec for spec in specs if spec is not None), None)


def _add_working_directory() -> None:
    here = str(Path.cwd())
    if here not in sys.path:
        # Last, so that a random.py or datasets.py there replaces no other.
        sys.path.append(here)


class BadClass(Exception):  # noqa: N818
    """A fault of a user's class; the message ends a sentence that begins with its name."""


@contextmanager
def faults_as_user_errors(kind: Kind, reference: str) -> Iterator[None]:
    """Turns whatever the code of a user's class raises into a `UserError`."""
    try:
        yield
    except BadClass as mistake:
        raise UserError(f"{kind}.module={reference} cannot be used: {mistake}") from mistake
    except Exception as error:
        raise UserError(f"{kind}.module={reference} cannot be used: {first_line(error)}") from error
