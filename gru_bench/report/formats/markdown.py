"""The report as Markdown, as GitHub shows it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from gru_bench.evidence.claims.claim import Claim
from gru_bench.evidence.run_settings import show_keys
from gru_bench.report import summary, tables
from gru_bench.report.best_settings import best_settings
from gru_bench.report.detail_table import DetailTable
from gru_bench.report.detail_tables import detail_tables
from gru_bench.report.document import Document
from gru_bench.report.figures.canvas import Picture
from gru_bench.report.groups import Group
from gru_bench.report.ledger import Ledger, count_findings, show_deciding, show_verdict
from gru_bench.report.overall import overall_tables


def to_markdown(document: Document, folder: str) -> str:
    """Returns the answers, a section for each group and series, the claims and how to repeat it.

    Args:
        document: What to show.
        folder: The folder of its figures, as seen from the file.
    """
    lines = [f"**{escape(document.answer)}**", ""]
    lines += _figures("The whole", document.overview, folder)
    for task in document.tasks:
        if len(task.groups) == 1:
            (group,) = task.groups
            outcome = summary.with_command(summary.summary(group), group)
            lines.append(f"- **{escape(task.label)}**: {escape(outcome)}")
            continue
        lines.append(f"- **{escape(task.label)}**")
        for group in task.groups:
            setting = show_keys(group.keys)[1:-1]
            outcome = summary.with_command(summary.brief(group), group)
            lines.append(f"  - {escape(setting)}: {escape(outcome)}")
    if brackets := summary.brackets(document.groups):
        lines += ["", brackets]
    lines.append("")
    for table in document.published:
        lines += _detail_table(table, heading="###")
    for best in best_settings(document.groups):
        lines += _detail_table(best, heading="###")
    for task in document.tasks:
        for group in task.groups:
            lines += _group(group)
            lines += _figures(group.label, document.pictures.get(group.slug, []), folder)
        for series in task.series:
            if pictures := document.pictures.get(series.slug):
                lines += [
                    f"### {escape(series.label)}",
                    "",
                    *_figures(series.label, pictures, folder),
                ]
    for table in overall_tables(document.groups):
        lines += _detail_table(table, heading="###")
    if document.ledger is not None:
        lines += ledger_lines(document.ledger)
    lines += ["### How to read this, and how to repeat it", ""]
    lines += [*_fenced(document.commands), ""]
    lines += [f"- {escape(note)}" for note in [*tables.notes(document.groups), *document.warnings]]
    for machine in tables.machines(document.groups):
        facts = "; ".join(f"{name}: {value}" for name, value in machine.items())
        lines.append(f"- Made with {escape(facts)}")
    return "\n".join(lines) + "\n"


def _group(group: Group) -> Iterator[str]:
    yield from (f"### {escape(group.label)}", "", escape(tables.heading(group)), "")
    yield from (escape(summary.with_command(summary.summary(group), group)), "")
    columns = tables.columns(group)
    names = [f"{column.name} {column.unit}".strip() for column in columns]
    yield from _table(names, 1, tables.in_rows(columns))
    for table in detail_tables(group):
        yield from _detail_table(table, heading="####")


def _detail_table(table: DetailTable, heading: str) -> Iterator[str]:
    yield from (f"{heading} {table.title}", "")
    yield from _table(table.columns, table.words, _plain(table.rows))
    yield from (escape(table.note), "")


def _figures(label: str, pictures: Sequence[Picture], folder: str) -> Iterator[str]:
    for picture in pictures:
        link = quote(f"{folder}/{picture.name}.png")
        alt = escape(f"{label}: {picture.title}")
        yield from (
            f"![{alt}]({link})",
            "",
            f"{escape(picture.title)}. {escape(picture.caption)}",
            "",
        )


def ledger_lines(ledger: Ledger) -> Iterator[str]:
    """Yields the claims with their verdicts, and below them every test of each."""
    yield from ("### Textbook claims, tested", "")
    rows = [
        [
            str(claim.number),
            claim.sentence,
            show_verdict(claim),
            "; ".join(show_deciding(claim)),
            count_findings(claim),
        ]
        for claim in ledger.tested
    ]
    columns = ["", "claim", "verdict here", "deciding figures", "tests"]
    yield from _table(columns, len(columns), _plain(rows))
    if line := ledger.untested_line():
        yield from (escape(line), "")
    yield from _folded("How each was tested, and every test", _all_tests(ledger.tested))


def _all_tests(claims: Sequence[Claim]) -> Iterator[str]:
    for claim in claims:
        yield from (f"**{claim.number}. {escape(claim.sentence)}** {escape(claim.how)}", "")
        tests = [[test.shown_finding, test.what, test.figure] for test in claim.tests]
        yield from _table(["finding", "test", "measured"], 3, _plain(tests))


def folded_table(
    title: str, columns: Sequence[str], words: int, rows: Sequence[Sequence[str]]
) -> Iterator[str]:
    """Yields a table that a click on its title unfolds.

    Args:
        title: Its title.
        columns: The names of its columns.
        words: How many of these, the first ones, hold words and no numbers.
        rows: Its entries.
    """
    yield from _folded(title, _table(columns, words, _plain(rows)))


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from (f"<details><summary>{escape(title)}</summary>", "")
    yield from lines
    yield from ("</details>", "")


def _fenced(commands: Sequence[str]) -> Iterator[str]:
    """Yields the commands as a block of code, behind a fence longer than any that they hold."""
    longest = max((len(run) for run in re.findall("`+", "".join(commands))), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}sh"
    yield from (" ".join(command.splitlines()) for command in commands)
    yield fence


def _plain(rows: Sequence[Sequence[str]]) -> list[list[tuple[str, bool]]]:
    """Returns entries none of which stands out."""
    return [[(text, False) for text in row] for row in rows]


def _table(
    names: Sequence[str], words: int, rows: Sequence[Sequence[tuple[str, bool]]]
) -> Iterator[str]:
    """Yields the lines of a table, and an empty one.

    Args:
        names: Headings.
        words: How many columns, from the first, are aligned to the left.
        rows: Entries, each with whether it is to stand out.
    """
    yield _line([escape(name) for name in names])
    yield _line(["---"] * words + ["--:"] * (len(names) - words))
    for row in rows:
        yield _line([f"**{escape(text)}**" if bold else escape(text) for text, bold in row])
    yield ""


def _line(entries: Sequence[str]) -> str:
    return f"| {' | '.join(entries)} |"


def escape(text: str) -> str:
    """Escapes what Markdown or HTML would take for markup; corpora are named by users."""
    for sign in "\\`*_|[]<>#":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("&", "&amp;").replace("\n", " ")
