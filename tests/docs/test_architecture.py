"""The page on the architecture: its picture is the contract that the linter checks."""

import re
import tomllib

from helpers import ROOT

PAGE = ROOT / "docs" / "architecture.md"


def layers():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return [layer.split(" | ") for layer in contracts["contracts"][0]["layers"]]


def test_the_picture_has_the_packages_of_the_contract_from_top_to_bottom():
    picture = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    boxes = re.findall(
        r'<text [^>]*y="([\d.]+)" text-anchor="middle" font-size="17"[^>]*>(\w+)<', picture
    )
    rows = {y: [name for other, name in boxes if other == y] for y, _ in boxes}
    assert list(rows.values()) == layers()


def test_every_package_of_the_contract_is_there():
    packages = {path.parent.name for path in (ROOT / "gru_bench").glob("*/__init__.py")}
    assert {name for layer in layers() for name in layer} == {*packages, "api"}


def test_what_the_page_and_the_glossary_point_to_exists():
    for page in (PAGE, PAGE.with_name("glossary.md")):
        links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        missing = [link for link in links if not (page.parent / link).exists()]
        assert missing == []
