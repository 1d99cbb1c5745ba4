"""`gru-bench export`: a trained model for other runtimes."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gru_bench.cli.arguments import Parser
from gru_bench.system.errors import UserError

if TYPE_CHECKING:
    from gru_bench.export.trained_model import TrainedModel

HELP = "write a trained model for another runtime"
DESCRIPTION = """\
Writes the model of the run RUN for another runtime, and compares what comes out
with JAX:

  onnx         FILE.onnx reads whole sequences, FILE_step.onnx takes one step
               from a state to the next (needs the extra export)
  torch        FILE.safetensors and FILE.py, whose load() makes the model (needs
               torch)
  safetensors  the weights by their names here, with all that is known of them"""
EPILOG = """\
example:
  gru-bench export results/runs/text-tickets/gru/h16-0123456789ab \\
      --format onnx --out model.onnx"""


def add_arguments(parser: Parser) -> None:
    """Adds what the command takes."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    parser.add_argument("--format", choices=("onnx", "torch", "safetensors"), default="onnx")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--seed", type=int, help="whose weights (default: of the best; others by save_weights=all)"
    )
    parser.add_argument(
        "--quantize",
        choices=("int8",),
        help="with onnx: writes FILE_int8.onnx, too, and says what that does to the test score, the"
        " size and the latency",
    )


def run(options: argparse.Namespace) -> None:
    """Writes the model and says what was written and compared."""
    if options.quantize is not None and options.format != "onnx":
        raise UserError(f"--quantize {options.quantize} is for --format onnx alone")

    from gru_bench.export.files import export
    from gru_bench.export.trained_model import load_model

    trained = load_model(options.run, options.seed, dtype="float32")
    exported = export(trained, options.format, options.out)
    for path, what in exported.files.items():
        print(f"{path}\n  {what}")
    if exported.runtime is not None:
        print(f"largest difference from JAX, in {exported.runtime}: {exported.difference:.1e}")
    if options.quantize is not None:
        _quantize(trained, options)


def _quantize(trained: "TrainedModel", options: argparse.Namespace) -> None:
    """Writes the model in integers, and prints what it scores, takes and lasts."""
    from gru_bench.experiments.quantization import quantize

    out = options.out.with_name(f"{options.out.stem}_{options.quantize}.onnx")
    measured = quantize(trained, options.run, out)
    score = f"test {trained.saved.score.name}"
    print(f"{out}\n\n{'weights':<10}{score:>22}{'kB':>10}{'µs a sequence':>16}")
    for name, each in measured.items():
        print(f"{name:<10}{each.score:>22.4f}{each.kilobytes:>10,.0f}{each.sequence_us:>16,.0f}")
