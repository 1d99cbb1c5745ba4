"""README.md and the pages: their links lead somewhere, their figures are those of the results."""

import json
import re

import pytest
import readme
from blocks import committed, picture
from blocks.outcomes import TASKS
from helpers import ROOT
from helpers.unmeasured import leave_unmeasured

from gru_bench.evidence.claims.rules import current_rules
from gru_bench.report.reference_ledger import judge_reference, to_markdown

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"(?:\]\(|<img src=\")([^)\"\s]+)")
# What README.md says in figures outside its blocks: names, versions, sizes of what is downloaded.
STATED = ("95% interval", "Reuters-8", "Python 3.11", "38 MB", "2 cores")


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
def test_figures_are_those_of_the_results(page):
    text = page.read_text(encoding="utf-8")
    assert readme.filled(text) == text, "out of date: make readme"


def test_verdicts_on_claims_are_those_of_the_ledger_and_that_is_up_to_date():
    ledger = (committed.REFERENCE / "ledger.md").read_text(encoding="utf-8")
    judged = judge_reference(committed.reference(), current_rules(), committed.runtimes())
    assert to_markdown(judged) == ledger, "out of date: gru-bench claims DIR --out DIR/ledger.md"
    page = (ROOT / "docs/which-cell.md").read_text(encoding="utf-8")
    printed = dict(re.findall(r"^\| \d+ \| (.*?) \| (. [a-z ]+) \|", ledger, re.MULTILINE))
    shown = dict(re.findall(r"^\| \d+\. (.*?) \| ([✓✗?] [a-z ]+) \|", page, re.MULTILINE))
    assert len(printed) > 10
    assert shown == printed


def test_scores_on_pages_are_those_of_the_ledger():
    ledger = (committed.REFERENCE / "ledger.md").read_text(encoding="utf-8").replace("\\", "")
    scores = r"^\| (\w+) \| (\w+) \| [\w ]+ \| ([\d.e-]+)(%?) \[.*?\] \| "
    found = re.findall(scores, ledger, re.MULTILINE)
    held = {(part, cell): (mean, unit) for part, cell, mean, unit in found}
    page = readme.BLOCKS["scores"]().splitlines()[2:]
    assert len(page) == len(TASKS) == 10
    for task, line in zip(TASKS, page, strict=True):
        part = task.partition("-")[2] or task
        runs = [(part, cell) for cell in committed.CELLS]
        runs += [(f"{part}_chrono", cell) for cell in ("gru", "lstm")]
        for run, shown in zip(runs, line.split(" | ")[1:], strict=False):
            mean, unit = held[run]
            score = shown.split(" ")[0]
            assert score.endswith("%") == bool(unit)
            rounding = 0 if unit else 0.1  # of errors the page has two digits
            assert float(score.rstrip("%")) == pytest.approx(float(mean), rel=rounding)


def test_a_figure_that_differs_is_found():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    changed = text.replace("96.8%", "96.9%")
    assert changed != text
    assert readme.filled(changed) == text


def test_every_block_is_used():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"<!-- begin:([\w-]+) -->", text)) == set(readme.BLOCKS)


def test_readme_has_no_figures_but_those_of_its_blocks():
    page = text_of(ROOT / "README.md")
    prose = re.sub(r"<!-- begin:.*?<!-- end:[^>]*>|`[^`]*`|\]\([^)]*\)", "", page, flags=re.DOTALL)
    for stated in STATED:
        prose = prose.replace(stated, "")
    assert re.findall(r".*\d.*", prose) == []


def test_the_picture_shows_the_figures_of_the_results():
    """Each mark has its value beside it; where a line lies may hang on fonts and versions."""

    def texts(svg):
        return re.findall(r"<text[^>]*>([^<]*)", svg)

    drawn = picture.FILE.read_text(encoding="utf-8")
    assert "96.8%" in texts(drawn)
    assert texts(drawn) == texts(picture.draw()), "out of date: make readme"
    assert "prefers-color-scheme:dark" in drawn


def test_the_first_screen_says_what_is_asked_and_answered():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    first = "\n".join(page.splitlines()[:22])
    assert "Which recurrent cell should I use" in first
    assert "pip install" in first
    assert "<!-- begin:answer -->" in first
    above = page.partition("## ")[0]
    for part in ("begin:tour", "docs/answer.svg", "begin:questions", "begin:how-sure"):
        assert part in above
    (links,) = re.findall(r"\*\*Read on:\*\*(.*?)\n\n", above, flags=re.DOTALL)
    assert len(LINK.findall(links)) == 5


def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    """Its cells in order, in one namespace, with a run small enough for a test."""
    notebook = json.loads((ROOT / "examples" / "first_steps.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    small = '"task.length": 6, "hidden_size": 4, "steps": 6, "probes": False'
    written = '"task.length": 20, "hidden_size": 32, "steps": 400'
    assert written in cells[0]
    leave_unmeasured(monkeypatch)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for cell in cells:
        exec(cell.replace(written, small).replace("seeds=8", "seeds=3"), names)
    assert [result.cell for result in names["results"]] == ["gru", "lstm"]
    assert list(names["frame"]["cell"]) == ["gru", "lstm"]
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")
