"""The report as a terminal shows it, in 80 columns."""

from collections.abc import Sequence
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gru_bench.report import summary, tables
from gru_bench.report.decision import decision
from gru_bench.report.groups import Group
from gru_bench.report.robustness_table import robustness_lines

# A narrower terminal may fold lines, but must not cut numbers short.
WIDTH = 80


def print_groups(groups: Sequence[Group], console: Console) -> None:
    """Prints the decision, a table a group with its verdicts, then how to read them."""
    console.print(Text(decision(groups), "bold"))
    console.print()
    for group in groups:
        console.print(Text.assemble((group.label, "bold"), f": {tables.heading(group)}"))
        console.print(_table(group, console))
        if verdict := summary.verdict(group):
            console.print(Text(verdict))
        console.print()
    for line in robustness_lines(groups):
        console.print(Text(line))
    for note in tables.notes(groups):
        console.print(Text(note, "dim"))


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
