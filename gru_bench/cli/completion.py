"""`gru-bench completion`: a script for bash, zsh or fish, with all words spelt out beforehand.

Subcommands and flags come from the command line's grammar, by shtab; keys and values from the
dataclasses of `config/` and the names of the files in `conf/`. Completing runs no Python.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from gru_bench.cli.arguments import Parser

HELP = "let a shell complete commands and settings"
DESCRIPTION = "Prints a script that makes a shell complete commands, flags and settings."
EPILOG = """\
to install, in a new shell from then on:
  gru-bench completion bash >> ~/.bash_completion
  # zsh, with fpath+=~/.zfunc before compinit:
  gru-bench completion zsh > ~/.zfunc/_gru-bench
  gru-bench completion fish > ~/.config/fish/completions/gru-bench.fish
"""

SETTINGS = "_gru_bench_settings"  # the function that completes `key=value`

# `=` ends a word in bash: what it completes is what follows the last one.
BASH = """\
%(name)s() {
  local line=${COMP_LINE:0:COMP_POINT} given=
  local word=${line##*[[:space:]]}
  [[ $word == *=*,* ]] && given=${word%%,*}, && word=${word%%%%=*}=${word##*,}
  if [[ $word != *=* ]]; then
    compgen -W '%(keys)s' -- "$word"
  else
    compgen -W '%(values)s' -- "$word" | while IFS= read -r setting; do
      echo "${given#*=}${setting#*=}"
    done
  fi
}
_gru_bench() {
  _shtab_gru_bench
  [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
  return 0
}
"""
ZSH = """\
%(name)s() {
  local -a settings=(%(values)s)
  if [[ $PREFIX == *=* ]]; then
    local key=${PREFIX%%%%=*}
    compset -P '*[=,]'
    compadd -- ${${(M)settings:#$key=*}#*=} || _files
  else
    compadd -S '' -- %(keys)s
  fi
}
"""
FISH = """\
function %(name)s
  set -l word (commandline -ct)
  if not string match -q '*=*' -- $word
    printf '%%s\\n' %(keys)s
    return
  end
  set -l given (string replace -r '[^=,]*$' '' -- $word)
  set -l key (string replace -r '=.*' '=' -- $word)
  set -l known (string match -- "$key*" %(values)s)
  if set -q known[1]
    string replace -- $key $given $known
  else
    __fish_complete_path (string replace -- $key '' $word) | string replace -r '^' -- $key
  end
end
"""


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def run(options: argparse.Namespace) -> None:
    """Prints the script."""
    print(script(options.grammar, options.shell))


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Returns the script for `bash`, `zsh` or `fish`, to be sourced by it."""
    import shtab

    words = list(settings())
    keys = dict.fromkeys(f"{word.partition('=')[0]}=" for word in words)
    values = [word for word in words if not word.endswith("=")]
    preamble = {"bash": BASH, "zsh": ZSH, "fish": FISH}[shell] % {
        "name": SETTINGS,
        "keys": " ".join(keys),
        "values": " ".join(values),
    }
    for action in _actions(parser):
        if action.dest == "overrides":
            call = f"({SETTINGS})" if shell == "fish" else SETTINGS
            action.complete = {shell: call}  # type: ignore[attr-defined]
        elif action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    text = shtab.complete(parser, shell, preamble=preamble)
    if shell == "bash":
        # Files where nothing else is known, also after `=`.
        text = text.replace("-F _shtab_gru_bench gru-bench", "-o default -F _gru_bench gru-bench")
    if shell == "zsh":
        # shtab completes the first of several words alone.
        text = text.replace('"(*)::', '"*:')
    return text + "\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yields everything that the parser and those of its subcommands take."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
        else:
            yield action


def settings() -> Iterator[str]:
    """Yields every `key=value` whose value is one of a few, and `key=` where it may be any."""
    from gru_bench.config.reference import GROUPS, choices, every_key

    for group in GROUPS:
        yield from (f"{group}={name}" for name in choices(group))
    for each in dict.fromkeys(every_key()):
        known = ("true", "false") if each.kind is bool else each.about.choices or ("",)
        yield from (f"{each.name}={value}" for value in known)
