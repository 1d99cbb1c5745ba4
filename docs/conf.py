"""The documentation site, made by Sphinx from the pages that stand here: `make docs`.

The source folder is the whole checkout, so that a link from a page to the results that it speaks of
leads to a page as well.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

from gru_bench.system.version import __version__

ROOT = Path(__file__).resolve().parent.parent
FRONT = "README"

project = "gru-bench"
release = __version__
copyright = "the gru-bench developers"
root_doc = FRONT
RESULTS = ("quickstart", "reference", "speed", "starts", "statistics")
include_patterns = [
    "*.md",
    "docs/*.md",
    "docs/*.rst",
    *(f"results/{name}/**.md" for name in RESULTS),
]
default_role = "code"  # what docstrings have between backquotes
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
# Pages that the index does not name are reached by links, and reports begin below a page's title.
suppress_warnings = ["toc.not_included", "myst.header"]

myst_heading_anchors = 4
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_use_ivar = True

html_theme = "furo"
html_title = "gru-bench"
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Has each page changed as it is read, and the site opened at its front page."""
    app.connect("source-read", _adapt)
    app.connect("build-finished", _add_entry)


def _add_entry(app: Sphinx, error: Exception | None) -> None:
    entry = f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={FRONT}.html">\n'
    (Path(app.outdir) / "index.html").write_text(entry, encoding="utf-8")


def _adapt(app: Sphinx, page: str, source: list[str]) -> None:
    """Makes of a page for GitHub a page of the site."""
    folder = (ROOT / page).parent
    source[0] = re.sub(
        r"\[([^\]]+)\]\(([^)#:\s]+)\)",
        lambda link: link[1] if (folder / link[2]).is_dir() else link[0],
        source[0],
    )
    if page == FRONT:
        source[0] += _contents((ROOT / "docs" / "index.md").read_text(encoding="utf-8"))


def _contents(index: str) -> str:
    """Returns the tables of contents for the side of the site: the links of the index of pages."""
    sections = re.findall(r"^\*\*(.*?)\.\*\*(.*?)(?=^\*\*|\Z)", index, re.DOTALL | re.MULTILINE)
    return "".join(
        "\n\n```{{toctree}}\n:hidden:\n:caption: {}\n\n{}\n```\n".format(
            caption,
            "\n".join(f"docs/{page}" for page in re.findall(r"\]\(([\w-]+\.(?:md|rst))\)", links)),
        )
        for caption, links in sections
    )
