"""Reports on finished runs: tables, figures and a page, made from run folders alone."""

import io
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from gru_bench.config.checks import require_one_of
from gru_bench.report import tables
from gru_bench.report.document import make_document
from gru_bench.report.figures.canvas import standalone
from gru_bench.report.formats import latex, long_table, markdown
from gru_bench.report.groups import make_groups
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError

FORMATS = ("table", "markdown", "latex", "csv", "json", "html", "long")
TABLE_WIDTH = 100


def render(
    results: Sequence[Result], warnings: Sequence[str], format: str, out: Path | None = None
) -> None:
    """Writes a report to the file `out`, or to standard output.

    With a file, `markdown` and `html` also leave their figures, as SVG and PNG, in the folder
    `<stem>_figures` beside it; the HTML carries its own copies. Warnings go to standard error, and
    into the report where the format has room for them. `long` is a table of every evaluation, as
    Parquet where `out` ends in `.parquet`, else as CSV.

    Args:
        results: Finished runs, such as `runs.load_results` gives.
        warnings: What was passed over, a line each.
        format: One of `FORMATS`.
        out: The file to write; None for standard output.

    Raises:
        UserError: The format is unknown, or `out` cannot be written.
    """
    require_one_of("format", format, FORMATS)
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if format == "table" and out is None:
        print_table(results)
        return
    figures: dict[Path, bytes] = {}
    if format == "long":
        data = long_table.to_file(results, out)
    else:
        text, figures = _make(results, warnings, format, out)
        data = text.encode()
    if out is None:
        sys.stdout.write(data.decode())
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(data)
        for path, figure in figures.items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(figure)
    except OSError as error:
        raise UserError(
            f"out={out} is not possible: cannot write {error.filename} ({error.strerror})"
        ) from None


def print_table(results: Sequence[Result]) -> None:
    """Prints the table and the notes it needs to standard output."""
    console = Console()
    # A narrower terminal may fold lines, but must not cut numbers short.
    console.width = max(console.width, TABLE_WIDTH)
    tables.print_groups(make_groups(results), console)


def _make(
    results: Sequence[Result], warnings: Sequence[str], format: str, out: Path | None
) -> tuple[str, dict[Path, bytes]]:
    """The report as text, and the figures that go beside it."""
    if format == "json":
        return tables.to_json(results), {}
    if format == "csv":
        return tables.to_csv(results), {}
    if format == "table":
        console = Console(file=io.StringIO(), width=TABLE_WIDTH)
        with console.capture() as captured:
            tables.print_groups(make_groups(results), console)
        return captured.get(), {}
    document = make_document(results, warnings)
    if format == "latex":
        return latex.to_latex(document), {}
    if format == "markdown" and out is None:
        return markdown.to_markdown(document, ""), {}

    document.draw()
    figures: dict[Path, bytes] = {}
    folder = f"{out.stem}_figures" if out else ""
    for picture in itertools.chain.from_iterable(document.pictures.values()):
        if out is not None:
            path = out.parent / folder / picture.name
            figures[path.with_name(f"{picture.name}.png")] = picture.png
            figures[path.with_name(f"{picture.name}.svg")] = standalone(picture.svg).encode()
    if format == "markdown":
        return markdown.to_markdown(document, folder), figures

    from gru_bench.report.formats import page

    return page.to_html(document), figures
