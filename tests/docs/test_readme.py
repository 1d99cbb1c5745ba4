"""The commands that README.md shows: each is there, and takes what it is given."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from helpers import ROOT
from helpers.made_up import make_result

from gru_bench.cli.arguments import sources_of
from gru_bench.cli.main import main
from gru_bench.cli.parser import make_parser
from gru_bench.config.compose import compose_experiments, compose_search
from gru_bench.experiments.resolve import resolve
from gru_bench.runs.folder import write_result

OPERATORS = {";", "&&", "||", "|", "&"}
# Commands that end at once and train nothing. The others are read, and what they train is resolved.
RUN_AS_THEY_STAND = {"completion", "info", "params", "report", "status"}


def commands() -> list[list[str]]:
    """The words of each command in the `sh` blocks, up to where its output goes."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    found: list[list[str]] = []
    for block in re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words = list(lexer)
            ends = [i for i, word in enumerate(words) if word in OPERATORS]
            for start, end in zip([0, *(i + 1 for i in ends)], [*ends, len(words)], strict=True):
                command = words[start:end]
                to_file = [i for i, word in enumerate(command) if word.startswith(">")]
                found.append(command[: to_file[0]] if to_file else command)
    return [command for command in found if command]


COMMANDS = commands()
GRU_BENCH = [command[1:] for command in COMMANDS if command[0] == "gru-bench"]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A working directory with what a checkout has and with a finished run."""
    for name in ("conf", "docs", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    run = tmp_path / "results" / "runs" / "adding"
    run.mkdir(parents=True)
    write_result(run, make_result())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_commands():
    assert {"run", "report"} <= {words[0] for words in GRU_BENCH}


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("words", GRU_BENCH, ids=" ".join)
def test_a_command_takes_what_it_is_given(words):
    if words[0] in RUN_AS_THEY_STAND:
        assert main(words) == 0
        return
    options, rest = make_parser().parse_known_args(words)
    if "overrides" not in options:
        assert rest == []
        return
    settings = [*options.overrides, *rest]
    compose_search([word for word in settings if word.startswith("search.")])
    settings = [word for word in settings if not word.startswith("search.")]
    is_sweep = getattr(options, "multirun", True)  # without the flag, a command always sweeps
    configs = compose_experiments(settings, is_sweep, sources_of(options))
    experiments = resolve([config for config in configs if config.corpus is None])
    assert all(experiment.train.model.hidden_size > 0 for experiment in experiments)


@pytest.mark.parametrize("words", [c for c in COMMANDS if c[0] == "make"], ids=" ".join)
def test_a_target_of_make_is_there(words):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert {word for word in words[1:] if "=" not in word} <= targets


def test_what_pip_installs_is_an_extra_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    named = {
        extra
        for listed in re.findall(r"pip install '\.\[([\w,-]+)\]'", page)
        for extra in listed.split(",")
    }
    assert named <= set(project["optional-dependencies"])


@pytest.mark.parametrize(
    "words", [c for c in COMMANDS if re.fullmatch(r"(\S*/)?python\d?", c[0])], ids=" ".join
)
def test_a_script_is_there(words):
    scripts = [word for word in words[1:] if word.endswith(".py")]
    assert all(Path(ROOT / script).is_file() for script in scripts)
