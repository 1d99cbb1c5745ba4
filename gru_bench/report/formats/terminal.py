"""The report as a terminal shows it, in 80 columns."""

from collections.abc import Sequence
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gru_bench.report import summary, tables
from gru_bench.report.best_settings import best_settings
from gru_bench.report.decision import decision
from gru_bench.report.detail_table import DetailTable
from gru_bench.report.groups import Group
from gru_bench.report.robustness_table import robustness_lines
from gru_bench.system.prose import counted

# A narrower terminal may fold lines, but must not cut numbers short.
WIDTH = 80


def print_groups(groups: Sequence[Group], console: Console) -> None:
    """Prints the decision, what was best, a table a group with its verdicts, how to read them.

    Of many groups only the first `tables.MOST_SHOWN` have a table; a line says where others are.
    """
    console.print(Text(decision(groups), "bold"))
    console.print()
    for table in best_settings(groups):
        print_details(table, console)
    shown = groups[: tables.MOST_SHOWN]
    print_tables(shown, console)
    if folded := len(groups) - len(shown):
        console.print(
            Text(
                f"{counted(folded, 'more setting')} not shown: a file has them all (--out"
                " report.md, or report.csv with a line for each run), and a folder within this one"
                " has fewer.\n"
            )
        )
    for line in robustness_lines(groups):
        console.print(Text(line))
    for note in tables.notes(shown):
        console.print(Text(note, "dim"))


def print_tables(groups: Sequence[Group], console: Console) -> None:
    """Prints a table a group with its verdicts."""
    for group in groups:
        console.print(Text.assemble((group.label, "bold"), f": {tables.heading(group)}"))
        console.print(_table(group, console))
        if verdict := summary.verdict(group):
            console.print(Text(verdict))
        if command := summary.adding_command(group):  # to be copied: alone on its line, not broken
            console.print(Text(command), soft_wrap=True)
        console.print()


def print_details(details: DetailTable, console: Console) -> None:
    """Prints a table with its title and how to read it."""
    console.print(Text(details.title, "bold"))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for place, name in enumerate(details.columns):
        justify: Literal["left", "right"] = "left" if place < details.words else "right"
        # A setting may take several lines; a cell's name and numbers are never broken.
        table.add_column(Text(name), justify=justify, no_wrap=place != 1, overflow="fold")
    for row in details.rows:
        table.add_row(*map(Text, row))
    console.print(table)
    console.print(Text(details.note, "dim"))
    console.print()


def _table(group: Group, console: Console) -> Table:
    """Returns the group's table, without the columns for which there is no room."""
    columns = tables.columns(group)
    # A measure is cut off at the width that there is, so it is taken with more.
    room = console.options.update(max_width=4 * console.width)
    for rank in sorted({column.rank for column in columns}, reverse=True):
        kept = [column for column in columns if column.rank <= rank]
        table = _draw(kept)
        if Measurement.get(console, room, table).maximum <= console.width:
            break
    return table


def _draw(columns: Sequence[tables.Column]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for index, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if index else "left"
        above = Text(f"{column.name}\n{column.unit}")
        table.add_column(above, justify=justify, no_wrap=True)
    for row in tables.in_rows(columns):
        table.add_row(*(Text(entry.text, "bold" if entry.stands_out else "") for entry in row))
    return table
