"""The keys as people read them: in `gru-bench run --help`, and on the page docs/keys.md."""

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from gru_bench.config.keys import MISSING, DocumentedKey, keys_of
from gru_bench.config.reference import (
    GROUPS,
    Section,
    choices,
    default_choices,
    sections,
    shown,
)
from gru_bench.config.search import SearchConfig

WIDTH = 80
PAGE = Path(__file__).resolve().parents[2] / "docs" / "keys.md"  # in a checkout
COLUMN = 28  # where the second column of help begins
GROUP_HELP = {
    "cell": "the recurrent cell",
    "task": "what is to be learnt; it sets sizes and steps, too",
    "corpus": "texts of task=text, series of task=series",
    "launcher": "what trains the runs of a sweep",
    "experiment": "a preset, which may be a sweep",
}
PAGE_HEAD = """\
# Keys

Every setting of `gru-bench run`, with its default. This page is written by `make keys` from the
declarations in `gru_bench/config/` and the presets in `conf/`. How words are read, and what is as
in Hydra, is on [another page](hydra.md).

| group | default | choices |
|---|---|---|
"""


def run_help() -> str:
    """Returns the lines on all keys, within 80 columns."""
    lines = ["groups, of which one choice each is made:"]
    lines += _lines(
        (f"{group}={chosen}", f"{GROUP_HELP[group]}: {', '.join(choices(group))}")
        for group, chosen in _groups()
    )
    for section in sections():
        title = f"{section.choice}: " if section.choice else ""
        lines += ["", *textwrap.wrap(f"{title}{_title(section)}", WIDTH)]
        lines += _lines((_written(key), _does(key)) for key in _shown_keys(section))
        if section.sets:
            words = " ".join(f"{name}={shown(value)}" for name, value in section.sets.items())
            lines += _lines([("sets", words)])
    return "\n".join(lines)


def search_help() -> str:
    """Returns the lines on the keys of a search."""
    rows = ((_written(key), _does(key)) for key in keys_of(SearchConfig, "search."))
    return "\n".join(_lines(rows))


def keys_page() -> str:
    """Returns the page docs/keys.md."""
    rows = [
        f"| `{group}` | `{chosen}` | {', '.join(f'`{name}`' for name in choices(group))} |"
        for group, chosen in _groups()
    ]
    parts = [PAGE_HEAD + "\n".join(rows)]
    for section in sections():
        heading = f"## `{section.choice}`" if section.choice else "## Every run"
        parts.append(f"{heading}\n\n{_title(section)}\n\n{_table(_shown_keys(section))}")
        if section.sets:
            words = ", ".join(f"`{name}={shown(value)}`" for name, value in section.sets.items())
            parts[-1] += f"\n\nIt sets {words}."
    search = _table(keys_of(SearchConfig, "search."))
    parts.append(f"## `gru-bench search`\n\n{SearchConfig.__doc__}\n\n{search}")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _groups() -> Iterator[tuple[str, str]]:
    defaults = default_choices()
    for group in GROUPS:
        yield group, shown(defaults[group])


def _title(section: Section) -> str:
    return " ".join(section.documentation.split())


def _shown_keys(section: Section) -> list[DocumentedKey]:
    """Returns the keys that people set: no name that a choice gives, nor what presets are of."""
    of_choice = {"cell.name", "task.name", "launcher.name"}
    return [
        key
        for key in section.keys
        if key.name != "sweeps" and (key.name not in of_choice or section.choice.endswith("custom"))
    ]


def _written(key: DocumentedKey) -> str:
    return key.name if key.default in (MISSING, "") else f"{key.name}={shown(key.default)}"


def _does(key: DocumentedKey) -> str:
    text = key.about.documentation
    if key.about.choices:
        text += f" ({', '.join(key.about.choices)})"
    if key.about.only_with:
        text += f" (only {' or '.join(map(str, key.about.only_with))})"
    if key.about.not_with:
        text += f" ({' and '.join(map(str, key.about.not_with))})"
    return text


def _lines(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yields two columns as lines; a long entry of the first has a line of its own."""
    for left, right in rows:
        left = f"  {left}"
        wrapped = textwrap.wrap(right, WIDTH - COLUMN, break_on_hyphens=False) or [""]
        if len(left) >= COLUMN:
            yield left
        else:
            yield f"{left:<{COLUMN}}{wrapped.pop(0)}".rstrip()
        yield from (" " * COLUMN + line for line in wrapped)


def _table(keys: Iterable[DocumentedKey]) -> str:
    rows = [
        f"| `{key.name}` | {f'`{text}`' if (text := shown(key.default)) else ''} | {_does(key)} |"
        for key in keys
    ]
    return "\n".join(["| key | default | what it does |", "|---|---|---|", *rows]) if rows else ""


if __name__ == "__main__":
    PAGE.write_text(keys_page(), encoding="utf-8")
