"""Shell completion, by the shells themselves: what is typed on a terminal, and what comes of it."""

import os
import pty
import select
import shutil
import subprocess
import time

import pytest
from helpers import ROOT

from gru_bench.cli.completion import script, settings
from gru_bench.cli.parser import make_parser
from gru_bench.config.optim import OPTIMIZERS
from gru_bench.config.tasks.text import TOKENS

CONF = ROOT / "conf"
# What is typed before a tab, and the words that the command is then given.
TYPED = {
    "gru-bench compl": "<completion>",
    "gru-bench completion fi": "<completion><fish>",
    "gru-bench run --mult": "<run><--multirun>",
    "gru-bench run hidden_s": "<run><hidden_size=>",
    "gru-bench run cell=gru_res": "<run><cell=gru_reset_after>",
    "gru-bench run -m seeds=2 task=adding cell=gru,rnn,ls": "<run><-m><seeds=2><task=adding>"
    "<cell=gru,rnn,lstm>",
    "gru-bench run task=text task.tokens=ch": "<run><task=text><task.tokens=characters>",
    "gru-bench run experiment=claims_": "<run><experiment=claims_full>",
    "gru-bench claims --size fu": "<claims><--size><full>",
    "gru-bench claims optim.na": "<claims><optim.name=>",
    "gru-bench run force=t": "<run><force=true>",
    "gru-bench report --format mark": "<report><--format><markdown>",
    "gru-bench report ticke": "<report><tickets.csv>",
    "gru-bench run corpus.train=ticke": "<run><corpus.train=tickets.csv>",
}
SHOW = "gru-bench() { printf '<%s>' \"$@\"; echo; echo '<end>'; }; echo '<end>'\n"
START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f"source ./_gru-bench; {SHOW}"),
    "zsh": (["zsh", "-f", "-i"], f"fpath+=$PWD; autoload -Uz compinit; compinit -D -u; {SHOW}"),
}


def folder_with_script(tmp_path, shell):
    (tmp_path / "_gru-bench").write_text(script(make_parser(), shell))
    (tmp_path / "tickets.csv").write_text("")
    return tmp_path


@pytest.mark.process
@pytest.mark.parametrize("shell", START)
def test_a_tab_completes_what_is_typed(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command, start = START[shell]
    folder = folder_with_script(tmp_path, shell)
    terminal, inside = pty.openpty()
    # Not pty.fork: JAX may have its threads in this process.
    process = subprocess.Popen(
        command, stdin=inside, stdout=inside, stderr=inside, cwd=folder, start_new_session=True,
        env=os.environ | {"TERM": "dumb", "PS1": "$ ", "HOME": "."},
    )  # fmt: skip
    os.close(inside)
    try:
        os.write(terminal, start.encode())
        read_until(terminal, "<end>\r\n")
        for typed, expected in TYPED.items():
            os.write(terminal, f"{typed}\t\n".encode())
            shown = read_until(terminal, "<end>\r\n")
            assert expected in shown.splitlines(), typed
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def read_until(terminal, end):
    """What the terminal shows up to and with some text."""
    shown, deadline = "", time.monotonic() + 30
    while end not in shown:
        ready, _, _ = select.select([terminal], [], [], deadline - time.monotonic())
        assert ready, shown
        shown += os.read(terminal, 4096).decode()
    return shown


@pytest.mark.process
def test_fish_completes_what_is_typed(tmp_path):
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    folder = folder_with_script(tmp_path, "fish")
    lines = "\n".join(f"complete -C '{typed}' | head -1; echo" for typed in TYPED)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source ./_gru-bench\n{lines}"],
        cwd=folder, env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == ""
    found = [each.split("\t")[0].strip() for each in done.stdout.split("\n\n")]
    expected = [words.strip("<>").split("><")[-1] for words in TYPED.values()]
    assert found[: len(expected)] == expected


def test_all_is_offered_that_the_schema_and_the_presets_know():
    offered = set(settings())
    assert {f"optim.name={name}" for name in OPTIMIZERS} <= offered
    assert {f"task.tokens={name}" for name in TOKENS} <= offered
    for group in ("cell", "task", "corpus", "experiment"):
        presets = {f"{group}={path.stem}" for path in (CONF / group).glob("*.yaml")}
        assert presets <= {word for word in offered if word.startswith(f"{group}=")}
    for key in ("task.lag", "task.max_n", "corpus.train", "cell.module", "tune.seeds", "seeds"):
        assert f"{key}=" in offered
