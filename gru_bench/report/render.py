"""Reports on finished runs: tables, figures and a page, made from run folders alone."""

import io
import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from gru_bench.config.checks import require_one_of
from gru_bench.evidence.runtimes import RuntimeFigures
from gru_bench.report import rows
from gru_bench.report.detail_table import DetailTable
from gru_bench.report.document import make_document
from gru_bench.report.figures import overview
from gru_bench.report.figures.canvas import standalone
from gru_bench.report.formats import latex, long_table, markdown, terminal
from gru_bench.report.groups import make_groups
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError
from gru_bench.system.files import write_atomically
from gru_bench.system.printable import printable

FORMATS = ("table", "markdown", "latex", "csv", "json", "html", "long", "card")
# The formats that the ending of a file may stand for, the one that it names first.
ENDINGS: dict[str, tuple[str, ...]] = {
    ".txt": ("table",),
    ".md": ("markdown",),
    ".tex": ("latex",),
    ".csv": ("csv", "long"),
    ".json": ("json",),
    ".html": ("html",),
    ".parquet": ("long",),
    ".svg": ("card",),
    ".png": ("card",),
}

Made = TypeVar("Made")


def choose_format(format: str | None, out: Path | None) -> str:
    """Returns the format of a report: the one asked for, or that which the file's ending names.

    Raises:
        UserError: There is no such format, or the two contradict each other.
    """
    if format is not None:
        require_one_of("format", format, FORMATS)
    if out is None:
        return format or "table"
    possible = ENDINGS.get(out.suffix.lower())
    if possible is None and format is not None:
        return format
    if possible is None:
        raise UserError(
            f"out={out} is not possible: the file's ending names the format, and must be one of"
            f" {', '.join(ENDINGS)}"
        )
    if format is None:
        return possible[0]
    if format not in possible:
        right = " or ".join(ending for ending, names in ENDINGS.items() if format in names)
        raise UserError(
            f"out={out} is not possible with format={format}: name it {out.stem}{right}, or leave"
            " out the format"
        )
    return format


def render(
    results: Sequence[Result],
    warnings: Sequence[str],
    format: str | None = None,
    out: Path | None = None,
    runtimes: RuntimeFigures | None = None,
    published: Sequence[DetailTable] = (),
) -> None:
    """Writes a report to the file `out`, or to standard output.

    With a file, `markdown` and `html` also leave their figures, as SVG and PNG, in the folder
    `<stem>_figures` beside it; the HTML carries its own copies. Each file is replaced at once or
    not at all. Warnings go to standard error, and into the report where the format has room for
    them. `long` is a table of every evaluation, as Parquet where `out` ends in `.parquet`; `card`
    is a picture of the verdict.

    Args:
        results: Finished runs, such as `runs.load_results` gives.
        warnings: What was passed over, a line each.
        format: One of `FORMATS`; that which the ending of `out` names if not given, and a table
            without a file.
        out: The file to write; None for standard output.
        runtimes: What cells cost in several runtimes, for the claims on it.
        published: Published figures beside what these runs come to.

    Raises:
        UserError: The format is unknown or contradicts `out`, or `out` cannot be written.
    """
    format = choose_format(format, out)
    for warning in warnings:
        print(f"warning: {printable(warning)}", file=sys.stderr)
    if format == "table" and out is None:
        print_table(results)
        return

    def make(kept: Sequence[Result], passed_over: Sequence[str]) -> tuple[bytes, dict[Path, bytes]]:
        return _make(kept, [*warnings, *passed_over], format, out, runtimes, published)

    data, figures = of_sound_results(results, make)
    if out is None:
        sys.stdout.write(data.decode())
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for path, figure in figures.items():
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, figure)
        write_atomically(out, data)
    except OSError as error:
        raise UserError(
            f"out={out} is not possible: cannot write {error.filename} ({error.strerror})"
        ) from None


def print_table(results: Sequence[Result]) -> None:
    """Prints the decision, the tables and the notes that they need to standard output."""
    console = Console()
    console.width = max(console.width, terminal.WIDTH)
    # All of it is made before any of it is shown.
    sys.stdout.write(of_sound_results(results, lambda kept, _: _as_text(kept, console)))


def tables_alone(results: Sequence[Result]) -> str:
    """Returns the tables as plain text, without the decision and the notes.

    Raises:
        UserError: Nothing can be made of any of them.
    """

    def make(kept: Sequence[Result], _: Sequence[str]) -> str:
        console = Console(file=io.StringIO(), width=terminal.WIDTH)
        with console.capture() as captured:
            terminal.print_tables(make_groups(kept), console)
        return captured.get()

    return of_sound_results(results, make)


def of_sound_results(
    results: Sequence[Result], make: Callable[[Sequence[Result], Sequence[str]], Made]
) -> Made:
    """Returns what is made of the results, without those of which nothing can be made.

    A foreign result may hold values that no check foresaw. It costs a line on standard error and in
    the report, and never the report.

    Args:
        results: Any finished runs.
        make: Takes those to be shown, and a line for each that was passed over.

    Raises:
        UserError: Nothing can be made of any of them.
    """
    try:
        return make(results, [])
    except UserError:
        raise
    except Exception as error:
        sound, lines = [], []
        for result in results:
            try:
                make([result], [])
                sound.append(result)
            except Exception as reason:
                name = printable(f"{result.identity} ({result.task_label}, {result.cell})")
                lines.append(f"passed over run {name}: {_reason(reason)}")
        if not sound or not lines:
            raise UserError(f"no report can be made of these runs: {_reason(error)}") from error
        for line in lines:
            print(f"warning: {line}", file=sys.stderr)
        return make(sound, lines)


def _reason(error: Exception) -> str:
    return printable(f"{type(error).__name__}: {' '.join(str(error).split())}"[:300])


def _as_text(results: Sequence[Result], console: Console) -> str:
    """Returns the tables as the console would show them."""
    with console.capture() as captured:
        terminal.print_groups(make_groups(results), console)
    return captured.get()


def _make(
    results: Sequence[Result],
    warnings: Sequence[str],
    format: str,
    out: Path | None,
    runtimes: RuntimeFigures | None,
    published: Sequence[DetailTable],
) -> tuple[bytes, dict[Path, bytes]]:
    """Returns the report, and the figures that go beside it."""
    if format == "long":
        return long_table.to_file(results, out), {}
    if format == "card":
        picture = overview.card(make_groups(results))
        as_png = out is not None and out.suffix.lower() == ".png"
        return picture.png if as_png else standalone(picture.svg).encode(), {}
    text, figures = _make_text(results, warnings, format, out, runtimes, published)
    return text.encode(), figures


def _make_text(
    results: Sequence[Result],
    warnings: Sequence[str],
    format: str,
    out: Path | None,
    runtimes: RuntimeFigures | None,
    published: Sequence[DetailTable],
) -> tuple[str, dict[Path, bytes]]:
    if format == "json":
        return rows.to_json(results), {}
    if format == "csv":
        return rows.to_csv(results), {}
    if format == "table":
        return _as_text(results, Console(file=io.StringIO(), width=terminal.WIDTH)), {}
    document = make_document(results, warnings, runtimes, published)
    if format == "latex":
        return latex.to_latex(document), {}
    if format == "markdown" and out is None:
        return markdown.to_markdown(document, ""), {}

    document.draw()
    figures: dict[Path, bytes] = {}
    folder = f"{out.stem}_figures" if out else ""
    for picture in itertools.chain(document.overview, *document.pictures.values()):
        if out is not None:
            path = out.parent / folder / picture.name
            figures[path.with_name(f"{picture.name}.png")] = picture.png
            figures[path.with_name(f"{picture.name}.svg")] = standalone(picture.svg).encode()
    if format == "markdown":
        return markdown.to_markdown(document, folder), figures

    from gru_bench.report.formats import page

    return page.to_html(document), figures
