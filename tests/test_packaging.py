"""What the package states of itself: its dependencies, its version, what is in it."""

import ast
import json
import re
import sys
import tomllib
from importlib import metadata

import yaml
from helpers import ROOT

import gru_bench

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINNED = {
    line.split("==")[0].lower()
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if "==" in line
}


def names(requirements):
    """The distributions that requirements name, in lower case."""
    return {re.split(r"[^\w-]", each)[0].lower() for each in requirements}


def imports(tree):
    """The modules that a syntax tree imports, by the first part of their names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name.split(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0]


def test_what_is_imported_is_declared():
    needed = names(PROJECT["dependencies"])
    extras = PROJECT["optional-dependencies"]
    optional = set().union(*(names(extras[extra]) for extra in extras if extra != "test"))
    providers = dict(metadata.packages_distributions())
    # Of extras that are not installed here; a module goes by the name of its distribution.
    providers |= {name: [name] for name in optional if name not in providers}
    undeclared = {}
    for path in (ROOT / "gru_bench").rglob("*.py"):
        for module in imports(ast.parse(path.read_text())):
            if module in sys.stdlib_module_names or module == "gru_bench":
                continue
            distributions = {each.lower() for each in providers.get(module, [module])}
            if not distributions & (needed | optional):
                undeclared[module] = path.name
    assert undeclared == {}


def test_what_is_declared_is_pinned():
    extras = PROJECT["optional-dependencies"]
    declared = names(PROJECT["dependencies"]).union(*map(names, extras.values()))
    assert declared - {"gru-bench"} <= PINNED


def test_citation_and_changelog_name_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == gru_bench.__version__
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert f"\n## {gru_bench.__version__} " in (ROOT / "CHANGELOG.md").read_text()


def test_hooks_run_what_lint_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    lint = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    for hook in hooks:
        assert hook["entry"].replace(".venv/bin", "$(BIN)") in lint, json.dumps(hook)
