"""README.md and the pages: their links lead somewhere, their figures are those of the results."""

import importlib.util
import json
import re

import pytest
from helpers import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"(?:\]\(|<img src=\")([^)\"\s]+)")


@pytest.fixture(scope="module")
def readme():
    spec = importlib.util.spec_from_file_location("readme", ROOT / "scripts" / "readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def text_of(page):
    """The page without its blocks of code, where brackets are no links."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    dead = []
    for target in LINK.findall(text_of(page)):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    assert dead == []


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    missing = [page.name for page in PAGES[1:] if f"({page.name})" not in index]
    assert missing == ["index.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_figures_are_those_of_the_results(readme, page):
    text = page.read_text(encoding="utf-8")
    assert readme.filled(text) == text, "out of date: make readme"


def test_a_figure_that_differs_is_found(readme):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    changed = text.replace("96.2%", "96.3%")
    assert changed != text
    assert readme.filled(changed) == text


def test_every_block_is_used(readme):
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"<!-- begin:([\w-]+) -->", text)) == set(readme.BLOCKS)


def test_the_first_screen_says_what_is_asked_and_answered():
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:22]
    text = "\n".join(first)
    assert "Which recurrent cell should I use" in text
    assert "pip install" in text
    assert "<!-- begin:answer -->" in text


def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    """Its cells in order, in one namespace, with a run small enough for a test."""
    notebook = json.loads((ROOT / "examples" / "first_steps.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    small = '"task.length": 6, "hidden_size": 4, "steps": 6, "probes": False'
    written = '"task.length": 20, "hidden_size": 32, "steps": 400'
    assert written in cells[0]
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for cell in cells:
        exec(cell.replace(written, small).replace("seeds=8", "seeds=3"), names)
    assert [result.cell for result in names["results"]] == ["gru", "lstm"]
    assert list(names["frame"]["cell"]) == ["gru", "lstm"]
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")
