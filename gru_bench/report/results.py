"""Results as a notebook has them: a list that shows what it says."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, SupportsIndex, overload

from gru_bench.report import rows, tables
from gru_bench.report.decision import decision
from gru_bench.report.groups import make_groups
from gru_bench.runs.result import Result
from gru_bench.system.prose import counted

if TYPE_CHECKING:
    import pandas


class Results(list[Result]):
    """Finished runs, with the decision and the tables of the report as their picture."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> "Results": ...
    def __getitem__(self, index: SupportsIndex | slice) -> "Result | Results":
        """Returns a result, or those of a slice as `Results`."""
        if isinstance(index, slice):
            return Results(super().__getitem__(index))
        return super().__getitem__(index)

    def __repr__(self) -> str:
        """Returns the count of runs, the decision, and a line for each run."""
        if not self:
            return "no runs"
        lines = [counted(len(self), "run"), decision(make_groups(self)), *map(repr, self)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Returns the decision and the tables as HTML, which notebooks show."""
        if not self:
            return "<p>no runs</p>"
        groups = make_groups(self)
        parts = [f"<p><strong>{escape(decision(groups))}</strong></p>"]
        for group in groups:
            parts += [f"<h4>{escape(group.label)}</h4>", _table(tables.columns(group))]
        return "\n".join(parts)

    def to_pandas(self) -> "pandas.DataFrame":
        """Returns a data frame with a row for each run: what it measured, then its settings."""
        import pandas

        return pandas.DataFrame(rows.rows(self) if self else [])


def _table(columns: Sequence[tables.Column]) -> str:
    """Returns a table of columns as HTML."""
    head = "".join(
        f"<th>{escape(f'{column.name} {column.unit}'.strip())}</th>" for column in columns
    )
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(entry.text)}</td>' for entry in row)}</tr>"
        for row in tables.in_rows(columns)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
