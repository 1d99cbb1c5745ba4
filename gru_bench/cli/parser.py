"""The command line's grammar, put together from the commands."""

import argparse
from types import ModuleType

from gru_bench.cli import (
    board,
    choose,
    claims,
    completion,
    export,
    horizon,
    info,
    params,
    predict,
    report,
    reproduce,
    robustness,
    run,
    search,
    speed,
    status,
    tour,
)
from gru_bench.cli.arguments import Parser
from gru_bench.system.version import __version__

DESCRIPTION = "Which recurrent cell should I use: a GRU, an LSTM or a plain RNN?"
COMMANDS: dict[str, ModuleType] = {
    "tour": tour,
    "run": run,
    "search": search,
    "robustness": robustness,
    "horizon": horizon,
    "choose": choose,
    "claims": claims,
    "reproduce": reproduce,
    "status": status,
    "report": report,
    "predict": predict,
    "export": export,
    "params": params,
    "speed": speed,
    "board": board,
    "completion": completion,
    "info": info,
}


def make_parser() -> Parser:
    """Returns the command line's grammar."""
    parser = Parser(prog="gru-bench", description=DESCRIPTION)
    parser.set_defaults(when_stopped="", grammar=parser)
    parser.add_argument("--version", action="version", version=f"gru-bench {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for name, module in COMMANDS.items():
        command: Parser = commands.add_parser(
            name,
            help=module.HELP,
            description=getattr(module, "DESCRIPTION", None),
            epilog=getattr(module, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.describe = getattr(module, "describe", None)
        module.add_arguments(command)
    return parser
