"""Checks of a configuration's values, each with a plain line on what would be right."""

from importlib.util import find_spec

from gru_bench.system.errors import UserError


def require(condition: bool, key: str, value: object, right: str) -> None:
    """Raises `UserError` naming the key, its value and what would be right."""
    if not condition:
        raise UserError(f"{key}={value} is not possible: {key} must be {right}")


def require_installed(what: str, package: str, extra: str) -> None:
    """Raises `UserError` if a package of one of gru-bench's extras is missing.

    Args:
        what: What needs the package.
        package: The package, by the name of its module.
        extra: The extra that installs it.
    """
    if find_spec(package) is None:
        raise UserError(
            f"{what} needs {package}: pip install '.[{extra}]' in the folder of gru-bench's source"
        )


def require_one_of(key: str, value: str, known: tuple[str, ...]) -> None:
    """Raises `UserError` unless the value is one of the known ones."""
    require(value in known, key, value, "one of " + ", ".join(known))
